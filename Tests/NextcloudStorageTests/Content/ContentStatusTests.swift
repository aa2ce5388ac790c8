import Foundation
import SecretMemory
import Testing

@testable import NextcloudStorage

/// What is said of a file that is not as it should be: each status from a change of a file that is.
@Suite struct ContentStatusTests {
  static let instance = SampleContent.instances.appending(path: "nc32-sqlite-master")

  /// The ring and files are read once; every test has an examiner of its own.
  struct Bench {
    let examiner: ContentExaminer
    let files: [SampleFile]

    init(_ name: String = "nc32-sqlite-master") throws {
      examiner = try SampleContentTests.examiner(name)
      files = try SampleContent.files(of: SampleContent.instances.appending(path: name))
    }

    func file(_ name: String) throws -> SampleFile {
      try #require(files.first { $0.name == name }, "\(name)")
    }

    func status(
      _ file: SampleFile, _ bytes: [UInt8]? = nil, _ expectation: ContentExpectation? = nil, keys: [FileKeyFiles]? = nil
    ) throws -> ContentStatus {
      try examiner.both(file, bytes: bytes, expectation: expectation, keys: keys).result.status
    }
  }

  static func flipped(_ file: SampleFile, _ offset: Int, bit: UInt8 = 1) -> [UInt8] {
    var bytes = file.bytes
    bytes[offset] ^= bit
    return bytes
  }

  @Test func aFlippedBitInABlockIsThatBlock() throws {
    let bench = try Bench()
    let file = try bench.file("alice/files/chunked.bin")
    #expect(file.expected.count == 25000)
    #expect(try bench.status(file) == .verified)
    for block in 0..<4 {
      let start = 8192 * (block + 1)
      let count = min(8192, file.bytes.count - start)
      // Ciphertext, the signature's tag, a digit of the signature, the padding.
      for offset in [0, 5, count - 97, count - 74, count - 67, count - 30, count - 1] {
        let (result, plaintext) = try bench.examiner.both(file, bytes: Self.flipped(file, start + offset))
        #expect(result.status == .badBlocks(first: [block], count: 1), "\(block) \(offset)")
        #expect(plaintext.count <= file.expected.count)
        if block < 3 { #expect(plaintext.count == file.expected.count) }
      }
      // A capital digit is another text to Nextcloud.
      let letter = try #require(file.bytes[(start + count - 67)..<(start + count - 3)].firstIndex { $0 >= 0x61 })
      #expect(try bench.status(file, Self.flipped(file, letter, bit: 0x20)) == .badBlocks(first: [block], count: 1))
      // The mark before the IV is nobody's business.
      let odd = try bench.examiner.both(file, bytes: Self.flipped(file, start + count - 96))
      #expect(odd.result.status == .verified && odd.plaintext == file.expected && odd.result.notes.count == 1)
    }
  }

  @Test func aChangedInitialisationVectorIsNoticedByDigestAndInText() throws {
    let bench = try Bench()
    let binary = try bench.file("alice/files/chunked.bin")
    let iv = 8192 * 3 - 90
    // Known and listed: neither a digest nor a type, so nothing can tell.
    let unnoticed = try bench.examiner.both(binary, bytes: Self.flipped(binary, iv))
    #expect(unnoticed.result.status == .verified && unnoticed.plaintext != binary.expected)

    var expectation = binary.expectation
    for checksum in [
      "SHA1:2c81fbeed5d2b3d2a1b8d1c3f8a6c0b1f0e2d3c4 MD5:00000000000000000000000000000000", "ADLER32:00000001",
    ] {
      expectation.checksum = checksum
      guard case .garbled = try bench.status(binary, nil, expectation) else {
        Issue.record("\(checksum) is not the file's")
        continue
      }
    }
    for algorithm in PlaintextDigest.Algorithm.allCases {
      let digest = try #require(PlaintextDigest(algorithm))
      unsafe digest.add(binary.expected.span.bytes)
      expectation.checksum = "X:1 \(algorithm.rawValue.lowercased()):\(digest.hex().uppercased())"
      let whole = try bench.examiner.both(binary, expectation: expectation).result
      #expect(whole.status == .verified && whole.checks.contains(algorithm.rawValue))
      let damaged = try bench.status(binary, Self.flipped(binary, iv), expectation)
      #expect(damaged == .garbled(because: "its \(algorithm.rawValue) is not the one stored with it"))
    }

    let text = try bench.file("alice/files/overwritten.txt")
    #expect(text.bytes.count == 8192 + 6008 + 96)
    for bit in 0..<8 {
      let status = try bench.status(text, Self.flipped(text, text.bytes.count - 80, bit: 1 << bit))
      #expect(status == .garbled(because: "it is noise, not text"))
    }
    var photo = text.expectation
    photo.name = "photo.JPG"
    #expect(try bench.status(text, nil, photo) == .verified)
    #expect(
      try bench.status(text, Self.flipped(text, text.bytes.count - 80), photo)
        == .garbled(because: "it does not begin like jpeg, but with noise"))
  }

