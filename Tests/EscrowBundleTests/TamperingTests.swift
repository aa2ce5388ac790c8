import AgeFormat
import Testing

@testable import EscrowBundle

@Suite struct TamperingTests {
  let escrow: SampleEscrow
  init() throws { escrow = try SampleEscrow() }

  /// Whether an error is one of those that a changed file may give to somebody with the right identity.
  private func isSeen(_ error: EscrowError?) -> Bool {
    switch error {
    case .damaged, .forged, .notAnEscrow, .wrongIdentity: true
    default: false
    }
  }

  /// A file that an X25519 identity opens too: its arithmetic is some ten times faster in a debug build, and what
  /// follows the unwrapping is the same.
  private struct FileForTwo: ~Copyable {
    let file: [UInt8]
    let unlock: Unlock
  }

  private func fileForTwo() throws -> FileForTwo {
    let own = try X25519Identity.random()
    let file = try escrow.sealed(members: [], others: [own.recipient])
    var list = IdentityList()
    list.append(.x25519(own))
    return FileForTwo(file: file, unlock: .ageIdentities(list))
  }

  private func openingError(_ file: [UInt8], _ unlock: borrowing Unlock) -> EscrowError? {
    do throws(EscrowError) {
      _ = try Escrow.open(BytesSource(file), with: unlock, acceptUnprovenSigner: true)
      return nil
    } catch {
      return error
    }
  }

