/// Somebody who can open files: holds a secret, and finds the stanza that is meant for it.
public protocol Identity: ~Copyable {
  /// The file key, from the first stanza that this identity opens.
  ///
  /// Stanzas of types that it does not know are passed over.
  ///
  /// - Returns: nil when none of the stanzas is for this identity.
  /// - Throws: `AgeError.header` when a stanza of its own type is malformed.
  borrowing func unwrap(_ stanzas: [Stanza]) throws(AgeError) -> FileKey?
}

/// Somebody to whom files can be encrypted.
public protocol Recipient: ~Copyable {
  /// Stanzas from which the matching identity gets the file key back.
  borrowing func wrap(_ fileKey: borrowing FileKey) throws(AgeError) -> [Stanza]
}
