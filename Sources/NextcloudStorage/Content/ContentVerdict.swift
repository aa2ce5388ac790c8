/// Turns what was read of a file into the one thing that is to be said about it.
///
/// The order is that of what a person must know first: damage, then a header that Nextcloud does not read, then a
/// snapshot that is not of the same time, then sizes and digests, which only mean something once the versions agree.
enum ContentVerdict {
  static func format(_ header: ContentHeader, _ report: ContentExaminer.BlockReport) -> String {
    "\(header.cipher.rawValue), \(report.isBinary ? "binary" : "base64"), \(report.isSigned ? "signed" : "unsigned")"
  }

  static func ofPlain(
    _ expectation: ContentExpectation, size: Int64, _ check: inout PlaintextCheck
  ) -> ContentResult {
    var result = ContentResult(.plain)
    result.plainSize = size
    result.plainSHA256 = check.sha256
    let sizes = expectation.plainSizes.filter { $0 >= 0 }
    let sizeFits = sizes.isEmpty || sizes.contains(size)
    if !sizes.isEmpty, sizeFits { result.checks.append("length") }
    if case .fits(let type) = check.look { result.checks.append("type \(type)") }
    let checksumFits = check.checksumFits()
    if checksumFits == true, let name = check.checksumName { result.checks.append(name) }
    if (expectation.version ?? 0) > 0 {
      // What is empty was cut: even an empty file has a header once it is encrypted.
      if size == 0 {
        result.status = .truncated(plain: 0, expected: sizes.first)
      } else {
        result.status = expectation.isVersion && sizeFits ? .plainCopyOfServer : .unexpectedlyPlain
      }
    } else if !sizeFits, let expected = sizes.first {
      result.status =
        size < expected ? .truncated(plain: size, expected: expected) : .wrongSize(plain: size, expected: expected)
    } else if checksumFits == false {
      result.status = .garbled(because: "its \(check.checksumName ?? "digest") is not the one stored with it")
    }
    return result
  }

  /// Content with a header and no blocks.
  static func ofEmpty(_ expectation: ContentExpectation, _ header: ContentHeader) -> ContentResult {
    var report = ContentExaminer.BlockReport()
    report.isSigned = header.saysSigned
    report.isBinary = header.isBinary ?? true
    var result = ContentResult(.verified)
    result.plainSize = 0
    result.format = format(header, report)
    result.notes = header.notes
    let sizes = expectation.plainSizes.filter { $0 >= 0 }
    if sizes.contains(0) { result.checks.append("length") }
    if let module = header.otherModule {
      result.status = .unknownFormat(because: "the encryption module \(Printable.text(module)) is not known")
    } else if let problem = header.problems.first {
      result.status = .damagedHeader(because: problem)
    } else if expectation.version == 0 {
      result.status = .unexpectedlyEncrypted(version: nil)
    } else if !sizes.isEmpty, !sizes.contains(0) {
      result.status = sizes.contains(1) ? .lostZeroByte : .truncated(plain: 0, expected: sizes.first)
    } else if expectation.version == nil {
      result.status = .noRow(version: nil)
    }
    return result
  }

  /// Content of which not one block can be taken apart.
  static func ofEncrypted(
    _ expectation: ContentExpectation, _ header: ContentHeader, _ report: ContentExaminer.BlockReport, size: Int64,
    start: Int
  ) -> ContentResult {
    var result = ContentResult(
      damage(expectation, report, size: size, start: start) ?? .truncated(plain: 0, expected: nil))
    result.blocks = report.blocks
    result.format = format(header, report)
    result.notes = header.notes
    return result
  }

  static func ofEncrypted(
    _ expectation: ContentExpectation, _ header: ContentHeader, _ report: ContentExaminer.BlockReport, size: Int64,
    start: Int, found: FoundFileKey, isWhole: Bool, _ check: inout PlaintextCheck
  ) -> ContentResult {
    var result = ContentResult(.verified)
    result.blocks = report.blocks
    result.blocksRead = report.read
    result.plainSize = report.plainCount
    result.format = format(header, report)
    result.signatureVersion = found.version
    result.hasOldSignatures = found.isOldStyle
    result.keyID = found.keyID
    result.keyFolder = found.folder
    result.notes = header.notes
    if report.oddTags > 0 { result.notes.append("\(report.oddTags) blocks have an odd mark, which no reader looks at") }
    if let note = report.note { result.notes.append(note) }
    if check.isEncryptedTwice { result.notes.append("its plaintext is an encrypted file once more") }
    if let damage = damage(expectation, report, size: size, start: start) {
      result.status = damage
      if report.isSigned, !found.isProven, report.blocks > 1, report.badCount >= report.read {
        result.status = .noKey(
          because:
            "its key opens, and no block has a signature of it in any version up to \(expectation.highestVersion)")
      }
      return result
    }
    result.plainSHA256 = check.sha256
    judge(&result, expectation, header, report, found, &check)
    return result
  }

