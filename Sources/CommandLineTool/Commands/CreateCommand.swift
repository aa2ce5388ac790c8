internal import AgeFormat
internal import ArgumentParser
internal import EscrowBundle
internal import FoundationEssentials
internal import Recoverability
internal import SecretMemory
internal import SystemPackage

#if canImport(Glibc)
  internal import Glibc
#endif

/// `provenkey create`
struct CreateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "create",
    abstract: "Make an escrow for an instance: identity, passphrase, first revision.",
    usage: "provenkey create --instance <folder> --output <file> [<options>]",
    discussion: """
      Collects the configuration and the keys of a Nextcloud, proves that they unlock, and seals them under a \
      passphrase. What would not restore is not sealed.

      \(ExitStatus.help([.holds, .couldNotRun, .fails, .usage, .interrupted]))
      """)

  @Option(
    help: ArgumentHelp("The folder of the Nextcloud installation, or its config folder.", valueName: "folder"),
    completion: .directory)
  var instance: String

  @Option(help: ArgumentHelp("The escrow file to make: NAME.escrow.age.", valueName: "file"), completion: .file())
  var output: String

  @OptionGroup var collecting: CollectingOptions
  @OptionGroup var newPassphrase: NewPassphraseOptions

  @Option(
    help: ArgumentHelp(
      "What a guess at the passphrase costs: passes and MiB for Argon2id (default 3:256).", valueName: "passes:MiB"))
  var kdf: KeyDerivationCost = .standard

  @Option(
    name: .customLong("recipient"),
    help: ArgumentHelp(
      "An age recipient who can open every revision besides (repeat); age1pq1… stays safe from quantum computers.",
      valueName: "age1…"))
  var recipients: [String] = []

  @Flag(help: "Write text (PEM-like armor) instead of bytes.")
  var armor = false

  @Option(
    help: ArgumentHelp(
      "Where `refresh` finds what it needs (default: the system's or user's state folder).",
      valueName: "folder"),
    completion: .directory)
  var state: String?

  @Flag(help: "Answer with one JSON document.")
  var json = false

  @OptionGroup var progress: ProgressOptions

  func validate() throws {
    if instance.isEmpty { throw ValidationError("--instance is empty") }
    if output.isEmpty { throw ValidationError("--output is empty") }
    guard PassphraseStanza.isEnough(kdf.parameters) else {
      throw ValidationError("--kdf is too cheap for a passphrase that must last; at least 3:64, 3 passes over 64 MiB")
    }
    try collecting.validateSnapshot(recorded: nil)
  }

  func run() async throws {
    let others = try recipients.enumerated().map { index, text in
      do throws(AgeError) { return try FurtherRecipient.checked(text) } catch {
        // Not repeated: what was pasted here by mistake may be an identity.
        throw Problem(
          .usage, "--recipient, number \(index + 1): \(error.problem)", hint: "name a recipient age1… or age1pq1…")
      }
    }
    let work = SealingWork(progress: progress.progress)
    let sources = collecting.sources(instance: instance, output: output, isArmored: armor)
    let stateFolder = try FilePath(StateLocation.path(given: state, output: output))
    Interruption.watch()
    // Everything that can be refused is refused before a passphrase is asked for.
    let collected = try Problem.explaining {
      if Presence.isThere(FilePath(sources.output)) { throw RecoverabilityError.outputExists(FilePath(sources.output)) }
      try RevisionSealing.checkNew(stateFolder)
      return try work.collect(sources)
    }
    let passphrase = try await newPassphrase.newPassphrase()
    Interruption.watch()
    let sealed: Escrow.Sealed
    do {
      sealed = try seal(collected, passphrase, sources, others, in: stateFolder, progress: work.sealing())
    } catch {
      StateFolder.removeUnused(stateFolder)
      throw Problem(error)
    }
    let report = SealingReport(
      collected: collected, sealed: sealed, output: output, stateFolder: stateFolder.string, wasOpened: true)
    try Streams.answer(json ? try Problem.explaining { try report.json() } : report.text)
  }

  /// Makes identity, stanzas and signing key, and seals the first revision with them.
  private func seal(
    _ collected: CollectedInstance, _ typed: borrowing SecretBytes, _ sources: SealingSources, _ others: [String],
    in stateFolder: FilePath, progress: @escaping (SealingProgress) throws(EscrowError) -> Void
  ) throws -> Escrow.Sealed {
    let passphrase = try Passphrase(contentOfFile: typed)
    let identity = try EscrowIdentity.random()
    let signingKey = try SigningKey.random()
    let stanza = try PassphraseStanza(sealing: identity, with: passphrase, parameters: kdf.parameters)
    let unlock = Unlock.passphrase(passphrase)
    let state = EscrowState(
      escrow: try EscrowID.random(), recipient: try identity.recipient().encoded,
      passphraseStanza: StoredStanza(try stanza.stanza),
      signerStanza: StoredStanza(try SignerStanza(certifying: signingKey.publicKey, by: identity).stanza),
      furtherRecipients: others, sources: sources)
    var sealing = try RevisionSealing(creating: state, in: StateFolder(at: stateFolder, creating: true))
    return try sealing.seal(
      collected, at: Date(), signingKey: signingKey,
      proof: { file in _ = try Escrow.open(FileSource(file), with: unlock) }, progress: progress)
  }
}

/// `--kdf PASSES:MIB`
struct KeyDerivationCost: ExpressibleByArgument {
  let parameters: Argon2id.Parameters

  static let standard = KeyDerivationCost(parameters: .standard)

  init(parameters: Argon2id.Parameters) { self.parameters = parameters }

  init?(argument: String) {
    let parts = argument.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, let passes = Int(parts[0]), let mebibytes = Int(parts[1]), mebibytes <= 1 << 20,
      let parameters = try? Argon2id.Parameters(passes: passes, memoryKiB: mebibytes * 1024)
    else { return nil }
    self.parameters = parameters
  }

  var defaultValueDescription: String { "3:256" }
}
