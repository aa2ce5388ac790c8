internal import SecretMemory

/// Writes an age file: the header at once, then chunk after chunk what is handed in.
///
/// ```swift
/// let fileKey = try FileKey.random()
/// let stanzas = try recipient.wrap(fileKey) + [ownStanza]
/// let writer = try AgeWriter(sink, stanzas: stanzas, fileKey: fileKey)
/// try writer.write(bytes)
/// try writer.finish()
/// ```
///
/// A file whose writer was not finished is refused by every reader. After an error each later call throws the same one.
public final class AgeWriter: ByteSink {
  private enum State {
    case open(PayloadWriter)
    case finished
    case failed(any Error)
  }

  private var state: State

  /// Writes the header and the nonce.
  ///
  /// - Parameters:
  ///   - sink: where the file goes; an `ArmorWriter` for text, which is then to be finished too.
  ///   - stanzas: one or more, in the order of the file; a scrypt stanza only alone. Whether stanzas of different
  ///     strength may stand side by side is for the caller to decide.
  ///   - fileKey: what the stanzas wrap, used for this file only.
  /// - Throws: `AgeError.misuse` for stanzas that no file may have, or what the sink throws.
  public init(_ sink: any ByteSink, stanzas: [Stanza], fileKey: consuming FileKey) throws {
    guard !stanzas.isEmpty else { throw AgeError.misuse("an age file needs a recipient") }
    guard !Header.mixesPassphrase(stanzas) else {
      throw AgeError.misuse("a passphrase must be the only recipient of an age file")
    }
    let header = try Header(stanzas: stanzas, authenticatedBy: fileKey)
    let nonce = try guarded { () throws(SecretMemoryError) in
      try Randomness.bytes(count: ChunkCounter.payloadNonceCount)
    }
    let payload = try PayloadWriter(sink, key: try fileKey.payloadKey(nonce: nonce))
    try sink.write(header.bytes + nonce)
    state = .open(payload)
  }

  /// Writes a file for one recipient, with a new file key.
  public convenience init(_ sink: any ByteSink, recipient: borrowing some Recipient & ~Copyable) throws {
    let fileKey = try FileKey.random()
    try self.init(sink, stanzas: try recipient.wrap(fileKey), fileKey: fileKey)
  }

  /// Encrypts `bytes`, which come out at the latest with `finish()`.
  ///
  /// - Throws: `AgeError.misuse` after `finish()`, or what the sink throws.
  public func write(_ bytes: RawSpan) throws {
    let payload = try openPayload()
    do { try payload.write(bytes) } catch {
      state = .failed(error)
      throw error
    }
  }

  /// Writes the last chunk. The sink is neither finished nor closed.
  ///
  /// - Throws: `AgeError.misuse` when called twice, or what the sink throws.
  public func finish() throws {
    let payload = try openPayload()
    do {
      try payload.finish()
      state = .finished
    } catch {
      state = .failed(error)
      throw error
    }
  }

  private func openPayload() throws -> PayloadWriter {
    switch state {
    case .open(let payload): return payload
    case .finished: throw AgeError.misuse("the age file was finished already")
    case .failed(let error): throw error
    }
  }
}
