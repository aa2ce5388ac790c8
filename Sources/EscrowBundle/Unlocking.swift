package import AgeFormat
internal import SecretMemory

/// What an escrow is opened with.
package enum Unlock: ~Copyable {
  case passphrase(Passphrase)
  /// From shares, or from a file that holds it.
  case escrowIdentity(EscrowIdentity)
  /// Identities of an age identity file. One of them may be the escrow's own; with any other, nobody can tell whether
  /// the signer belongs to the escrow.
  case ageIdentities(IdentityList)
}

/// A file key that was found, and the escrow identity if it was that which found it.
final class UnlockedKey {
  private(set) var fileKey: FileKey?
  private(set) var identity: EscrowIdentity?

  /// Unwraps the file key.
  ///
  /// - Throws: `EscrowError.wrongPassphrase`, `.wrongIdentity`, `.noPassphraseStanza`, `.damaged`, `.unsupported`.
  init(_ header: EscrowHeader, with unlock: borrowing Unlock) throws(EscrowError) {
    switch unlock {
    case .passphrase(let passphrase):
      guard let stanza = header.passphrase else { throw .noPassphraseStanza }
      let identity = try PassphraseStanza(stanza).open(with: passphrase)
      // This commits the passphrase to one identity: ChaCha20-Poly1305 alone would let a body open under several keys.
      let hybrid = try identity.hybridIdentity()
      fileKey = try Self.unwrap([header.hybrid], hybrid)
      guard fileKey != nil else {
        throw .damaged("its passphrase stanza belongs to another escrow, or its hybrid stanza was changed")
      }
      self.identity = consume identity
    case .escrowIdentity(let identity):
      let hybrid = try identity.hybridIdentity()
      fileKey = try Self.unwrap([header.hybrid], hybrid)
      guard fileKey != nil else { throw .wrongIdentity }
      self.identity = try identity.duplicate()
    case .ageIdentities(let identities):
      func each(_ identity: borrowing AnyIdentity) throws(EscrowError) { try attempt(identity, header) }
      try identities.withEach(each)
      guard fileKey != nil else { throw .wrongIdentity }
    }
  }

  /// Gives the file key away.
  func takeFileKey() -> FileKey? { fileKey.take() }

  /// Whether it was the escrow identity, and that certified the signer; nil when another identity was used.
  func certifies(_ signer: SignerStanza) -> Bool? {
    switch identity {
    case .some(let identity): signer.isCertified(by: identity)
    case .none: nil
    }
  }

  /// Tries one identity; the one that opens the escrow's own stanza wins over others.
  private func attempt(_ identity: borrowing AnyIdentity, _ header: EscrowHeader) throws(EscrowError) {
    switch self.identity {
    case .some: return
    case .none: break
    }
    if let found = try Self.unwrap([header.hybrid], identity) {
      fileKey = consume found
      switch identity {
      case .hybrid(let hybrid):
        let seed = try mappingErrors { try hybrid.withSeed { try SecretBytes(copying: $0) } }
        self.identity = try EscrowIdentity(seed: seed)
      case .x25519: break
      case .scrypt: break
      }
    } else if let found = try Self.unwrap(header.stanzas, identity) {
      fileKey = consume found
    }
  }

  private static func unwrap(
    _ stanzas: [Stanza], _ identity: borrowing some Identity & ~Copyable
  ) throws(EscrowError) -> FileKey? {
    do throws(AgeError) { return try identity.unwrap(stanzas) } catch { throw EscrowError(error) }
  }
}
