package import AgeFormat
internal import Crypto

/// The certificate of the instance's signing key: `provenkey/signer ED25519-PUBLIC-KEY` (format 1, "signer").
///
/// Only somebody who has the escrow identity can make one, so it shows that the signer was there when the escrow was
/// created. It is copied unchanged into each revision.
package struct SignerStanza: Equatable, Sendable {
  /// The stanza's type.
  package static let type = "provenkey/signer"
  private static let info = "provenkey/signer/v1"

  package let publicKey: SignerPublicKey
  /// HMAC-SHA256 over the public key, 32 bytes.
  private let code: [UInt8]

  /// Certifies a signing key.
  package init(certifying publicKey: SignerPublicKey, by identity: borrowing EscrowIdentity) {
    let key = identity.derivedKey(info: Self.info)
    self.publicKey = publicKey
    self.code = Array(HMAC<SHA256>.authenticationCode(for: publicKey.bytes, using: key))
  }

  /// - Throws: `EscrowError.damaged` for another form.
  package init(_ stanza: Stanza) throws(EscrowError) {
    guard stanza.type == Self.type, stanza.arguments.count == 1, stanza.body.count == 32,
      let publicKey = SignerPublicKey(stanza.arguments[0])
    else { throw .damaged("its signer stanza is malformed") }
    self.publicKey = publicKey
    self.code = stanza.body
  }

  /// The stanza as it stands in the header.
  package var stanza: Stanza {
    get throws(EscrowError) {
      do throws(AgeError) {
        return try Stanza(type: Self.type, arguments: [publicKey.description], body: code)
      } catch {
        throw EscrowError(error)
      }
    }
  }

  /// Whether this identity certified the key, in constant time.
  package func isCertified(by identity: borrowing EscrowIdentity) -> Bool {
    let key = identity.derivedKey(info: Self.info)
    return HMAC<SHA256>.isValidAuthenticationCode(code, authenticating: publicKey.bytes, using: key)
  }
}
