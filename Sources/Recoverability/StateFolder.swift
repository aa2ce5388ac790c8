internal import AgeFormat
internal import DurableFiles
package import EscrowBundle
internal import FoundationEssentials
internal import SecretMemory
package import SystemPackage

#if canImport(Glibc)
  internal import Glibc
#endif

/// The folder in which the server keeps what it needs to seal the next revision (mode 0700).
///
/// | file | what |
/// |---|---|
/// | `escrow.json` | `EscrowState`, 0600 |
/// | `signing.key` | the signing key: 32 bytes of an Ed25519 seed, 0600 |
/// | `lock` | held while a revision is sealed |
package struct StateFolder: ~Copyable {
  package let path: FilePath
  private let lock: FileLock

  /// `escrow.json` is a few kilobytes; a longer one is not ours.
  private static let stateLimit = 1 << 20
  private static let keyCount = 32

  /// Opens the folder and takes its lock, which another provenkey may hold.
  ///
  /// - Parameter creating: whether to make the folder, with those above it, if it is not there.
  package init(at path: FilePath, creating: Bool) throws {
    if creating { try Self.makeFolder(path) }
    let taken: FileLock
    do throws(FileError) {
      taken = try FileLock(at: path.appending("lock"))
    } catch {
      if !creating, error.cause == .system(.noSuchFileOrDirectory) { throw RecoverabilityError.noState(path) }
      throw error
    }
    self.path = path
    self.lock = taken
  }

  /// What stands in `escrow.json`; `nil` if there is none.
  package func load() throws -> EscrowState? {
    let file = stateFile
    let bytes: [UInt8]
    do {
      bytes = try BoundedReading.bytes(of: file, limit: Self.stateLimit)
    } catch  where error.cause == .system(.noSuchFileOrDirectory) {
      return nil
    }
    let decoder = JSONDecoder()
    decoder.dateDecodingStrategy = .iso8601
    guard let state = try? decoder.decode(EscrowState.self, from: Data(bytes)), state.schema == EscrowState.schema,
      state.hasUsableNumbers
    else {
      throw RecoverabilityError.stateUnreadable(file)
    }
    return state
  }

  /// Replaces `escrow.json`.
  package func save(_ state: EscrowState) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    encoder.dateEncodingStrategy = .iso8601
    let bytes = [UInt8](try encoder.encode(state)) + [UInt8(ascii: "\n")]
    try unsafe AtomicFile.write(bytes.span.bytes, to: stateFile, .replace)
  }

  /// The signing key.
  package func signingKey() throws -> SigningKey {
    let seed = try BoundedReading.secret(of: keyFile, limit: Self.keyCount)
    guard seed.count == Self.keyCount else { throw RecoverabilityError.stateUnreadable(keyFile) }
    return try SigningKey(seed: seed)
  }

  /// Puts the signing key there, replacing one that no revision was ever sealed with.
  package func store(_ key: borrowing SigningKey) throws {
    try key.withBytes { try AtomicFile.write($0, to: keyFile, .replace) }
  }

  /// Removes what a `create` that failed made of a state folder; one with an `escrow.json` is left alone.
  package static func removeUnused(_ path: FilePath) {
    guard !FileManager.default.fileExists(atPath: path.appending("escrow.json").string) else { return }
    for name in ["signing.key", "lock"] { try? FileManager.default.removeItem(atPath: path.appending(name).string) }
    // Only if nothing of somebody else is in it.
    _ = unsafe rmdir(path.string)
  }

  private var stateFile: FilePath { path.appending("escrow.json") }
  private var keyFile: FilePath { path.appending("signing.key") }

  private static func makeFolder(_ path: FilePath) throws {
    do {
      try FileManager.default.createDirectory(
        atPath: path.string, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch {
      throw FileError("cannot make the state folder", path, .other("\(error)"))
    }
  }
}

extension StateFolder {
  /// Where the state of an escrow is, unless a person says otherwise.
  ///
  /// For root `/var/lib/provenkey/NAME`; else `NAME` below `$XDG_STATE_HOME/provenkey` (XDG Base Directory
  /// Specification), which is `~/.local/state/provenkey`.
  ///
  /// - Parameters:
  ///   - name: the name of the escrow file without `.escrow.age`.
  ///   - environment: gives the value of a variable.
  package static func standardPath(
    name: String, isRoot: Bool, environment: (String) -> String?
  ) throws(RecoverabilityError) -> FilePath {
    try standardFolder(isRoot: isRoot, environment: environment).appending(name)
  }

  /// The folder that holds the states of all escrows of this user.
  package static func standardFolder(
    isRoot: Bool, environment: (String) -> String?
  ) throws(RecoverabilityError) -> FilePath {
    if isRoot { return "/var/lib/provenkey" }
    if let folder = environment("XDG_STATE_HOME"), folder.hasPrefix("/") {
      return FilePath(folder).appending("provenkey")
    }
    guard let home = environment("HOME"), home.hasPrefix("/") else { throw .noHome }
    return FilePath(home).appending(".local/state/provenkey")
  }
}
