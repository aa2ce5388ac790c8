package import AgeFormat
internal import Crypto
package import SecretMemory

#if canImport(FoundationEssentials)
  internal import FoundationEssentials
#else
  internal import Foundation
#endif

/// The escrow identity, encrypted with a passphrase: `provenkey/argon2id SALT T M P` (format 1, "argon2id").
///
/// It is made once and copied unchanged into each revision, so that sealing needs no passphrase.
package struct PassphraseStanza: Equatable, Sendable {
  /// The stanza's type.
  package static let type = "provenkey/argon2id"
  private static let info = "provenkey/argon2id/v1"
  private static let bodyCount = EscrowIdentity.count + 16

  /// What one try of a passphrase costs.
  package let parameters: Argon2id.Parameters
  /// 16 random bytes.
  package let salt: [UInt8]
  /// The encrypted identity and its tag, 48 bytes.
  private let body: [UInt8]

  /// The least cost at which a stanza is made: 64 MiB, and as much work as RFC 9106's second recommended option
  /// (3 passes over 64 MiB).
  package static let leastMemoryKiB = 65_536
  private static let leastWork = 3 * leastMemoryKiB

  /// Whether a stanza is made at this cost.
  package static func isEnough(_ parameters: Argon2id.Parameters) -> Bool {
    parameters.memoryKiB >= leastMemoryKiB && parameters.passes * parameters.memoryKiB >= leastWork
  }

  /// Encrypts an identity; takes as long as the parameters ask for.
  ///
  /// - Throws: `EscrowError.refused` for parameters below the least cost.
  package init(
    sealing identity: borrowing EscrowIdentity, with passphrase: borrowing Passphrase,
    parameters: Argon2id.Parameters = .standard
  ) throws(EscrowError) {
    guard Self.isEnough(parameters) else {
      throw .refused(
        "\(parameters.passes) passes over \(parameters.memoryKiB) KiB are too cheap for a passphrase that must last",
        hint: "use at least 3 passes over 64 MiB, or one over 256 MiB")
    }
    try self.init(sealing: identity, with: passphrase, anyCost: parameters)
  }

  /// Encrypts an identity at any cost, also one that protects nothing: for tests.
  package init(
    sealing identity: borrowing EscrowIdentity, with passphrase: borrowing Passphrase, anyCost: Argon2id.Parameters
  ) throws(EscrowError) {
    let salt = try mappingErrors { try Randomness.bytes(count: Argon2id.saltCount) }
    let key = try Self.wrapKey(passphrase, salt: salt, parameters: anyCost)
    let sealed = try mappingErrors {
      try identity.withSeed { seed in
        try unsafe seed.withUnsafeBytes { seed in
          try unsafe ChaChaPoly.seal(seed, using: key, nonce: Self.nonce())
        }
      }
    }
    self.salt = salt
    self.parameters = anyCost
    self.body = Array(sealed.ciphertext) + Array(sealed.tag)
  }

  /// Reads a stanza; no work is done yet.
  ///
  /// - Throws: `EscrowError.damaged` for another form, `EscrowError.unsupported` for parameters beyond the limits.
  package init(_ stanza: Stanza) throws(EscrowError) {
    guard stanza.type == Self.type, stanza.arguments.count == 4, stanza.body.count == Self.bodyCount,
      let salt = CanonicalText.bytes(unpaddedBase64: stanza.arguments[0], count: Argon2id.saltCount),
      let passes = CanonicalText.number(stanza.arguments[1]),
      let memoryKiB = CanonicalText.number(stanza.arguments[2]),
      let lanes = CanonicalText.number(stanza.arguments[3])
    else { throw .damaged("its passphrase stanza is malformed") }
    guard lanes == 1 else { throw .unsupported("Argon2id with \(lanes) lanes; only 1 is known") }
    do throws(SecretMemoryError) {
      self.parameters = try Argon2id.Parameters(passes: passes, memoryKiB: memoryKiB)
    } catch {
      throw .unsupported("\(error)")
    }
    self.salt = salt
    self.body = stanza.body
  }

  /// The stanza as it stands in the header.
  package var stanza: Stanza {
    get throws(EscrowError) {
      let numbers = ["\(parameters.passes)", "\(parameters.memoryKiB)", "1"]
      do throws(AgeError) {
        return try Stanza(type: Self.type, arguments: [CanonicalText.unpaddedBase64(salt)] + numbers, body: body)
      } catch {
        throw EscrowError(error)
      }
    }
  }

  /// Decrypts the identity; takes as long as the parameters ask for.
  ///
  /// That something comes out does not yet say that it is this escrow's identity: open its hybrid stanza with it.
  ///
  /// - Throws: `EscrowError.wrongPassphrase` when the body does not open.
  package func open(with passphrase: borrowing Passphrase) throws(EscrowError) -> EscrowIdentity {
    let key = try Self.wrapKey(passphrase, salt: salt, parameters: parameters)
    let nonce = try mappingErrors { try Self.nonce() }
    guard
      let box = try? ChaChaPoly.SealedBox(
        nonce: nonce, ciphertext: body.prefix(EscrowIdentity.count), tag: body.suffix(16)),
      var plaintext = try? ChaChaPoly.open(box, using: key)
    else { throw .wrongPassphrase }
    defer { unsafe plaintext.withUnsafeMutableBytes { unsafe wipe($0) } }
    do {
      let seed = try SecretBytes(copying: plaintext.bytes)
      return try EscrowIdentity(seed: seed)
    } catch {
      throw EscrowError(error)
    }
  }

  private static func wrapKey(
    _ passphrase: borrowing Passphrase, salt: [UInt8], parameters: Argon2id.Parameters
  ) throws(EscrowError) -> SymmetricKey {
    do throws(SecretMemoryError) {
      let stretched = try Argon2id.derive(passphrase: passphrase.bytes, salt: salt, parameters: parameters)
      return DerivedKeys.hkdf(stretched, info: info)
    } catch {
      throw .memory(error)
    }
  }

  /// All zero: the key is fresh with every salt and encrypts nothing else (as in age v1).
  private static func nonce() throws -> ChaChaPoly.Nonce {
    try ChaChaPoly.Nonce(data: [UInt8](repeating: 0, count: 12))
  }
}
