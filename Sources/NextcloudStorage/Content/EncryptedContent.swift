/// Verifying and decrypting the blocks of an encrypted file.
extension ContentExaminer {
  /// What is known of the blocks after they were read.
  struct BlockReport {
    var blocks = 0
    var read = 0
    var bad: [Int] = []
    var badCount = 0
    /// The last block cannot be taken apart: cut off, or its end is damaged.
    var lastIsMalformed = false
    /// The last block holds as much as a block can, so that nothing in it says that it is the last.
    var lastIsFull = true
    var isSigned = false
    var isBinary = true
    var plainCount: Int64 = 0
    var oddTags = 0
    var note: String?

    mutating func add(bad index: Int) {
      if bad.count < 8 { bad.append(index) }
      badCount += 1
    }
  }

  func examineEncrypted(
    _ file: OpenContent, _ header: ContentHeader, start: Int,
    _ keys: (Int) throws -> FileKeyFiles?
  ) throws -> ContentResult {
    var header = header
    let body = max(file.source.size - Int64(start), 0)
    let whole = body / Int64(ContentBlock.count) + (body % Int64(ContentBlock.count) > 0 ? 1 : 0)
    guard let count = Int(exactly: whole) else { return ContentResult(.unreadable(because: "it has no end")) }
    var report = BlockReport()
    report.blocks = count
    if count == 0 {
      var result = ContentVerdict.ofEmpty(file.expectation, header)
      // Nothing is to be decrypted, but Nextcloud wants the key all the same.
      if file.extent == .whole, header.otherModule == nil, let files = try? keys(0) {
        FurtherShareKeys(in: files, besides: nil, ring: ring, engine: engine).report(in: &result)
      }
      return result
    }
    let layout = BlockLayout(start: Int64(start), count: count, lastCount: Int(body - Int64(count - 1) * 8192))

    let wanted = Self.wanted(file.extent, of: count)
    let probes = Self.probes(wanted, of: count)
    guard let shape = try self.shape(of: probes, layout, file) else {
      // Not one block is left whole.
      report.lastIsMalformed = true
      report.isSigned = header.saysSigned
      report.isBinary = header.isBinary ?? true
      if count > 1 { for index in 0..<(count - 1) { report.add(bad: index) } }
      return ContentVerdict.ofEncrypted(file.expectation, header, report, size: file.source.size, start: start)
    }
    report.isSigned = shape.isSigned
    report.isBinary = header.isBinary ?? !shape.looksLikeBase64
    if header.isBinary == nil, report.isBinary {
      header.add(problem: "the header does not say that the content is binary")
    }
    if shape.isSigned, !header.saysSigned {
      header.add(problem: "the header does not say that the blocks are signed")
    }

    var search = FileKeySearch(ring: ring, engine: engine)
    let outcome = try search.run(keys) { found in
      try self.prove(&found, header, report, probes, layout, file)
    }
    let found: FoundFileKey
    switch try fromTable(instead: outcome, report, probes, layout, file) ?? outcome {
    case .failed(let status):
      var result = ContentResult(header.otherModule.map { Self.otherModule($0) } ?? status)
      if header.problems.isEmpty == false, (file.expectation.version ?? 0) == 0 {
        // Neither the snapshot nor a key says that this was ever encrypted.
        return try plainAfterAll(file)
      }
      result.blocks = count
      result.format = ContentVerdict.format(header, report)
      return result
    case .found(let key): found = key
    }
    if let module = header.otherModule {
      guard found.isProven else { return ContentResult(Self.otherModule(module)) }
      header.add(problem: "the header names the encryption module \(Printable.text(module))")
    }
    var check = PlaintextCheck(
      file.expectation, isWhole: file.extent == .whole, wantsDigest: file.wantsDigest)
    try readBlocks(wanted, found, header, layout, file, &report, &check)
    try measure(layout, file, &report)
    var result = ContentVerdict.ofEncrypted(
      file.expectation, header, report, size: file.source.size, start: start, found: found,
      isWhole: file.extent == .whole, &check)
    if file.extent == .whole, let files = search.folders.first(where: { $0.folder == found.folder }) {
      FurtherShareKeys(in: files, besides: found, ring: ring, engine: engine).report(in: &result)
    }
    return result
  }

  /// A key of the table whose signature fits, where the file's own folders have none.
  private func fromTable(
    instead outcome: FileKeyOutcome, _ report: BlockReport, _ probes: [Int], _ layout: BlockLayout,
    _ file: OpenContent
  ) throws -> FileKeyOutcome? {
    guard let table, report.isSigned, let probe = probes.first else { return nil }
    if case .found(let key) = outcome, key.isProven { return nil }
    let (place, block) = try locate(probe, layout, file)
    guard let block else { return nil }
    // All keys with the likeliest version first: most files were written once.
    var versions = [max(file.expectation.version ?? 1, 1)]
    versions += (1...FileKeyTable.highestVersion).filter { $0 != versions[0] }
    for version in versions {
      for entry in table.entries {
        guard table.withKey(entry, { engine.useForSignatures($0) }) else { continue }
        for isOldStyle in [false, true]
        where fits(block, at: place, probe, layout, version: version, isOldStyle: isOldStyle) {
          guard let slot = table.withKey(entry, { engine.add($0) }) else { continue }
          return .found(
            FoundFileKey(
              slot: slot, keyID: entry.keyID, folder: entry.folder, version: version, isOldStyle: isOldStyle,
              isProven: true))
        }
      }
    }
    return nil
  }

