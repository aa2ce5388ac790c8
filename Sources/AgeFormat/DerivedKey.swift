internal import CSodium
internal import Crypto
internal import SecretMemory

/// A 32-byte key that was derived from another secret, and what age does with such keys.
struct DerivedKey: ~Copyable {
  static let count = 32
  /// What sealing adds: the Poly1305 tag, in bytes.
  static let tagCount = 16
  /// The length of a nonce in bytes (RFC 8439).
  static let nonceCount = 12

  private let secret: SecretBytes

  /// - Parameter secret: 32 bytes.
  init(unchecked secret: consuming SecretBytes) {
    self.secret = secret
  }

  /// HKDF-SHA-256 (RFC 5869).
  init(from keyMaterial: borrowing SecretBytes, salt: [UInt8], info: String) throws(AgeError) {
    let derived = unsafe keyMaterial.withUnsafeBytes { bytes in
      HKDF<SHA256>.deriveKey(
        inputKeyMaterial: unsafe SymmetricKey(data: bytes), salt: salt, info: Array(info.utf8),
        outputByteCount: Self.count)
    }
    var secret = try guarded { () throws(SecretMemoryError) in try SecretBytes(zeroed: Self.count) }
    unsafe secret.withUnsafeMutableBytes { destination in
      unsafe derived.withUnsafeBytes { unsafe destination.copyMemory(from: $0) }
    }
    self.secret = secret
  }

  /// HMAC-SHA-256 (RFC 2104).
  func mac(over bytes: [UInt8]) -> [UInt8] {
    var code = [UInt8](repeating: 0, count: Header.macCount)
    unsafe secret.withAddress { key in
      _ = unsafe crypto_auth_hmacsha256(&code, bytes, UInt64(bytes.count), key)
    }
    return code
  }

  /// ChaCha20-Poly1305 (RFC 8439) without associated data.
  ///
  /// - Parameters:
  ///   - plaintext: any number of bytes; may be the start of `ciphertext`.
  ///   - ciphertext: room for 16 bytes more than that.
  ///   - nonce: 12 bytes that were never used with this key.
  func seal(_ plaintext: UnsafeRawBufferPointer, into ciphertext: UnsafeMutableRawBufferPointer, nonce: [UInt8]) {
    precondition(ciphertext.count == plaintext.count + Self.tagCount && nonce.count == Self.nonceCount)
    unsafe secret.withAddress { key in
      _ = unsafe crypto_aead_chacha20poly1305_ietf_encrypt(
        ciphertext.baseAddress!, nil, plaintext.baseAddress, UInt64(plaintext.count), nil, 0, nil, nonce, key)
    }
  }

  /// The reverse of `seal`. The tag is verified before anything is decrypted.
  ///
  /// - Returns: whether the tag fits; where it does not, `plaintext` holds zeros.
  func open(_ ciphertext: UnsafeRawBufferPointer, into plaintext: UnsafeMutableRawBufferPointer, nonce: [UInt8]) -> Bool
  {
    precondition(ciphertext.count == plaintext.count + Self.tagCount && nonce.count == Self.nonceCount)
    return unsafe secret.withAddress { key in
      unsafe crypto_aead_chacha20poly1305_ietf_decrypt(
        plaintext.baseAddress, nil, nil, ciphertext.baseAddress!, UInt64(ciphertext.count), nil, 0, nonce, key) == 0
    }
  }
}

extension DerivedKey {
  /// The nonce for wrapping may be zero: each wrapping key is derived from fresh randomness and used once (age v1).
  private static let zeroNonce = [UInt8](repeating: 0, count: nonceCount)

  /// A file key, encrypted: the body of an X25519 or scrypt stanza.
  func wrap(_ fileKey: borrowing FileKey) -> [UInt8] {
    var body = [UInt8](repeating: 0, count: Stanza.Size.wrappedFileKey)
    unsafe fileKey.secret.withUnsafeBytes { fileKey in
      unsafe body.withUnsafeMutableBytes { unsafe seal(fileKey, into: $0, nonce: Self.zeroNonce) }
    }
    return body
  }

  /// The file key that `wrap` encrypted, or nil where this is not the key.
  ///
  /// - Parameter body: 32 bytes.
  func unwrap(_ body: [UInt8]) throws(AgeError) -> FileKey? {
    var fileKey = try guarded { () throws(SecretMemoryError) in try SecretBytes(zeroed: FileKey.count) }
    let fits = unsafe fileKey.withUnsafeMutableBytes { fileKey in
      unsafe body.withUnsafeBytes { unsafe open($0, into: fileKey, nonce: Self.zeroNonce) }
    }
    return fits ? FileKey(unchecked: fileKey) : nil
  }
}
