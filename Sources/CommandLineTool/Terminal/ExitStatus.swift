internal import ArgumentParser

/// What the exit status of every command says. Scripts depend on the numbers; they do not change.
enum ExitStatus: Int32, CaseIterable, Sendable {
  /// What was asked was done, or what was checked holds.
  case holds = 0
  /// The command could not do its work: a file, the disk, the network, a program that is missing.
  case couldNotRun = 1
  /// What was checked fails: not recoverable.
  case fails = 3
  /// Something could not be examined, so that nobody knows.
  case unknown = 4
  /// What was checked is older than allowed.
  case stale = 5
  /// The passphrase, the shares or the identity does not open the escrow.
  case wrongSecret = 12
  /// The escrow lies beside the backup that it should be kept apart from.
  case notApart = 13
  /// The command line is wrong.
  case usage = 64
  /// A person or the system ended the command with a signal.
  case interrupted = 130

  /// The meaning in a few words, as it stands in the help.
  var meaning: String {
    switch self {
    case .holds: "done, or holds"
    case .couldNotRun: "could not run"
    case .fails: "fails: not recoverable"
    case .unknown: "unknown: something could not be examined"
    case .stale: "stale"
    case .wrongSecret: "wrong passphrase, shares or identity"
    case .notApart: "not apart from the backup"
    case .usage: "wrong usage"
    case .interrupted: "interrupted"
    }
  }

  /// The same status for the argument parser.
  var exitCode: ExitCode { ExitCode(rawValue) }

  /// The lines on the exit status for the help of a command.
  ///
  /// - Parameter statuses: those that the command can end with.
  static func help(_ statuses: [ExitStatus] = allCases) -> String {
    let lines = statuses.map { status in
      let number = String(status.rawValue)
      return String(repeating: " ", count: max(0, 5 - number.count)) + number + "  " + status.meaning
    }
    return (["EXIT STATUS:"] + lines).joined(separator: "\n")
  }
}
