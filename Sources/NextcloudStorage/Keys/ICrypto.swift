internal import COpenSSL
internal import NextcloudKeys
internal import SecretMemory

/// A string of Nextcloud's `ICrypto`: ciphertext, IV and MAC as text, under the instance's `secret`.
///
/// AES-128-CBC, encrypt then HMAC-SHA512. The grammar, which is told apart as a whole and never by counting separators
/// since a raw share key can contain `|` too:
/// ```
/// v1        ct_hex "|" iv (16 characters) "|" mac_hex
/// v2        ct_hex "|" iv_hex             "|" mac_hex "|2"
/// v3        ct_hex "|" iv_hex             "|" mac_hex "|3"
/// ownCloud  "v2|" ct_hex "|" iv_hex       "|" mac_hex
/// ```
struct ICryptoText {
  enum Version {
    case version1
    case version2
    case version3
    case ownCloud2

    var wrapping: KeyWrapping {
      switch self {
      case .version1: .version1
      case .version2: .version2
      case .version3: .version3
      case .ownCloud2: .ownCloud2
      }
    }
  }

  /// Why a string does not open.
  enum Failure: Error {
    /// The MAC does not fit the secret; nothing was decrypted.
    case mac
    /// The MAC fits, but what it vouches for is not what was expected.
    case content
    case unavailable(LibCrypto.Unavailable)
  }

  let version: Version
  let ciphertext: [UInt8]
  /// 16 bytes.
  let iv: [UInt8]
  /// 64 bytes.
  let mac: [UInt8]
  /// What the MAC is over.
  fileprivate let macMessage: [UInt8]

  /// The parts of a string, or `nil` when the bytes are no such string; one line break at the end is allowed.
  init?(_ bytes: RawSpan) {
    var end = bytes.byteCount
    if end > 0, bytes.byte(end - 1) == 0x0a { end -= 1 }
    let isOwnCloud = bytes.starts(with: "v2|")
    let start = isOwnCloud ? 3 : 0
    guard let first = Self.separator(in: bytes, from: start, to: end),
      let second = Self.separator(in: bytes, from: first + 1, to: end), first > start
    else { return nil }
    let third = Self.separator(in: bytes, from: second + 1, to: end)
    guard let ciphertext = [UInt8](lowercaseHex: bytes.extracting(start..<first)),
      let mac = [UInt8](lowercaseHex: bytes.extracting((second + 1)..<(third ?? end))),
      mac.count == 64, ciphertext.count % 16 == 0
    else { return nil }
    let ivField = bytes.extracting((first + 1)..<second)

    switch (isOwnCloud, third) {
    case (true, nil): version = .ownCloud2
    case (false, nil): version = .version1
    case (false, let third?):
      guard end - third == 2 else { return nil }
      switch bytes.byte(third + 1) {
      case 0x32: version = .version2
      case 0x33: version = .version3
      default: return nil
      }
    default: return nil
    }
    if version == .version1 {
      iv = ivField.array()
    } else {
      guard let decoded = [UInt8](lowercaseHex: ivField) else { return nil }
      iv = decoded
    }
    guard iv.count == 16 else { return nil }
    self.ciphertext = ciphertext
    self.mac = mac
    // ownCloud signs the IV's bytes, Nextcloud the field as it is written.
    macMessage = bytes.extracting(start..<first).array() + (version == .ownCloud2 ? iv : ivField.array())
  }

  /// Whether bytes begin as such a string does and end before it does: a key file that was cut short.
  static func looksTruncated(_ bytes: RawSpan) -> Bool {
    let start = bytes.starts(with: "v2|") ? 3 : 0
    guard bytes.byteCount - start >= 32 else { return false }
    for index in start..<(start + 32) {
      switch bytes.byte(index) {
      case 0x30...0x39, 0x61...0x66: continue
      default: return false
      }
    }
    for index in start..<bytes.byteCount {
      switch bytes.byte(index) {
      case 0x20...0x7e, 0x0a: continue
      default: return false
      }
    }
    // 128 digits of MAC follow the second separator; with all of them it is not cut but damaged.
    guard let first = separator(in: bytes, from: start, to: bytes.byteCount),
      let second = separator(in: bytes, from: first + 1, to: bytes.byteCount)
    else { return true }
    return bytes.byteCount - second - 1 < 128
  }

  private static func separator(in bytes: RawSpan, from start: Int, to end: Int) -> Int? {
    var index = start
    while index < end {
      if bytes.byte(index) == 0x7c { return index }
      index += 1
    }
    return nil
  }

  /// The plaintext under a secret.
  ///
  /// For versions 1 and 2 it also tries what an instance wrote while it had no secret: encryption under "" with the MAC
  /// under the secret, then both under "".
  ///
  /// - Parameter isExpected: whether a plaintext can be the right one. Where two keys are possible this decides, since
  ///   one wrong key in 256 gives a padding that looks right.
  func open(
    secret: borrowing SecretBytes, expecting isExpected: (RawSpan) -> Bool
  ) throws(Failure) -> SecretBytes {
    do {
      switch version {
      case .version1, .version2:
        let empty = try LibCrypto.memory(0)
        if try macFits(secret) {
          if let plaintext = try decrypt(secret), plaintext.withBytes(isExpected) { return plaintext }
        } else if try !macFits(empty) {
          throw Failure.mac
        }
        if let plaintext = try decrypt(empty), plaintext.withBytes(isExpected) { return plaintext }
        throw Failure.content
      case .version3, .ownCloud2:
        // HKDF refuses an empty secret in PHP, so nothing was ever written under one.
        guard secret.count > 0 else { throw Failure.mac }
        let both = try LibCrypto.hkdf64(secret)
        let (macInput, keyInput) = try both.withBytes { (both) throws(LibCrypto.Unavailable) in
          (
            Held(try LibCrypto.copy(both.extracting(32..<64))),
            Held(try LibCrypto.copy(both.extracting(0..<32)))
          )
        }
        guard try macFits(macInput.bytes) else { throw Failure.mac }
        if let plaintext = try decrypt(keyInput.bytes), plaintext.withBytes(isExpected) { return plaintext }
        throw Failure.content
      }
    } catch let failure as Failure {
      throw failure
    } catch let unavailable as LibCrypto.Unavailable {
      throw .unavailable(unavailable)
    } catch {
      throw .content
    }
  }

