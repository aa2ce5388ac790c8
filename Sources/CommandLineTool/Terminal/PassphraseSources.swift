internal import ArgumentParser
internal import DurableFiles
internal import EscrowBundle
internal import SecretMemory
internal import SystemPackage

#if canImport(Glibc)
  internal import Glibc
#endif

/// Where a passphrase comes from when it is not typed. The passphrase itself is never an argument or in the environment.
struct PassphraseOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("Read the passphrase from a file; one newline at its end does not count.", valueName: "file"),
    completion: .file(), transform: { FilePath($0) })
  var passphraseFile: FilePath?

  @Option(
    help: ArgumentHelp("Read the passphrase from a descriptor that is open already, to its end.", valueName: "number"))
  var passphraseFd: Int32?

  @Option(
    help: ArgumentHelp(
      "Run a shell command that prints the passphrase; do not write the passphrase into it.", valueName: "command"))
  var passphraseCommand: String?

  /// The names of the options that were given.
  var given: [String] {
    [
      passphraseFile.map { _ in "--passphrase-file" }, passphraseFd.map { _ in "--passphrase-fd" },
      passphraseCommand.map { _ in "--passphrase-command" },
    ].compactMap { $0 }
  }

  func validate() throws {
    if let passphraseFd, passphraseFd < 0 || (1...2).contains(passphraseFd) {
      throw ValidationError("--passphrase-fd takes 0 or a number above 2, since 1 and 2 are for output")
    }
    if passphraseFile?.isEmpty == true { throw ValidationError("--passphrase-file is empty") }
    if passphraseCommand?.isEmpty == true { throw ValidationError("--passphrase-command is empty") }
  }

  /// The source that holds: what the command line names, else the systemd credential, else the prompt.
  ///
  /// - Parameter credentials: the value of `CREDENTIALS_DIRECTORY`.
  func source(credentials: String? = Environment.value("CREDENTIALS_DIRECTORY")) -> PassphraseSource {
    if let passphraseFile { return .file(passphraseFile) }
    if let passphraseFd { return .descriptor(passphraseFd) }
    if let passphraseCommand { return .command(passphraseCommand) }
    if let credentials, !credentials.isEmpty {
      let credential = FilePath(credentials).appending("passphrase")
      if unsafe access(credential.string, F_OK) == 0 { return .credential(credential) }
    }
    return .prompt
  }
}

/// Where a passphrase comes from.
enum PassphraseSource: Equatable {
  case file(FilePath)
  case descriptor(Int32)
  case command(String)
  /// `systemd` put it there for this service alone (`LoadCredential=passphrase:…`, systemd.exec(5)).
  case credential(FilePath)
  case prompt

  /// The longest passphrase with its newline, in bytes.
  static let limit = Passphrase.limit + 2

  /// Reads a passphrase that does not come from the prompt.
  ///
  /// - Returns: the bytes as they are, with the newline at their end where there is one; `nil` for the prompt.
  /// - Throws: `Problem` with status 1 when it cannot be read, is empty or is longer than `Passphrase.limit` bytes and a newline.
  func read() async throws(Problem) -> SecretBytes? {
    let secret: SecretBytes
    switch self {
    case .prompt: return nil
    case .command(let command): return try await PassphraseCommand.output(of: command, limit: Self.limit)
    case .file(let path):
      if let warning = Self.warning(about: path) { Streams.warn(warning) }
      do { secret = try BoundedReading.secret(of: path, limit: Self.limit) } catch { throw Problem(error) }
    case .credential(let path):
      do { secret = try BoundedReading.secret(of: path, limit: Self.limit) } catch { throw Problem(error) }
    case .descriptor(let number):
      let descriptor = FileDescriptor(rawValue: number)
      guard !Streams.isTerminal(descriptor) else {
        throw Problem(
          .usage, "descriptor \(number) is a terminal, which would show the passphrase",
          hint: "leave --passphrase-fd out: the passphrase is then asked for without echo")
      }
      do {
        secret = try BoundedReading.secret(from: descriptor, limit: Self.limit, name: FilePath("descriptor \(number)"))
      } catch {
        throw Problem(error)
      }
    }
    guard secret.count > 0 else { throw Problem(.couldNotRun, "\(description) is empty", hint: "put it there") }
    return secret
  }

