/// Base 64 (RFC 4648 §4) with exactly one accepted text for each value: no white space, no stray bits, and padding
/// either always (armor) or never (header).
enum Base64 {
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
  private static let padding = UInt8(ascii: "=")

  /// The value of each character, 64 for those outside of the alphabet.
  private static let values: [UInt8] = {
    var values = [UInt8](repeating: 64, count: 256)
    for (value, character) in alphabet.enumerated() { values[Int(character)] = UInt8(value) }
    return values
  }()

  /// The text of `bytes`, as ASCII.
  static func encode(_ bytes: some Collection<UInt8>, padded: Bool = false) -> [UInt8] {
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count + 2) / 3 * 4)
    var pending: UInt32 = 0
    var bits = 0
    for byte in bytes {
      pending = pending << 8 | UInt32(byte)
      bits += 8
      while bits >= 6 {
        bits -= 6
        text.append(alphabet[Int(pending >> bits & 63)])
      }
    }
    if bits > 0 { text.append(alphabet[Int(pending << (6 - bits) & 63)]) }
    if padded { while text.count % 4 != 0 { text.append(padding) } }
    return text
  }

  /// The bytes of `text`, or nil where `encode` would not have written it so.
  static func decode(_ text: some BidirectionalCollection<UInt8>, padded: Bool = false) -> [UInt8]? {
    var symbols = text[...]
    if padded {
      guard text.count % 4 == 0 else { return nil }
      for _ in 0..<2 where symbols.last == padding { symbols.removeLast() }
    }
    guard symbols.count % 4 != 1 else { return nil }

    var bytes: [UInt8] = []
    bytes.reserveCapacity(symbols.count * 3 / 4)
    var pending: UInt32 = 0
    var bits = 0
    for character in symbols {
      let value = values[Int(character)]
      guard value < 64 else { return nil }
      pending = pending << 6 | UInt32(value)
      bits += 6
      if bits >= 8 {
        bits -= 8
        bytes.append(UInt8(truncatingIfNeeded: pending >> bits))
      }
    }
    // RFC 4648 §3.5: the bits that no byte takes up are zero, or two texts would stand for one value.
    guard pending & (1 << bits - 1) == 0 else { return nil }
    return bytes
  }
}
