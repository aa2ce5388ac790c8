import Foundation
import SecretMemory
import Testing

@testable import NextcloudStorage

/// Bytes that nobody wrote in good faith: whatever comes, an answer comes back, and no more is written than there can be.
@Suite struct ContentHostileTests {
  /// Numbers that look random and are the same in every run (SplitMix64).
  struct Numbers: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state &+= 0x9e37_79b9_7f4a_7c15
      var value = state
      value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
      value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
      return value ^ (value >> 31)
    }
  }

  @Test func whateverComesAnAnswerComesBack() throws {
    let bench = try ContentStatusTests.Bench("nc32-legacy")
    let files = bench.files.filter { $0.bytes.count < 40_000 && $0.bytes.count > 8192 }
    var numbers = Numbers(state: 3)
    for round in 0..<400 {
      let file = try #require(files.randomElement(using: &numbers))
      var bytes = file.bytes
      var keys = round % 8 == 0 ? file.keys : []
      switch round % 5 {
      case 0:
        bytes = (0..<Int.random(in: 0...20_000, using: &numbers)).map { _ in UInt8.random(in: 0...255, using: &numbers)
        }
      case 1: bytes.removeLast(Int.random(in: 0...bytes.count, using: &numbers))
      case 2:
        for _ in 0..<20 {
          bytes[Int.random(in: 0..<bytes.count, using: &numbers)] = UInt8.random(in: 0...255, using: &numbers)
        }
      case 3:
        for _ in 0..<3 { bytes[Int.random(in: 0..<120, using: &numbers)] = UInt8.random(in: 0...255, using: &numbers) }
      default:
        let start = Int.random(in: 0..<bytes.count, using: &numbers)
        bytes.removeSubrange(start..<min(bytes.count, start + Int.random(in: 1...9000, using: &numbers)))
      }
      if round % 16 == 0, let first = keys.first {
        var fileKey = first.fileKey ?? []
        if !fileKey.isEmpty { fileKey.removeLast() }
        keys[0] = FileKeyFiles(
          folder: first.folder,
          shareKeys: first.shareKeys.map { key in
            var bytes = key.bytes
            bytes[Int.random(in: 0..<bytes.count, using: &numbers)] ^= 0x80
            return FileKeyFiles.ShareKey(keyID: key.keyID, bytes: bytes)
          }, fileKey: fileKey)
      }
      var expectation = file.expectation
      (expectation.version, expectation.highestVersion) = (
        [nil, 0, 1, -5, .max, .min].randomElement(using: &numbers) ?? nil, 2
      )
      expectation.plainSizes = [[], [-1], [.max], [.min, 0], [5]].randomElement(using: &numbers) ?? []
      expectation.checksum = ["", "SHA1:", ":::", "SHA1:zz MD5", nil].randomElement(using: &numbers) ?? nil
      let (result, plaintext) = try bench.examiner.both(file, bytes: bytes, expectation: expectation, keys: keys)
      #expect(plaintext.count <= max(bytes.count, 8168))
      #expect(result.blocksRead <= result.blocks)
      let some = bench.examiner.examine(
        BytesSource(bytes), expecting: expectation, keys: { $0 < keys.count ? keys[$0] : nil },
        extent: .blocks([0, -1, .max, .min, 1, 1]))
      #expect(some.blocksRead <= 2)
    }
  }

  @Test func keyFilesThatAreNoneGiveNoKey() throws {
    let bench = try ContentStatusTests.Bench()
    let file = try bench.file("alice/files/chunked.bin")
    let good = try #require(file.keys.first?.shareKeys.first)
    func status(_ bytes: [UInt8], id: String? = nil, fileKey: [UInt8]? = nil) throws -> ContentStatus {
      let key = FileKeyFiles.ShareKey(keyID: id ?? good.keyID, bytes: bytes)
      return try bench.status(file, keys: [FileKeyFiles(folder: "f", shareKeys: [key], fileKey: fileKey)])
    }
    #expect(try status(good.bytes) == .verified)
    // A file key that was left over does not matter.
    #expect(try status(good.bytes, fileKey: [UInt8](repeating: 7, count: 32)) == .verified)
    #expect(try status(good.bytes, fileKey: [1]) == .verified)
    #expect(try bench.status(file, keys: []) == .noKey(because: "there is no folder with its keys"))
    #expect(
      try bench.status(file, keys: [FileKeyFiles(folder: "f", shareKeys: [], fileKey: nil)])
        == .noKey(because: "its folder of keys holds no share key"))
    #expect(
      try status(good.bytes, id: "nobody")
        == .noKey(because: "it is encrypted for nobody, and no private key of that name is there"))
    for bytes in [
      [], [1], Array(good.bytes.prefix(700)), [UInt8](repeating: 255, count: 512), Array(good.bytes.dropLast()),
    ] {
      guard case .noKey = try status(bytes) else {
        Issue.record("\(bytes.count) bytes are a key")
        continue
      }
    }
    let other = try bench.file("alice/files/random-300k.bin")
    guard case .noKey = try status(try #require(other.keys.first?.shareKeys.first).bytes) else {
      Issue.record("the key of another file fits")
      return
    }
    // The wrong folder first, and the right one after it.
    let wrong = FileKeyFiles(folder: "wrong", shareKeys: try #require(other.keys.first).shareKeys, fileKey: nil)
    let (result, _) = try bench.examiner.both(file, keys: [wrong, try #require(file.keys.first)])
    #expect(result.status == .verified && result.keyFolder == file.keys.first?.folder)
  }

  @Test func aLockedUsersFilesAreCalledLocked() throws {
    let folder = SampleContent.instances.appending(path: "nc32-userkeys")
    let ring = try SampleContent.ring(folder)
    #expect(ring.lockedUsers == ["admin", "alice", "bob", "carol@example.org", "dave"])
    #expect(ring.openIDs.count == 1 && ring.openIDs[0].hasPrefix("pubShare_"))
    let examiner = try ContentExaminer(ring: ring)
    let files = try SampleContent.files(of: folder)
    let dave = try #require(files.first { $0.name == "dave/files/dave.txt" })
    #expect(try examiner.both(dave).result.status == .locked(users: ["dave"]))
    #expect(try examiner.both(dave).plaintext.isEmpty)
    let link = try #require(
      files.first { $0.keys.contains { $0.shareKeys.contains { $0.keyID.hasPrefix("pubShare_") } } })
    #expect(try examiner.both(link).plaintext == link.expected)
  }

  @Test func aKeyIsFoundByTryingAll() throws {
    let bench = try ContentStatusTests.Bench("nc32-s3")
    let folders = bench.files.compactMap(\.keys.first).prefix(25)
    let table = try FileKeyTable(ring: bench.examiner.ring) { $0 < folders.count ? folders[$0] : nil }
    #expect(table.count == folders.count)
    let examiner = try ContentExaminer(ring: bench.examiner.ring, table: table)
    for file in bench.files where file.bytes.count > 8192 && file.keys.count == 1 {
      let isThere = folders.contains { $0.folder == file.keys[0].folder }
      let (result, plaintext) = try examiner.both(file, expectation: ContentExpectation(), keys: [])
      if isThere {
        #expect(plaintext == file.expected && result.status == .noRow(version: result.signatureVersion), "\(file)")
        #expect(folders.contains { $0.folder == result.keyFolder })
      } else if plaintext != file.expected {
        // Copies share the key of what they were copied from.
        #expect(result.status == .noKey(because: "there is no folder with its keys"), "\(file): \(result)")
      }
    }
  }

  @Test func oneBlockIsVerifiedAlone() throws {
    let bench = try ContentStatusTests.Bench()
    let file = try bench.file("alice/files/random-300k.bin")
    for block in [0, 1, 17, 36, 37] {
      let source = CountingSource(BytesSource(file.bytes))
      let result = bench.examiner.examine(
        source, expecting: file.expectation, keys: { $0 == 0 ? file.keys[0] : nil }, extent: .blocks([block]))
      #expect(result.status == .verified && result.blocks == 38 && result.blocksRead == 1)
      #expect(result.plainSize == 300_007 && result.checks.contains("length"))
      #expect(source.bytesRead <= 3 * 8192, "\(source.bytesRead)")
      var damaged = file.bytes
      damaged[8192 * (block + 1) + 5] ^= 2
      let bad = bench.examiner.examine(
        BytesSource(damaged), expecting: file.expectation, keys: { $0 == 0 ? file.keys[0] : nil },
        extent: .blocks([block, (block + 1) % 38]))
      #expect(bad.status == .badBlocks(first: [block], count: 1))
    }
  }
}

/// Counts what is read.
final class CountingSource: ContentSource {
  let inner: BytesSource
  var bytesRead = 0
  var size: Int64 { inner.size }

  init(_ inner: BytesSource) { self.inner = inner }

  func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    let count = unsafe try inner.read(at: offset, into: buffer)
    bytesRead += count
    return count
  }
}
