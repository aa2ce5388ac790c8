internal import AgeFormat

/// The header of an escrow file: which stanzas there are, before anything vouches for them.
struct EscrowHeader {
  static let hybridType = "mlkem768x25519"

  let stanzas: [Stanza]
  /// The first of its type, which is the one sealed to the escrow recipient (format 1, 2.1).
  let hybrid: Stanza
  let signer: SignerStanza
  /// Not parsed: its parameters matter only to whoever has the passphrase.
  let passphrase: Stanza?

  /// - Throws: `EscrowError.notAnEscrow` without the stanzas that each escrow has, `EscrowError.damaged` with two of
  ///   a kind that is there once.
  init(_ header: Header) throws(EscrowError) {
    func only(_ type: String) throws(EscrowError) -> Stanza? {
      let found = header.stanzas.filter { $0.type == type }
      guard found.count <= 1 else { throw .damaged("its header has \(found.count) stanzas \(type)") }
      return found.first
    }
    let signer = try only(SignerStanza.type)
    guard let hybrid = header.stanzas.first(where: { $0.type == Self.hybridType }) else {
      throw .notAnEscrow("an age file without a hybrid recipient")
    }
    guard let signer else { throw .notAnEscrow("an age file without a signer") }
    self.signer = try SignerStanza(signer)
    self.passphrase = try only(PassphraseStanza.type)
    self.stanzas = header.stanzas
    self.hybrid = hybrid
  }
}
