import AgeFormat
import Glibc
import SecretMemory
import SystemPackage
import Testing

@testable import EscrowBundle

@Suite struct RoundTripTests {
  let escrow: SampleEscrow
  init() throws { escrow = try SampleEscrow() }

  @Test(arguments: [false, true]) func whatWasSealedOpensWithThePassphrase(armored: Bool) throws {
    let file = try escrow.sealed(armored: armored)
    let visitor = RecordingVisitor()
    let opened = try Escrow.open(
      BytesSource(file), with: .passphrase(try SampleEscrow.typed(SampleEscrow.passphraseText)), visitor: visitor)
    #expect(opened.isSignerProven)
    #expect(opened.readme == SampleEscrow.readme)
    #expect(opened.size == file.count)
    #expect(opened.sha256 == RunningDigest.sha256(of: file))
    #expect(opened.manifest == visitor.manifest)
    #expect(
      visitor.members.map(\.path) == [
        "README.txt", "manifest.json", "manifest.sig", "config/config.php", "keys/b", "keys/Ä ü/a",
      ])
    #expect(!visitor.members.map(\.sink.isFinished).contains(false))
    #expect(visitor.members[3].sink.content == Array("<?php".utf8))
    #expect(visitor.members[4].sink.content == Array("the second key".utf8))
    #expect(visitor.members[5].sink.content.isEmpty)
  }

  @Test func theManifestComesBackAsItWasWritten() throws {
    let sink = BytesSink()
    var draft = try SampleEscrow.draft(revision: 7)
    draft.snapshot = Manifest.Snapshot(
      place: "/backup/db.sql", engine: "mysql", size: 5 << 30, sha256: String(repeating: "a", count: 64),
      takenAt: SampleEscrow.sealedAt, rows: ["oc_filecache": 12], highestFileID: 99, highestVersion: 3)
    draft.quorum = Manifest.Quorum(needed: 2, issued: 3, shares: [.init(number: 1, salt: "00", commitment: "11")])
    draft.missing = [.init(id: "snapshot", what: "no snapshot", hint: "add one")]
    let sealed = try Escrow.seal(
      draft, readme: SampleEscrow.readme, members: try SampleEscrow.members(), with: try escrow.keys(), into: sink)
    let opened = try Escrow.open(BytesSource(sink.bytes), with: try escrow.identityUnlock())
    #expect(opened.manifest == sealed.manifest)
    #expect(opened.sha256 == sealed.sha256)
    let json = String(decoding: try sealed.manifest.json(), as: UTF8.self)
    #expect(json.contains(#""sealed_at" : "2026-09-21T14:13:20Z""#))
    #expect(json.contains(#""instance_id" : "ocve73qtyh4k""#))
    #expect(json.contains(#""is_backup" : false"#))
  }

  @Test func aLargeFileIsStreamedAndProgressReported() throws {
    let folder = try TemporaryFolder()
    let content = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 / 7) }
    let member = BundleMember(
      path: try MemberPath("database/db.sql"), content: .file(try folder.put("db.sql", content)))
    let sink = BytesSink()
    final class Steps { var all: [SealingProgress] = [] }
    let steps = Steps()
    _ = try Escrow.seal(
      try SampleEscrow.draft(), readme: SampleEscrow.readme, members: [member], with: try escrow.keys(), into: sink
    ) { steps.all.append($0) }
    #expect(steps.all.last == SealingProgress(phase: .sealing, done: 300_015, total: 300_015))
    #expect(steps.all.count > 10)
    let visitor = RecordingVisitor()
    #expect(try escrow.openingError(sink.bytes, visitor: visitor) == nil)
    #expect(visitor.members.last?.sink.content == content)
  }

  @Test func aFileThatChangesWhileItIsSealedIsRefused() throws {
    let folder = try TemporaryFolder()
    for later in ["same!", "longer than before", "x"] {
      let file = try folder.put("file", Array("first".utf8))
      let member = BundleMember(path: try MemberPath("extra/file"), content: .file(file))
      let error = #expect(throws: EscrowError.self) {
        try Escrow.seal(
          try SampleEscrow.draft(), readme: SampleEscrow.readme, members: [member], with: try escrow.keys(),
          into: BytesSink()
        ) { if $0.phase == .sealing { _ = try? folder.put("file", Array(later.utf8)) } }
      }
      #expect(error?.problem == "extra/file changed while it was sealed")
    }
  }

  @Test func wrongSecretsAreToldApart() throws {
    let file = try escrow.sealed()
    func error(_ file: [UInt8], _ unlock: consuming Unlock) -> EscrowError? {
      do throws(EscrowError) { _ = try Escrow.open(BytesSource(file), with: unlock) } catch { return error }
      return nil
    }
    #expect(error(file, .passphrase(try SampleEscrow.typed("correct horse battery stapl3"))) == .wrongPassphrase)
    #expect(error(file, .escrowIdentity(try .random())) == .wrongIdentity)
    let without = try escrow.sealed(withPassphrase: false)
    #expect(error(without, .passphrase(try SampleEscrow.typed("x"))) == .noPassphraseStanza)
    #expect(error(without, try escrow.identityUnlock()) == nil)
    // The passphrase stanza of one escrow on another: the passphrase is right, the identity another one's.
    let other = try SampleEscrow()
    let mixed = try SealingKeys(
      recipient: escrow.recipient, passphrase: other.passphrase, signer: escrow.signer,
      signingKey: try SigningKey(seed: try escrow.signingKey.withBytes { try SecretBytes(copying: $0) }))
    let sink = BytesSink()
    _ = try Escrow.seal(
      try SampleEscrow.draft(), readme: [], members: [], with: mixed, into: sink)
    guard case .damaged = error(sink.bytes, .passphrase(try SampleEscrow.typed(SampleEscrow.passphraseText))) else {
      Issue.record("a passphrase stanza of another escrow must be seen")
      return
    }
  }

  @Test func anAdministratorsIdentityOpensOnlyWhenAnUnprovenSignerIsAccepted() throws {
    let own = try X25519Identity.random()
    let file = try escrow.sealed(others: [own.recipient])
    var list = IdentityList()
    list.append(.x25519(own))
    let unlock = Unlock.ageIdentities(list)
    #expect(throws: EscrowError.unprovenSigner) { try Escrow.open(BytesSource(file), with: unlock) }
    let opened = try Escrow.open(BytesSource(file), with: unlock, acceptUnprovenSigner: true)
    #expect(!opened.isSignerProven)
  }

  @Test func theEscrowIdentityAmongAgeIdentitiesProvesTheSigner() throws {
    let own = try HybridIdentity.random()
    let file = try escrow.sealed(others: [own.recipient])
    var list = IdentityList()
    list.append(.hybrid(own))
    list.append(.hybrid(try escrow.identity.hybridIdentity()))
    let opened = try Escrow.open(BytesSource(file), with: .ageIdentities(list))
    #expect(opened.isSignerProven)
  }

  @Test func theSameInputGivesTheSameTar() throws {
    let seed = try SecretBytes(copying: [UInt8](repeating: 7, count: 32))
    let key = try SigningKey(seed: seed)
    func tar() throws -> [UInt8] {
      let bundle = try PreparedBundle(
        try SampleEscrow.draft(), readme: SampleEscrow.readme, members: try SampleEscrow.members(), signingKey: key,
        progress: { _ in })
      let sink = BytesSink()
      try bundle.write(to: sink, progress: { _ in })
      return sink.bytes
    }
    let first = try tar()
    #expect(try tar() == first)
    #expect(first.count % 512 == 0)
    // Changes only when the format's bytes change: then released files must still open, and the number here follows.
    #expect(RunningDigest.sha256(of: first) == "a7a57ba1e7fdbaa7358548307b811ff42bd9a2692e34fd434484b28824cfbc98")
  }

  @Test func recoveringWritesPrivateFilesWithTheTimeOfSealing() throws {
    let folder = try TemporaryFolder()
    let file = try folder.put("e.escrow.age", try escrow.sealed())
    let target = folder.path.appending("recovered")
    let opened = try Escrow.recover(file, with: try escrow.identityUnlock(), into: target)
    #expect(folder.names == ["e.escrow.age", "recovered"])
    #expect(
      try Escrow.inspect(target)
        == .bundle(
          .init(
            manifest: opened.manifest, signer: opened.signer, differing: [])))
    for (path, mode) in [("config/config.php", 0o600), ("keys/Ä ü/a", 0o600), ("manifest.sig", 0o600), ("keys", 0o700)]
    {
      var status = Glibc.stat()
      #expect(unsafe stat(target.pushing(FilePath(path)).string, &status) == 0)
      #expect(Int(status.st_mode & 0o7777) == mode)
      #expect(status.st_mtim.tv_sec == 1_790_000_000)
    }
    #expect(throws: EscrowError.self) { try Escrow.recover(file, with: try escrow.identityUnlock(), into: target) }
    _ = try folder.put("recovered/keys/b", Array("the second KEY".utf8))
    #expect(
      try Escrow.inspect(target)
        == .bundle(
          .init(
            manifest: opened.manifest, signer: opened.signer, differing: [try MemberPath("keys/b")])))
  }

  @Test func nothingRemainsWhenRecoveringFails() throws {
    let folder = try TemporaryFolder()
    var bytes = try escrow.sealed()
    bytes[bytes.count - 1] ^= 1
    let file = try folder.put("e.escrow.age", bytes)
    #expect(throws: EscrowError.self) {
      try Escrow.recover(file, with: try escrow.identityUnlock(), into: folder.path.appending("r"))
    }
    #expect(folder.names == ["e.escrow.age"])
  }

  @Test func nothingRemainsWhenAMemberIsDamagedAfterOthersWereWritten() throws {
    let folder = try TemporaryFolder()
    let large = BundleMember(
      path: try MemberPath("database/db.sql"), content: .bytes([UInt8](repeating: 0x61, count: 300_000)))
    let whole = try escrow.sealed(members: try SampleEscrow.members() + [large])
    let visitor = RecordingVisitor()
    #expect(try escrow.openingError(Array(whole.dropLast()), visitor: visitor) != nil)
    #expect(visitor.members.count == 7)
    #expect(visitor.members.last?.sink.isFinished == false)
    let file = try folder.put("e.escrow.age", Array(whole.dropLast()))
    #expect(throws: EscrowError.self) {
      try Escrow.recover(file, with: try escrow.identityUnlock(), into: folder.path.appending("r"))
    }
    #expect(folder.names == ["e.escrow.age"])
  }

  @Test(.enabled(if: getuid() == 0)) func aFullDiskLeavesNothing() throws {
    let folder = try TemporaryFolder()
    let large = BundleMember(
      path: try MemberPath("database/db.sql"), content: .bytes([UInt8](repeating: 0x61, count: 300_000)))
    let file = try folder.put("e.escrow.age", try escrow.sealed(members: [large]))
    let small = try TemporaryFolder()
    guard unsafe mount("tmpfs", small.path.string, "tmpfs", 0, "size=64k") == 0 else { return }
    defer { _ = unsafe umount2(small.path.string, Int32(MNT_DETACH)) }
    let error = #expect(throws: EscrowError.self) {
      try Escrow.recover(file, with: try escrow.identityUnlock(), into: small.path.appending("r"))
    }
    #expect(error?.hint.contains("make room") == true)
    #expect(small.names == [])
  }

  @Test func inspectingNeedsNoSecret() throws {
    let folder = try TemporaryFolder()
    for armored in [false, true] {
      let bytes = try escrow.sealed(armored: armored)
      let file = try folder.put("e.escrow.age", bytes)
      guard case .sealed(let found) = try Escrow.inspect(file) else {
        Issue.record("not recognised")
        return
      }
      #expect(found.stanzas.map(\.type) == ["provenkey/argon2id", "mlkem768x25519", "provenkey/signer"])
      #expect(found.passphraseCost == escrow.passphrase.parameters)
      #expect(found.signer == escrow.signingKey.publicKey)
      #expect(found.isPostQuantum)
      #expect(found.isArmored == armored)
      #expect(found.size == bytes.count)
      #expect(found.sha256 == RunningDigest.sha256(of: bytes))
    }
    let mixed = try escrow.sealed(others: [try X25519Identity.random().recipient])
    #expect(try !Escrow.inspectSealed(BytesSource(mixed)).isPostQuantum)
    let other = try folder.put("other", Array("something else".utf8))
    #expect(try Escrow.inspect(other) == nil)
    #expect(throws: EscrowError.self) { try Escrow.inspect(folder.path) }
  }
}
