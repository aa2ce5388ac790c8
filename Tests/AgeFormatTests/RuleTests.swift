import SecretMemory
import Testing

@testable import AgeFormat

@Suite("Rules that callers meet")
struct RuleTests {
  @Test("a stanza that the grammar rules out cannot be made", arguments: ["", " ", "a b", "é", "a\n", "\u{7F}", "\0"])
  func stanzaGrammar(_ argument: String) {
    #expect(throws: AgeError.self) { try Stanza(type: argument) }
    #expect(throws: AgeError.self) { try Stanza(type: "x", arguments: ["y", argument]) }
    #expect(throws: Never.self) { try Stanza(type: "!", arguments: ["~"]) }
  }

  @Test("a file has a recipient, and a passphrase only alone")
  func writerRules() throws {
    let passphrase = try ScryptRecipient(passphrase: secret("x"), workFactor: 2)
    let other = try X25519Identity.random().recipient
    #expect(throws: AgeError.misuse("an age file needs a recipient")) {
      try AgeWriter(BytesSink(), stanzas: [], fileKey: FileKey.random())
    }
    for order in [true, false] {
      let fileKey = try FileKey.random()
      let (first, second) = try (passphrase.wrap(fileKey), other.wrap(fileKey))
      let sink = BytesSink()
      do {
        _ = try AgeWriter(sink, stanzas: order ? first + second : second + first, fileKey: fileKey)
        Issue.record("mixed stanzas were written")
      } catch AgeError.misuse {}
      #expect(sink.bytes.isEmpty)
    }
  }

  @Test("a writer takes nothing after its end, and a reader gives nothing before it is open")
  func order() throws {
    let identity = try X25519Identity.random()
    let sink = BytesSink()
    let writer = try AgeWriter(sink, recipient: identity.recipient)
    try writer.finish()
    let count = sink.bytes.count
    #expect(throws: AgeError.self) { try writer.finish() }
    #expect(throws: AgeError.self) { try writer.write([1]) }
    #expect(sink.bytes.count == count)

    let reader = AgeReader(BytesSource(sink.bytes))
    var bytes: [UInt8] = []
    #expect(throws: AgeError.self) { try readAll(reader, into: &bytes) }
    #expect(try reader.readHeader() == reader.readHeader())
    #expect(throws: AgeError.noMatch) { try reader.open(with: X25519Identity.random()) }
    // Another identity may be tried after one that does not fit.
    try reader.open(with: identity)
    #expect(throws: AgeError.self) { try reader.open(with: identity) }
    #expect(throws: AgeError.self) { try reader.readHeader() }
    try readAll(reader, into: &bytes)
    #expect(bytes.isEmpty)

    let armor = ArmorWriter(BytesSink())
    try armor.finish()
    #expect(throws: AgeError.self) { try armor.finish() }
    #expect(throws: AgeError.self) { try armor.write([1]) }
  }

  private struct Full: Error {}

  /// Takes some bytes, then none.
  private final class FullSink: ByteSink {
    var room: Int

    init(room: Int) {
      self.room = room
    }

    func write(_ bytes: RawSpan) throws {
      guard bytes.byteCount <= room else { throw Full() }
      room -= bytes.byteCount
    }
  }

  @Test("what a sink or a source throws comes through, and the writer does not go on")
  func foreignErrors() throws {
    let recipient = try X25519Identity.random().recipient
    #expect(throws: Full.self) { try AgeWriter(FullSink(room: 10), recipient: recipient) }
    let sink = FullSink(room: 300)
    let writer = try AgeWriter(sink, recipient: recipient)
    #expect(throws: Full.self) { try writer.write(sample(70_000)) }
    sink.room = 1 << 30
    #expect(throws: Full.self) { try writer.write([1]) }
    #expect(throws: Full.self) { try writer.finish() }

    final class BrokenSource: ByteSource {
      func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int { throw Full() }
    }
    let reader = AgeReader(BrokenSource())
    #expect(throws: Full.self) { try reader.readHeader() }
    #expect(throws: Full.self) { try reader.readHeader() }
  }

  @Test("a source that claims more than it was asked for is caught", arguments: [-1, 1 << 40])
  func lyingSource(_ answer: Int) {
    final class LyingSource: ByteSource {
      let answer: Int
      init(_ answer: Int) { self.answer = answer }
      func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int { answer }
    }
    #expect(throws: AgeError.self) { try AgeReader(LyingSource(answer)).readHeader() }
  }

  @Test("keys and secrets of another length are refused", arguments: [0, 15, 17, 31, 33])
  func lengths(_ count: Int) throws {
    #expect(throws: AgeError.self) {
      _ = try unsafe FileKey(copying: sample(count).span.bytes).withBytes { $0.byteCount }
    }
    #expect(throws: AgeError.self) { _ = try X25519Identity(secret: SecretBytes(zeroed: count)).recipient }
    #expect(throws: AgeError.self) { _ = try HybridIdentity(seed: SecretBytes(zeroed: count)).recipient }
  }

  @Test("scrypt: an empty passphrase and work out of range are refused before any work")
  func scryptRules() throws {
    let fileKey = try FileKey.random()
    #expect(throws: AgeError.self) { _ = try ScryptRecipient(passphrase: secret("")).wrap(fileKey) }
    #expect(throws: AgeError.self) { _ = try ScryptIdentity(passphrase: secret("")).unwrap([]) != nil }
    for factor in [Int.min, -1, 0, 31, Int.max] {
      #expect(throws: AgeError.self) {
        _ = try ScryptRecipient(passphrase: secret("x"), workFactor: factor).wrap(fileKey)
      }
      #expect(throws: AgeError.self) {
        _ = try ScryptIdentity(passphrase: secret("x"), workFactorLimit: factor).unwrap([]) != nil
      }
    }
    let stanzas = try ScryptRecipient(passphrase: secret("x"), workFactor: 5).wrap(fileKey)
    let strict = try ScryptIdentity(passphrase: secret("x"), workFactorLimit: 4)
    #expect(throws: AgeError.header("the scrypt stanza asks for more work than the accepted 2^4")) {
      _ = try strict.unwrap(stanzas) != nil
    }
    #expect(try ScryptIdentity(passphrase: secret("x"), workFactorLimit: 5).unwrap(stanzas) != nil)
  }

  @Test("every error says what happened and what to do, each in one line")
  func wording() {
    let errors: [AgeError] = [
      .header("x"), .headerMAC, .noMatch, .payload("x"), .armor("x"), .key("x"), .misuse("x"),
      .memory(.outOfMemory(bytes: 1)),
    ]
    for error in errors {
      #expect(!error.problem.isEmpty && !error.problem.contains("\n") && "\(error)" == error.problem)
      #expect(!error.hint.isEmpty && !error.hint.contains("\n"))
    }
    #expect(Set(errors.map(\.hint)).count == errors.count)
  }

  @Test("base 64 has one text for each value")
  func base64() {
    for size in 0..<70 {
      let bytes = sample(size)
      for padded in [false, true] {
        let text = Base64.encode(bytes, padded: padded)
        #expect(Base64.decode(text, padded: padded) == bytes)
        #expect(size % 3 == 0 || Base64.decode(text, padded: !padded) == nil)
      }
    }
    for text in ["A", "AB", "AAB", "AA=", "AA==", "A===", "====", "AA A", "AA\n", "AA-_", "AAAA=", "AA\u{E9}"] {
      #expect(Base64.decode(Array(text.utf8)) == nil, "\(text)")
    }
    for text in ["A", "AA", "AB==", "A===", "====", "AA=A", "AAA=AAAA", "=AAA", "AA==\n", "AAAA===="] {
      #expect(Base64.decode(Array(text.utf8), padded: true) == nil, "\(text)")
    }
  }
}
