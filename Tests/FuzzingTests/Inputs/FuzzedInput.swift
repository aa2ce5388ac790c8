/// A kind of input that comes from outside, and what reads it.
///
/// The fuzzer and the tests run the same code on it: whatever the bytes are, it must end soon, within bounded memory,
/// with a value or a typed error, and what it promises about them must hold.
enum FuzzedInput: String, CaseIterable, Sendable {
  /// `config.php` and further configuration files, split at the bytes of `ConfigurationInput.separator`.
  case configuration
  /// Private, public, share and file keys, wrapped and raw.
  case keyFile = "key-file"
  /// An age file, binary or armored, and the stanzas of an escrow in its header.
  case ageFile = "age-file"
  /// Identities and recipients as text.
  case ageKeys = "age-keys"
  /// The tar of a bundle.
  case bundle
  /// `manifest.json`.
  case manifest
  /// An encrypted file, with a key that opens it.
  case content
  /// A dump as text.
  case dump
  /// A database snapshot of any engine, in a file.
  case snapshot
  /// The same, put into the temporary index.
  case instanceDatabase = "instance-database"
  /// Users with their passwords.
  case userPasswords = "user-passwords"

  /// Reads the bytes.
  ///
  /// - Returns: what was promised and does not hold; nil when all is well.
  func objection(to bytes: [UInt8]) -> String? {
    // Reading everything twice would halve the speed.
    let repeats = bytes.count % 8 == 0
    let (objection, summary) = read(bytes)
    if let objection { return objection }
    if repeats, read(bytes).summary != summary { return "reading it twice gives two results: \(summary)" }
    return nil
  }

  private func read(_ bytes: [UInt8]) -> (objection: String?, summary: String) {
    switch self {
    case .configuration: ConfigurationInput.read(bytes)
    case .keyFile: KeyFileInput.read(bytes)
    case .ageFile: AgeInput.readFile(bytes)
    case .ageKeys: AgeInput.readKeys(bytes)
    case .bundle: BundleInput.readTar(bytes)
    case .manifest: BundleInput.readManifest(bytes)
    case .content: ContentInput.read(bytes)
    case .dump: DumpInput.read(bytes)
    case .snapshot: SnapshotInput.read(bytes)
    case .instanceDatabase: SnapshotInput.readInstance(bytes)
    case .userPasswords: PasswordInput.read(bytes)
    }
  }
}

/// A problem that a module states about an input: one line, as a person reads it.
struct StatedProblem {
  /// What is wrong with it; nil when it can be shown.
  static func objection(_ problem: String, _ hint: String) -> String? {
    if problem.isEmpty || hint.isEmpty { return "an error says nothing: \(problem) / \(hint)" }
    if problem.utf8.count > 20_000 || hint.utf8.count > 20_000 { return "an error is longer than anyone reads" }
    return nil
  }
}