  private func plainAfterAll(_ file: OpenContent) throws -> ContentResult {
    var result = ContentResult(
      .damagedHeader(because: "it looks encrypted, its header is damaged, and no key of it is known"))
    result.plainSize = file.source.size
    return result
  }

  private static func otherModule(_ name: String) -> ContentStatus {
    .unknownFormat(because: "the encryption module \(Printable.text(name)) is not known")
  }

  /// The blocks to read, in order; nil for all of them.
  private static func wanted(_ extent: ContentExtent, of count: Int) -> [Int]? {
    guard case .blocks(let list) = extent else { return nil }
    let there = Set(list.filter { $0 >= 0 && $0 < count }).sorted()
    return there.isEmpty ? [0] : there
  }

  /// The blocks that a key is tried on: the first, then some more in case that is the damaged one.
  private static func probes(_ wanted: [Int]?, of count: Int) -> [Int] {
    let candidates = wanted.map { Array($0.prefix(4)) } ?? [0, count - 1, 1, count / 2]
    var probes: [Int] = []
    for index in candidates where index < count && !probes.contains(index) { probes.append(index) }
    return probes
  }

  /// The parts of a block and where it lies in the input, read if need be; nil parts where its end is not one of a block.
  func locate(
    _ index: Int, _ layout: BlockLayout, _ file: OpenContent
  ) throws(ReadFailure) -> (place: Int, block: ContentBlock?) {
    let count = layout.count(of: index)
    let place = try file.ensure(in: engine, at: layout.offset(of: index), count: count)
    return (place, engine.withInput(place..<(place + count)) { ContentBlock($0) })
  }

  /// What the first whole one of the probed blocks shows.
  private func shape(
    of probes: [Int], _ layout: BlockLayout, _ file: OpenContent
  ) throws(ReadFailure) -> (isSigned: Bool, looksLikeBase64: Bool)? {
    for index in probes {
      let (place, block) = try locate(index, layout, file)
      guard let block else { continue }
      let isText = engine.withInput(place..<(place + block.count)) { block.looksLikeBase64($0) }
      return (block.isSigned, isText)
    }
    return nil
  }

  /// Whether a block's signature fits; with or without `end` where both are possible.
  func fits(
    _ block: ContentBlock, at place: Int, _ index: Int, _ layout: BlockLayout, version: Int64, isOldStyle: Bool
  ) -> Bool {
    // Only what is flushed when the file is closed has `end`: a last block that is not full. A full one can have it
    // too where base64 rounds its length up.
    let ends = index < layout.count - 1 ? [false] : block.count < ContentBlock.count ? [true] : [false, true]
    for isEnd in ends {
      let position = SignaturePosition(version: version, index: index, isEnd: isEnd, isOldStyle: isOldStyle)
      if engine.signatureFits(block, at: place, position) { return true }
    }
    return false
  }

  /// Whether the key in a slot is the file's, by a signature; without signatures by what comes out.
  private func prove(
    _ found: inout FoundFileKey, _ header: ContentHeader, _ report: BlockReport, _ probes: [Int],
    _ layout: BlockLayout, _ file: OpenContent
  ) throws -> Bool {
    guard engine.select(found.slot, header.cipher) else { return false }
    for index in probes {
      let (place, block) = try locate(index, layout, file)
      guard let block, block.isSigned == report.isSigned else { continue }
      if report.isSigned {
        guard
          let match = firstVersion(
            file.expectation,
            where: { version, isOldStyle in
              fits(block, at: place, index, layout, version: version, isOldStyle: isOldStyle)
            })
        else { continue }
        (found.version, found.isOldStyle, found.isProven) = (match.version, match.isOldStyle, true)
        return true
      }
      guard index == 0, let count = engine.decrypt(block, at: place, isBinary: report.isBinary) else { continue }
      found.isProven = engine.withPlain(count) { plain in
        FileType.recognise(plain) != nil || (plain.text() != nil && !ByteStatistics(plain).isNoText)
      }
      return found.isProven
    }
    return false
  }

  /// The first version and style that fit: the snapshot's own, then those around it, then all up to the highest.
  func firstVersion(
    _ expectation: ContentExpectation, where fits: (Int64, Bool) -> Bool
  ) -> (version: Int64, isOldStyle: Bool)? {
    func either(_ version: Int64) -> (version: Int64, isOldStyle: Bool)? {
      if fits(version, false) { return (version, false) }
      if fits(version, true) { return (version, true) }
      return nil
    }
    // A file whose row says plain has kept the version from before; a new one has 1.
    let expected = max(expectation.version ?? 1, 0)
    let own = expected == 0 ? 1 : expected
    if let match = either(own) { return match }
    let highest = min(max(expectation.highestVersion, 0), 10_000_000)
    let near: Int64 = 5
    for distance in 1...near {
      if own - distance >= 0, let match = either(own - distance) { return match }
      if own < Int64.max - near, let match = either(own + distance) { return match }
    }
    var version: Int64 = 0
    while version <= highest {
      let isDone = version >= own - near && version <= own + (own < Int64.max - near ? near : 0)
      if !isDone, let match = either(version) { return match }
      version += 1
    }
    return nil
  }

