#if canImport(FoundationEssentials)
  internal import FoundationEssentials
#else
  internal import Foundation
#endif

/// Texts for bytes and numbers with exactly one accepted form for each value.
enum CanonicalText {
  /// Base 64 without padding (RFC 4648 §4), as stanza arguments have it.
  static func unpaddedBase64(_ bytes: [UInt8]) -> String {
    String(Data(bytes).base64EncodedString().prefix { $0 != "=" })
  }

  /// The bytes of an unpadded text; nil unless it is what `unpaddedBase64` writes for exactly `count` bytes.
  static func bytes(unpaddedBase64 text: String, count: Int) -> [UInt8]? {
    // Foundation accepts stray bits; encoding again and comparing does not.
    guard text.utf8.count <= count * 2,
      let data = Data(base64Encoded: text + String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)),
      data.count == count, unpaddedBase64(Array(data)) == text
    else { return nil }
    return Array(data)
  }

  /// Base 64 with padding and a line feed, as `manifest.sig` has it.
  static func base64Line(_ bytes: [UInt8]) -> [UInt8] {
    Array(Data(bytes).base64EncodedString().utf8) + [UInt8(ascii: "\n")]
  }

  /// The bytes of a line; nil unless it is what `base64Line` writes for exactly `count` bytes.
  static func bytes(base64Line line: [UInt8], count: Int) -> [UInt8]? {
    guard line.count <= count * 2, line.last == UInt8(ascii: "\n"),
      let data = Data(base64Encoded: String(decoding: line.dropLast(), as: UTF8.self)),
      data.count == count, base64Line(Array(data)) == line
    else { return nil }
    return Array(data)
  }

  /// A decimal number without sign and leading zeros, at most 10 digits.
  static func number(_ text: String) -> Int? {
    guard text.utf8.count <= 10, let number = Int(text), number >= 0, "\(number)" == text else { return nil }
    return number
  }

  /// Lower-case hexadecimal digits, two a byte.
  static func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    for byte in bytes { text += [digits[Int(byte >> 4)], digits[Int(byte & 15)]] }
    return String(decoding: text, as: UTF8.self)
  }

  /// Whether a text is exactly `count` lower-case hexadecimal digits.
  static func isHexadecimal(_ text: String, count: Int) -> Bool {
    text.utf8.count == count && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
  }
}
