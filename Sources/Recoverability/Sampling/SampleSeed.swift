internal import Crypto

/// What makes a draw repeatable: 32 bytes that are printed in the report.
package struct SampleSeed: Equatable, Sendable {
  /// 32 bytes.
  package let bytes: [UInt8]

  /// A fresh one from the system's randomness.
  package static func random() -> SampleSeed {
    var generator = SystemRandomNumberGenerator()
    return SampleSeed(bytes: (0..<32).map { _ in UInt8.random(in: 0...255, using: &generator) })
  }

  /// 64 hexadecimal digits are the seed itself, as a report prints it; of any other text it is the SHA-256.
  package init(text: String) {
    bytes = Hexadecimal.bytes(text, count: 32) ?? [UInt8](SHA256.hash(data: Array(text.utf8)))
  }

  private init(bytes: [UInt8]) {
    self.bytes = bytes
  }

  /// 64 hexadecimal digits.
  package var text: String { Hexadecimal.text(bytes) }
}

/// Bytes as two small hexadecimal digits each.
enum Hexadecimal {
  static func text(_ bytes: some Sequence<UInt8>) -> String {
    let digits = Array("0123456789abcdef".unicodeScalars)
    var text = ""
    for byte in bytes {
      text.unicodeScalars.append(digits[Int(byte >> 4)])
      text.unicodeScalars.append(digits[Int(byte & 15)])
    }
    return text
  }

  /// Nil unless the text is just that many bytes; capital digits count too.
  static func bytes(_ text: String, count: Int) -> [UInt8]? {
    let digits = Array(text.utf8)
    guard digits.count == 2 * count else { return nil }
    var bytes: [UInt8] = []
    for index in 0..<count {
      guard let high = value(digits[2 * index]), let low = value(digits[2 * index + 1]) else { return nil }
      bytes.append(high << 4 | low)
    }
    return bytes
  }

  private static func value(_ digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}
