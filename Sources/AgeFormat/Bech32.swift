internal import SecretMemory

/// Bech32 (BIP 173, without its limit of 90 characters) for one kind of key.
///
/// The kind fixes the human-readable part, its case and the length, so that each key has exactly one text.
/// Everything passes through guarded memory, since half of the kinds are secret.
struct Bech32: Sendable {
  /// The human-readable part. Its case is the case of the whole text.
  let prefix: String
  /// The length of the key in bytes.
  let count: Int

  static let x25519Recipient = Bech32(prefix: "age", count: 32)
  static let x25519Identity = Bech32(prefix: "AGE-SECRET-KEY-", count: 32)
  static let hybridRecipient = Bech32(prefix: "age1pq", count: 1216)
  static let hybridIdentity = Bech32(prefix: "AGE-SECRET-KEY-PQ-", count: 32)

  private static let checksumCount = 6
  private static let alphabet = Array("qpzry9x8gf2tvdw0s3jn54khce6mua7l".utf8)
  private var isUppercase: Bool { prefix.utf8.contains { (0x41...0x5A).contains($0) } }
  private var start: [UInt8] { Array("\(prefix)1".utf8) }
  private var symbolCount: Int { (count * 8 + 4) / 5 }

  /// Whether a text claims to be of this kind.
  func claims(_ text: RawSpan) -> Bool {
    unsafe text.withUnsafeBytes { unsafe $0.starts(with: start) }
  }

  /// The text of `bytes`, as ASCII.
  ///
  /// - Precondition: there are `count` bytes.
  func encode(_ bytes: RawSpan) throws(AgeError) -> SecretBytes {
    precondition(bytes.byteCount == count, "the length of a key is fixed by its kind")
    let length = start.count + symbolCount + Self.checksumCount
    var text = try guarded { () throws(SecretMemoryError) in try SecretBytes(zeroed: length) }
    unsafe text.withUnsafeMutableBytes { text in
      unsafe text.copyBytes(from: start)
      var position = start.count
      var checksum = Checksum(prefix: prefix)
      func put(_ symbol: UInt8) {
        let character = Self.alphabet[Int(symbol)]
        unsafe text[position] = isUppercase ? character.uppercased : character
        position += 1
      }
      func add(_ symbol: UInt8) {
        checksum.add(symbol)
        put(symbol)
      }
      unsafe bytes.withUnsafeBytes { bytes in
        var pending: UInt32 = 0
        var bits = 0
        for index in bytes.indices {
          pending = unsafe pending << 8 | UInt32(bytes[index])
          bits += 8
          while bits >= 5 {
            bits -= 5
            add(UInt8(pending >> bits & 31))
          }
        }
        if bits > 0 { add(UInt8(pending << (5 - bits) & 31)) }
      }
      for symbol in checksum.symbols { put(symbol) }
    }
    return text
  }

  /// The bytes of a text.
  ///
  /// - Throws: `AgeError.key` for a text of another kind, case or length, with a character that does not belong there,
  ///   with stray bits, or with another checksum. The error says where, never what.
  func decode(_ text: RawSpan) throws(AgeError) -> SecretBytes {
    guard claims(text) else { throw .key("it does not begin with \(prefix)1") }
    let length = start.count + symbolCount + Self.checksumCount
    guard text.byteCount == length else {
      throw .key("it has \(text.byteCount) characters; \(length) are needed")
    }
    var key = try guarded { () throws(SecretMemoryError) in try SecretBytes(zeroed: count) }
    try unsafe key.withUnsafeMutableBytes { (key) throws(AgeError) in
      try unsafe text.withUnsafeBytes { (text) throws(AgeError) in try unsafe decode(text, into: key) }
    }
    return key
  }

  private func decode(
    _ text: UnsafeRawBufferPointer, into key: UnsafeMutableRawBufferPointer
  ) throws(AgeError) {
    var checksum = Checksum(prefix: prefix)
    var pending: UInt32 = 0
    var bits = 0
    var written = 0
    for position in start.count..<text.count {
      guard let symbol = symbol(of: unsafe text[position]) else {
        throw .key("character \(position + 1) does not belong there")
      }
      checksum.add(symbol)
      guard position < start.count + symbolCount else { continue }
      pending = pending << 5 | UInt32(symbol)
      bits += 5
      if bits >= 8 {
        bits -= 8
        unsafe key[written] = UInt8(truncatingIfNeeded: pending >> bits)
        written += 1
      }
    }
    guard checksum.isValid else { throw .key("its checksum does not fit; a character was mistyped or lost") }
    guard pending & (1 << bits - 1) == 0 else { throw .key("it has bits behind its end") }
  }

  private func symbol(of character: UInt8) -> UInt8? {
    let lowercase = isUppercase ? character.lowercased : character
    guard !isUppercase || lowercase.uppercased == character else { return nil }
    return Self.alphabet.firstIndex(of: lowercase).map { UInt8($0) }
  }

  /// The BCH code of BIP 173, always over the lower-case text.
  private struct Checksum {
    private static let generator: [UInt32] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3]
    private var state: UInt32 = 1

    init(prefix: String) {
      let characters = prefix.utf8.map(\.lowercased)
      for character in characters { add(character >> 5) }
      add(0)
      for character in characters { add(character & 31) }
    }

    mutating func add(_ symbol: UInt8) {
      let top = state >> 25
      state = (state & 0x1ff_ffff) << 5 ^ UInt32(symbol)
      for (bit, term) in Self.generator.enumerated() where top >> bit & 1 == 1 { state ^= term }
    }

    /// The six symbols that complete what was added.
    var symbols: [UInt8] {
      var padded = self
      for _ in 0..<checksumCount { padded.add(0) }
      let rest = padded.state ^ 1
      return (0..<checksumCount).map { UInt8(rest >> (5 * (checksumCount - 1 - $0)) & 31) }
    }

    /// Whether what was added ends with its own checksum.
    var isValid: Bool { state == 1 }
  }
}

extension UInt8 {
  fileprivate var lowercased: UInt8 { (0x41...0x5A).contains(self) ? self + 0x20 : self }
  fileprivate var uppercased: UInt8 { (0x61...0x7A).contains(self) ? self - 0x20 : self }
}

extension Bech32 {
  /// The text of a public key.
  func encodePublic(_ key: [UInt8]) throws(AgeError) -> String {
    let text = try unsafe encode(key.span.bytes)
    return text.withBytes { unsafe $0.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) } }
  }

  /// A public key from its text.
  func decodePublic(_ text: String) throws(AgeError) -> [UInt8] {
    let key = try unsafe decode(Array(text.utf8).span.bytes)
    return key.withBytes { unsafe $0.withUnsafeBytes { unsafe Array($0) } }
  }
}
