/// Values that are more than a string, a number or NULL: prefixed strings, hexadecimal, casts, and the few functions by
/// which SQLite writes line breaks.
struct DumpExpression {
  enum Halt: Error {
    case more
    case malformed
  }

  enum Value {
    case null
    case number([UInt8])
    case text([UInt8])
    case blob([UInt8])

    var bytes: [UInt8]? {
      switch self {
      case .null: nil
      case .number(let bytes), .text(let bytes), .blob(let bytes): bytes
      }
    }
  }

  private let bytes: [UInt8]
  private let end: Int
  private let dialect: DumpDialect
  private(set) var index: Int
  private var depth = 0

  /// How deep parentheses may nest.
  private static let depthLimit = 32

  init(_ bytes: [UInt8], from start: Int, to end: Int, _ dialect: DumpDialect) {
    self.bytes = bytes
    self.end = end
    self.dialect = dialect
    index = start
  }

  /// A term, those that are concatenated with it, and casts.
  mutating func value() throws(Halt) -> Value {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.depthLimit else { throw .malformed }
    var result = try term()
    while true {
      switch try peek() {
      case UInt8(ascii: "|"):
        index += 1
        guard try byte() == UInt8(ascii: "|") else { throw .malformed }
        index += 1
        let right = try term()
        if let left = result.bytes, let right = right.bytes { result = .text(left + right) } else { result = .null }
      case UInt8(ascii: ":"):
        index += 1
        guard try byte() == UInt8(ascii: ":") else { throw .malformed }
        index += 1
        try skipType()
      default: return result
      }
    }
  }

  private func byte() throws(Halt) -> UInt8 {
    guard index < end else { throw .more }
    return bytes[index]
  }

  /// The next byte that is no space.
  private mutating func peek() throws(Halt) -> UInt8 {
    index = bytes.skipSpace(from: index, to: end)
    return try byte()
  }

  private mutating func take(_ expected: UInt8) throws(Halt) {
    guard try peek() == expected else { throw .malformed }
    index += 1
  }

  private mutating func term() throws(Halt) -> Value {
    let first = try peek()
    switch first {
    case UInt8(ascii: "'"): return .text(try string(dialect))
    case UInt8(ascii: "("):
      index += 1
      let inner = try value()
      try take(UInt8(ascii: ")"))
      return inner
    case UInt8(ascii: "0") where index + 1 < end && bytes[index + 1] | 0x20 == UInt8(ascii: "x"):
      index += 2
      let start = index
      while try byte().hexadecimal != nil { index += 1 }
      return .blob(try hexadecimal(start..<index))
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."):
      let start = index
      index += 1
      while try byte().isNumberPart { index += 1 }
      return .number(array(start..<index))
    default:
      guard first.isWordPart else { throw .malformed }
      return try word()
    }
  }

  private mutating func word() throws(Halt) -> Value {
    let start = index
    while try byte().isWordPart { index += 1 }
    guard index - start <= 64 else { throw .malformed }
    let word = bytes.text(start..<index).lowercased()
    let isQuoted = try byte() == UInt8(ascii: "'")
    switch word {
    case "null": return .null
    case "true": return .number([UInt8(ascii: "1")])
    case "false": return .number([UInt8(ascii: "0")])
    case "e" where isQuoted:
      var escaping = DumpDialect(.postgresql)
      escaping.backslashEscapes = true
      return .text(try string(escaping))
    case "n" where isQuoted: return .text(try string(dialect))
    case "x" where isQuoted:
      let text = try string(DumpDialect(.sqlite))
      guard let decoded = Self.decoded(text) else { throw .malformed }
      return .blob(decoded)
    case "b" where isQuoted:
      var value: UInt64 = 0
      for bit in try string(DumpDialect(.sqlite)) { value = value << 1 | UInt64(bit & 1) }
      return .number([UInt8](String(value).utf8))
    case _ where word.hasPrefix("_") && dialect.family == .mysql:
      // A character set before a string: its bytes stand as they are.
      var own = dialect
      own.isLatin1 = word == "_latin1"
      if try peek() == UInt8(ascii: "'") { return .text(try string(own)) }
      return try term()
    default:
      guard try peek() == UInt8(ascii: "(") else { throw .malformed }
      index += 1
      return try call(word)
    }
  }

  /// What `.dump` of SQLite writes for text with line breaks (shell.c: `replace(…,char(10))`, and `unistr` since 3.50).
  private mutating func call(_ function: String) throws(Halt) -> Value {
    var arguments: [Value] = []
    while true {
      if try peek() == UInt8(ascii: ")") { break }
      arguments.append(try value())
      switch try peek() {
      case UInt8(ascii: ","): index += 1
      case UInt8(ascii: ")"): continue
      case _ where function == "cast": try skipType()
      default: throw .malformed
      }
      if arguments.count > 1000 { throw .malformed }
    }
    index += 1
    switch (function, arguments.count) {
    case ("replace", 3):
      guard let text = arguments[0].bytes, let old = arguments[1].bytes, let new = arguments[2].bytes else {
        return .null
      }
      return .text(Self.replace(old, by: new, in: text))
    case ("char", _):
      var text: [UInt8] = []
      for argument in arguments {
        guard let digits = argument.bytes, let number = digits.decimal(0..<digits.count),
          let value = UInt32(exactly: number), let scalar = Unicode.Scalar(value)
        else { throw .malformed }
        text += String(scalar).utf8
      }
      return .text(text)
    case ("unistr", 1): return .text(Self.unistr(arguments[0].bytes ?? []))
    case ("cast", 1): return arguments[0]
    default: throw .malformed
    }
  }

