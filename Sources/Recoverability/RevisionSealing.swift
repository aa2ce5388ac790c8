package import AgeFormat
internal import DurableFiles
package import EscrowBundle
package import FoundationEssentials
package import SystemPackage

/// Sealing the next revision and putting it at the output path, so that a kill at any moment leaves the old revision
/// or the new one there, and a state that knows which.
///
/// The steps: the sealed file is written and synchronised under a temporary name; the state says that it is *pending*,
/// with its digest; the file is renamed; the state says that it is the *last*. Whoever comes next after a kill compares
/// the digest of the file at the output path with the pending one.
package struct RevisionSealing: ~Copyable {
  private let folder: StateFolder
  /// What the state will say.
  package private(set) var state: EscrowState
  private let placement: AtomicFile.Placement

  /// For a new escrow, whose state folder may hold what a killed `create` left.
  ///
  /// - Throws: `RecoverabilityError.stateInUse` when the folder's escrow exists.
  package init(creating state: EscrowState, in folder: consuming StateFolder) throws {
    if let earlier = try folder.load(), try Self.reconciled(earlier).last != nil {
      throw RecoverabilityError.stateInUse(folder.path)
    }
    self.folder = folder
    self.state = state
    self.placement = .createNew
  }

  /// Whether a new escrow can use a state folder, before anything else is done.
  package static func checkNew(_ path: FilePath) throws {
    let folder: StateFolder
    do { folder = try StateFolder(at: path, creating: false) } catch RecoverabilityError.noState { return }
    if let earlier = try folder.load(), try reconciled(earlier).last != nil {
      throw RecoverabilityError.stateInUse(path)
    }
  }

  /// For the next revision of an escrow.
  ///
  /// - Parameter sources: changes where what is sealed comes from, for this revision and those after it.
  /// - Throws: `RecoverabilityError.noState` when no escrow was created with the folder.
  package init(
    refreshing folder: consuming StateFolder, sources: (SealingSources) -> SealingSources
  ) throws {
    guard let earlier = try folder.load() else { throw RecoverabilityError.noState(folder.path) }
    var state = try Self.reconciled(earlier)
    // Without one, `create` was killed before its escrow was anywhere: nobody has what opens further revisions.
    guard state.last != nil else { throw RecoverabilityError.noState(folder.path) }
    state.sources = sources(state.sources)
    self.folder = folder
    self.state = state
    self.placement = .replace
  }

  /// Collects nothing and asks nothing: seals what was collected, and returns what stands at the output path now.
  ///
  /// - Parameters:
  ///   - signingKey: nil to take the one of the state folder.
  ///   - proof: opens the sealed file before it is put there; what it throws becomes
  ///     `RecoverabilityError.sealedFileDoesNotOpen`.
  ///   - progress: is called often; throws to stop, after which nothing has changed.
  package mutating func seal(
    _ collected: CollectedInstance, at time: Date, signingKey: consuming SigningKey? = nil,
    proof: ((FilePath) throws -> Void)? = nil, progress: @escaping (SealingProgress) throws(EscrowError) -> Void
  ) throws -> Escrow.Sealed {
    let keys = try sealingKeys(signingKey)
    let draft = collected.manifest(escrow: state.escrow, revision: state.nextRevision, at: time)
    let file = try AtomicFile(at: FilePath(state.sources.output), placement)
    let sealed = try Escrow.seal(
      draft, readme: Array(RestoreInstructions.text(for: draft).utf8), members: collected.members, with: keys,
      into: FileSink(file), armored: state.sources.isArmored, progress: progress)
    if let proof {
      do {
        try proof(file.temporaryPath)
      } catch let error as EscrowError {
        throw RecoverabilityError.sealedFileDoesNotOpen(error)
      }
    }
    let revision = SealedRevision(
      number: draft.revision, sha256: sealed.sha256, size: sealed.size, sealedAt: draft.sealedAt)
    state.pending = revision
    try folder.save(state)
    try file.commit()
    state.last = revision
    state.pending = nil
    try folder.save(state)
    return sealed
  }

  private borrowing func sealingKeys(_ new: consuming SigningKey?) throws -> SealingKeys {
    let signingKey: SigningKey
    if let new {
      try folder.store(new)
      signingKey = new
    } else {
      signingKey = try folder.signingKey()
    }
    do {
      return try SealingKeys(
        recipient: HybridRecipient(encoded: state.recipient),
        passphrase: try state.passphraseStanza.map { try PassphraseStanza($0.stanza()) },
        signer: SignerStanza(state.signerStanza.stanza()), signingKey: signingKey,
        others: try state.furtherRecipients.map { try FurtherRecipient.recipient($0) })
    } catch is AgeError {
      throw RecoverabilityError.stateUnreadable(folder.path.appending("escrow.json"))
    }
  }

  /// The state after what a killed run left has been looked at: a pending revision counts if it arrived.
  ///
  /// Its number is not used again in either case, so it stays pending where it did not arrive.
  private static func reconciled(_ state: EscrowState) throws -> EscrowState {
    guard let pending = state.pending else { return state }
    var state = state
    if (try? Escrow.digest(of: FilePath(state.sources.output))) == pending.sha256 {
      state.last = pending
      state.pending = nil
    }
    return state
  }
}

/// Native age recipients besides the escrow's: an administrator's own key.
package enum FurtherRecipient {
  /// The text of a recipient, `age1…` or `age1pq1…`, if it is one.
  ///
  /// - Throws: `AgeError` for anything else.
  package static func checked(_ text: String) throws(AgeError) -> String {
    _ = try recipient(text)
    return text
  }

  /// - Throws: `AgeError` for anything else.
  static func recipient(_ text: String) throws(AgeError) -> any Recipient {
    text.hasPrefix("age1pq1") ? try HybridRecipient(encoded: text) : try X25519Recipient(encoded: text)
  }
}
