import AgeFormat
import SecretMemory
import Testing

@Suite("Memory stays bounded")
struct BoundedMemoryTests {
  @Test("a reader takes no more from its source than a chunk ahead of what it gave", arguments: [false, true])
  func reader(armored: Bool) throws {
    let identity = try X25519Identity.random()
    let plaintext = sample(1_000_000)
    let file = try seal(plaintext, to: identity.recipient, armored: armored)
    let source = SteppedSource(file, step: 1 << 20)
    let reader = AgeReader(source)
    try reader.open(with: identity)

    var given = 0
    var buffer = [UInt8](repeating: 0, count: 1000)
    while true {
      let count = try unsafe buffer.withUnsafeMutableBytes { try unsafe reader.read(into: $0) }
      if count == 0 { break }
      #expect(buffer.prefix(count).elementsEqual(plaintext[given..<given + count]))
      given += count
      // One sealed chunk, two look-ahead buffers of 4 KiB, the header, and what armor and tags add.
      let taken = armored ? source.count / 65 * 48 : source.count
      let allowed: Int = given + given / 4096 + 65_552 + 2 * 4096 + 500
      #expect(taken <= allowed)
    }
    #expect(given == plaintext.count && source.count == file.count)
  }

  /// Counts what arrives, and remembers the largest piece.
  private final class CountingSink: ByteSink {
    var count = 0
    var largest = 0

    func write(_ bytes: RawSpan) throws {
      count += bytes.byteCount
      largest = max(largest, bytes.byteCount)
    }
  }

  @Test("a writer holds back no more than a chunk, however much it is handed at once")
  func writer() throws {
    let identity = try X25519Identity.random()
    let sink = CountingSink()
    let fileKey = try FileKey.random()
    let writer = try AgeWriter(sink, stanzas: identity.recipient.wrap(fileKey), fileKey: fileKey)
    let piece = sample(500_000)
    for round in 1...4 {
      try unsafe writer.write(piece.span.bytes)
      #expect(round * piece.count - sink.count <= 65_536)
      #expect(sink.largest <= 65_552)
    }
  }

  @Test("a header is read up to its limit and no further")
  func headerLimit() throws {
    let stanza = Array("-> x \(String(repeating: "y", count: 100))\n\n".utf8)
    let endless = Array("age-encryption.org/v1\n".utf8) + Array(repeating: stanza, count: 20_000).flatMap { $0 }
    let source = SteppedSource(endless, step: 1 << 20)
    #expect(throws: AgeError.header("it is longer than any that is accepted")) {
      try AgeReader(source).readHeader()
    }
    #expect(source.count <= AgeReader.headerLimit + 4096 && source.count > AgeReader.headerLimit - 4096)

    let letters = [UInt8](repeating: UInt8(ascii: "y"), count: 3_000_000)
    let oneLine = SteppedSource(Array("age-encryption.org/v1\n-> ".utf8) + letters, step: 999)
    #expect(throws: AgeError.self) { try AgeReader(oneLine).readHeader() }
    #expect(oneLine.count <= AgeReader.headerLimit + 4096)

    let small = try seal([], to: X25519Identity.random().recipient)
    let exact = try AgeReader(BytesSource(small)).readHeader().bytes.count
    #expect(throws: Never.self) { try AgeReader(BytesSource(small), headerLimit: exact).readHeader() }
    #expect(throws: AgeError.self) { try AgeReader(BytesSource(small), headerLimit: exact - 1).readHeader() }
    #expect(throws: AgeError.self) { try AgeReader(BytesSource(small), headerLimit: 0).readHeader() }
  }

  @Test("armor is read by bounded lines, and white space around it is limited")
  func armorLimit() throws {
    let text = try armored(sample(100))
    let space = [UInt8](repeating: UInt8(ascii: " "), count: 1 << 20)
    for (before, after) in [(space, []), ([], space)] {
      let source = SteppedSource(before + text + after, step: 100)
      var decoded: [UInt8] = []
      #expect(throws: AgeError.self) { try readAll(ArmorReader(source), into: &decoded) }
      #expect(source.count < 10_000)
    }
    var decoded: [UInt8] = []
    let newlines = [UInt8](repeating: UInt8(ascii: "\n"), count: 1000)
    try readAll(ArmorReader(BytesSource(newlines + text + newlines)), into: &decoded)
    #expect(decoded == sample(100))
  }
}
