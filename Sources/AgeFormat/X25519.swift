internal import CSodium
public import SecretMemory

/// The public half of an X25519 identity: `age1…`.
///
/// Not secure against a future quantum computer; a file for a `HybridRecipient` should have no such stanza beside it.
public struct X25519Recipient: Recipient, Hashable, Sendable {
  let publicKey: [UInt8]

  /// - Throws: `AgeError.key` unless this is one `age1…` text in lower case.
  public init(encoded: String) throws(AgeError) {
    self.init(publicKey: try Bech32.x25519Recipient.decodePublic(encoded))
  }

  init(publicKey: [UInt8]) {
    self.publicKey = publicKey
  }

  /// The text `age1…`.
  public var encoded: String {
    get throws(AgeError) { try Bech32.x25519Recipient.encodePublic(publicKey) }
  }

  public func wrap(_ fileKey: borrowing FileKey) throws(AgeError) -> [Stanza] {
    let ephemeral = try X25519Identity.random()
    let share = ephemeral.recipient.publicKey
    guard let shared = try ephemeral.sharedSecret(with: publicKey) else {
      throw .key("the X25519 recipient is a point of low order, so nothing can be encrypted to it")
    }
    let body = try X25519Identity.wrapKey(shared, share: share, recipient: publicKey).wrap(fileKey)
    let argument = String(decoding: Base64.encode(share), as: UTF8.self)
    return [try Stanza(type: X25519Identity.stanzaType, arguments: [argument], body: body)]
  }
}

/// An age identity of the first kind: `AGE-SECRET-KEY-1…`.
public struct X25519Identity: ~Copyable, Identity {
  static let stanzaType = "X25519"
  /// The length of a secret, and of a public key, in bytes.
  public static let count = 32

  private let secret: SecretBytes
  /// The public half.
  public let recipient: X25519Recipient

  /// A new identity.
  public static func random() throws(AgeError) -> X25519Identity {
    try X25519Identity(secret: try guarded { () throws(SecretMemoryError) in try SecretBytes.random(count: count) })
  }

  /// - Parameter secret: the scalar, 32 bytes, which need not be clamped.
  /// - Throws: `AgeError.key` for another length.
  public init(secret: borrowing SecretBytes) throws(AgeError) {
    guard secret.count == Self.count else {
      throw .key("an X25519 secret has \(Self.count) bytes, not \(secret.count)")
    }
    var publicKey = [UInt8](repeating: 0, count: Self.count)
    unsafe secret.withAddress { _ = unsafe crypto_scalarmult_curve25519_base(&publicKey, $0) }
    let own = try secret.duplicated()
    self.secret = own
    self.recipient = X25519Recipient(publicKey: publicKey)
  }

  /// - Parameter encoded: the ASCII text `AGE-SECRET-KEY-1…` and nothing around it.
  /// - Throws: `AgeError.key` for anything else.
  public init(encoded: borrowing SecretBytes) throws(AgeError) {
    try self.init(secret: try encoded.withBytes { (text) throws(AgeError) in try Bech32.x25519Identity.decode(text) })
  }

  /// The ASCII text `AGE-SECRET-KEY-1…`.
  public borrowing func encoded() throws(AgeError) -> SecretBytes {
    try secret.withBytes { (secret) throws(AgeError) in try Bech32.x25519Identity.encode(secret) }
  }

  public borrowing func unwrap(_ stanzas: [Stanza]) throws(AgeError) -> FileKey? {
    for stanza in stanzas where stanza.type == Self.stanzaType {
      try stanza.check(arguments: 1)
      let share = try stanza.decodedArgument(0, count: Self.count)
      guard let shared = try sharedSecret(with: share) else {
        throw .header("the share of the X25519 stanza is a point of low order")
      }
      let wrapKey = try Self.wrapKey(shared, share: share, recipient: recipient.publicKey)
      if let fileKey = try wrapKey.unwrap(stanza.body) { return fileKey }
    }
    return nil
  }

  /// X25519 (RFC 7748), or nil where the result is all zeros because the point has a low order.
  fileprivate borrowing func sharedSecret(with point: [UInt8]) throws(AgeError) -> SecretBytes? {
    var shared = try guarded { () throws(SecretMemoryError) in try SecretBytes(zeroed: Self.count) }
    let status = unsafe shared.withMutableAddress { shared in
      unsafe secret.withAddress { unsafe crypto_scalarmult_curve25519(shared, $0, point) }
    }
    guard status == 0 else { return nil }
    return shared
  }

  fileprivate static func wrapKey(
    _ shared: borrowing SecretBytes, share: [UInt8], recipient: [UInt8]
  ) throws(AgeError) -> DerivedKey {
    try DerivedKey(from: shared, salt: share + recipient, info: "age-encryption.org/v1/X25519")
  }
}
