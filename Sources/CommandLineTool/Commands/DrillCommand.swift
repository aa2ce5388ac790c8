internal import ArgumentParser
internal import BackupSources
internal import DurableFiles
internal import EscrowBundle
internal import NextcloudStorage
internal import Recoverability
internal import SystemPackage

/// `provenkey drill`
struct DrillCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "drill",
    abstract: "Rehearse the restore: decrypt files of the backup with what was sealed.",
    usage: "provenkey drill <file> --backup <folder> [--database-snapshot <file>] [<options>]",
    discussion: """
      Opens the escrow, unlocks the keys with what was sealed and nothing else, decrypts files of the real backup, and \
      compares them with the database snapshot. Says whether a restore is possible, how sure that is, and what to do if \
      not. Nothing is written to the backup, and nothing that was decrypted is kept.

      \(ExitStatus.help([.holds, .couldNotRun, .fails, .unknown, .wrongSecret, .usage, .interrupted]))
      """)

  @Argument(help: ArgumentHelp("The escrow file.", valueName: "file"), completion: .file())
  var file: String

  @Option(
    help: ArgumentHelp("The backup: the folder that holds the data folder as it was backed up.", valueName: "folder"),
    completion: .directory)
  var backup: String

  @Option(
    help: ArgumentHelp(
      "The database snapshot that belongs to the backup; without it, the one in the escrow if there is one.",
      valueName: "file"),
    completion: .file())
  var databaseSnapshot: String?

  @OptionGroup var sampling: SamplingOptions
  @OptionGroup var unlock: UnlockOptions

  @Flag(help: "With --identity of somebody else than the escrow itself: accept that nobody can tell who sealed it.")
  var acceptUnprovenSigner = false

  @Option(
    help: ArgumentHelp(
      "A file with the password of the recovery key (per-user keys), if it was not sealed.", valueName: "file"),
    completion: .file())
  var recoveryPasswordFile: String?

  @Option(
    help: ArgumentHelp(
      "A file with users' passwords (per-user keys): on each line a uid, a comma or tab, the password.",
      valueName: "file"),
    completion: .file())
  var userPasswords: String?

  @Option(
    name: .customLong("external"),
    help: ArgumentHelp(
      "Where an external storage lies in the backup, by its mount point (repeat).", valueName: "name=folder"))
  var externals: [String] = []

  @Option(
    name: .customLong("repair-sql"),
    help: ArgumentHelp("Write the SQL that would mend wrong rows of the database; it is never run.", valueName: "file"),
    completion: .file())
  var repairSQL: String?

  @Option(help: ArgumentHelp("Write the report as one page for a browser.", valueName: "file"), completion: .file())
  var html: String?

  @Flag(help: "Answer with one JSON document.")
  var json = false

  @OptionGroup var progress: ProgressOptions

  func validate() throws {
    if backup.isEmpty { throw ValidationError("--backup is empty") }
    if databaseSnapshot?.isEmpty == true { throw ValidationError("--database-snapshot is empty") }
    if let html, html == repairSQL { throw ValidationError("--html and --repair-sql name the same file") }
    _ = try externalFolders()
  }

  func run() async throws {
    let escrow = ArgumentPath.path(file)
    var request: DrillRequest
    do {
      // Before anything is asked for, or takes long.
      _ = try Escrow.inspectSealed(FileSource(escrow))
      for target in [repairSQL, html].compactMap(\.self) {
        try AtomicFile(at: ArgumentPath.path(target), .replace).discard()
      }
      request = DrillRequest(
        escrow: escrow, backup: try FolderBackup(ArgumentPath.path(backup)),
        snapshot: databaseSnapshot.map(ArgumentPath.path), count: sampling.count, seed: sampling.seedValue,
        confidence: sampling.confidenceValue)
    } catch {
      throw Problem(error)
    }
    request.acceptUnprovenSigner = acceptUnprovenSigner
    request.passwords = SealedMaterial.Passwords(
      recovery: recoveryPasswordFile.map(ArgumentPath.path), users: userPasswords.map(ArgumentPath.path))
    request.externalFolders = try externalFolders()
    request.wantsRepairs = repairSQL != nil
    let unlocking = try await unlock.unlocking(file)
    Interruption.watch()
    let result: DrillResult
    do { result = try rehearse(request, with: unlocking) } catch { throw Problem(error) }
    try Problem.explaining { try write(result) }
    try answer(result)
    switch result.verdict {
    case .holds: break
    case .fails: throw EarlyEnd(status: .fails)
    case .unknown: throw EarlyEnd(status: .unknown)
    }
  }

  private func rehearse(_ request: DrillRequest, with unlocking: consuming Unlocking) throws -> DrillResult {
    let meter = Meter(progress.progress)
    defer { meter.finish() }
    let unlock = try unlocking.unlock()
    return try Drill(request) { state in
      try meter.update(
        state.stage.title, unit: state.unit == .bytes ? .bytes : .files, done: state.done, total: state.total)
    }.run(with: unlock)
  }

  /// Writes what was asked for beside the answer.
  private func write(_ result: DrillResult) throws {
    if let repairSQL, let text = result.repairs {
      try unsafe AtomicFile.write([UInt8](text.utf8).span.bytes, to: ArgumentPath.path(repairSQL), .replace)
    } else if repairSQL != nil {
      Streams.warn("there is no snapshot that could be mended, so --repair-sql wrote nothing")
    }
    if let html {
      let page = DrillPage(result.report).bytes
      try unsafe AtomicFile.write(page.span.bytes, to: ArgumentPath.path(html), .replace)
    }
  }

  private func answer(_ result: DrillResult) throws {
    if json {
      let document = try Problem.explaining { try result.report.json() }
      try Streams.answer(String(decoding: document, as: UTF8.self))
      return
    }
    let isTerminal = Streams.isTerminal(.standardOutput)
    let details = html.map { "\($0)" } ?? "--json, or --html FILE for a page"
    let screen = DrillScreen(
      result.report, columns: isTerminal ? Streams.width(of: .standardOutput) : 80,
      isColoured: DrillScreen.isColoured(
        isTerminal: isTerminal, noColor: Environment.value("NO_COLOR"), term: Environment.value("TERM")),
      details: details)
    try Streams.answer(screen.text)
  }

  /// - Throws: `ValidationError`.
  private func externalFolders() throws -> [String: FilePath] {
    var folders: [String: FilePath] = [:]
    for text in externals {
      guard let equals = text.lastIndex(of: "="), equals > text.startIndex, text.index(after: equals) < text.endIndex
      else { throw ValidationError("--external takes NAME=FOLDER: the mount point, and its folder in the backup") }
      let name = text[..<equals].split(separator: "/").joined(separator: "/")
      guard folders.updateValue(FilePath(String(text[text.index(after: equals)...])), forKey: name) == nil else {
        throw ValidationError("--external names \(name) twice")
      }
    }
    return folders
  }
}