  private mutating func string(_ dialect: DumpDialect) throws(Halt) -> [UInt8] {
    var hasEscapes = false
    let start = index + 1
    switch DumpValues.endOfString(bytes, from: start, to: end, backslash: dialect.backslashEscapes, &hasEscapes) {
    case .done(let next):
      index = next
      var batch = RowBatch(table: "", width: 0)
      DumpValues.unescape(
        bytes, start..<next - 1, dialect.backslashEscapes ? dialect.family : .sqlite, &batch)
      if dialect.isLatin1 { batch.encodeLatin1(from: 0) }
      return batch.bytes
    case .more: throw .more
    case .malformed: throw .malformed
    }
  }

  private func array(_ range: Range<Int>) -> [UInt8] { range.map { bytes[$0] } }

  private func hexadecimal(_ range: Range<Int>) throws(Halt) -> [UInt8] {
    guard let decoded = Self.decoded(array(range)) else { throw .malformed }
    return decoded
  }

  private static func decoded(_ digits: [UInt8]) -> [UInt8]? {
    guard digits.count.isMultiple(of: 2) else { return nil }
    var result: [UInt8] = []
    result.reserveCapacity(digits.count / 2)
    for index in stride(from: 0, to: digits.count, by: 2) {
      guard let high = digits[index].hexadecimal, let low = digits[index + 1].hexadecimal else { return nil }
      result.append(high << 4 | low)
    }
    return result
  }

  /// A type behind `::` or `AS`, up to the comma or parenthesis that ends the value.
  private mutating func skipType() throws(Halt) {
    var inner = 0
    while true {
      let next = try byte()
      switch next {
      case UInt8(ascii: "("): inner += 1
      case UInt8(ascii: ")"):
        if inner == 0 { return }
        inner -= 1
      case UInt8(ascii: ","): if inner == 0 { return }
      case UInt8(ascii: "'"), UInt8(ascii: ";"): throw .malformed
      default: break
      }
      index += 1
    }
  }

  private static func replace(_ old: [UInt8], by new: [UInt8], in text: [UInt8]) -> [UInt8] {
    guard let first = old.first else { return text }
    var result: [UInt8] = []
    var index = 0
    while index < text.count {
      if text[index] == first, text[index...].starts(with: old) {
        result += new
        index += old.count
      } else {
        result.append(text[index])
        index += 1
      }
    }
    return result
  }

  /// `\XXXX`, `\uXXXX`, `\+XXXXXX`, `\UXXXXXXXX` and `\\` (sqlite.org/lang_corefunc.html#unistr).
  private static func unistr(_ text: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    var index = 0
    while index < text.count {
      guard text[index] == UInt8(ascii: "\\"), index + 1 < text.count else {
        result.append(text[index])
        index += 1
        continue
      }
      let kinds: [UInt8: (skip: Int, digits: Int)] = [
        UInt8(ascii: "u"): (2, 4), UInt8(ascii: "+"): (2, 6), UInt8(ascii: "U"): (2, 8),
      ]
      let (skip, digits) = kinds[text[index + 1]] ?? (1, 4)
      let end = index + skip + digits
      if text[index + 1] != UInt8(ascii: "\\"), end <= text.count,
        let value = UInt32(String(decoding: text[(index + skip)..<end], as: UTF8.self), radix: 16),
        let scalar = Unicode.Scalar(value)
      {
        result += String(scalar).utf8
        index = end
      } else {
        result.append(text[index + 1])
        index += 2
      }
    }
    return result
  }
}

extension DumpValues {
  static func expression(
    _ bytes: [UInt8], from start: Int, to end: Int, _ dialect: DumpDialect, _ slot: Int, _ batch: inout RowBatch
  ) -> DumpStep {
    var expression = DumpExpression(bytes, from: start, to: end, dialect)
    let value: DumpExpression.Value
    do throws(DumpExpression.Halt) {
      value = try expression.value()
    } catch {
      switch error {
      case .more: return .more
      case .malformed: return .malformed
      }
    }
    if slot >= 0, let bytes = value.bytes {
      let from = batch.byteCount
      switch value {
      case .null: break
      case .number: batch.set(slot, number: bytes, 0..<bytes.count)
      case .text:
        batch.append(bytes[...])
        batch.set(slot, .text, from: from)
      case .blob:
        batch.append(bytes[...])
        batch.set(slot, .blob, from: from)
      }
    }
    return .done(expression.index)
  }
}
