/// Names from files, made fit to stand in one line on a terminal.
enum Printable {
  /// The text with control characters, and what reverses the direction of writing, as `\u{…}`.
  static func text(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned:
        result += "\\u{" + String(scalar.value, radix: 16) + "}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  /// The bytes of a name: as text where they are UTF-8, else with `\xHH` for every byte that is not ASCII.
  static func name(_ bytes: [UInt8]) -> String {
    if let name = String(validating: bytes, as: UTF8.self) { return text(name) }
    return bytes.map { byte in
      if (0x20...0x7e).contains(byte) { return String(UnicodeScalar(byte)) }
      let digits = String(byte, radix: 16)
      return "\\x" + (digits.count == 1 ? "0" : "") + digits
    }.joined()
  }
}