  @Test func aCutFileIsTruncated() throws {
    let bench = try Bench()
    let file = try bench.file("alice/files/chunked.bin")
    var noRow = file.expectation
    (noRow.version, noRow.plainSizes) = (nil, [])
    for count in [8193, 8192 + 23, 8192 + 97, 16383, 16384 + 500, 30000, file.bytes.count - 1] {
      let bytes = Array(file.bytes.prefix(count))
      let full = Int64((count - 8192) / 8192 * 8096)
      #expect(try bench.status(file, bytes) == .truncated(plain: full, expected: 25000), "\(count)")
      guard case .truncated(_, nil) = try bench.status(file, bytes, noRow) else {
        Issue.record("\(count) without a row")
        continue
      }
    }
    for blocks in 0..<4 {
      let bytes = Array(file.bytes.prefix(8192 * (blocks + 1)))
      #expect(try bench.status(file, bytes) == .truncated(plain: Int64(blocks) * 8096, expected: 25000))
    }
    for count in [0, 1, 7, 100, 4096, 8191] {
      let status = try bench.status(file, Array(file.bytes.prefix(count)))
      switch (count, status) {
      case (0, .truncated(plain: 0, expected: 25000)), (200..., .truncated(plain: 0, expected: 25000)): continue
      case (1...100, .truncated), (1...100, .unexpectedlyPlain): continue
      default: Issue.record("\(count): \(status)")
      }
    }
    var short = BytesSource(Array(file.bytes.prefix(20000)))
    short.claimedSize = Int64(file.bytes.count)
    let result = bench.examiner.examine(short, expecting: file.expectation, keys: { $0 == 0 ? file.keys[0] : nil })
    #expect(result.status == .unreadable(because: "it became shorter while it was read"))
  }

