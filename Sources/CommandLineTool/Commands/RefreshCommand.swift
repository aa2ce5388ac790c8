internal import ArgumentParser
internal import EscrowBundle
internal import FoundationEssentials
internal import Recoverability
internal import SystemPackage

/// `provenkey refresh`
struct RefreshCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "refresh",
    abstract: "Seal a new revision; needs no passphrase and no terminal.",
    usage: "provenkey refresh [<file>] [--state <folder>] [<options>]",
    discussion: """
      Collects everything again from where `create` found it, proves it again, and replaces the escrow file in one \
      step. If anything fails, the old revision stays as it is.

      \(ExitStatus.help([.holds, .couldNotRun, .fails, .usage, .interrupted]))
      """)

  @Argument(
    help: ArgumentHelp("The escrow file, if there are several; its name tells the state folder.", valueName: "file"),
    completion: .file())
  var file: String?

  @Option(
    help: ArgumentHelp("The folder of the Nextcloud installation, if it has moved.", valueName: "folder"),
    completion: .directory)
  var instance: String?

  @OptionGroup var collecting: CollectingOptions

  @Option(help: ArgumentHelp("The state folder that `create` made.", valueName: "folder"), completion: .directory)
  var state: String?

  @Flag(help: "Answer with one JSON document.")
  var json = false

  @OptionGroup var progress: ProgressOptions

  func run() async throws {
    let work = SealingWork(progress: progress.progress)
    let stateFolder = try FilePath(StateLocation.existing(given: state, output: file))
    Interruption.watch()
    let report = try Problem.explaining {
      var sealing = try RevisionSealing(refreshing: StateFolder(at: stateFolder, creating: false)) { recorded in
        collecting.applied(to: recorded, instance: instance, output: file)
      }
      try collecting.validateSnapshot(recorded: sealing.state.sources.databaseSnapshot)
      let collected = try work.collect(sealing.state.sources)
      let sealed = try sealing.seal(collected, at: Date(), progress: work.sealing())
      return SealingReport(
        collected: collected, sealed: sealed, output: sealing.state.sources.output, stateFolder: stateFolder.string,
        wasOpened: false)
    }
    try Streams.answer(json ? try Problem.explaining { try report.json() } : report.text)
  }
}
