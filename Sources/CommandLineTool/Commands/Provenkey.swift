internal import ArgumentParser
internal import Recoverability

/// The root command: it only names the others.
struct Provenkey: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "provenkey",
    abstract: "Lock up the keys of an encrypted Nextcloud, and prove that they still open it.",
    discussion: """
      An escrow is one file that holds what a restore needs: the keys, the secret of config.php, a reference to the \
      database. A passphrase opens it; sealing the next revision needs none.

      \(ExitStatus.help())
      """,
    version: "provenkey \(Release.version)",
    groupedSubcommands: [
      CommandGroup(name: "Prepare", subcommands: [CreateCommand.self, RefreshCommand.self]),
      CommandGroup(name: "Prove", subcommands: [DrillCommand.self]),
      CommandGroup(name: "Recover", subcommands: [OpenCommand.self, InspectCommand.self]),
    ])
}
