import AgeFormat
import FoundationEssentials
import NextcloudKeys
import SecretMemory
import SystemPackage

@testable import EscrowBundle

/// An escrow small enough to flip each of its bits.
final class SampleEscrow {
  static let passphraseText = "correct horse battery staple"
  static let readme = Array("How to restore\n".utf8)
  static let sealedAt = Date(timeIntervalSince1970: 1_790_000_000)

  let identity: EscrowIdentity
  let signingKey: SigningKey
  let recipient: HybridRecipient
  let passphrase: PassphraseStanza
  let signer: SignerStanza

  init() throws {
    identity = try EscrowIdentity.random()
    signingKey = try SigningKey.random()
    recipient = try identity.recipient()
    signer = SignerStanza(certifying: signingKey.publicKey, by: identity)
    passphrase = try PassphraseStanza(
      sealing: identity, with: try Self.typed(Self.passphraseText),
      anyCost: try Argon2id.Parameters(passes: 1, memoryKiB: 8))
  }

  static func typed(_ text: String) throws -> Passphrase {
    try Passphrase(try SecretBytes(copying: Array(text.utf8)))
  }

  static func draft(revision: Int = 1) throws -> Manifest {
    guard let id = EscrowID("0123456789abcdef0123456789abcdef") else { throw EscrowError.damaged("no id") }
    return Manifest(
      escrow: id, revision: revision, sealedAt: sealedAt, sealedBy: "provenkey 0.0.0",
      instance: InstanceIdentity(
        instanceID: "ocve73qtyh4k", nextcloudVersion: "32.0.1.2", encryptionMode: .masterKey,
        keyIDs: ["master_1d941d00"], keyRoot: "", databaseType: "sqlite3", tablePrefix: "oc_",
        dataFolder: "/var/www/data", usesObjectStorage: false),
      keys: [
        KeyRecord(
          path: "files_encryption/OC_DEFAULT_MODULE/master_1d941d00.privateKey", role: .master, id: "master_1d941d00",
          half: .privateKey, wrapping: .version3, format: "AES-256-CTR, hash2, binary", isBackup: false,
          state: .unlocks)
      ])
  }

  static func members() throws -> [BundleMember] {
    [
      BundleMember(path: try MemberPath("keys/b"), content: .bytes(Array("the second key".utf8))),
      BundleMember(path: try MemberPath("keys/Ä ü/a"), content: .bytes([])),
      BundleMember(
        path: try MemberPath("config/config.php"), content: .secret(try SecretBytes(copying: Array("<?php".utf8)))),
    ]
  }

  func keys(others: [any Recipient] = [], withPassphrase: Bool = true) throws -> SealingKeys {
    let key = try SigningKey(seed: try signingKey.withBytes { try SecretBytes(copying: $0) })
    return try SealingKeys(
      recipient: recipient, passphrase: withPassphrase ? passphrase : nil, signer: signer, signingKey: key,
      others: others)
  }

  func sealed(
    members: [BundleMember]? = nil, armored: Bool = false, others: [any Recipient] = [], withPassphrase: Bool = true
  ) throws -> [UInt8] {
    let sink = BytesSink()
    _ = try Escrow.seal(
      try Self.draft(), readme: Self.readme, members: try members ?? Self.members(),
      with: try keys(others: others, withPassphrase: withPassphrase), into: sink, armored: armored)
    return sink.bytes
  }

  func identityUnlock() throws -> Unlock { .escrowIdentity(try identity.duplicate()) }

  /// An age file for the right recipient, with any content and signer stanza.
  func encrypted(_ tar: [UInt8], signer: SignerStanza? = nil, extra: [Stanza] = []) throws -> [UInt8] {
    let fileKey = try FileKey.random()
    let stanzas =
      [try passphrase.stanza] + (try recipient.wrap(fileKey)) + [try (signer ?? self.signer).stanza] + extra
    let sink = BytesSink()
    let writer = try AgeWriter(sink, stanzas: stanzas, fileKey: fileKey)
    try unsafe writer.write(tar.span.bytes)
    try writer.finish()
    return sink.bytes
  }

  /// The error of opening, nil when it opens.
  func openingError(_ file: [UInt8], visitor: (any BundleVisitor)? = nil) throws -> EscrowError? {
    let unlock = try identityUnlock()
    do throws(EscrowError) {
      _ = try Escrow.open(BytesSource(file), with: unlock, visitor: visitor)
      return nil
    } catch {
      return error
    }
  }
}

/// Remembers all that it gets.
final class RecordingVisitor: BundleVisitor {
  final class Sink: MemberSink {
    var content: [UInt8] = []
    var isFinished = false

    func write(_ bytes: RawSpan) throws(EscrowError) {
      unsafe bytes.withUnsafeBytes { unsafe content.append(contentsOf: $0) }
    }

    func finish() throws(EscrowError) { isFinished = true }
  }

  var manifest: Manifest?
  var members: [(path: String, sink: Sink)] = []

  func begin(_ manifest: Manifest, readme: [UInt8]) throws(EscrowError) { self.manifest = manifest }

  func member(_ path: MemberPath, size: Int) throws(EscrowError) -> (any MemberSink)? {
    let sink = Sink()
    members.append((path.text, sink))
    return sink
  }
}

/// A tar written by hand, so that it can be wrong in any way.
struct HandmadeTar {
  var bytes: [UInt8] = []

  /// A ustar header: name, type, size field as given.
  static func header(_ name: String, type: Character = "0", size: Int, link: String = "") -> [UInt8] {
    var block = [UInt8](repeating: 0, count: 512)
    func put(_ text: String, at offset: Int) {
      for (index, byte) in text.utf8.enumerated() { block[offset + index] = byte }
    }
    func octal(_ number: Int, _ width: Int) -> String {
      let digits = String(number, radix: 8)
      return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }
    put(name, at: 0)
    put(octal(0o600, 7), at: 100)
    put(octal(0, 7), at: 108)
    put(octal(0, 7), at: 116)
    put(octal(size, 11), at: 124)
    put(octal(0, 11), at: 136)
    put("        ", at: 148)
    put(String(type), at: 156)
    put(link, at: 157)
    put("ustar", at: 257)
    put("00", at: 263)
    put(octal(block.reduce(0) { $0 + Int($1) }, 6), at: 148)
    block[154] = 0
    return block
  }

  mutating func add(_ name: String, _ content: [UInt8], type: Character = "0", link: String = "", size: Int? = nil) {
    bytes += Self.header(name, type: type, size: size ?? content.count, link: link)
    bytes += content + [UInt8](repeating: 0, count: (512 - content.count % 512) % 512)
  }

  mutating func end(blocks: Int = 2) { bytes += [UInt8](repeating: 0, count: 512 * blocks) }
}

/// A folder that goes with the value.
final class TemporaryFolder {
  let path: FilePath

  init() throws {
    path = FilePath(FileManager.default.temporaryDirectory.path)
      .appending("provenkey-tests-\(UInt64.random(in: 0 ... .max))")
    try FileManager.default.createDirectory(atPath: path.string, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path.string) }

  var names: [String] { (try? FileManager.default.contentsOfDirectory(atPath: path.string).sorted()) ?? [] }

  func put(_ name: String, _ content: [UInt8]) throws -> FilePath {
    let file = path.appending(name)
    guard FileManager.default.createFile(atPath: file.string, contents: Data(content)) else {
      throw EscrowError.damaged("cannot write \(file)")
    }
    return file
  }
}
