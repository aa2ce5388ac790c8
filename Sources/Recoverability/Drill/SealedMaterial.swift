internal import DatabaseSnapshots
internal import DurableFiles
package import EscrowBundle
package import NextcloudKeys
package import NextcloudStorage
internal import SecretMemory
package import SystemPackage

/// What an opened escrow holds, in memory for secrets: what a drill unlocks keys with, and nothing else.
///
/// Nothing of it is written to a disk but a database snapshot that was sealed, which is no secret of the escrow and is
/// read from a private file that goes when this goes.
package final class SealedMaterial {
  package let opened: Escrow.Opened
  package let configuration: Configuration
  /// The sealed secret and instance id first, then the passwords that were sealed or given.
  package let keyMaterial: KeyMaterial
  /// The sealed key files, sorted by path.
  package let keyFiles: [KeyFile]
  /// Whether the marker of a moved key root was sealed.
  package let hasKeyRootMarker: Bool
  /// The sealed snapshot itself, where it was asked for and is in the bundle.
  package let embeddedSnapshot: EmbeddedSnapshot?

  package var manifest: Manifest { opened.manifest }

  /// What a person gives besides the escrow.
  package struct Passwords: Sendable {
    /// A file with the password of the recovery key; one line end does not count.
    package var recovery: FilePath?
    /// A file with uids and passwords.
    package var users: FilePath?

    package init(recovery: FilePath? = nil, users: FilePath? = nil) {
      self.recovery = recovery
      self.users = users
    }
  }

  /// Opens an escrow, all of it checked, and reads the sealed configuration.
  ///
  /// - Parameters:
  ///   - needsSnapshot: whether to keep a snapshot that is in the bundle.
  ///   - progress: is called with the bytes of the bundle that were read; what it throws ends the opening.
  /// - Throws: `EscrowError`, `ConfigurationError`, `FileError`, `SecretMemoryError` or `RecoverabilityError`.
  package init(
    opening escrow: FilePath, with unlock: borrowing Unlock, acceptUnprovenSigner: Bool = false,
    passwords: Passwords = Passwords(), needsSnapshot: Bool,
    progress: @escaping EscrowProgress = { _, _ in }
  ) throws {
    // Before a passphrase is stretched.
    let given = try GivenPasswords(passwords)
    let visitor = MaterialVisitor(needsSnapshot: needsSnapshot, progress)
    opened = try Escrow.open(
      FileSource(escrow), with: unlock, acceptUnprovenSigner: acceptUnprovenSigner, visitor: visitor)
    configuration = try Self.configuration(visitor.configurationFiles)
    keyFiles = visitor.keyFiles
    hasKeyRootMarker = visitor.hasKeyRootMarker
    embeddedSnapshot = visitor.snapshot
    var material = KeyMaterial()
    if let secret = try configuration.secret("secret") { material.add(secret: secret) }
    if let id = try configuration.string("instanceid") { material.add(instanceID: id) }
    if let sealed = visitor.recoveryPassword {
      material.add(recoveryPassword: try sealed.withContent { try $0.withoutLineEnd() })
    }
    if let sealed = visitor.oneTimePasswords {
      try sealed.withContent { content in
        // What the server wrote and nobody can mend now: what cannot be read of it is as good as not there.
        for entry in (try? PasswordList(content).entries) ?? [] {
          material.add(password: try entry.password.duplicate(), ofUser: entry.user)
        }
      }
    }
    try given.add(to: &material)
    keyMaterial = material
    if passwords.recovery != nil, !keyFiles.contains(where: { $0.place?.role == .recovery }) {
      throw RecoverabilityError.cannotUsePasswords(
        "no recovery key was sealed that the password given could open", hint: "leave --recovery-password-file out")
    }
  }

  /// Users whose private key is whole, and does not open with the password that is known for it: without any password
  /// it counts as locked, and not as damaged.
  package func wrongPasswords(in records: [KeyRecord]) -> [String] {
    var users: [String] = []
    for record in records where record.role == .user && record.half == .privateKey && !record.isBackup {
      guard case .fails = record.state, let file = keyFiles.first(where: { $0.path == record.path }) else { continue }
      if KeyProof.prove([file], with: keyMaterial.withoutPasswords()).first?.state == .locked {
        users.append(record.id)
      }
    }
    return users
  }

  /// Reads the sealed files as Nextcloud would load them.
  private static func configuration(_ files: [MaterialVisitor.SealedFile]) throws -> Configuration {
    let listing = ConfigurationFolder(names: files.map(\.name))
    guard listing.loaded.first == "config.php" else { throw ConfigurationError.missing(folder: "the escrow") }
    var reader = try ConfigurationReader()
    for name in listing.loaded {
      for file in files where file.name == name { try file.withContent { try reader.add(name, $0) } }
    }
    return reader.finish()
  }
}

