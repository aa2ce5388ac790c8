internal import EscrowBundle

/// A progress bar that is made when the first numbers come, and that notices the wish to stop.
final class Meter {
  private let mode: ProgressMode
  private var stage = ""
  private var bar: ProgressBar?

  init(_ mode: ProgressMode) { self.mode = mode }

  deinit { finish() }

  /// - Throws: `EscrowError.interrupted` when a person or the system asked to stop.
  func update(_ stage: String, unit: ProgressUnit = .bytes, done: Int, total: Int?) throws(EscrowError) {
    guard !Interruption.isRequested else { throw .interrupted }
    if stage != self.stage {
      finish()
      self.stage = stage
      bar = ProgressBar(stage, unit: unit, total: total, mode: mode)
    }
    bar?.update(done: done)
  }

  func finish() {
    bar?.finish()
    bar = nil
  }
}