  private var description: String {
    switch self {
    case .file(let path), .credential(let path): "the passphrase in \(DisplayText.escaped(path))"
    case .descriptor(let number): "the passphrase from descriptor \(number)"
    case .command, .prompt: "the passphrase"
    }
  }

  /// One line when others than its owner can read the file. A pipe is nobody else's to open.
  static func warning(about path: FilePath) -> String? {
    var status = Glibc.stat()
    let found = unsafe path.withPlatformString { unsafe stat($0, &status) == 0 }
    guard found, status.st_mode & S_IFMT == S_IFREG, status.st_mode & (S_IRGRP | S_IROTH) != 0 else { return nil }
    return "others than its owner can read \(path): chmod 600 it"
  }
}

/// What opens an escrow.
enum Unlocking: ~Copyable {
  /// A passphrase as it was given: before Unicode normalisation, with the newline at its end where there is one.
  case passphrase(SecretBytes)
  /// A file with an age identity.
  case identityFile(FilePath)
}

/// The options of every command that opens an escrow, and the rule for which source counts.
struct UnlockOptions: ParsableArguments {
  @OptionGroup var passphrase: PassphraseOptions

  @Option(
    help: ArgumentHelp("Open with an age identity instead of the passphrase.", valueName: "file"),
    completion: .file(), transform: { FilePath($0) })
  var identity: FilePath?

  func validate() throws {
    try onlyOne(of: passphrase.given + (identity == nil ? [] : ["--identity"]))
    if identity?.isEmpty == true { throw ValidationError("--identity is empty") }
  }

  /// Reads what opens the escrow: from the one option that was given, else the systemd credential, else the terminal.
  ///
  /// - Parameter subject: what is to be opened, for the question.
  /// - Throws: `Problem` with status 1 when the source does not give one; `Problem.interrupted` after a signal.
  func unlocking(
    _ subject: String, prompt: PassphrasePrompt = PassphrasePrompt(),
    credentials: String? = Environment.value("CREDENTIALS_DIRECTORY")
  ) async throws(Problem) -> Unlocking {
    if let identity { return .identityFile(identity) }
    if let given = try await passphrase.source(credentials: credentials).read() { return .passphrase(given) }
    return .passphrase(try prompt.existing(for: subject))
  }
}

/// The options of every command that sets a passphrase.
struct NewPassphraseOptions: ParsableArguments {
  @OptionGroup var passphrase: PassphraseOptions

  @Flag(help: "Let provenkey choose ten words (100 bits), shown once on the terminal to be written down.")
  var generatePassphrase = false

  @Flag(help: "Accept a passphrase that can be guessed.")
  var weakPassphrase = false

  func validate() throws {
    try onlyOne(of: passphrase.given + (generatePassphrase ? ["--generate-passphrase"] : []))
  }

  /// Gets the new passphrase and judges it: generated, from the one option that was given, else the systemd credential,
  /// else typed twice on the terminal.
  ///
  /// - Throws: `Problem` with status 1 when there is none or it is too weak; `Problem.interrupted` after a signal.
  func newPassphrase(
    prompt: PassphrasePrompt = PassphrasePrompt(),
    credentials: String? = Environment.value("CREDENTIALS_DIRECTORY")
  ) async throws(Problem) -> SecretBytes {
    if generatePassphrase { return try PassphraseGenerator(terminal: prompt.terminal).make() }
    if let given = try await passphrase.source(credentials: credentials).read() {
      if let refusal = try refusal(given) { throw Problem(.couldNotRun, refusal, hint: PassphraseStrength.remedy) }
      return given
    }
    return try prompt.new { (typed) throws(Problem) in try refusal(typed) }
  }

  /// Why a passphrase is not taken, or `nil`. An empty one is never taken.
  func refusal(_ passphrase: borrowing SecretBytes) throws(Problem) -> String? {
    let strength = try PassphraseStrength(of: passphrase)
    guard !strength.isEmpty else { return "the passphrase is empty" }
    return strength.isEnough || weakPassphrase ? nil : strength.judgement
  }
}

private func onlyOne(of options: [String]) throws {
  guard options.count > 1 else { return }
  throw ValidationError("\(options.joined(separator: " and ")) exclude each other; give one of them")
}
