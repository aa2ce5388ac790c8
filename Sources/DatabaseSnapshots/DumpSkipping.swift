/// What is passed over: comments, statements that nobody needs. Of any length, in bounded memory.
extension DumpReader {
  /// Goes to the next byte that is no space.
  ///
  /// - Returns: false at the end of the dump.
  mutating func skipSpace() throws -> Bool {
    while true {
      window.advance(to: window.bytes.skipSpace(from: window.position, to: window.end))
      if !window.isEmpty { return true }
      guard try window.more() else { return false }
    }
  }

  /// Goes to the next statement, over comments and empty statements.
  ///
  /// - Returns: false at the end of the dump.
  mutating func skipBlank() throws -> Bool {
    while try skipSpace() {
      _ = try window.has(2)
      switch (window.byte(), window.byte(1)) {
      case (UInt8(ascii: ";"), _): window.advance(1)
      case (UInt8(ascii: "-"), UInt8(ascii: "-")):
        try skipLine(noticing: true)
      case (UInt8(ascii: "#"), _) where dialect.family == .mysql: try skipLine(noticing: false)
      // psql's own: \restrict, \unrestrict, \connect.
      case (UInt8(ascii: "\\"), _): try skipLine(noticing: false)
      case (UInt8(ascii: "/"), UInt8(ascii: "*")): try skipComment(noticing: true)
      default: return true
      }
    }
    return false
  }

  /// What a comment may begin with that says something about the dump, in bytes.
  private static let noticed = 512

  mutating func skipLine(noticing: Bool) throws {
    if noticing {
      _ = try window.has(Self.noticed)
      let end = min(window.end, window.position + Self.noticed)
      let lineEnd = window.index(of: 0x0a, from: window.position) ?? end
      notice(window.bytes.text(window.position..<min(end, lineEnd)), isConditional: false)
    }
    while true {
      if let end = window.index(of: 0x0a, from: window.position) {
        window.advance(to: end + 1)
        return
      }
      window.advance(to: window.end)
      guard try window.more() else { return }
    }
  }

  mutating func skipComment(noticing: Bool) throws {
    if noticing {
      _ = try window.has(Self.noticed)
      let end = min(window.end, window.position + Self.noticed)
      var text = window.bytes.text(window.position..<end)
      if let close = text.firstRange(of: "*/") { text = String(text[..<close.lowerBound]) }
      notice(text, isConditional: true)
    }
    window.advance(2)
    while true {
      if let star = window.index(of: UInt8(ascii: "*"), from: window.position) {
        window.advance(to: star)
        guard try window.has(2) else { break }
        if window.byte(1) == UInt8(ascii: "/") {
          window.advance(2)
          return
        }
        window.advance(1)
      } else {
        window.advance(to: window.end)
        guard try window.more() else { break }
      }
    }
    window.advance(to: window.end)
    cut = cut ?? "a comment"
  }

  /// Goes behind the `;` that ends the statement, over strings, quoted names and comments.
  mutating func skipStatement() throws {
    while true {
      guard let byte = window.byte() else {
        if try window.more() { continue }
        cut = cut ?? "a statement"
        return
      }
      switch byte {
      case UInt8(ascii: ";"):
        window.advance(1)
        return
      case UInt8(ascii: "'"):
        // Behind an E the backslash escapes in PostgreSQL whatever the setting is.
        let isEscaped = window.position > 0 && window.bytes[window.position - 1] | 0x20 == UInt8(ascii: "e")
        window.advance(1)
        try skipString(byte, backslash: dialect.backslashEscapes || (dialect.family == .postgresql && isEscaped))
      case UInt8(ascii: "\""), UInt8(ascii: "`"):
        window.advance(1)
        try skipString(byte, backslash: dialect.family == .mysql && byte == UInt8(ascii: "\""))
      case UInt8(ascii: "-"):
        _ = try window.has(2)
        if window.byte(1) == UInt8(ascii: "-") { try skipLine(noticing: false) } else { window.advance(1) }
      case UInt8(ascii: "/"):
        _ = try window.has(2)
        if window.byte(1) == UInt8(ascii: "*") { try skipComment(noticing: false) } else { window.advance(1) }
      case UInt8(ascii: "$") where dialect.family == .postgresql: try skipDollar()
      default:
        var index = window.position + 1
        while index < window.end, !Self.isNoteworthy(window.bytes[index]) { index += 1 }
        window.advance(to: index)
      }
    }
  }