/// The options that say how many files are tested, and which.
struct SamplingOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("How many files are drawn at random, besides those that are always tested.", valueName: "number")
  )
  var files: Int?

  @Flag(help: "Test every file.")
  var all = false

  @Option(
    help: ArgumentHelp("Repeat a draw: the seed that its report shows; or any text.", valueName: "text"))
  var seed: String?

  @Option(help: ArgumentHelp("How sure the bound is to be, from 0.5 to 0.999999.", valueName: "number"))
  var confidence: String?

  func validate() throws {
    if let files, files < 0 { throw ValidationError("--files takes 0 or more") }
    if all, files != nil { throw ValidationError("give either --files or --all") }
    if let confidence, Confidence(text: confidence) == nil {
      throw ValidationError("--confidence takes a number from 0.5 to 0.999999, as 0.95 or 95%")
    }
  }

  var count: SamplePlan.Count { all ? .all : .files(files ?? SamplePlan.usualCount) }
  var seedValue: SampleSeed { seed.map { SampleSeed(text: $0) } ?? .random() }
  var confidenceValue: Confidence { confidence.flatMap { Confidence(text: $0) } ?? .usual }
}

extension DrillProgress.Stage {
  /// What is being done, in a word or two.
  fileprivate var title: String {
    switch self {
    case .opening: "opening the escrow"
    case .keys: "trying the keys"
    case .snapshot: "reading the snapshot"
    case .listing: "listing the backup"
    case .choosing: "choosing files"
    case .files: "testing files"
    }
  }
}
