internal import SecretMemory

extension RawSpan {
  /// One byte; an index outside of the span stops the program, so callers compare with `byteCount` first.
  func byte(_ index: Int) -> UInt8 { unsafe unsafeLoadUnaligned(fromByteOffset: index, as: UInt8.self) }

  /// Whether the span begins with these ASCII characters.
  func starts(with text: StaticString, at offset: Int = 0) -> Bool {
    guard offset >= 0, byteCount - offset >= text.utf8CodeUnitCount else { return false }
    return text.withUTF8Buffer { text in
      for index in 0..<text.count {
        guard unsafe byte(offset + index) == text[index] else { return false }
      }
      return true
    }
  }

  /// The bytes as text, for parts that are no secret; `nil` when they are no UTF-8.
  func text() -> String? {
    unsafe withUnsafeBytes { unsafe String(validating: $0, as: UTF8.self) }
  }

  /// The bytes as an array, for parts that are no secret.
  func array() -> [UInt8] { unsafe withUnsafeBytes { unsafe [UInt8]($0) } }
}

extension [UInt8] {
  /// The bytes that pairs of lowercase hexadecimal digits stand for; `nil` for anything else.
  init?(lowercaseHex text: RawSpan) {
    guard text.byteCount % 2 == 0 else { return nil }
    func digit(_ byte: UInt8) -> UInt8? {
      switch byte {
      case 0x30...0x39: byte - 0x30
      case 0x61...0x66: byte - 0x61 + 10
      default: nil
      }
    }
    self = []
    reserveCapacity(text.byteCount / 2)
    for index in stride(from: 0, to: text.byteCount, by: 2) {
      guard let high = digit(text.byte(index)), let low = digit(text.byte(index + 1)) else { return nil }
      append(high << 4 | low)
    }
  }
}

/// Base64 (RFC 4648 §4) into guarded memory: the decoders at hand leave copies of what they decode.
enum SecretBase64 {
  /// The bytes that a text stands for, or `nil` when it is not exactly base64 with its padding.
  ///
  /// - Parameter skippingLineBreaks: whether CR, LF, blanks and tabs may stand anywhere, as in PEM.
  static func decode(
    _ text: RawSpan, skippingLineBreaks: Bool = false
  ) throws(LibCrypto.Unavailable) -> SecretBytes? {
    var output = try LibCrypto.memory(text.byteCount / 4 * 3 + 3)
    let count = unsafe output.withUnsafeMutableBytes { (output) -> Int? in
      var group: UInt32 = 0
      var digits = 0
      var padding = 0
      var written = 0
      for index in 0..<text.byteCount {
        let byte = text.byte(index)
        if skippingLineBreaks, byte == 0x0a || byte == 0x0d || byte == 0x20 || byte == 0x09 { continue }
        if byte == 0x3d {
          padding += 1
          guard digits >= 2, digits + padding <= 4 else { return nil }
          continue
        }
        guard padding == 0, let value = value(of: byte) else { return nil }
        group = group << 6 | UInt32(value)
        digits += 1
        if digits == 4 {
          unsafe output[written] = UInt8(truncatingIfNeeded: group >> 16)
          unsafe output[written + 1] = UInt8(truncatingIfNeeded: group >> 8)
          unsafe output[written + 2] = UInt8(truncatingIfNeeded: group)
          (group, digits, written) = (0, 0, written + 3)
        }
      }
      switch (digits, padding) {
      case (0, 0): return written
      case (2, 2) where group & 0xf == 0:
        unsafe output[written] = UInt8(truncatingIfNeeded: group >> 4)
        return written + 1
      case (3, 1) where group & 0x3 == 0:
        unsafe output[written] = UInt8(truncatingIfNeeded: group >> 10)
        unsafe output[written + 1] = UInt8(truncatingIfNeeded: group >> 2)
        return written + 2
      default: return nil
      }
    }
    guard let count else { return nil }
    output.truncate(to: count)
    return output
  }

  private static func value(of byte: UInt8) -> UInt8? {
    switch byte {
    case 0x41...0x5a: byte - 0x41
    case 0x61...0x7a: byte - 0x61 + 26
    case 0x30...0x39: byte - 0x30 + 52
    case 0x2b: 62
    case 0x2f: 63
    default: nil
    }
  }
}