  @Test(arguments: 0..<8) func everyFlippedBitIsSeen(bit: Int) throws {
    let sample = try fileForTwo()
    let file = sample.file
    #expect(openingError(file, sample.unlock) == nil)
    let start = try #require(Self.position(of: "-> X25519", in: file))
    let end = try #require(Self.position(of: "\n--- ", in: file))
    for index in file.indices {
      var changed = file
      changed[index] ^= 1 << UInt8(bit)
      let error = openingError(changed, sample.unlock)
      if !isSeen(error) { Issue.record("byte \(index), bit \(bit): \(String(describing: error))") }
      // Only the stanza that wraps the file key can look as if it were for somebody else.
      if error == .wrongIdentity { #expect((start...end).contains(index)) }
    }
  }

  @Test func everyChangedByteOfTheHeaderIsSeenByTheEscrowIdentity() throws {
    let file = try escrow.sealed(members: [])
    #expect(try escrow.openingError(file) == nil)
    let start = try #require(Self.position(of: "-> mlkem768x25519", in: file))
    let end = try #require(Self.position(of: "\n-> provenkey/signer", in: file))
    let last = try #require(Self.position(of: "\n--- ", in: file))
    for index in 0..<last + 64 {
      var changed = file
      changed[index] ^= 1 << UInt8(index % 8)
      let error = try escrow.openingError(changed)
      if !isSeen(error) { Issue.record("byte \(index): \(String(describing: error))") }
      if error == .wrongIdentity { #expect((start...end).contains(index)) }
    }
  }

  @Test func everyTruncationIsSeenAndNothingMayFollow() throws {
    let sample = try fileForTwo()
    let file = sample.file
    for count in file.indices {
      let error = openingError(Array(file[..<count]), sample.unlock)
      guard case .damaged = error else {
        Issue.record("\(count) bytes: \(String(describing: error))")
        continue
      }
    }
    guard case .damaged = openingError(file + [0], sample.unlock) else {
      Issue.record("a byte behind the end was not seen")
      return
    }
  }

  @Test func aChangedPassphraseStanzaIsSeen() throws {
    let file = try escrow.sealed(members: [])
    let start = try #require(Self.position(of: "-> provenkey/argon2id", in: file))
    let end = try #require(Self.position(of: "-> mlkem768x25519", in: file))
    let unlock = Unlock.passphrase(try SampleEscrow.typed(SampleEscrow.passphraseText))
    for index in start..<end {
      var changed = file
      changed[index] ^= 1
      #expect(throws: EscrowError.self, "byte \(index)") { try Escrow.open(BytesSource(changed), with: unlock) }
    }
    _ = try Escrow.open(BytesSource(file), with: unlock)
  }

  @Test func anotherSignerIsForged() throws {
    // Somebody who has the public recipient, and copies the header's certificate or makes one up.
    let forger = try SampleEscrow()
    let tar = try BundleParts(escrow: escrow, signedBy: forger).tar()
    guard case .forged(let why) = try escrow.openingError(try escrow.encrypted(tar)) else {
      Issue.record("another signature was accepted")
      return
    }
    #expect(why == "the manifest's signature does not fit")
    guard case .forged(let why) = try escrow.openingError(try escrow.encrypted(tar, signer: forger.signer)) else {
      Issue.record("another certificate was accepted")
      return
    }
    #expect(why == "the escrow identity did not certify its signer")
    // Negative control: the same way of building, with the right signer, opens.
    let own = try BundleParts(escrow: escrow, signedBy: escrow).tar()
    #expect(try escrow.openingError(try escrow.encrypted(own)) == nil)
    // Two certificates, one of them right, are refused as well.
    guard case .damaged = try escrow.openingError(try escrow.encrypted(own, extra: [try forger.signer.stanza])) else {
      Issue.record("two signers were accepted")
      return
    }
  }

  @Test func unknownStanzasArePassedOver() throws {
    let own = try BundleParts(escrow: escrow, signedBy: escrow).tar()
    let file = try escrow.encrypted(own, extra: [try Stanza(type: "example.com/other", arguments: ["x"])])
    #expect(try escrow.openingError(file) == nil)
  }

  @Test func anAgeFileOfAnotherKindIsNoEscrow() throws {
    let sink = BytesSink()
    let writer = try AgeWriter(sink, recipient: escrow.recipient)
    try writer.finish()
    guard case .notAnEscrow = try escrow.openingError(sink.bytes) else {
      Issue.record("an age file without a signer was taken for an escrow")
      return
    }
  }

  static func position(of text: String, in file: [UInt8]) -> Int? {
    let pattern = Array(text.utf8)
    return file.indices.first { file[$0...].starts(with: pattern) }
  }
}

/// A bundle taken apart, to be put together wrongly.
struct BundleParts {
  var readme: [UInt8]
  var json: [UInt8]
  var signature: [UInt8]
  var members: [(path: String, content: [UInt8])] = [
    ("config/a", Array("one".utf8)), ("keys/b", Array("two".utf8)), ("keys/c", Array("six".utf8)),
  ]

  init(
    escrow: SampleEscrow, signedBy signer: SampleEscrow, changing change: (String) -> String = { $0 }
  ) throws {
    readme = SampleEscrow.readme
    var manifest = try SampleEscrow.draft()
    manifest.signer = signer.signingKey.publicKey.description
    manifest.members = [Self.listed("README.txt", readme)].compactMap { $0 }
    for member in members { manifest.members += [Self.listed(member.path, member.content)].compactMap { $0 } }
    json = Array(change(String(decoding: try manifest.json(), as: UTF8.self)).utf8)
    signature = CanonicalText.base64Line(try signer.signingKey.signature(of: json))
  }

  private static func listed(_ path: String, _ content: [UInt8]) -> Manifest.Member? {
    guard let path = try? MemberPath(path) else { return nil }
    return Manifest.Member(path: path, size: content.count, sha256: RunningDigest.sha256(of: content))
  }

  func begin() -> HandmadeTar {
    var tar = HandmadeTar()
    tar.add("README.txt", readme)
    tar.add("manifest.json", json)
    tar.add("manifest.sig", signature)
    return tar
  }

  func tar() -> [UInt8] {
    var tar = begin()
    for member in members { tar.add(member.path, member.content) }
    tar.end()
    return tar.bytes
  }
}
