internal import Crypto
public import SecretMemory

#if canImport(FoundationEssentials)
  internal import FoundationEssentials
#else
  internal import Foundation
#endif

/// The HPKE (RFC 9180, base mode) of age's `mlkem768x25519` stanzas.
private enum HybridSuite {
  static let ciphersuite = HPKE.Ciphersuite(kem: .XWingMLKEM768X25519, kdf: .HKDF_SHA256, aead: .chaChaPoly)
  static let info = Data("age-encryption.org/mlkem768x25519".utf8)
  static let stanzaType = "mlkem768x25519"
  /// The length of an encapsulated key: an ML-KEM-768 ciphertext and an X25519 share.
  static let encapsulatedCount = 1120
}

/// The public half of a hybrid identity: `age1pq1…`. Files for it stay closed to a future quantum computer.
public struct HybridRecipient: Recipient, Hashable, Sendable {
  private let publicKey: [UInt8]

  /// - Throws: `AgeError.key` unless this is one `age1pq1…` text in lower case and the key can be encrypted to.
  public init(encoded: String) throws(AgeError) {
    let publicKey = try Bech32.hybridRecipient.decodePublic(encoded)
    do {
      // The key is only parsed when it is used; this also refuses coefficients out of range (FIPS 203, §7.2) and
      // X25519 points of low order.
      _ = try XWingMLKEM768X25519.PublicKey(rawRepresentation: publicKey).encapsulate()
    } catch {
      throw .key("the checksum fits, but this is no MLKEM768-X25519 public key")
    }
    self.init(publicKey: publicKey)
  }

  fileprivate init(publicKey: [UInt8]) {
    self.publicKey = publicKey
  }

  /// The text `age1pq1…`, 1959 characters.
  public var encoded: String {
    get throws(AgeError) { try Bech32.hybridRecipient.encodePublic(publicKey) }
  }

  public func wrap(_ fileKey: borrowing FileKey) throws(AgeError) -> [Stanza] {
    let encapsulated: [UInt8]
    let body: [UInt8]
    do {
      // A sender counts its messages, so each stanza gets one of its own.
      var sender = try HPKE.Sender(
        recipientKey: XWingMLKEM768X25519.PublicKey(rawRepresentation: publicKey),
        ciphersuite: HybridSuite.ciphersuite, info: HybridSuite.info)
      body = Array(try unsafe fileKey.secret.withUnsafeBytes { try unsafe sender.seal($0) })
      encapsulated = Array(sender.encapsulatedKey)
    } catch {
      throw .key("nothing can be encrypted to this MLKEM768-X25519 public key")
    }
    let argument = String(decoding: Base64.encode(encapsulated), as: UTF8.self)
    return [try Stanza(type: HybridSuite.stanzaType, arguments: [argument], body: body)]
  }
}

/// An age identity for ML-KEM-768 and X25519 together (X-Wing): `AGE-SECRET-KEY-PQ-1…`, a seed of 32 bytes.
///
/// Known limit: swift-crypto expands the seed for each operation in memory that it does not wipe.
public struct HybridIdentity: ~Copyable, Identity {
  /// The length of the seed in bytes.
  public static let seedCount = 32

  private let seed: SecretBytes
  /// The public half.
  public let recipient: HybridRecipient

  /// A new identity.
  public static func random() throws(AgeError) -> HybridIdentity {
    try HybridIdentity(seed: try guarded { () throws(SecretMemoryError) in try SecretBytes.random(count: seedCount) })
  }

  /// - Parameter seed: 32 bytes.
  /// - Throws: `AgeError.key` for another length.
  public init(seed: borrowing SecretBytes) throws(AgeError) {
    guard seed.count == Self.seedCount else {
      throw .key("a hybrid identity has \(Self.seedCount) bytes, not \(seed.count)")
    }
    let publicKey = try Self.privateKey(seed).publicKey.rawRepresentation
    let own = try seed.duplicated()
    self.seed = own
    self.recipient = HybridRecipient(publicKey: Array(publicKey))
  }

  /// - Parameter encoded: the ASCII text `AGE-SECRET-KEY-PQ-1…` and nothing around it.
  /// - Throws: `AgeError.key` for anything else.
  public init(encoded: borrowing SecretBytes) throws(AgeError) {
    try self.init(seed: try encoded.withBytes { (text) throws(AgeError) in try Bech32.hybridIdentity.decode(text) })
  }

  /// The ASCII text `AGE-SECRET-KEY-PQ-1…`, 77 characters.
  public borrowing func encoded() throws(AgeError) -> SecretBytes {
    try seed.withBytes { (seed) throws(AgeError) in try Bech32.hybridIdentity.encode(seed) }
  }

  /// Lends the 32 bytes of the seed.
  public borrowing func withSeed<Result: ~Copyable, Failure: Error>(
    _ body: (RawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try seed.withBytes(body)
  }

  public borrowing func unwrap(_ stanzas: [Stanza]) throws(AgeError) -> FileKey? {
    for stanza in stanzas where stanza.type == HybridSuite.stanzaType {
      try stanza.check(arguments: 1)
      let encapsulated = try stanza.decodedArgument(0, count: HybridSuite.encapsulatedCount)
      if let fileKey = try open(stanza.body, encapsulated: encapsulated) { return fileKey }
    }
    return nil
  }

  private borrowing func open(_ body: [UInt8], encapsulated: [UInt8]) throws(AgeError) -> FileKey? {
    let privateKey = try Self.privateKey(seed)
    var recipient: HPKE.Recipient
    do {
      recipient = try HPKE.Recipient(
        privateKey: privateKey, ciphersuite: HybridSuite.ciphersuite, info: HybridSuite.info,
        encapsulatedKey: Data(encapsulated))
    } catch {
      // ML-KEM rejects implicitly, so another key does not end here: only a share of low order does.
      throw .header("the share of the mlkem768x25519 stanza is a point of low order")
    }
    guard var plaintext = try? recipient.open(body) else { return nil }
    defer { unsafe plaintext.withUnsafeMutableBytes { unsafe wipe($0) } }
    return try FileKey(copying: plaintext.bytes)
  }

  private static func privateKey(
    _ seed: borrowing SecretBytes
  ) throws(AgeError) -> XWingMLKEM768X25519.PrivateKey {
    do {
      return try unsafe seed.withUnsafeBytes { seed in
        try unsafe XWingMLKEM768X25519.PrivateKey(seedRepresentation: seed, publicKey: nil)
      }
    } catch {
      throw .key("the seed gives no MLKEM768-X25519 key")
    }
  }
}
