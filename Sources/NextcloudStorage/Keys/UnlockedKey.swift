internal import COpenSSL
internal import SecretMemory

/// An RSA private key, ready to decrypt share keys with; libcrypto's memory for it is freed with the value.
///
/// It can be used by several tasks at once: libcrypto allows that for everything that only reads a key, as long as each
/// task has its own `EVP_PKEY_CTX` (its page on threads), and nothing here changes the key after it was read.
@safe
package struct UnlockedKey: ~Copyable, Sendable {
  nonisolated(unsafe) private let pointer: OpaquePointer

  deinit { unsafe EVP_PKEY_free(pointer) }

  /// Nextcloud makes keys of 4096 bits. Checking the primes of a key takes time by the cube of their length or more, and
  /// a crafted key file has room for very long ones.
  private static let bitLimit = 8192

  /// Reads a PEM private key, PKCS#8 or PKCS#1; `nil` when the bytes are no such key, or one of more than 8192 bits.
  ///
  /// - Parameter isAuthentic: whether a signature vouched for the bytes. If not, the numbers of the key are checked
  ///   against each other too, since a flipped bit in them would show nowhere else.
  init?(pem: RawSpan, isAuthentic: Bool) throws(LibCrypto.Unavailable) {
    var der = try PEM.decode(pem, label: "PRIVATE KEY")
    if der == nil { der = try PEM.decode(pem, label: "RSA PRIVATE KEY") }
    guard let der else { return nil }
    let parsed = unsafe der.withUnsafeBytes { der -> OpaquePointer? in
      var position = unsafe der.baseAddress?.assumingMemoryBound(to: UInt8.self)
      let end = unsafe position.map { unsafe $0 + der.count }
      guard let key = unsafe d2i_AutoPrivateKey(nil, &position, der.count) else { return nil }
      guard unsafe position == end, unsafe EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA,
        unsafe Self.isWithinLimits(key), unsafe isAuthentic || Self.isConsistent(key)
      else {
        unsafe EVP_PKEY_free(key)
        return nil
      }
      return unsafe key
    }
    // A failed parse leaves its reasons in a queue of the thread, which nobody else empties.
    ERR_clear_error()
    guard let parsed = unsafe parsed else { return nil }
    unsafe pointer = parsed
  }

  /// Whether no number of the key is longer than the modulus, and that not too long; a prime is at most half of it, but
  /// for the few bits by which both can differ.
  private static func isWithinLimits(_ key: OpaquePointer) -> Bool {
    let modulus = Int(unsafe EVP_PKEY_get_bits(key))
    guard modulus > 0, modulus <= bitLimit else { return false }
    var limits = [
      OSSL_PKEY_PARAM_RSA_E: modulus, OSSL_PKEY_PARAM_RSA_D: modulus,
    ]
    // Further primes too: libcrypto reads keys of up to five and numbers their parts from 1.
    for number in 1...10 {
      for name in ["rsa-factor", "rsa-exponent", "rsa-coefficient"] { limits["\(name)\(number)"] = modulus / 2 + 64 }
    }
    for (name, limit) in limits {
      var value: OpaquePointer?
      guard unsafe EVP_PKEY_get_bn_param(key, name, &value) == 1 else { continue }
      defer { unsafe BN_clear_free(value) }
      guard Int(unsafe BN_num_bits(value)) <= limit else { return false }
    }
    return true
  }

  private static func isConsistent(_ key: OpaquePointer) -> Bool {
    guard let context = unsafe EVP_PKEY_CTX_new_from_pkey(nil, key, nil) else { return false }
    defer { unsafe EVP_PKEY_CTX_free(context) }
    return unsafe EVP_PKEY_check(context) == 1
  }

  /// The public half as DER `SubjectPublicKeyInfo` (RFC 5280).
  package var publicKeyInfo: [UInt8] { unsafe PublicKeyFile.info(of: pointer) ?? [] }

  /// The length of the modulus in bytes, which is also that of every share key: 512 for 4096 bits.
  package var modulusCount: Int { max(Int(unsafe EVP_PKEY_get_size(pointer)), 0) }

  /// Lends the key to a function of libcrypto.
  func withPointer<Result: ~Copyable, Failure: Error>(
    _ body: (OpaquePointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try unsafe body(pointer)
  }
}

/// Public key files below their wrapping: PEM.
enum PublicKeyFile {
  /// The DER `SubjectPublicKeyInfo` of a PEM RSA public key, as libcrypto writes it; `nil` for anything else.
  static func info(pem: RawSpan) throws(LibCrypto.Unavailable) -> [UInt8]? {
    guard let der = try PEM.decode(pem, label: "PUBLIC KEY") else { return nil }
    let parsed = unsafe der.withUnsafeBytes { der -> [UInt8]? in
      var position = unsafe der.baseAddress?.assumingMemoryBound(to: UInt8.self)
      let end = unsafe position.map { unsafe $0 + der.count }
      guard let key = unsafe d2i_PUBKEY(nil, &position, der.count) else { return nil }
      defer { unsafe EVP_PKEY_free(key) }
      guard unsafe position == end, unsafe EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA else { return nil }
      return unsafe info(of: key)
    }
    ERR_clear_error()
    return parsed
  }

  fileprivate static func info(of key: OpaquePointer) -> [UInt8]? {
    let count = unsafe i2d_PUBKEY(key, nil)
    guard count > 0 else { return nil }
    var bytes = [UInt8](repeating: 0, count: Int(count))
    let written = unsafe bytes.withUnsafeMutableBufferPointer { buffer -> Int32 in
      var position = buffer.baseAddress
      return unsafe i2d_PUBKEY(key, &position)
    }
    return written == count ? bytes : nil
  }
}

/// PEM (RFC 7468), one block and nothing else but blanks around it.
enum PEM {
  /// Whether there is an end line at all, so that a text cut short can be told from another text.
  static func hasEnd(_ text: RawSpan) -> Bool {
    for index in stride(from: text.byteCount - 9, through: 0, by: -1) where text.starts(with: "-----END ", at: index) {
      return true
    }
    return false
  }

  static func decode(_ text: RawSpan, label: String) throws(LibCrypto.Unavailable) -> SecretBytes? {
    let head = [UInt8]("-----BEGIN \(label)-----".utf8)
    let tail = [UInt8]("-----END \(label)-----".utf8)
    func matches(_ mark: [UInt8], at offset: Int) -> Bool {
      guard offset >= 0, text.byteCount - offset >= mark.count else { return false }
      for index in 0..<mark.count where text.byte(offset + index) != mark[index] { return false }
      return true
    }
    var end = text.byteCount
    while end > 0, [0x20, 0x09, 0x0a, 0x0d].contains(text.byte(end - 1)) { end -= 1 }
    guard matches(head, at: 0), end - tail.count >= head.count, matches(tail, at: end - tail.count),
      end == text.byteCount || text.byteCount - end <= 4
    else { return nil }
    return try SecretBase64.decode(text.extracting(head.count..<(end - tail.count)), skippingLineBreaks: true)
  }
}