  /// Blocks that do not verify, or a file that ends within one; nil where there is neither.
  private static func damage(
    _ expectation: ContentExpectation, _ report: ContentExaminer.BlockReport, size: Int64, start: Int
  ) -> ContentStatus? {
    let last = report.blocks - 1
    if report.lastIsMalformed {
      let sizes = expectation.plainSizes.filter { $0 >= 0 }
      let needed = sizes.map { fileCount(of: $0, report, start: start) }
      // As long as the snapshot says, or longer: not cut but damaged.
      let isCut = needed.isEmpty ? true : !needed.contains(size) && size < (needed.max() ?? 0)
      if isCut, report.badCount == 0 { return .truncated(plain: report.plainCount, expected: sizes.first) }
      let first = report.bad.count < 8 && !report.bad.contains(last) ? report.bad + [last] : report.bad
      return .badBlocks(first: first, count: report.badCount + (report.bad.contains(last) ? 0 : 1))
    }
    return report.badCount > 0 ? .badBlocks(first: report.bad, count: report.badCount) : nil
  }

  /// How long the encrypted file of a plaintext is.
  private static func fileCount(of plain: Int64, _ report: ContentExaminer.BlockReport, start: Int) -> Int64 {
    let full = Int64(ContentBlock.plainCount(isSigned: report.isSigned, isBinary: report.isBinary))
    let trailer = Int64(report.isSigned ? ContentBlock.signedTrailer : ContentBlock.unsignedTrailer)
    let (blocks, rest) = plain.quotientAndRemainder(dividingBy: full)
    let body = blocks.multipliedReportingOverflow(by: Int64(ContentBlock.count))
    guard !body.overflow, body.partialValue < Int64.max / 2 else { return Int64.max }
    let lastCount = rest == 0 ? 0 : (report.isBinary ? rest : (rest + 2) / 3 * 4) + trailer
    return Int64(start) + body.partialValue + lastCount
  }

  private static func judge(
    _ result: inout ContentResult, _ expectation: ContentExpectation, _ header: ContentHeader,
    _ report: ContentExaminer.BlockReport, _ found: FoundFileKey, _ check: inout PlaintextCheck
  ) {
    let plain = report.plainCount
    let full = Int64(ContentBlock.plainCount(isSigned: report.isSigned, isBinary: report.isBinary))
    let sizes = expectation.plainSizes.filter { $0 >= 0 }
    let sizeFits = sizes.isEmpty || sizes.contains(plain)
    let lost = sizes.contains { $0 - 1 == plain && $0 % full == 1 } && report.lastIsFull && !sizeFits
    let checksumFits = check.checksumFits(appending: lost ? 0x30 : nil)
    if !sizes.isEmpty, sizeFits { result.checks.append("length") }
    if checksumFits == true, let name = check.checksumName { result.checks.append(name) }
    switch check.look {
    case .fits(let type): result.checks.append("type \(type)")
    case .noise(let because):
      // A digest that fits is the last word.
      if checksumFits != true {
        result.status = .garbled(because: because)
        return
      }
    case .unknown: break
    }
    if let problem = header.problems.first {
      result.status = .damagedHeader(because: problem)
      return
    }
    switch expectation.version {
    case 0?:
      result.status = .unexpectedlyEncrypted(version: found.version)
      return
    case let expected?:
      if let version = found.version, version != expected {
        result.status = .otherVersion(found: version, expected: expected)
        return
      }
    case nil: break
    }
    if !sizeFits, let expected = sizes.first {
      if lost, checksumFits != false {
        result.status = .lostZeroByte
        if checksumFits == true { result.notes.append("the stored digest shows that the lost byte is 0") }
      } else if plain < (sizes.min() ?? 0), report.lastIsFull {
        // Nothing in a full last block says that it is the last one.
        result.status = .truncated(plain: plain, expected: expected)
      } else {
        result.status = .wrongSize(plain: plain, expected: expected)
      }
      return
    }
    if checksumFits == false {
      result.status = .garbled(because: "its \(check.checksumName ?? "digest") is not the one stored with it")
    } else if !report.isSigned {
      result.status = .unsigned
    } else if expectation.version == nil {
      result.status = .noRow(version: found.version)
    }
  }
}