/// The passwords that a person gives, read before anything else.
private struct GivenPasswords {
  private static let limit = 1 << 20

  private var recovery: [PasswordList.Entry] = []
  private var users: [PasswordList.Entry] = []

  init(_ passwords: SealedMaterial.Passwords) throws {
    if let file = passwords.recovery {
      let password = try BoundedReading.secret(of: file, limit: Self.limit).withoutLineEnd()
      guard password.count > 0 else {
        throw RecoverabilityError.cannotUsePasswords(
          "the recovery password in \(file) is empty", hint: "put the password there")
      }
      recovery = [PasswordList.Entry(user: "", password: password)]
    }
    if let file = passwords.users {
      do throws(PasswordList.Malformed) {
        let content = try Self.content(of: file)
        users = try PasswordList(content).entries
      } catch {
        throw RecoverabilityError.cannotUsePasswords(
          "\(file)\(error.line.map { " line \($0)" } ?? ""): \(error.why)",
          hint: "write a uid and the password on each line, with a comma or tab between")
      }
    }
  }

  private static func content(of file: FilePath) throws(PasswordList.Malformed) -> SecretBytes {
    do throws(FileError) {
      return try BoundedReading.secret(of: file, limit: limit)
    } catch {
      throw PasswordList.Malformed(line: nil, why: "\(error.cause)")
    }
  }

  func add(to material: inout KeyMaterial) throws {
    for entry in recovery { material.add(recoveryPassword: try entry.password.duplicate()) }
    for entry in users { material.add(password: try entry.password.duplicate(), ofUser: entry.user) }
  }
}

/// Keeps what a drill needs of a bundle.
private final class MaterialVisitor: BundleVisitor {
  /// A secret of the bundle, or a configuration file, which has secrets in it.
  final class SealedFile: MemberSink {
    let name: String
    private var content: SecretBytes
    private var filled = 0

    init(_ name: String, size: Int) throws(EscrowError) {
      self.name = name
      do { content = try SecretBytes(zeroed: size) } catch { throw .memory(error) }
    }

    func write(_ bytes: RawSpan) throws(EscrowError) {
      guard bytes.byteCount <= content.count - filled else { throw .damaged("\(name) is longer than it says") }
      let start = filled
      unsafe content.withUnsafeMutableBytes { content in
        unsafe bytes.withUnsafeBytes { bytes in
          guard let from = bytes.baseAddress, let to = content.baseAddress else { return }
          unsafe (to + start).copyMemory(from: from, byteCount: bytes.count)
        }
      }
      filled += bytes.byteCount
    }

    func finish() throws(EscrowError) {}

    func withContent<Result: ~Copyable>(_ body: (borrowing SecretBytes) throws -> Result) rethrows -> Result {
      try body(content)
    }
  }

  /// A key file, which is itself encrypted.
  private final class SealedKey: MemberSink {
    var bytes: [UInt8] = []

    func write(_ piece: RawSpan) throws(EscrowError) {
      unsafe piece.withUnsafeBytes { piece in unsafe bytes.append(contentsOf: piece) }
    }

    func finish() throws(EscrowError) {}
  }

