internal import COpenSSL
internal import SecretMemory

/// The functions of OpenSSL's libcrypto that Nextcloud's key files need, with their results in guarded memory.
enum LibCrypto {
  /// What keeps libcrypto or the memory for secrets from working; never the fault of a key file.
  struct Unavailable: Error {
    let problem: String
  }

  /// Digests, by their names in OpenSSL.
  enum Digest: String {
    case sha1 = "SHA1"
    case sha256 = "SHA256"
    case sha512 = "SHA512"

    var count: Int {
      switch self {
      case .sha1: 20
      case .sha256: 32
      case .sha512: 64
      }
    }

    fileprivate var pointer: OpaquePointer? {
      switch self {
      case .sha1: unsafe EVP_sha1()
      case .sha256: unsafe EVP_sha256()
      case .sha512: unsafe EVP_sha512()
      }
    }
  }

  /// Ciphers that Nextcloud and ownCloud have used.
  enum Cipher: String, CaseIterable {
    case aes256CTR = "AES-256-CTR"
    case aes128CTR = "AES-128-CTR"
    case aes256CFB = "AES-256-CFB"
    case aes128CFB = "AES-128-CFB"
    /// Only inside ICrypto; padding is the caller's business.
    case aes128CBC = "AES-128-CBC"

    /// The length of a key in bytes.
    var keyCount: Int {
      switch self {
      case .aes256CTR, .aes256CFB: 32
      case .aes128CTR, .aes128CFB, .aes128CBC: 16
      }
    }

    fileprivate var pointer: OpaquePointer? {
      switch self {
      case .aes256CTR: unsafe EVP_aes_256_ctr()
      case .aes128CTR: unsafe EVP_aes_128_ctr()
      // CFB means CFB128 here, as in PHP's openssl_encrypt.
      case .aes256CFB: unsafe EVP_aes_256_cfb128()
      case .aes128CFB: unsafe EVP_aes_128_cfb128()
      case .aes128CBC: unsafe EVP_aes_128_cbc()
      }
    }
  }

  static func memory(_ count: Int) throws(Unavailable) -> SecretBytes {
    do { return try SecretBytes(zeroed: count) } catch { throw Unavailable(problem: "\(error)") }
  }

  static func copy(_ bytes: RawSpan) throws(Unavailable) -> SecretBytes {
    do { return try SecretBytes(copying: bytes) } catch { throw Unavailable(problem: "\(error)") }
  }

  /// Both, one after the other.
  static func joined(_ left: RawSpan, _ right: RawSpan) throws(Unavailable) -> SecretBytes {
    var both = try memory(left.byteCount + right.byteCount)
    both.withMutableBytes { both in
      for index in 0..<left.byteCount { both.storeBytes(of: left.byte(index), toByteOffset: index, as: UInt8.self) }
      for index in 0..<right.byteCount {
        both.storeBytes(of: right.byte(index), toByteOffset: left.byteCount + index, as: UInt8.self)
      }
    }
    return both
  }

  /// The digest of bytes.
  static func hash(_ digest: Digest, _ data: borrowing SecretBytes) throws(Unavailable) -> SecretBytes {
    var output = try memory(digest.count)
    let status = unsafe output.withUnsafeMutableBytes { output in
      unsafe data.withUnsafeBytes { data in
        unsafe EVP_Digest(
          data.baseAddress, data.count, output.baseAddress?.assumingMemoryBound(to: UInt8.self), nil, digest.pointer,
          nil)
      }
    }
    guard status == 1 else { throw Unavailable(problem: "libcrypto refuses \(digest.rawValue)") }
    return output
  }

  /// The MD5 of a text as hexadecimal digits, by which the database names what is too long for it; no protection.
  static func md5Hex(_ text: String) throws(Unavailable) -> String {
    let bytes = [UInt8](text.utf8)
    var output = [UInt8](repeating: 0, count: 16)
    guard unsafe EVP_Digest(bytes, bytes.count, &output, nil, EVP_md5(), nil) == 1 else {
      throw Unavailable(problem: "libcrypto refuses MD5")
    }
    return output.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  /// HMAC (RFC 2104).
  static func hmac(_ digest: Digest, key: RawSpan, _ data: RawSpan) throws(Unavailable) -> SecretBytes {
    var output = try memory(digest.count)
    let isDone = unsafe output.withUnsafeMutableBytes { output in
      unsafe key.withUnsafeBytes { key in
        unsafe data.withUnsafeBytes { data in
          var count = 0
          let result = unsafe EVP_Q_mac(
            nil, "HMAC", nil, digest.rawValue, nil, key.baseAddress, key.count,
            data.baseAddress?.assumingMemoryBound(to: UInt8.self), data.count,
            output.baseAddress?.assumingMemoryBound(to: UInt8.self), output.count, &count)
          return unsafe result != nil && count == output.count
        }
      }
    }
    guard isDone else { throw Unavailable(problem: "libcrypto refuses HMAC with \(digest.rawValue)") }
    return output
  }

  /// HKDF-SHA512 without salt and info, 64 bytes (RFC 5869): as one block of output is one block of the digest,
  /// it is two HMACs.
  static func hkdf64(_ input: borrowing SecretBytes) throws(Unavailable) -> SecretBytes {
    let noSalt = [UInt8](repeating: 0, count: 64)
    let pseudorandom = try input.withBytes { (input) throws(Unavailable) in
      try unsafe hmac(.sha512, key: noSalt.span.bytes, input)
    }
    let first: [UInt8] = [1]
    return try pseudorandom.withBytes { (key) throws(Unavailable) in
      try unsafe hmac(.sha512, key: key, first.span.bytes)
    }
  }

  /// Decrypts without touching padding.
  ///
  /// - Parameters:
  ///   - key: at least `cipher.keyCount` bytes; the first ones are used.
  ///   - iv: exactly 16 bytes.
  ///   - data: for CBC a multiple of 16 bytes.
  static func decrypt(
    _ cipher: Cipher, key: RawSpan, iv: [UInt8], _ data: RawSpan
  ) throws(Unavailable) -> SecretBytes {
    guard key.byteCount >= cipher.keyCount, iv.count == 16, let context = unsafe EVP_CIPHER_CTX_new() else {
      throw Unavailable(problem: "libcrypto refuses \(cipher.rawValue)")
    }
    defer { unsafe EVP_CIPHER_CTX_free(context) }
    var output = try memory(data.byteCount)
    let written = unsafe output.withUnsafeMutableBytes { output in
      unsafe key.withUnsafeBytes { key in
        unsafe data.withUnsafeBytes { data -> Int? in
          guard
            unsafe EVP_DecryptInit_ex(
              context, cipher.pointer, nil, key.baseAddress?.assumingMemoryBound(to: UInt8.self), iv) == 1,
            unsafe EVP_CIPHER_CTX_set_padding(context, 0) == 1
          else { return nil }
          var count: Int32 = 0
          guard
            unsafe EVP_DecryptUpdate(
              context, output.baseAddress?.assumingMemoryBound(to: UInt8.self), &count,
              data.baseAddress?.assumingMemoryBound(to: UInt8.self), Int32(clamping: data.count)) == 1
          else { return nil }
          return Int(count)
        }
      }
    }
    guard written == data.byteCount else { throw Unavailable(problem: "libcrypto refuses \(cipher.rawValue)") }
    return output
  }
}
