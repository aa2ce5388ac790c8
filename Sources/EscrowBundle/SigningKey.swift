internal import Crypto
package import SecretMemory

#if canImport(FoundationEssentials)
  internal import FoundationEssentials
#else
  internal import Foundation
#endif

/// The instance's own Ed25519 key (RFC 8032), which signs each manifest.
package struct SigningKey: ~Copyable {
  /// The length of the private key in bytes.
  package static let count = 32

  private let seed: SecretBytes
  /// 32 bytes.
  package let publicKey: SignerPublicKey

  /// A new key.
  package static func random() throws(EscrowError) -> SigningKey {
    do { return try SigningKey(seed: try SecretBytes.random(count: count)) } catch { throw EscrowError(error) }
  }

  /// - Parameter seed: 32 bytes, as `withBytes` lends them.
  /// - Throws: `EscrowError.refused` for another length.
  package init(seed: consuming SecretBytes) throws(EscrowError) {
    guard seed.count == Self.count else {
      throw .refused(
        "a signing key has \(Self.count) bytes, not \(seed.count)", hint: "restore the state folder from its backup")
    }
    let publicKey: SignerPublicKey
    do {
      publicKey = SignerPublicKey(
        unchecked: Array(try Self.privateKey(seed).publicKey.rawRepresentation))
    } catch {
      throw EscrowError(error)
    }
    self.seed = seed
    self.publicKey = publicKey
  }

  /// Lends the 32 bytes, to be kept in the state folder.
  package borrowing func withBytes<Result: ~Copyable, Failure: Error>(
    _ body: (RawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try seed.withBytes(body)
  }

  /// Signs a message: 64 bytes.
  borrowing func signature(of message: [UInt8]) throws(EscrowError) -> [UInt8] {
    do { return Array(try Self.privateKey(seed).signature(for: message)) } catch { throw EscrowError(error) }
  }

  private static func privateKey(_ seed: borrowing SecretBytes) throws -> Curve25519.Signing.PrivateKey {
    try unsafe seed.withUnsafeBytes { try unsafe Curve25519.Signing.PrivateKey(rawRepresentation: $0) }
  }
}

/// The public half of a `SigningKey`.
package struct SignerPublicKey: Hashable, Sendable, CustomStringConvertible {
  /// 32 bytes.
  package let bytes: [UInt8]

  fileprivate init(unchecked bytes: [UInt8]) {
    self.bytes = bytes
  }

  /// - Parameter text: 32 bytes in unpadded, canonical base64.
  package init?(_ text: String) {
    guard let bytes = CanonicalText.bytes(unpaddedBase64: text, count: 32) else { return nil }
    self.init(unchecked: bytes)
  }

  /// The bytes in unpadded base64.
  package var description: String { CanonicalText.unpaddedBase64(bytes) }

  /// Whether a signature of 64 bytes is this key's over a message.
  func verifies(_ signature: [UInt8], of message: [UInt8]) -> Bool {
    guard let key = try? Curve25519.Signing.PublicKey(rawRepresentation: bytes) else { return false }
    return key.isValidSignature(signature, for: message)
  }
}
