internal import Recoverability
internal import SystemPackage

/// Text of unknown origin, made fit for a terminal: a file's name must not move the cursor or hide what follows.
enum DisplayText {
  /// The text with each character that a terminal would act upon, or that hides, written out: `\n`, `\t`, `\u{1B}`.
  static func escaped(_ text: String) -> String { VisibleText.escaped(text) }

  /// The path with such characters written out; bytes that are no UTF-8 show as U+FFFD.
  static func escaped(_ path: FilePath) -> String { escaped(path.description) }
}
