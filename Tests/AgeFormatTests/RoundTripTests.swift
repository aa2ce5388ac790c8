import AgeFormat
import SecretMemory
import Testing

@Suite("Files that are written open again")
struct RoundTripTests {
  private static let edgeSizes = [
    0, 1, 15, 16, 17, 47, 48, 49, 4095, 4096, 4097, 65_535, 65_536, 65_537, 131_071, 131_072, 131_073, 200_000,
  ]

  @Test("every size around the edges of a chunk, handed over in any pieces", arguments: edgeSizes)
  func sizes(_ size: Int) throws {
    let identity = try X25519Identity.random()
    let plaintext = sample(size)
    for step in [997, 65_536, 1 << 20] {
      let file = try seal(plaintext, to: identity.recipient, step: step)
      let reading = try read(SteppedSource(file, step: 5_000), with: identity, step: step)
      #expect(reading.error == nil)
      #expect(reading.plaintext == plaintext)
      let chunks = max(1, (size + 65_535) / 65_536)
      let headerCount = try #require(reading.header).bytes.count
      #expect(file.count == headerCount + 16 + size + 16 * chunks)
    }
  }

  @Test("each kind of recipient, bytes and armor", arguments: [false, true], [0, 1, 100, 70_000])
  func kinds(armored: Bool, size: Int) throws {
    let plaintext = sample(size)
    let hybrid = try HybridIdentity.random()
    var reading = try read(
      BytesSource(seal(plaintext, to: hybrid.recipient, armored: armored)), with: hybrid, encoding: .detected)
    #expect(reading.error == nil && reading.plaintext == plaintext)
    #expect(reading.header?.stanzas.map(\.type) == ["mlkem768x25519"])

    let classic = try X25519Identity.random()
    reading = try read(BytesSource(seal(plaintext, to: classic.recipient, armored: armored)), with: classic)
    #expect(reading.error == nil && reading.plaintext == plaintext)
    #expect(reading.header?.stanzas.map(\.type) == ["X25519"])

    let recipient = try ScryptRecipient(passphrase: secret("correct horse"), workFactor: 4)
    let identity = try ScryptIdentity(passphrase: secret("correct horse"))
    reading = try read(BytesSource(seal(plaintext, to: recipient, armored: armored)), with: identity)
    #expect(reading.error == nil && reading.plaintext == plaintext)
    #expect(reading.header?.stanzas.map(\.type) == ["scrypt"])
  }

  @Test("another identity of the same kind opens nothing")
  func wrongIdentity() throws {
    let hybrid = try HybridIdentity.random()
    let file = try seal(sample(10), to: hybrid.recipient)
    #expect(try read(BytesSource(file), with: HybridIdentity.random()).verdict == .noMatch)
    #expect(try read(BytesSource(file), with: X25519Identity.random()).verdict == .noMatch)
    #expect(try read(BytesSource(file), with: ScryptIdentity(passphrase: secret("x"))).verdict == .noMatch)
    #expect(try read(BytesSource(file), with: IdentityList()).verdict == .noMatch)

    let locked = try seal(sample(10), to: ScryptRecipient(passphrase: secret("hunter1"), workFactor: 4))
    #expect(try read(BytesSource(locked), with: ScryptIdentity(passphrase: secret("hunter2"))).verdict == .noMatch)
    #expect(try read(BytesSource(locked), with: ScryptIdentity(passphrase: secret("hunter1"))).verdict == .success)
  }

  @Test("native stanzas stand beside those of others, and every recipient opens the file")
  func severalRecipients() throws {
    let first = try HybridIdentity.random()
    let second = try X25519Identity.random()
    let fileKey = try FileKey.random()
    let own = try Stanza(type: "example.com/enigma", arguments: ["M4", "!\"~"], body: sample(96))
    let stanzas = try [own] + first.recipient.wrap(fileKey) + second.recipient.wrap(fileKey) + [Stanza(type: "empty")]
    let sink = BytesSink()
    let writer = try AgeWriter(sink, stanzas: stanzas, fileKey: fileKey)
    try unsafe writer.write(sample(5).span.bytes)
    try writer.finish()

    for reading in [
      try read(BytesSource(sink.bytes), with: first), try read(BytesSource(sink.bytes), with: second),
    ] {
      #expect(reading.plaintext == sample(5))
      #expect(reading.header?.stanzas == stanzas)
    }
  }

  @Test("two files for one recipient have nothing in common")
  func freshness() throws {
    let recipient = try HybridIdentity.random().recipient
    let files = try (0..<2).map { _ in try seal(sample(100), to: recipient) }
    let headers = try files.map { try AgeReader(BytesSource($0)).readHeader() }
    #expect(headers[0].stanzas[0].arguments != headers[1].stanzas[0].arguments)
    #expect(headers[0].stanzas[0].body != headers[1].stanzas[0].body)
    #expect(headers[0].mac != headers[1].mac)
    #expect(files[0].suffix(132) != files[1].suffix(132))
  }

  @Test("bodies that fill their lines are followed by an empty one", arguments: [0, 1, 47, 48, 49, 95, 96, 97, 480])
  func stanzaBodies(_ size: Int) throws {
    let identity = try X25519Identity.random()
    let fileKey = try FileKey.random()
    let stanzas = try [Stanza(type: "x", body: sample(size))] + identity.recipient.wrap(fileKey)
    let sink = BytesSink()
    try AgeWriter(sink, stanzas: stanzas, fileKey: fileKey).finish()
    let reading = try read(BytesSource(sink.bytes), with: identity)
    #expect(reading.error == nil)
    #expect(reading.header?.stanzas == stanzas)
    #expect(sink.bytes.starts(with: reading.header?.bytes ?? [0]))
  }

  @Test("armor of every length around a line, written in any pieces", arguments: 0...150)
  func armorLengths(_ size: Int) throws {
    let bytes = sample(size)
    let texts = try [1, 7, 48, 1000].map { try armored(bytes, step: $0) }
    #expect(Set(texts).count == 1)
    let text = try #require(texts.first)
    #expect(text.split(separator: UInt8(ascii: "\n")).dropFirst().dropLast().allSatisfy { $0.count <= 64 })
    #expect(text.split(separator: UInt8(ascii: "\n")).count == 2 + (size + 47) / 48)
    for step in [1, 13, 1000] {
      var decoded: [UInt8] = []
      try readAll(ArmorReader(SteppedSource(text, step: step)), step: step, into: &decoded)
      #expect(decoded == bytes)
    }
  }
}
