internal import DurableFiles
internal import SecretMemory

/// The one error that ends a command: what happened, what to do about it, and the exit status.
///
/// It never holds a secret. Control characters in either line are made visible when it is printed.
struct Problem: Error, Equatable, Sendable {
  /// What the process ends with.
  let status: ExitStatus
  /// What happened, on one line, without a full stop.
  let problem: String
  /// What a person can do, on one line.
  let hint: String

  init(_ status: ExitStatus, _ problem: String, hint: String) {
    self.status = status
    self.problem = problem
    self.hint = hint
  }

  init(_ error: FileError) {
    self.init(.couldNotRun, error.problem, hint: error.hint)
  }

  init(_ error: SecretMemoryError) {
    self.init(.couldNotRun, "\(error)", hint: "close other programs, or run on a machine with more memory")
  }

  /// A signal ended the command: ^C, a shutdown, a closed terminal.
  static let interrupted = Problem(.interrupted, "interrupted", hint: "run the command again to start over")

  /// The two lines that a person sees, with a newline after each.
  var text: String {
    "provenkey: \(DisplayText.escaped(problem))\n  hint: \(DisplayText.escaped(hint))\n"
  }
}
