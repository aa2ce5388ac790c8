package import AgeFormat

/// Escrow files of format 1: sealing, opening, recovering, inspecting.
package enum Escrow {}

/// All that sealing a revision takes; none of it opens what was sealed.
package struct SealingKeys: ~Copyable {
  fileprivate let recipient: HybridRecipient
  fileprivate let passphrase: PassphraseStanza?
  fileprivate let signer: SignerStanza
  fileprivate let signingKey: SigningKey
  fileprivate let others: [any Recipient]

  /// - Parameters:
  ///   - recipient: the public half of the escrow identity.
  ///   - passphrase: nil for an escrow that only shares open.
  ///   - signer: the certificate of `signingKey`.
  ///   - others: further native age recipients, an administrator's own key. X25519 ones end the protection against a
  ///     future quantum computer, which is for the caller to say.
  /// - Throws: `EscrowError.refused` when the certificate is for another key.
  package init(
    recipient: HybridRecipient, passphrase: PassphraseStanza?, signer: SignerStanza, signingKey: consuming SigningKey,
    others: [any Recipient] = []
  ) throws(EscrowError) {
    guard signer.publicKey == signingKey.publicKey else {
      throw .refused(
        "the signer's certificate is for another signing key", hint: "restore the state folder from its backup")
    }
    self.recipient = recipient
    self.passphrase = passphrase
    self.signer = signer
    self.signingKey = signingKey
    self.others = others
  }

  /// All stanzas, in the order of format 1.
  fileprivate borrowing func stanzas(for fileKey: borrowing FileKey) throws(EscrowError) -> [Stanza] {
    var stanzas: [Stanza] = []
    if let passphrase { stanzas.append(try passphrase.stanza) }
    do throws(AgeError) {
      stanzas += try recipient.wrap(fileKey)
    } catch {
      throw EscrowError(error)
    }
    stanzas.append(try signer.stanza)
    for other in others {
      do throws(AgeError) { stanzas += try other.wrap(fileKey) } catch { throw EscrowError(error) }
    }
    return stanzas
  }
}

extension Escrow {
  /// What was sealed.
  package struct Sealed: Equatable, Sendable {
    /// The draft with its signer and members.
    package let manifest: Manifest
    /// Of the sealed file, in bytes.
    package let size: Int
    /// Of the sealed file, in hexadecimal.
    package let sha256: String
  }

  /// Writes one revision of an escrow.
  ///
  /// Memory is bounded, whatever the members' size. The sink must be able to take back what it got: after an error it
  /// holds part of a file.
  ///
  /// - Parameters:
  ///   - draft: the manifest without signer and members.
  ///   - readme: README.txt, at most 1 MiB.
  ///   - members: in any order; no path twice.
  ///   - armored: whether to write ASCII armor.
  ///   - progress: is called after every piece of at most 64 KiB, or whole member held in memory; what it
  ///     throws ends the sealing.
  package static func seal(
    _ draft: Manifest, readme: [UInt8], members: [BundleMember], with keys: borrowing SealingKeys,
    into sink: any ByteSink, armored: Bool = false,
    progress: @escaping (SealingProgress) throws(EscrowError) -> Void = { _ in }
  ) throws(EscrowError) -> Sealed {
    let bundle = try PreparedBundle(
      draft, readme: readme, members: members, signingKey: keys.signingKey, progress: progress)
    do {
      let fileKey = try FileKey.random()
      let stanzas = try keys.stanzas(for: fileKey)
      let output = DigestingSink(sink)
      let armor = armored ? ArmorWriter(output) : nil
      let age = try AgeWriter(armor ?? output, stanzas: stanzas, fileKey: fileKey)
      try bundle.write(to: age, progress: progress)
      try age.finish()
      try armor?.finish()
      return Sealed(manifest: bundle.manifest, size: output.count, sha256: output.sha256)
    } catch {
      throw EscrowError(error)
    }
  }
}
