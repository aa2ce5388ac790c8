internal import AgeFormat
package import DurableFiles
package import SecretMemory

/// Why an escrow could not be sealed, opened or inspected.
package enum EscrowError: Error, Equatable {
  /// The passphrase does not open the passphrase stanza (or the stanza itself was changed: the two look the same).
  case wrongPassphrase
  /// None of the identities opens the escrow.
  case wrongIdentity
  /// It was sealed without a passphrase: only the escrow identity, from shares, opens it.
  case noPassphraseStanza
  /// Opened with an identity other than the escrow's, which cannot tell whether the signer belongs to it.
  case unprovenSigner
  /// A well-formed file of another kind, with what it lacks.
  case notAnEscrow(String)
  /// Bytes were changed or lost, by accident or not.
  case damaged(String)
  /// Well encrypted, but not what this escrow's instance sealed.
  case forged(String)
  /// Well-formed, but asks for something that this version does not know or will not do.
  case unsupported(String)
  /// A passphrase that cannot be used: empty, too long, no text.
  case unusablePassphrase(String)
  /// Something that was to be sealed, or done with a bundle, is refused; with what to do about it.
  case refused(String, hint: String)
  /// A person or the system asked to stop.
  case interrupted
  /// A file or folder could not be read or written.
  case file(FileError)
  /// Memory for secrets could not be had.
  case memory(SecretMemoryError)

  /// What happened, on one line.
  package var problem: String {
    switch self {
    case .wrongPassphrase: "the passphrase does not open this escrow"
    case .wrongIdentity: "this identity does not open this escrow"
    case .noPassphraseStanza: "this escrow was sealed without a passphrase"
    case .unprovenSigner: "this identity opens the file, but cannot prove who sealed it"
    case .notAnEscrow(let why): "this is no escrow: \(why)"
    case .damaged(let why): "the escrow is damaged: \(why)"
    case .forged(let why): "this is not what the escrow's instance sealed: \(why)"
    case .unsupported(let why): "this version cannot open the escrow: \(why)"
    case .unusablePassphrase(let why): "the passphrase cannot be used: \(why)"
    case .refused(let problem, _): problem
    case .interrupted: "interrupted"
    case .file(let error): error.problem
    case .memory(let error): "\(error)"
    }
  }

  /// What a person can do about it, on one line.
  package var hint: String {
    switch self {
    case .wrongPassphrase: "check for typing errors and the right escrow; or open it with shares"
    case .wrongIdentity: "check that the shares or the identity belong to this escrow"
    case .noPassphraseStanza: "open it with shares, or with the escrow identity"
    case .unprovenSigner:
      "open it with the passphrase or shares; or accept an unproven signer if you know the file's origin"
    case .notAnEscrow: "name a file NAME.escrow.age that provenkey made"
    case .damaged: "fetch another copy, from another store; nothing was recovered"
    case .forged: "do not use it; fetch the escrow from another store, and find out who could write to this one"
    case .unsupported: "open it with the newest provenkey"
    case .unusablePassphrase: "choose a passphrase of 1 to \(Passphrase.limit) bytes of text"
    case .refused(_, let hint): hint
    case .interrupted: "nothing was changed; run the command again"
    case .file(let error): error.hint
    case .memory: "free some memory, or raise the limit of locked memory (ulimit -l)"
    }
  }

  /// What was thrown while bytes were read or written, as an error of this module.
  init(_ error: any Error) {
    switch error {
    case let error as EscrowError: self = error
    case let error as FileError: self = .file(error)
    case let error as SecretMemoryError: self = .memory(error)
    case let error as AgeError: self.init(age: error)
    default: self = .refused("\(error)", hint: "nothing was changed")
    }
  }

  private init(age error: AgeError) {
    switch error {
    case .memory(let error): self = .memory(error)
    case .noMatch: self = .wrongIdentity
    case .header, .headerMAC, .payload, .armor: self = .damaged(error.problem)
    case .key, .misuse: self = .refused(error.problem, hint: error.hint)
    }
  }
}

/// Runs code of other modules and gives what it throws the type of this one.
func mappingErrors<Result: ~Copyable>(_ body: () throws -> Result) throws(EscrowError) -> Result {
  do { return try body() } catch { throw EscrowError(error) }
}

extension EscrowError: CustomStringConvertible {
  package var description: String { problem }
}
