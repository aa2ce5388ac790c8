/// Text of unknown origin, made fit to be shown: a file's name must not move the cursor, hide what follows or look like another.
package enum VisibleText {
  /// The text on one line, with each character that would act or hide written out: `\n`, `\u{1B}`.
  ///
  /// Those are control characters, separators of lines and paragraphs, the invisible marks that reorder text ("Trojan Source",
  /// CVE-2021-42574), and what has no meaning that everybody knows.
  ///
  /// - Parameter keepsJoiners: whether the two joiners stay, which Persian and emoji need and which do nothing on a page.
  package static func escaped(_ text: String, keepsJoiners: Bool = false) -> String {
    guard !text.utf8.allSatisfy({ (0x20..<0x7F).contains($0) }) else { return text }
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case "\u{200C}", "\u{200D}":
        if keepsJoiners { result.unicodeScalars.append(scalar) } else { result += written(scalar) }
      default:
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned: result += written(scalar)
        default: result.unicodeScalars.append(scalar)
        }
      }
    }
    return result
  }

  private static func written(_ scalar: Unicode.Scalar) -> String {
    "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
  }

  /// How many columns of a terminal it takes: none for marks on other letters, two for wide ones (East Asian, emoji).
  static func columns(_ text: String) -> Int {
    text.unicodeScalars.reduce(0) { $0 + columns($1) }
  }

  private static func columns(_ scalar: Unicode.Scalar) -> Int {
    switch scalar.value {
    case 0x20..<0x300: return 1
    case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F,
      0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1FAFF, 0x20000...0x3FFFD:
      return 2
    default: break
    }
    switch scalar.properties.generalCategory {
    case .nonspacingMark, .enclosingMark: return 0
    default: return 1
    }
  }

  /// Lines of at most so many columns, broken between words, or within a word that is longer than a line.
  ///
  /// - Parameter lines: at most how many; what is left over is replaced by `…`.
  static func wrapped(_ text: String, columns width: Int, lines most: Int = .max) -> [String] {
    let width = max(8, width)
    var lines: [String] = []
    var line = ""
    var used = 0
    func end() {
      lines.append(line)
      (line, used) = ("", 0)
    }
    for word in text.split(separator: " ") {
      let needed = columns(String(word))
      if used > 0, used + 1 + needed > width { end() }
      if used > 0 {
        line += " "
        used += 1
      }
      guard used + needed > width else {
        line += word
        used += needed
        continue
      }
      for character in word {
        let wide = columns(String(character))
        if used + wide > width { end() }
        line.append(character)
        used += wide
      }
    }
    if used > 0 { end() }
    guard lines.count > most, most > 0 else { return lines }
    var last = lines[most - 1]
    while columns(last) > width - 2 { last.removeLast() }
    return Array(lines.prefix(most - 1)) + [last + " …"]
  }
}
