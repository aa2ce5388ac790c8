public import SecretMemory

/// What can go wrong with an age file or an age key.
///
/// The first five are the verdicts of the official test kit; the rest concern keys, callers and the machine. What a
/// `ByteSource` or `ByteSink` throws is passed on as it is and is no `AgeError`.
public enum AgeError: Error, Equatable {
  /// The header, or a stanza that is meant for the identity at hand, breaks the grammar or a rule of the format.
  case header(String)
  /// The header parses and the file key was found, but the header's authentication code is another one.
  case headerMAC
  /// The file is well-formed, but none of its stanzas opens with what was offered.
  case noMatch
  /// The payload is damaged, cut short, reordered or extended. What was released before is genuine.
  case payload(String)
  /// The ASCII armor is not strict PEM.
  case armor(String)
  /// An encoded recipient or identity, or an identity file, is malformed.
  case key(String)
  /// The caller asked for something that the format or the order of calls rules out.
  case misuse(String)
  /// Memory for a secret cannot be had.
  case memory(SecretMemoryError)
}

extension AgeError: CustomStringConvertible {
  public var description: String { problem }

  /// What happened, in one line and without secrets.
  public var problem: String {
    switch self {
    case .header(let reason): "the age header is malformed: \(reason)"
    case .headerMAC: "the age header was changed after it was written: its authentication code does not fit"
    case .noMatch: "no stanza of the age file opens with this identity or passphrase"
    case .payload(let reason): "the encrypted content is damaged: \(reason)"
    case .armor(let reason): "the ASCII armor is malformed: \(reason)"
    case .key(let reason): "malformed age key: \(reason)"
    case .misuse(let reason): reason
    case .memory(let error): error.description
    }
  }

  /// What to do about it, in one line.
  public var hint: String {
    switch self {
    case .header: "check that this is an age file, and compare it with another copy"
    case .headerMAC: "fetch another copy of the file"
    case .noMatch: "check that the identity or passphrase belongs to this file"
    case .payload: "fetch another copy of the file; it may have been cut short in transfer"
    case .armor: "copy the text again, from the BEGIN line to the END line, without reflowing it"
    case .key: "copy the whole key again, on one line"
    case .misuse: "this is a mistake of the calling program"
    case .memory: "free some memory or raise the limit of locked memory (ulimit -l)"
    }
  }
}