  private func macFits(_ input: borrowing SecretBytes) throws(LibCrypto.Unavailable) -> Bool {
    let key = try Self.macKey(input)
    let computed = try key.withBytes { (key) throws(LibCrypto.Unavailable) in
      try unsafe LibCrypto.hmac(.sha512, key: key, macMessage.span.bytes)
    }
    return computed.withBytes { unsafe ConstantTime.equal($0, mac.span.bytes) }
  }

  /// The key of the MAC, 128 bytes: the digest as hexadecimal text, not its bytes.
  static func macKey(_ input: borrowing SecretBytes) throws(LibCrypto.Unavailable) -> SecretBytes {
    let message = try input.withBytes { (input) throws(LibCrypto.Unavailable) in
      try unsafe LibCrypto.joined(input, [UInt8]("a".utf8).span.bytes)
    }
    let digest = try LibCrypto.hash(.sha512, message)
    var key = try LibCrypto.memory(128)
    digest.withBytes { digest in
      key.withMutableBytes { $0.writeHex(of: digest) }
    }
    return key
  }

  /// The key of the cipher, 16 bytes: the library's default length, whatever the length of the input.
  static func aesKey(_ input: borrowing SecretBytes) throws(LibCrypto.Unavailable) -> SecretBytes {
    let salt = [UInt8]("phpseclib".utf8)
    return try unsafe PBKDF2.key(
      password: input, salt: salt.span.bytes, iterations: 1000, digest: .sha1, count: 16)
  }

  /// The plaintext, or `nil` when its end is not padded as PKCS#7 says.
  private func decrypt(_ input: borrowing SecretBytes) throws(LibCrypto.Unavailable) -> SecretBytes? {
    let key = try Self.aesKey(input)
    var plaintext = try key.withBytes { (key) throws(LibCrypto.Unavailable) in
      try unsafe LibCrypto.decrypt(.aes128CBC, key: key, iv: iv, ciphertext.span.bytes)
    }
    let count = plaintext.withBytes { plaintext -> Int? in
      guard plaintext.byteCount >= 16 else { return nil }
      let padding = Int(plaintext.byte(plaintext.byteCount - 1))
      guard (1...16).contains(padding) else { return nil }
      for offset in 1...padding where Int(plaintext.byte(plaintext.byteCount - offset)) != padding { return nil }
      return plaintext.byteCount - padding
    }
    guard let count else { return nil }
    plaintext.truncate(to: count)
    return plaintext
  }
}

/// With keys that were derived before, and a plaintext that needs no guarding.
extension ICryptoText {
  /// - Parameter key: as `macKey(_:)` gives it.
  func macFits(key: RawSpan) -> Bool {
    var computed = [UInt8](repeating: 0, count: 64)
    let isDone = unsafe key.withUnsafeBytes { key in
      var count: UInt32 = 0
      return unsafe HMAC(
        EVP_sha512(), key.baseAddress, Int32(clamping: key.count), macMessage, macMessage.count, &computed, &count)
        != nil && count == 64
    }
    return unsafe isDone && ConstantTime.equal(computed.span.bytes, mac.span.bytes)
  }

  /// The plaintext, or `nil` when its end is not padded as PKCS#7 says.
  ///
  /// - Parameter key: as `aesKey(_:)` gives it.
  func decryptUnguarded(key: RawSpan) -> [UInt8]? {
    guard key.byteCount == 16, iv.count == 16, let context = unsafe EVP_CIPHER_CTX_new() else { return nil }
    defer { unsafe EVP_CIPHER_CTX_free(context) }
    var plaintext = [UInt8](repeating: 0, count: ciphertext.count + 16)
    var count: Int32 = 0
    var last: Int32 = 0
    let isDone = unsafe key.withUnsafeBytes { key in
      unsafe plaintext.withUnsafeMutableBufferPointer { plaintext in
        guard let output = plaintext.baseAddress,
          unsafe EVP_DecryptInit_ex(
            context, EVP_aes_128_cbc(), nil, key.baseAddress?.assumingMemoryBound(to: UInt8.self), iv) == 1,
          unsafe EVP_DecryptUpdate(context, output, &count, ciphertext, Int32(clamping: ciphertext.count)) == 1
        else { return false }
        return unsafe EVP_DecryptFinal_ex(context, output + Int(count), &last) == 1
      }
    }
    guard isDone else {
      // The reason stays in a queue of the thread otherwise, which nobody else empties.
      ERR_clear_error()
      return nil
    }
    return Array(plaintext.prefix(Int(count) + Int(last)))
  }
}

extension MutableRawSpan {
  /// Fills the span with the lowercase hexadecimal digits of `bytes`, two for each.
  mutating func writeHex(of bytes: RawSpan) {
    func digit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x61 + value - 10 }
    for index in 0..<bytes.byteCount {
      let byte = bytes.byte(index)
      storeBytes(of: digit(byte >> 4), toByteOffset: index * 2, as: UInt8.self)
      storeBytes(of: digit(byte & 0xf), toByteOffset: index * 2 + 1, as: UInt8.self)
    }
  }
}
