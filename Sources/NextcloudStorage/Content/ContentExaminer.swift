internal import NextcloudKeys

/// Which part of a file is read.
package enum ContentExtent: Equatable, Sendable {
  /// All of it: every block is verified, and the plaintext is checked beyond the signatures.
  case whole
  /// The header and these blocks by their index from 0; indexes beyond the end are left out.
  case blocks([Int])
}

/// Decrypts and verifies one file after the other; one for each worker, since what it computes with is used again.
///
/// A drill and a recovery both go through it: a recovery only adds a sink. It takes some 600 KiB, whatever a file's size.
package final class ContentExaminer {
  let ring: KeyRing
  let engine: BlockEngine
  let table: FileKeyTable?

  /// - Parameter table: keys to try for files whose own folders of keys have none that fits.
  package init(ring: KeyRing, table: FileKeyTable? = nil) throws(ContentError) {
    self.ring = ring
    self.table = table
    engine = try BlockEngine()
  }

  /// What a file is and whether it can be restored.
  ///
  /// - Parameters:
  ///   - keys: the key files in the likeliest folder for 0, the next one for 1 and so on, nil when there are no more;
  ///     only called while none fits.
  ///   - wantsDigest: whether to compute the plaintext's SHA-256, which takes as long as all the rest together.
  package func examine(
    _ source: any ContentSource, expecting expectation: ContentExpectation,
    keys: (Int) throws -> FileKeyFiles?, extent: ContentExtent = .whole, wantsDigest: Bool = false
  ) -> ContentResult {
    do {
      return try run(source, expectation, keys, extent, wantsDigest: wantsDigest, sink: nil)
    } catch {
      // Only a sink throws, and there is none.
      return ContentResult(.unreadable(because: "\(error)"))
    }
  }

  /// The same for a whole file, and its plaintext goes to a sink in order.
  ///
  /// A block that does not verify is written as it decrypts, one that cannot be taken apart as zeros of the length it must
  /// have had; the result tells which. Where no key fits nothing is written.
  ///
  /// - Throws: only what the sink throws.
  package func decrypt(
    _ source: any ContentSource, expecting expectation: ContentExpectation,
    keys: (Int) throws -> FileKeyFiles?, wantsDigest: Bool = false, into sink: any ContentSink
  ) throws -> ContentResult {
    try run(source, expectation, keys, .whole, wantsDigest: wantsDigest, sink: sink)
  }

  private func run(
    _ source: any ContentSource, _ expectation: ContentExpectation, _ keys: (Int) throws -> FileKeyFiles?,
    _ extent: ContentExtent, wantsDigest: Bool, sink: (any ContentSink)?
  ) throws -> ContentResult {
    defer { engine.forgetKeys() }
    let file = OpenContent(
      source: source, expectation: expectation, extent: extent, wantsDigest: wantsDigest, sink: sink)
    do {
      let size = source.size
      let wanted = extent == .whole ? BlockEngine.inputCount : ContentHeader.blockCount
      try file.load(into: engine, at: 0, count: Int(min(size, Int64(wanted))))
      let head = Int(min(size, Int64(ContentHeader.blockCount)))
      let recognition = engine.withInput(0..<head) { ContentHeader.recognise($0) }
      let saysEncrypted = (expectation.version ?? 0) > 0
      switch recognition {
      case .header(let header):
        guard size >= ContentHeader.blockCount else {
          if !saysEncrypted { return try examinePlain(file) }
          return ContentResult(.truncated(plain: 0, expected: expectation.plainSizes.first))
        }
        return try examineEncrypted(file, header, start: ContentHeader.blockCount, keys)
      case .damaged(let because):
        return try examineSalvage(file, because: because, keys)
      case .lookalike, .none:
        if let block = try firstBlock(of: file, at: Int64(ContentHeader.blockCount)), block.isSigned {
          return try examineSalvage(file, because: "it does not begin as a header does", keys)
        }
        if saysEncrypted, recognition == .none, let block = try firstBlock(of: file, at: 0), !block.isSigned {
          let isText = engine.withInput(0..<block.ciphertextCount) { block.looksLikeBase64($0) }
          if isText { return try examineEncrypted(file, .headerless, start: 0, keys) }
        }
        return try examinePlain(file)
      }
    } catch let error as ReadFailure {
      return ContentResult(.unreadable(because: error.because))
    }
  }

  /// The parts of the block at an offset, if there is one.
  private func firstBlock(of file: OpenContent, at offset: Int64) throws -> ContentBlock? {
    let count = Int(min(max(file.source.size - offset, 0), Int64(ContentBlock.count)))
    guard count > ContentBlock.unsignedTrailer else { return nil }
    let place = try file.ensure(in: engine, at: offset, count: count)
    return engine.withInput(place..<(place + count)) { ContentBlock($0) }
  }

  /// Content whose header is damaged: it is read as what it most likely is, and called damaged whatever comes out.
  private func examineSalvage(
    _ file: OpenContent, because: String, _ keys: (Int) throws -> FileKeyFiles?
  ) throws -> ContentResult {
    let count = Int(min(file.source.size, Int64(ContentHeader.blockCount)))
    let place = try file.ensure(in: engine, at: 0, count: count)
    var header = engine.withInput(place..<(place + count)) { ContentHeader.salvage($0) }
    header.add(problem: "the header is damaged: \(because)")
    return try examineEncrypted(file, header, start: ContentHeader.blockCount, keys)
  }

  private func examinePlain(_ file: OpenContent) throws -> ContentResult {
    let size = file.source.size
    var check = PlaintextCheck(file.expectation, isWhole: file.extent == .whole, wantsDigest: file.wantsDigest)
    if file.extent == .whole {
      var offset: Int64 = 0
      while offset < size {
        let count = Int(min(size - offset, Int64(BlockEngine.inputCount)))
        let place = try file.ensure(in: engine, at: offset, count: count)
        try engine.withInput(place..<(place + count)) { bytes in
          check.add(bytes, block: offset == 0 ? 0 : 1, couldBeNoise: false)
          try file.sink?.write(bytes)
        }
        offset += Int64(count)
      }
    }
    return ContentVerdict.ofPlain(file.expectation, size: size, &check)
  }
}

/// A file of the backup while it is examined.
///
/// Not generic: its source is of another module, so that nothing here would be specialised for it, and everything is done
/// for each block but reading.
struct OpenContent {
  let source: any ContentSource
  let expectation: ContentExpectation
  let extent: ContentExtent
  let wantsDigest: Bool
  let sink: (any ContentSink)?

  /// Reads a range that must be there.
  func load(into engine: BlockEngine, at offset: Int64, count: Int) throws(ReadFailure) {
    let read: Int
    do { read = try engine.load(source, at: offset, count: count) } catch { throw ReadFailure(because: "\(error)") }
    guard read >= count else { throw ReadFailure(because: "it became shorter while it was read") }
  }

  /// Where a range of the file lies in the input, after reading it if it was not there.
  func ensure(in engine: BlockEngine, at offset: Int64, count: Int) throws(ReadFailure) -> Int {
    if let place = engine.place(of: offset, count: count) { return place }
    let ahead = extent == .whole ? BlockEngine.inputCount : count
    try load(into: engine, at: offset, count: Int(min(source.size - offset, Int64(max(ahead, count)))))
    guard let place = engine.place(of: offset, count: count) else {
      throw ReadFailure(because: "it became shorter while it was read")
    }
    return place
  }
}

/// Why bytes of the backup cannot be read.
struct ReadFailure: Error {
  let because: String
}