  /// What may be in memory for secrets at once: configuration is limited to 4 MiB a file, passwords to 16.
  private static let secretLimit = 16 << 20

  private let needsSnapshot: Bool
  private let progress: EscrowProgress
  private var total = 0
  private var done = 0
  private var embedded: MemberPath?

  private(set) var configurationFiles: [SealedFile] = []
  private var keys: [(path: String, key: SealedKey)] = []
  private(set) var hasKeyRootMarker = false
  private(set) var oneTimePasswords: SealedFile?
  private(set) var recoveryPassword: SealedFile?
  private(set) var snapshot: EmbeddedSnapshot?

  init(needsSnapshot: Bool, _ progress: @escaping EscrowProgress) {
    self.needsSnapshot = needsSnapshot
    self.progress = progress
  }

  var keyFiles: [KeyFile] { keys.map { KeyFile(path: $0.path, bytes: $0.key.bytes) } }

  func begin(_ manifest: Manifest, readme: [UInt8]) throws(EscrowError) {
    total = manifest.members.reduce(0) { $0 &+ $1.size }
    embedded = manifest.snapshot?.embedded
  }

  func member(_ path: MemberPath, size: Int) throws(EscrowError) -> (any MemberSink)? {
    try progress(done, total)
    done = min(total, done &+ size)
    if let name = path.text.below("config") {
      let file = try sealed(name, size)
      configurationFiles.append(file)
      return file
    }
    if let name = path.text.below("keys") { return try key(name, size) }
    if path.text == "extra/recovery-password.txt" {
      let file = try sealed(path.text, size)
      recoveryPassword = file
      return file
    }
    if needsSnapshot, let embedded, let name = path.text.below("database") {
      if snapshot == nil {
        do {
          snapshot = try EmbeddedSnapshot(name: embedded.text.below("database") ?? embedded.text)
        } catch let error as SnapshotError {
          throw .refused(error.problem, hint: error.hint)
        } catch {
          throw .refused("\(error)", hint: "name the snapshot with --database-snapshot")
        }
      }
      return try snapshot?.sink(for: name) { [progress, done, total] () throws(EscrowError) in
        try progress(done, total)
      }
    }
    return nil
  }

  private func key(_ name: String, _ size: Int) throws(EscrowError) -> (any MemberSink)? {
    if name == "oneTimeEncryptionPasswords.csv" {
      let file = try sealed(name, size)
      oneTimePasswords = file
      return file
    }
    if name.hasSuffix("/.oc_key_storage") {
      hasKeyRootMarker = true
      return nil
    }
    guard size <= KeyCollection.fileLimit else { throw .unsupported("the sealed key \(name) has \(size) bytes") }
    let key = SealedKey()
    keys.append((name, key))
    return key
  }

  private func sealed(_ name: String, _ size: Int) throws(EscrowError) -> SealedFile {
    guard size >= 0, size <= Self.secretLimit else { throw .unsupported("the sealed file \(name) has \(size) bytes") }
    return try SealedFile(name, size: size)
  }
}

extension String {
  /// What follows a folder's name and a slash.
  fileprivate func below(_ folder: String) -> String? {
    hasPrefix(folder + "/") ? String(dropFirst(folder.count + 1)) : nil
  }
}

extension SecretBytes {
  /// A copy without one line end, LF or CR LF.
  fileprivate borrowing func withoutLineEnd() throws(SecretMemoryError) -> SecretBytes {
    var copy = try duplicate()
    let length = count
    let lineEnd = withBytes { bytes -> Int in
      func byte(fromEnd index: Int) -> UInt8? {
        unsafe index <= length ? bytes.unsafeLoad(fromByteOffset: length - index, as: UInt8.self) : nil
      }
      guard byte(fromEnd: 1) == UInt8(ascii: "\n") else { return 0 }
      return byte(fromEnd: 2) == UInt8(ascii: "\r") ? 2 : 1
    }
    copy.truncate(to: length - lineEnd)
    return copy
  }
}
