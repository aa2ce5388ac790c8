internal import SystemPackage

/// Text of unknown origin, made fit for a terminal: a file's name must not move the cursor or hide what follows.
enum DisplayText {
  /// The text with each character that a terminal would act upon written out: `\n`, `\t`, `\u{1B}`.
  ///
  /// Those are the control characters (C0, DEL, C1), the separators of lines and paragraphs, and the invisible marks
  /// that reorder text (Unicode bidirectional controls, "Trojan Source", CVE-2021-42574).
  static func escaped(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: isActive) else { return text }
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case _ where isActive(scalar): result += "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  /// The path with such characters written out; bytes that are no UTF-8 show as U+FFFD.
  static func escaped(_ path: FilePath) -> String {
    escaped(path.description)
  }

  private static func isActive(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0...0x1F, 0x7F...0x9F, 0x061C, 0x200B...0x200F, 0x2028...0x202E, 0x2060...0x206F, 0xFEFF: true
    default: false
    }
  }
}
