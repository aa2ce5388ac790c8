internal import AgeFormat
internal import BackupSources
internal import DatabaseSnapshots
internal import DurableFiles
internal import EscrowBundle
internal import NextcloudStorage
internal import Recoverability
internal import SecretMemory

extension Problem {
  /// What a module threw, with its exit status: the one place where errors become statuses.
  init(_ error: any Error) {
    switch error {
    case let problem as Problem: self = problem
    case let error as EscrowError: self.init(Self.status(error), error.problem, hint: error.hint)
    case let error as RecoverabilityError: self.init(Self.status(error), error.problem, hint: error.hint)
    case let error as ConfigurationError: self.init(.couldNotRun, error.problem, hint: error.hint)
    case let error as CollectionError: self.init(.couldNotRun, error.problem, hint: error.hint)
    case let error as SnapshotError: self.init(.couldNotRun, error.problem, hint: error.hint)
    case let error as BackupError: self.init(.couldNotRun, error.problem, hint: error.hint)
    case let error as LayoutError: self.init(.couldNotRun, error.problem, hint: error.hint)
    case let error as ContentError: self.init(.couldNotRun, error.problem, hint: error.hint)
    case let error as AgeError: self.init(.couldNotRun, error.problem, hint: error.hint)
    case let error as FileError: self.init(error)
    case let error as SecretMemoryError: self.init(error)
    default: self.init(.couldNotRun, "\(error)", hint: "report this with the version (provenkey --version)")
    }
  }

  private static func status(_ error: EscrowError) -> ExitStatus {
    switch error {
    case .wrongPassphrase, .wrongIdentity, .noPassphraseStanza: .wrongSecret
    case .interrupted: .interrupted
    default: .couldNotRun
    }
  }

  private static func status(_ error: RecoverabilityError) -> ExitStatus {
    switch error {
    case .wouldNotRestore: .fails
    case .interrupted: .interrupted
    default: .couldNotRun
    }
  }
}

extension Problem {
  /// Runs the work of a command and gives whatever it throws its exit status.
  static func explaining<Result>(_ work: () throws -> Result) throws(Problem) -> Result {
    do { return try work() } catch { throw Problem(error) }
  }
}