  private func readBlocks(
    _ wanted: [Int]?, _ found: FoundFileKey, _ header: ContentHeader, _ layout: BlockLayout,
    _ file: OpenContent, _ report: inout BlockReport, _ check: inout PlaintextCheck
  ) throws {
    guard engine.select(found.slot, header.cipher) else {
      throw ReadFailure(because: "libcrypto refuses \(header.cipher.rawValue)")
    }
    let full = ContentBlock.plainCount(isSigned: report.isSigned, isBinary: report.isBinary)
    let version = found.version ?? max(file.expectation.version ?? 1, 0)
    var position = 0
    let total = wanted?.count ?? layout.count
    while position < total {
      let index = wanted?[position] ?? position
      position += 1
      let isLast = index == layout.count - 1
      let (place, block) = try locate(index, layout, file)
      report.read += 1
      guard let block, block.isSigned == report.isSigned else {
        if isLast && block == nil { report.lastIsMalformed = true } else { report.add(bad: index) }
        if !isLast { report.plainCount += Int64(full) }
        if !isLast, let sink = file.sink { try unsafe sink.write([UInt8](repeating: 0, count: full).span.bytes) }
        continue
      }
      if block.hasOddTag { report.oddTags += 1 }
      let isGood =
        !block.isSigned || fits(block, at: place, index, layout, version: version, isOldStyle: found.isOldStyle)
      if !isGood {
        if report.badCount == 0, found.isProven {
          report.note = origin(of: block, at: place, index, found, layout, file)
        }
        report.add(bad: index)
      }
      guard let count = engine.decrypt(block, at: place, isBinary: report.isBinary) else {
        if isGood { report.add(bad: index) }
        if !isLast { report.plainCount += Int64(full) }
        if !isLast, let sink = file.sink { try unsafe sink.write([UInt8](repeating: 0, count: full).span.bytes) }
        continue
      }
      if !isLast, count != full, isGood { report.add(bad: index) }
      report.plainCount += Int64(count)
      try engine.withPlain(count) { plain in
        check.add(plain, block: index, couldBeNoise: isGood)
        try file.sink?.write(plain)
      }
    }
  }

  /// Where a block with a wrong signature comes from, if it is a whole one of the same file.
  private func origin(
    of block: ContentBlock, at place: Int, _ index: Int, _ found: FoundFileKey, _ layout: BlockLayout,
    _ file: OpenContent
  ) -> String? {
    guard block.isSigned, let version = found.version else { return nil }
    for other in [index + 1, index - 1, index + 2, index - 2] where other >= 0 {
      for isEnd in [false, true] {
        let position = SignaturePosition(
          version: version, index: other, isEnd: isEnd, isOldStyle: found.isOldStyle)
        if engine.signatureFits(block, at: place, position) {
          return "block \(other) stands where block \(index) should: a part of the file is missing or doubled"
        }
      }
    }
    let match = firstVersion(file.expectation) { version, isOldStyle in
      fits(block, at: place, index, layout, version: version, isOldStyle: isOldStyle)
    }
    return match.map { "block \(index) is of version \($0.version) of the file, and the first of version \(version)" }
  }

  /// The length of the plaintext where not all blocks were read, and whether the last one is full.
  private func measure(
    _ layout: BlockLayout, _ file: OpenContent, _ report: inout BlockReport
  ) throws(ReadFailure) {
    let full = ContentBlock.plainCount(isSigned: report.isSigned, isBinary: report.isBinary)
    let (place, block) = try locate(layout.count - 1, layout, file)
    guard let block else {
      report.lastIsMalformed = true
      report.plainCount = Int64(layout.count - 1) * Int64(full)
      return
    }
    let last =
      report.isBinary
      ? block.ciphertextCount
      : engine.withInput(place..<(place + block.ciphertextCount)) { ContentBlock.decodedCount($0) } ?? 0
    report.lastIsFull = last >= full
    if file.extent != .whole { report.plainCount = Int64(layout.count - 1) * Int64(full) + Int64(last) }
  }
}

/// Where the blocks of a file lie.
struct BlockLayout {
  /// Of the first block in the file.
  let start: Int64
  /// How many there are; 1 or more.
  let count: Int
  /// Of the last block, in bytes: 1 to 8192.
  let lastCount: Int

  func offset(of index: Int) -> Int64 { start + Int64(index) * Int64(ContentBlock.count) }
  func count(of index: Int) -> Int { index == count - 1 ? lastCount : ContentBlock.count }
}
