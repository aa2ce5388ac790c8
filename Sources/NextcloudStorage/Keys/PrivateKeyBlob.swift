internal import SecretMemory

/// An encrypted private key as Nextcloud's encryption module writes it, below the ICrypto wrapping.
///
/// `HBEGIN:cipher:…:keyFormat:…[:encoding:binary]:HEND`, then the ciphertext and, counted from the end, its trailer:
/// ```
/// signed    "00iv00" iv(16) "00sig00" signature(64) "xxx"   96 bytes
/// unsigned  "00iv00" iv(16) "xx"                            24 bytes
/// ```
/// The tags are looked for at their places only: the ciphertext may contain anything.
struct PrivateKeyBlob {
  /// Why bytes are no private key blob, in plain words.
  struct Malformed: Error {
    let why: String
  }

  /// How a password becomes the key of the cipher.
  enum KeyFormat: String {
    /// The password itself, cut or filled with zeros.
    case password
    /// PBKDF2-HMAC-SHA256, 100,000 rounds.
    case hash
    /// PBKDF2-HMAC-SHA256, 600,000 rounds; since Nextcloud 28.
    case hash2

    var rounds: Int? {
      switch self {
      case .password: nil
      case .hash: 100_000
      case .hash2: 600_000
      }
    }
  }

  let cipher: LibCrypto.Cipher
  let keyFormat: KeyFormat
  let isBinary: Bool
  /// As stored: base64 text unless `isBinary`. The signature is over this.
  let ciphertext: [UInt8]
  /// 16 bytes.
  let iv: [UInt8]
  /// 32 bytes; absent in what ownCloud before 8.1 wrote.
  let signature: [UInt8]?

  /// `AES-256-CTR, hash2, binary`, for reports.
  var formatName: String {
    var parts = [cipher.rawValue, keyFormat.rawValue, isBinary ? "binary" : "base64"]
    if signature == nil { parts.append("unsigned") }
    return parts.joined(separator: ", ")
  }

  init(_ bytes: RawSpan) throws(Malformed) {
    guard bytes.byteCount > 0 else { throw Malformed(why: "the file is empty") }
    let (fields, bodyStart) = try Self.header(bytes)
    switch fields["cipher"] {
    case nil: cipher = .aes128CFB
    case let name?:
      guard let known = LibCrypto.Cipher(rawValue: name), known != .aes128CBC else {
        throw Malformed(why: "it is encrypted with a cipher that Nextcloud does not use")
      }
      cipher = known
    }
    switch fields["keyFormat"] {
    case nil: keyFormat = .password
    case let name?:
      guard let known = KeyFormat(rawValue: name) else { throw Malformed(why: "its key format is not known") }
      keyFormat = known
    }
    switch fields["encoding"] {
    case nil, "base64": isBinary = false
    case "binary": isBinary = true
    default: throw Malformed(why: "its encoding is not known")
    }

    let count = bytes.byteCount
    if count - bodyStart > 96, bytes.starts(with: "00iv00", at: count - 96),
      bytes.starts(with: "00sig00", at: count - 74)
    {
      guard bytes.starts(with: "xxx", at: count - 3),
        let signature = [UInt8](lowercaseHex: bytes.extracting((count - 67)..<(count - 3)))
      else { throw Malformed(why: "its signature is damaged") }
      self.signature = signature
      iv = bytes.extracting((count - 90)..<(count - 74)).array()
      ciphertext = bytes.extracting(bodyStart..<(count - 96)).array()
    } else if count - bodyStart > 24, bytes.starts(with: "00iv00", at: count - 24),
      bytes.starts(with: "xx", at: count - 2)
    {
      signature = nil
      iv = bytes.extracting((count - 18)..<(count - 2)).array()
      ciphertext = bytes.extracting(bodyStart..<(count - 24)).array()
    } else {
      throw Malformed(why: "truncated: its end, with the initialisation vector, is missing or damaged")
    }
  }

  /// Whether bytes can be a key without a header: base64 text up to an unsigned trailer.
  static func canBeHeaderless(_ bytes: RawSpan) -> Bool {
    let end = bytes.byteCount - 24
    guard end > 0, bytes.starts(with: "00iv00", at: end), bytes.starts(with: "xx", at: end + 22) else { return false }
    for index in 0..<end {
      switch bytes.byte(index) {
      case 0x41...0x5a, 0x61...0x7a, 0x30...0x39, 0x2b, 0x2f, 0x3d: continue
      default: return false
      }
    }
    return true
  }