  private static func isNoteworthy(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: ";"), UInt8(ascii: "'"), UInt8(ascii: "\""), UInt8(ascii: "`"), UInt8(ascii: "-"),
      UInt8(ascii: "/"), UInt8(ascii: "$"):
      true
    default: false
    }
  }

  /// Goes behind the quote that ends a string; a doubled one begins it anew, which comes to the same.
  private mutating func skipString(_ quote: UInt8, backslash: Bool) throws {
    while true {
      guard let close = window.index(of: quote, from: window.position) else {
        // An odd number of backslashes at the end of what is there would escape what comes.
        var count = 0
        while backslash, count < window.end - window.position,
          window.bytes[window.end - 1 - count] == UInt8(ascii: "\\")
        {
          count += 1
        }
        window.advance(to: window.end - count % 2)
        guard try window.more() else {
          window.advance(to: window.end)
          cut = cut ?? "a statement"
          return
        }
        continue
      }
      var count = 0
      while backslash, close - count > window.position, window.bytes[close - 1 - count] == UInt8(ascii: "\\") {
        count += 1
      }
      window.advance(to: close + 1)
      if count.isMultiple(of: 2) { return }
    }
  }

  /// A string between `$tag$` and `$tag$`, the body of a function.
  private mutating func skipDollar() throws {
    _ = try window.has(66)
    var length = 1
    while let byte = window.byte(length), byte != UInt8(ascii: "$"), byte.isWordPart, length < 64 { length += 1 }
    guard window.byte(length) == UInt8(ascii: "$") else { return window.advance(1) }
    let tag = Array(window.bytes[window.position...(window.position + length)])
    window.advance(length + 1)
    while true {
      if let mark = window.index(of: UInt8(ascii: "$"), from: window.position) {
        window.advance(to: mark)
        guard try window.has(tag.count) else { break }
        if window.bytes[window.position..<window.position + tag.count].elementsEqual(tag) {
          return window.advance(tag.count)
        }
        window.advance(1)
      } else {
        window.advance(to: window.end)
        guard try window.more() else { break }
      }
    }
    window.advance(to: window.end)
    cut = cut ?? "a statement"
  }

  /// The lines of COPY, to `\.`.
  mutating func skipCopy(_ table: String) throws {
    while true {
      guard try window.has(3) else { break }
      if window.byte() == UInt8(ascii: "\\"), window.byte(1) == UInt8(ascii: ".") {
        return try skipLine(noticing: false)
      }
      try skipLine(noticing: false)
    }
    // `\.` without a line end is an end too.
    if window.byte() == UInt8(ascii: "\\"), window.byte(1) == UInt8(ascii: ".") { return window.advance(2) }
    window.advance(to: window.end)
    cut = cut ?? "the rows of \(table)"
  }

  /// Triggers and routines of MySQL stand between `DELIMITER ;;` and `DELIMITER ;`.
  mutating func skipOtherDelimiter() throws {
    while true {
      guard try window.has(12) else { break }
      let isBack = try window.starts(with: "DELIMITER ;")
      let next = window.byte(11)
      try skipLine(noticing: false)
      if isBack, next != UInt8(ascii: ";") { return }
    }
    if try window.starts(with: "DELIMITER ;") { return try skipLine(noticing: false) }
    window.advance(to: window.end)
    cut = cut ?? "a routine"
  }

  /// Whether the statement is `CREATE [TEMP] TRIGGER`.
  mutating func isTrigger() throws -> Bool {
    _ = try window.has(40)
    let end = min(window.end, window.position + 40)
    return window.bytes.text(window.position..<end).lowercased().split(separator: " ").prefix(3).contains("trigger")
  }

  /// A trigger of SQLite has statements inside, to `END;`.
  mutating func skipTrigger() throws {
    while true {
      try skipStatement()
      if cut != nil { return }
      let start = max(0, window.position - 16)
      let tail = window.bytes.text(start..<window.position).lowercased().filter { !$0.isWhitespace }
      if tail.hasSuffix("end;") { return }
      guard try skipBlank() else { return }
    }
  }
}