  @Test func movedAndForeignBlocksAreTold() throws {
    let bench = try Bench()
    let file = try bench.file("alice/files/chunked.bin")
    let header = Array(file.bytes[..<8192])
    let blocks = (0..<4).map { Array(file.bytes[(8192 * ($0 + 1))..<min(8192 * ($0 + 2), file.bytes.count)]) }
    let removed = try bench.examiner.both(file, bytes: header + blocks[0] + blocks[2] + blocks[3]).result
    #expect(removed.status == .badBlocks(first: [1, 2], count: 2))
    #expect(removed.notes == ["block 2 stands where block 1 should: a part of the file is missing or doubled"])
    #expect(
      try bench.status(file, header + blocks[1] + blocks[0] + blocks[2] + blocks[3])
        == .badBlocks(first: [0, 1], count: 2))
    let zeros = [UInt8](repeating: 0, count: 8192)
    #expect(
      try bench.status(file, header + zeros + blocks[1] + blocks[2] + blocks[3]) == .badBlocks(first: [0], count: 1))
    let other = try bench.file("alice/files/random-300k.bin")
    guard case .noKey = try bench.status(file, other.bytes) else {
      Issue.record("a foreign file is not told")
      return
    }
    guard case .badBlocks = try bench.status(file, file.bytes + zeros) else {
      Issue.record("a block too many is not told")
      return
    }
  }

  @Test func aVersionOtherThanTheSnapshotsIsFound() throws {
    let bench = try Bench()
    let file = try bench.file("alice/files/overwritten.txt")
    var expectation = file.expectation
    let version = try #require(expectation.version)
    #expect(version == 7)
    for other: Int64 in [1, 6, 8, 12, 99, 5000, .max] {
      expectation.version = other
      #expect(try bench.status(file, nil, expectation) == .otherVersion(found: 7, expected: other))
    }
    expectation.version = 0
    #expect(try bench.status(file, nil, expectation) == .unexpectedlyEncrypted(version: 7))
    expectation.version = nil
    #expect(try bench.status(file, nil, expectation) == .noRow(version: 7))
    (expectation.version, expectation.highestVersion) = (50, 5)
    guard case .badBlocks = try bench.status(file, nil, expectation) else {
      Issue.record("7 is above the highest version to try")
      return
    }
    let older = try #require(bench.files.first { $0.name.hasPrefix("alice/files_versions/overwritten.txt.v1760099") })
    #expect(try bench.status(file, older.bytes) == .otherVersion(found: 6, expected: 7))
  }

  @Test func sizesAreCompared() throws {
    let bench = try Bench()
    let file = try bench.file("alice/files/chunked.bin")
    var expectation = file.expectation
    for size: Int64 in [24999, 25001, 99999] {
      expectation.plainSizes = [size]
      // The last block says that it is the last.
      #expect(try bench.status(file, nil, expectation) == .wrongSize(plain: 25000, expected: size))
    }
    expectation.plainSizes = [1, 25000]
    #expect(try bench.status(file, nil, expectation) == .verified)
    let exact = try #require(bench.files.first { $0.expected.count == 8096 && $0.expectation.version ?? 0 > 0 })
    expectation = exact.expectation
    expectation.plainSizes = [8097]
    #expect(try bench.status(exact, nil, expectation) == .lostZeroByte)
    expectation.plainSizes = [8098]
    #expect(try bench.status(exact, nil, expectation) == .truncated(plain: 8096, expected: 8098))
    let digest = try #require(PlaintextDigest(.sha1))
    unsafe digest.add(exact.expected.span.bytes)
    unsafe digest.add([UInt8]("0".utf8).span.bytes)
    expectation.plainSizes = [8097]
    expectation.checksum = "SHA1:" + digest.hex()
    #expect(try bench.examiner.both(exact, expectation: expectation).result.notes.count == 1)
    expectation.checksum = "SHA1:" + String(repeating: "0", count: 40)
    #expect(try bench.status(exact, nil, expectation) == .truncated(plain: 8096, expected: 8097))
    let empty = try #require(bench.files.first { $0.expected.isEmpty && $0.expectation.version ?? 0 > 0 })
    expectation = empty.expectation
    #expect(try bench.status(empty) == .verified)
    expectation.plainSizes = [1]
    #expect(try bench.status(empty, nil, expectation) == .lostZeroByte)
    expectation.plainSizes = [8192]
    #expect(try bench.status(empty, nil, expectation) == .truncated(plain: 0, expected: 8192))
  }

  @Test func headersAreReadWithCare() throws {
    let bench = try Bench()
    let file = try bench.file("alice/files/chunked.bin")
    let odd = try bench.examiner.both(file, bytes: Self.flipped(file, 5000))
    #expect(odd.result.status == .verified && odd.plaintext == file.expected)
    #expect(odd.result.notes == ["1 bytes of the header's padding are not as written"])
    let end = try #require(file.bytes.firstIndex(of: 0x2d, after: 100))
    for offset in 0..<end {
      for bit: UInt8 in [1, 32] {
        let (result, plaintext) = try bench.examiner.both(file, bytes: Self.flipped(file, offset, bit: bit))
        // Wherever a bit flips in it: the content comes out, or nothing does; and it is never passed over in silence.
        #expect(plaintext == file.expected, "\(offset) \(bit): \(result)")
        switch result.status {
        case .damagedHeader: continue
        case .verified where !result.notes.isEmpty: continue
        default: Issue.record("\(offset) \(bit): \(result)")
        }
      }
    }
    let zeros = [UInt8](repeating: 0, count: 8192) + file.bytes[8192...]
    guard case .damagedHeader = try bench.status(file, zeros) else {
      Issue.record("a header of zeros")
      return
    }
    var module = file.bytes
    module.replaceSubrange(
      0..<64, with: [UInt8]("HBEGIN:oc_encryption_module:END_TO_END:cipher:AES-256-CTR:HEND--".utf8))
    #expect(
      try bench.status(file, module, nil, keys: [])
        == .unknownFormat(because: "the encryption module END_TO_END is not known"))
  }

  @Test func plainFilesAreTold() throws {
    let bench = try Bench()
    let file = try bench.file("alice/files/before/HBEGIN-plain.txt")
    #expect(try bench.status(file) == .plain)
    var expectation = file.expectation
    expectation.version = 1
    #expect(try bench.status(file, nil, expectation) == .unexpectedlyPlain)
    expectation.isVersion = true
    #expect(try bench.status(file, nil, expectation) == .plainCopyOfServer)
    expectation.plainSizes = [5]
    #expect(try bench.status(file, nil, expectation) == .unexpectedlyPlain)
    expectation = file.expectation
    #expect(
      try bench.status(file, Array(file.bytes.prefix(10))) == .truncated(plain: 10, expected: Int64(file.bytes.count)))
    expectation.checksum = "MD5:00000000000000000000000000000000"
    #expect(try bench.status(file, nil, expectation) == .garbled(because: "its MD5 is not the one stored with it"))
    let lookalike = try bench.file("alice/files/HBEGIN-content.txt")
    #expect(try bench.status(lookalike) == .verified)
    #expect(try bench.status(lookalike, lookalike.expected, ContentExpectation()) == .plain)
  }
}

extension [UInt8] {
  fileprivate func firstIndex(of byte: UInt8, after start: Int) -> Int? { self[start...].firstIndex(of: byte) }
}
