/// Whose SQL a dump is.
struct DumpDialect {
  enum Family {
    case mysql
    case postgresql
    case sqlite
  }

  let family: Family
  /// Whether `\` escapes in plain strings: MySQL, and PostgreSQL without standard_conforming_strings.
  var backslashEscapes: Bool
  /// Text is Windows-1252, as the dump says of itself, and becomes UTF-8.
  var isLatin1 = false

  init(_ family: Family) {
    self.family = family
    backslashEscapes = family == .mysql
  }
}

/// How far a part of a dump could be read.
enum DumpStep {
  /// Up to before this index.
  case done(Int)
  /// The bytes that are there end before it does.
  case more
  /// It is nothing that is known.
  case malformed
}

/// Reads rows of INSERT statements, `(1,'text',NULL)`, into batches.
enum DumpValues {
  /// - Parameters:
  ///   - start: of the opening parenthesis.
  ///   - slots: for each value of the row its place in the batch, or -1; nil to count them only.
  ///   - counted: becomes the number of values.
  static func row(
    _ bytes: [UInt8], from start: Int, to end: Int, _ dialect: DumpDialect, slots: [Int]?, into batch: inout RowBatch,
    counted: inout Int
  ) -> DumpStep {
    let before = batch.byteCount
    batch.appendRow()
    var index = start + 1
    var column = 0
    func undo(_ step: DumpStep) -> DumpStep {
      batch.removeLastRow(bytes: before)
      return step
    }
    while true {
      index = bytes.skipSpace(from: index, to: end)
      guard index < end else { return undo(.more) }
      var slot = -1
      if let slots {
        guard column < slots.count else { return undo(.malformed) }
        slot = slots[column]
      }
      switch value(bytes, from: index, to: end, dialect, slot, &batch) {
      case .done(let next): index = bytes.skipSpace(from: next, to: end)
      case let other: return undo(other)
      }
      column += 1
      guard index < end else { return undo(.more) }
      switch bytes[index] {
      case UInt8(ascii: ","): index += 1
      case UInt8(ascii: ")"):
        counted = column
        guard let slots else { return undo(.done(index + 1)) }
        return slots.count == column ? .done(index + 1) : undo(.malformed)
      default: return undo(.malformed)
      }
    }
  }

  private static func value(
    _ bytes: [UInt8], from start: Int, to end: Int, _ dialect: DumpDialect, _ slot: Int, _ batch: inout RowBatch
  ) -> DumpStep {
    switch bytes[start] {
    case UInt8(ascii: "'"):
      let next: Int
      var hasEscapes = false
      switch endOfString(bytes, from: start + 1, to: end, backslash: dialect.backslashEscapes, &hasEscapes) {
      case .done(let index): next = index
      case let other: return other
      }
      // What is behind decides: a cast, or a concatenation.
      let follower = bytes.skipSpace(from: next, to: end)
      guard follower < end else { return .more }
      if bytes[follower] == UInt8(ascii: ":") || bytes[follower] == UInt8(ascii: "|") {
        return expression(bytes, from: start, to: end, dialect, slot, &batch)
      }
      if slot >= 0 {
        let from = batch.byteCount
        if hasEscapes {
          unescape(bytes, start + 1..<next - 1, dialect.backslashEscapes ? dialect.family : .sqlite, &batch)
        } else {
          batch.append(bytes, start + 1..<next - 1)
        }
        if dialect.isLatin1 { batch.encodeLatin1(from: from) }
        batch.set(slot, .text, from: from)
      }
      return .done(next)
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."):
      var index = start + 1
      while index < end, bytes[index].isNumberPart { index += 1 }
      guard index < end else { return .more }
      if bytes[index].isWordPart || bytes[index] == UInt8(ascii: ":") {
        return expression(bytes, from: start, to: end, dialect, slot, &batch)
      }
      if slot >= 0 { batch.set(slot, number: bytes, start..<index) }
      return .done(index)
    case UInt8(ascii: "N") where bytes.has("NULL", at: start, to: end):
      guard start + 4 < end else { return .more }
      return bytes[start + 4].isWordPart ? .malformed : .done(start + 4)
    default:
      return expression(bytes, from: start, to: end, dialect, slot, &batch)
    }
  }

