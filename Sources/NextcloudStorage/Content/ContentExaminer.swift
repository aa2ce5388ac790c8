internal import SecretMemory

/// Which part of a file is read.
package enum ContentExtent: Equatable, Sendable {
  /// All of it: every block is verified, and the plaintext is checked beyond the signatures.
  case whole
  /// The header and these blocks by their index from 0; indexes beyond the end are left out.
  case blocks([Int])
}

/// Decrypts and verifies one file after the other; one for each worker, since what it computes with is used again.
///
/// A drill and a recovery both go through it: a recovery only adds a sink.
package final class ContentExaminer {
  private let ring: KeyRing

  package init(ring: KeyRing) throws(ContentError) {
    self.ring = ring
  }

  /// What a file is and whether it can be restored.
  ///
  /// - Parameters:
  ///   - keys: the key files in the likeliest folder for 0, the next one for 1 and so on, nil when there are no more;
  ///     only called while none fits.
  ///   - wantsDigest: whether to compute the plaintext's SHA-256, which takes as long as all the rest together.
  package func examine(
    _ source: some ContentSource, expecting expectation: ContentExpectation,
    keys: (Int) throws -> FileKeyFiles?, extent: ContentExtent = .whole, wantsDigest: Bool = false
  ) -> ContentResult {
    ContentResult(.unknownFormat(because: "not built yet"))
  }

  /// The same for a whole file, and its plaintext goes to a sink in order.
  ///
  /// - Throws: only what the sink throws.
  package func decrypt(
    _ source: some ContentSource, expecting expectation: ContentExpectation,
    keys: (Int) throws -> FileKeyFiles?, wantsDigest: Bool = false, into sink: any ContentSink
  ) throws -> ContentResult {
    ContentResult(.unknownFormat(because: "not built yet"))
  }
}