  /// The header's fields and where the body starts. Pairs in any order; unknown ones are ignored, as Nextcloud does.
  /// Without a header everything is body, as ownCloud before 6 wrote it.
  private static func header(_ bytes: RawSpan) throws(Malformed) -> (fields: [String: String], bodyStart: Int) {
    guard bytes.starts(with: "HBEGIN:") else {
      guard canBeHeaderless(bytes) else { throw Malformed(why: "it does not begin as a private key of Nextcloud does") }
      return ([:], 0)
    }
    let limit = min(bytes.byteCount, 1024)
    var end = 7
    while end + 5 <= limit, !bytes.starts(with: ":HEND", at: end) { end += 1 }
    guard end + 5 <= limit else { throw Malformed(why: "truncated: its header does not end") }
    guard let text = bytes.extracting(7..<end).text() else { throw Malformed(why: "its header is damaged") }
    let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    guard parts.count % 2 == 0 else { throw Malformed(why: "its header is damaged") }
    var fields: [String: String] = [:]
    for index in stride(from: 0, to: parts.count, by: 2) {
      guard fields.updateValue(parts[index + 1], forKey: parts[index]) == nil else {
        throw Malformed(why: "its header is damaged")
      }
    }
    return (fields, end + 5)
  }

  /// Whether the ciphertext has a length that an RSA private key of 1024 bits or more can have, and is base64 where it
  /// must be: all that can be seen without the password.
  func looksWhole() throws(LibCrypto.Unavailable) -> Bool {
    let shortest = 800
    guard !isBinary else { return ciphertext.count >= shortest }
    guard let decoded = try unsafe SecretBase64.decode(ciphertext.span.bytes) else { return false }
    return decoded.count >= shortest
  }

  /// The key of the cipher for a password.
  ///
  /// - Parameters:
  ///   - saltID: the id of a master key, the uid of a user, empty for the others.
  ///   - secret: `secret` of config.php; not used by the format `password`.
  func deriveKey(
    password: borrowing SecretBytes, saltID: String, instanceID: String, secret: borrowing SecretBytes
  ) throws(LibCrypto.Unavailable) -> SecretBytes {
    guard let rounds = keyFormat.rounds else {
      var key = try LibCrypto.memory(cipher.keyCount)
      password.withBytes { password in
        key.withMutableBytes { key in
          for index in 0..<min(password.byteCount, key.byteCount) {
            key.storeBytes(of: password.byte(index), toByteOffset: index, as: UInt8.self)
          }
        }
      }
      return key
    }
    let names = [UInt8](saltID.utf8) + [UInt8](instanceID.utf8)
    let input = try secret.withBytes { (secret) throws(LibCrypto.Unavailable) in
      try unsafe LibCrypto.joined(names.span.bytes, secret)
    }
    let salt = try LibCrypto.hash(.sha256, input)
    return try salt.withBytes { (salt) throws(LibCrypto.Unavailable) in
      try PBKDF2.key(
        password: password, salt: salt, iterations: rounds, digest: .sha256, count: cipher.keyCount)
    }
  }

  /// Whether the signature is one of this key; `nil` for a blob without one. Nextcloud's own spelling of the version and
  /// position first, then that of releases before 20.
  func signatureFits(_ key: borrowing SecretBytes) throws(LibCrypto.Unavailable) -> Bool? {
    guard let signature else { return nil }
    for suffix in ["_0_0a", "00a"] {
      let suffix = [UInt8](suffix.utf8)
      let input = try key.withBytes { (key) throws(LibCrypto.Unavailable) in
        try unsafe LibCrypto.joined(key, suffix.span.bytes)
      }
      let signatureKey = try LibCrypto.hash(.sha512, input)
      let computed = try signatureKey.withBytes { (signatureKey) throws(LibCrypto.Unavailable) in
        try unsafe LibCrypto.hmac(.sha256, key: signatureKey, ciphertext.span.bytes)
      }
      if computed.withBytes({ unsafe ConstantTime.equal($0, signature.span.bytes) }) { return true }
    }
    return false
  }

  /// What the ciphertext decrypts to, right or wrong; `nil` when it is no base64 text though it should be.
  func decrypt(_ key: borrowing SecretBytes) throws(LibCrypto.Unavailable) -> SecretBytes? {
    if isBinary {
      return try key.withBytes { (key) throws(LibCrypto.Unavailable) in
        try unsafe LibCrypto.decrypt(cipher, key: key, iv: iv, ciphertext.span.bytes)
      }
    }
    guard let decoded = try unsafe SecretBase64.decode(ciphertext.span.bytes) else { return nil }
    return try key.withBytes { (key) throws(LibCrypto.Unavailable) in
      try decoded.withBytes { (decoded) throws(LibCrypto.Unavailable) in
        try LibCrypto.decrypt(cipher, key: key, iv: iv, decoded)
      }
    }
  }
}