  /// The index behind the closing quote of a string; `hasEscapes` tells whether it must be unescaped.
  static func endOfString(
    _ bytes: [UInt8], from start: Int, to end: Int, backslash: Bool, _ hasEscapes: inout Bool
  ) -> DumpStep {
    var index = start
    while index < end {
      let byte = bytes[index]
      if byte == UInt8(ascii: "'") {
        guard index + 1 < end else { return .more }
        if bytes[index + 1] != UInt8(ascii: "'") { return .done(index + 1) }
        hasEscapes = true
        index += 2
      } else if byte == UInt8(ascii: "\\"), backslash {
        hasEscapes = true
        index += 2
      } else {
        index += 1
      }
    }
    return .more
  }

  /// Appends what a string with escapes means.
  ///
  /// - Parameter family: whose rules; SQLite's are those of standard SQL, where only `''` means something.
  static func unescape(
    _ bytes: [UInt8], _ range: Range<Int>, _ family: DumpDialect.Family, _ batch: inout RowBatch
  ) {
    var index = range.lowerBound
    var start = index
    while index < range.upperBound {
      let byte = bytes[index]
      if byte == UInt8(ascii: "'") {
        batch.append(bytes, start..<index + 1)
        index += 2
        start = index
      } else if byte == UInt8(ascii: "\\"), family != .sqlite {
        batch.append(bytes, start..<index)
        guard index + 1 < range.upperBound else { return }
        index = DumpEscapes.append(bytes, at: index + 1, to: range.upperBound, family, &batch)
        start = index
      } else {
        index += 1
      }
    }
    // A doubled quote at the very end leaves nothing.
    if start < range.upperBound { batch.append(bytes, start..<range.upperBound) }
  }
}

extension [UInt8] {
  func skipSpace(from start: Int, to end: Int) -> Int {
    var index = start
    while index < end, self[index] == 0x20 || (0x09...0x0d).contains(self[index]) { index += 1 }
    return index
  }
}

extension UInt8 {
  var isWordPart: Bool {
    switch self {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "$"), 0x80...:
      true
    default: false
    }
  }

  /// Digits and what stands in decimal numbers; `0x…` and others are told by what follows.
  var isNumberPart: Bool {
    switch self {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "+"),
      UInt8(ascii: "e"), UInt8(ascii: "E"):
      true
    default: false
    }
  }

  var hexadecimal: UInt8? {
    switch self {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): self - 48
    case UInt8(ascii: "a")...UInt8(ascii: "f"): self - 87
    case UInt8(ascii: "A")...UInt8(ascii: "F"): self - 55
    default: nil
    }
  }
}

extension RowBatch {
  mutating func append(_ bytes: [UInt8], _ range: Range<Int>) {
    append(bytes[range])
  }

  mutating func set(_ slot: Int, number bytes: [UInt8], _ range: Range<Int>) {
    if let value = bytes.decimal(range) {
      set(slot, integer: value)
    } else {
      let from = byteCount
      append(bytes, range)
      set(slot, .number, from: from)
    }
  }
}

extension [UInt8] {
  /// The number that these digits, after at most one sign, are; nil for anything else and what 64 bits do not hold.
  func decimal(_ range: Range<Int>) -> Int64? {
    var index = range.lowerBound
    guard index < range.upperBound else { return nil }
    let isNegative = self[index] == UInt8(ascii: "-")
    if isNegative || self[index] == UInt8(ascii: "+") { index += 1 }
    guard index < range.upperBound else { return nil }
    var value: Int64 = 0
    while index < range.upperBound {
      let digit = Int64(self[index]) - 48
      guard (0...9).contains(digit) else { return nil }
      let (shifted, overflows) = value.multipliedReportingOverflow(by: 10)
      let (sum, overflowsToo) = shifted.subtractingReportingOverflow(digit)
      if overflows || overflowsToo { return nil }
      value = sum
      index += 1
    }
    return isNegative ? value : (value == .min ? nil : -value)
  }
}
