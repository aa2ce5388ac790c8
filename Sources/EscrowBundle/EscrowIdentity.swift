package import AgeFormat
internal import Crypto
package import SecretMemory

#if canImport(FoundationEssentials)
  internal import FoundationEssentials
#else
  internal import Foundation
#endif

/// The secret that opens every revision of an escrow: the 32-byte seed of an age hybrid identity.
package struct EscrowIdentity: ~Copyable {
  /// The length of the seed in bytes.
  package static let count = HybridIdentity.seedCount

  private let seed: SecretBytes

  /// A new identity.
  package static func random() throws(EscrowError) -> EscrowIdentity {
    do { return try EscrowIdentity(seed: try SecretBytes.random(count: count)) } catch { throw EscrowError(error) }
  }

  /// - Parameter seed: 32 bytes.
  /// - Throws: `EscrowError.refused` for another length.
  package init(seed: consuming SecretBytes) throws(EscrowError) {
    guard seed.count == Self.count else {
      throw .refused(
        "an escrow identity has \(Self.count) bytes, not \(seed.count)",
        hint: "use the shares or the identity that came with the escrow")
    }
    self.seed = seed
  }

  /// The identity as age knows it.
  package borrowing func hybridIdentity() throws(EscrowError) -> HybridIdentity {
    do throws(AgeError) { return try HybridIdentity(seed: seed) } catch { throw EscrowError(error) }
  }

  /// The public half, with which anybody can seal.
  package borrowing func recipient() throws(EscrowError) -> HybridRecipient {
    try hybridIdentity().recipient
  }

  /// A second, independent owner of the same seed.
  package borrowing func duplicate() throws(EscrowError) -> EscrowIdentity {
    do {
      let copy = try seed.duplicate()
      return try EscrowIdentity(seed: copy)
    } catch {
      throw EscrowError(error)
    }
  }

  /// Lends the 32 bytes of the seed.
  package borrowing func withSeed<Result: ~Copyable, Failure: Error>(
    _ body: (RawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try seed.withBytes(body)
  }

  /// HKDF-SHA256 of the seed, 32 bytes, without salt.
  borrowing func derivedKey(info: String) -> SymmetricKey {
    DerivedKeys.hkdf(seed, info: info)
  }
}

/// How the stanzas of DESIGN.md §4 come to their keys.
enum DerivedKeys {
  /// HKDF-SHA256 (RFC 5869) without salt, 32 bytes. swift-crypto wipes a `SymmetricKey` when it goes.
  static func hkdf(_ material: borrowing SecretBytes, info: String) -> SymmetricKey {
    unsafe material.withUnsafeBytes { bytes in
      unsafe HKDF<SHA256>.deriveKey(
        inputKeyMaterial: SymmetricKey(data: bytes), info: Data(info.utf8), outputByteCount: 32)
    }
  }
}
