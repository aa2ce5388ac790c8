extension ConfigurationReader {
  /// Decodes what stands between two quotes straight into the arena.
  mutating func decode(_ range: Range<Int>, _ isDoubleQuoted: Bool) throws(ParseFailure) -> Range<Int> {
    // No escape is shorter than what it stands for.
    try reserve(range.count)
    let source = scanner.source
    let start = arena.count
    var index = range.lowerBound
    var plain = index
    while index < range.upperBound {
      guard source[index] == 0x5C, index + 1 < range.upperBound else {
        index += 1
        continue
      }
      arena.append(source, plain..<index)
      index =
        isDoubleQuoted ? try escape(at: index + 1, range.upperBound) : singleEscape(source[index + 1], index + 1)
      plain = index
    }
    arena.append(source, plain..<range.upperBound)
    return start..<arena.count
  }

  /// In single quotes, only the quote and the backslash are escaped.
  private mutating func singleEscape(_ byte: UInt8, _ index: Int) -> Int {
    if byte != 0x27 && byte != 0x5C { arena.append(0x5C) }
    arena.append(byte)
    return index + 1
  }

  /// In double quotes; `index` is that of the byte behind the backslash.
  ///
  /// - Returns: the index behind the escape.
  private mutating func escape(at index: Int, _ end: Int) throws(ParseFailure) -> Int {
    let source = scanner.source
    let byte = source[index]
    if let plain = Self.escapes[byte] {
      arena.append(plain)
      return index + 1
    }
    switch byte {
    case 0x30...0x37:
      var value = 0
      var next = index
      while next < end, next < index + 3, (0x30...0x37).contains(source[next]) {
        value = value * 8 + Int(source[next] - 0x30)
        next += 1
      }
      arena.append(UInt8(truncatingIfNeeded: value))
      return next
    case 0x78, 0x58:
      var value = 0
      var next = index + 1
      while next < end, next < index + 3, let digit = ASCII.hexDigit(source[next]) {
        value = value * 16 + digit
        next += 1
      }
      guard next > index + 1 else { break }
      arena.append(UInt8(truncatingIfNeeded: value))
      return next
    case 0x75 where index + 1 < end && source[index + 1] == 0x7B: return try codePoint(at: index + 2, end)
    default: break
    }
    // Any other backslash is itself.
    arena.append(0x5C)
    arena.append(byte)
    return index + 1
  }

  private static let escapes: [UInt8: UInt8] = [
    0x6E: 0x0A, 0x72: 0x0D, 0x74: 0x09, 0x76: 0x0B, 0x65: 0x1B, 0x66: 0x0C, 0x5C: 0x5C, 0x24: 0x24, 0x22: 0x22,
  ]

  /// `\u{…}`, encoded as PHP does it, surrogates included.
  private mutating func codePoint(at start: Int, _ end: Int) throws(ParseFailure) -> Int {
    let source = scanner.source
    var value = 0
    var index = start
    while index < end, let digit = ASCII.hexDigit(source[index]) {
      value = min(value * 16 + digit, 0x110000)
      index += 1
    }
    guard index > start, index < end, source[index] == 0x7D, value <= 0x10FFFF else {
      throw ParseFailure(line: scanner.tokenLine, "a \\u{…} in a quoted string that PHP does not know")
    }
    func tail(_ shift: Int) -> UInt8 { UInt8(truncatingIfNeeded: 0x80 | ((value >> shift) & 0x3F)) }
    switch value {
    case ..<0x80: arena.append(UInt8(truncatingIfNeeded: value))
    case ..<0x800:
      arena.append(UInt8(truncatingIfNeeded: 0xC0 | (value >> 6)))
      arena.append(tail(0))
    case ..<0x10000:
      arena.append(UInt8(truncatingIfNeeded: 0xE0 | (value >> 12)))
      arena.append(tail(6))
      arena.append(tail(0))
    default:
      arena.append(UInt8(truncatingIfNeeded: 0xF0 | (value >> 18)))
      arena.append(tail(12))
      arena.append(tail(6))
      arena.append(tail(0))
    }
    return index + 1
  }
}
