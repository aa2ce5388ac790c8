/// What stands behind a backslash in strings of MySQL and PostgreSQL, and in PostgreSQL's COPY.
enum DumpEscapes {
  /// Appends what an escape means.
  ///
  /// - Parameter index: of the byte behind the backslash, which is there.
  /// - Returns: the index behind the escape.
  static func append(
    _ bytes: [UInt8], at index: Int, to end: Int, _ family: DumpDialect.Family, _ batch: inout RowBatch
  ) -> Int {
    family == .mysql ? mysql(bytes, index, &batch) : postgresql(bytes, index, end, &batch)
  }

  /// The MySQL manual, "String Literals", table of special character escape sequences.
  private static func mysql(_ bytes: [UInt8], _ index: Int, _ batch: inout RowBatch) -> Int {
    switch bytes[index] {
    case UInt8(ascii: "0"): batch.append(0)
    case UInt8(ascii: "b"): batch.append(0x08)
    case UInt8(ascii: "n"): batch.append(0x0a)
    case UInt8(ascii: "r"): batch.append(0x0d)
    case UInt8(ascii: "t"): batch.append(0x09)
    case UInt8(ascii: "Z"): batch.append(0x1a)
    case let mark where mark == UInt8(ascii: "%") || mark == UInt8(ascii: "_"):
      // These mean something in patterns only, and keep their backslash elsewhere.
      batch.append(UInt8(ascii: "\\"))
      batch.append(mark)
    case let other: batch.append(other)
    }
    return index + 1
  }

  /// The PostgreSQL manual, "String Constants with C-Style Escapes" and "COPY, Text Format", which has `\v` besides.
  private static func postgresql(_ bytes: [UInt8], _ index: Int, _ end: Int, _ batch: inout RowBatch) -> Int {
    switch bytes[index] {
    case UInt8(ascii: "b"): batch.append(0x08)
    case UInt8(ascii: "f"): batch.append(0x0c)
    case UInt8(ascii: "n"): batch.append(0x0a)
    case UInt8(ascii: "r"): batch.append(0x0d)
    case UInt8(ascii: "t"): batch.append(0x09)
    case UInt8(ascii: "v"): batch.append(0x0b)
    case UInt8(ascii: "0")...UInt8(ascii: "7"):
      return number(bytes, index, end, digits: 3, base: 8, &batch) { batch, value in
        batch.append(UInt8(truncatingIfNeeded: value))
      }
    case UInt8(ascii: "x"):
      return number(bytes, index + 1, end, digits: 2, base: 16, &batch) { batch, value in
        batch.append(UInt8(truncatingIfNeeded: value))
      }
    case UInt8(ascii: "u"): return number(bytes, index + 1, end, digits: 4, base: 16, &batch, encode)
    case UInt8(ascii: "U"): return number(bytes, index + 1, end, digits: 8, base: 16, &batch, encode)
    case let other: batch.append(other)
    }
    return index + 1
  }

  private static func encode(_ batch: inout RowBatch, _ value: UInt32) {
    let scalar = Unicode.Scalar(value) ?? "\u{fffd}"
    for byte in String(scalar).utf8 { batch.append(byte) }
  }

  /// A number of at most so many digits; without any the letter before them stands for itself.
  private static func number(
    _ bytes: [UInt8], _ start: Int, _ end: Int, digits: Int, base: UInt32, _ batch: inout RowBatch,
    _ take: (inout RowBatch, UInt32) -> Void
  ) -> Int {
    var value: UInt32 = 0
    var index = start
    while index < end, index - start < digits, let digit = bytes[index].hexadecimal, UInt32(digit) < base {
      value = value &* base &+ UInt32(digit)
      index += 1
    }
    if index == start {
      batch.append(bytes[start - 1])
    } else {
      take(&batch, value)
    }
    return index
  }
}

extension RowBatch {
  /// Encodes what was appended since there were `start` bytes, taken for Windows-1252 as MySQL's latin1 is, as UTF-8.
  mutating func encodeLatin1(from start: Int) {
    guard bytes[start...].contains(where: { $0 >= 0x80 }) else { return }
    let single = Array(bytes[start...])
    truncate(to: start)
    for byte in single {
      let value = (0x80...0x9f).contains(byte) ? Windows1252.scalars[Int(byte - 0x80)] : UInt32(byte)
      for byte in String(Unicode.Scalar(value) ?? "\u{fffd}").utf8 { append(byte) }
    }
  }
}

/// The character set that MySQL calls latin1.
package enum Windows1252 {
  /// What 0x80 to 0x9f are; the five that are nothing stand for themselves.
  package static let scalars: [UInt32] = [
    0x20ac, 0x81, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8d, 0x017d,
    0x8f, 0x90, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x9d,
    0x017e, 0x0178,
  ]
}
