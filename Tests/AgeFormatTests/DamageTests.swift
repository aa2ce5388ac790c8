import AgeFormat
import SecretMemory
import Testing

@Suite("Damaged files are refused")
struct DamageTests {
  /// One small hybrid file, and what opens it.
  private static func smallFile() throws -> (seed: [UInt8], file: [UInt8]) {
    let seed = sample(32)
    let identity = try HybridIdentity(seed: SecretBytes(copying: seed))
    return (seed, try seal(sample(40), to: identity.recipient))
  }

  @Test("a hybrid file with any single bit flipped")
  func everyBit() throws {
    let (seed, file) = try Self.smallFile()
    let identity = try HybridIdentity(seed: SecretBytes(copying: seed))
    #expect(try read(BytesSource(file), with: identity).plaintext == sample(40))

    var verdicts: [Verdict: Int] = [:]
    for position in file.indices {
      for bit in 0..<8 {
        var damaged = file
        damaged[position] ^= 1 << bit
        let reading = try read(BytesSource(damaged), with: identity)
        #expect(reading.plaintext.isEmpty, "byte \(position), bit \(bit)")
        verdicts[reading.verdict, default: 0] += 1
      }
    }
    #expect(verdicts[.success] == nil && verdicts[.other] == nil && verdicts[.armor] == nil)
    // The payload is a nonce of 16 bytes, 40 bytes and a tag; all else is the header.
    #expect(verdicts[.payload] == 72 * 8)
    #expect([.header, .noMatch, .hmac].allSatisfy { verdicts[$0, default: 0] > 100 }, "\(verdicts)")
  }

  @Test("an armored file with any single bit flipped")
  func everyBitOfArmor() throws {
    let identity = try X25519Identity.random()
    let file = try seal(sample(40), to: identity.recipient, armored: true)
    #expect(try read(BytesSource(file), with: identity).plaintext == sample(40))
    for position in file.indices {
      for bit in 0..<8 {
        var damaged = file
        damaged[position] ^= 1 << bit
        let reading = try read(BytesSource(damaged), with: identity)
        #expect(reading.error != nil, "byte \(position), bit \(bit)")
      }
    }
  }

  @Test("a hybrid file cut short anywhere")
  func everyTruncation() throws {
    let (seed, file) = try Self.smallFile()
    let identity = try HybridIdentity(seed: SecretBytes(copying: seed))
    for count in 0..<file.count {
      let reading = try read(BytesSource(Array(file.prefix(count))), with: identity)
      #expect(reading.verdict == (count < file.count - 56 ? .header : .payload), "\(count) bytes")
      #expect(reading.plaintext.isEmpty)
    }
  }

  @Test("a file of several chunks, cut short, extended, or with chunks exchanged, left out or repeated")
  func chunks() throws {
    let identity = try X25519Identity.random()
    let plaintext = sample(3 * 65_536)
    let file = try seal(plaintext, to: identity.recipient)
    let chunk = 65_552
    let start = file.count - 3 * chunk
    let head = Array(file.prefix(start))
    let chunks = (0..<3).map { Array(file[start + $0 * chunk..<start + ($0 + 1) * chunk]) }
    #expect(head + chunks.flatMap { $0 } == file)

    let damaged: [(file: [UInt8], released: Int)] = [
      (head, 0), (head + chunks[0], 1), (head + chunks[0] + chunks[1], 2),
      (head + chunks[0] + chunks[2], 1), (head + chunks[1] + chunks[0] + chunks[2], 0),
      (head + chunks[0] + chunks[0] + chunks[1] + chunks[2], 1), (head + chunks[2], 0),
      (file + [0], 3), (file + chunks[2], 3), (Array(file.dropLast()), 2), (Array(file.dropLast(chunk - 1)), 2),
      (Array(file.dropLast(chunk - 16)), 2),
    ]
    for (number, damage) in damaged.enumerated() {
      let reading = try read(BytesSource(damage.file), with: identity)
      #expect(reading.verdict == .payload, "damage \(number)")
      #expect(reading.plaintext == Array(plaintext.prefix(damage.released * 65_536)), "damage \(number)")
    }
  }

  @Test("a file whose writer was not finished")
  func unfinished() throws {
    let identity = try X25519Identity.random()
    let fileKey = try FileKey.random()
    let sink = BytesSink()
    let writer = try AgeWriter(sink, stanzas: identity.recipient.wrap(fileKey), fileKey: fileKey)
    try unsafe writer.write(sample(70_000).span.bytes)
    #expect(try read(BytesSource(sink.bytes), with: identity).verdict == .payload)
    try writer.finish()
    #expect(try read(BytesSource(sink.bytes), with: identity).verdict == .success)
  }

  @Test("thousands of hostile variants neither open nor trap", arguments: 0..<4)
  func hostile(_ seed: Int) throws {
    var random = RepeatableGenerator(seed: UInt64(seed))
    let classic = try X25519Identity.random()
    let hybrid = try HybridIdentity.random()
    var openers = IdentityList()
    openers.append(.x25519(try X25519Identity(encoded: classic.encoded())))
    openers.append(.hybrid(try HybridIdentity(encoded: hybrid.encoded())))
    openers.append(.scrypt(try ScryptIdentity(passphrase: secret("x"), workFactorLimit: 3)))
    let files = [
      try seal(sample(9), to: classic.recipient), try seal(sample(9), to: hybrid.recipient),
      try seal(sample(9), to: ScryptRecipient(passphrase: secret("x"), workFactor: 2)),
      try seal(sample(9), to: classic.recipient, armored: true),
    ]
    for file in files { #expect(try read(BytesSource(file), with: openers).plaintext == sample(9)) }

    var verdicts: [Verdict: Int] = [:]
    for _ in 0..<1500 {
      let file = files[Int.random(in: 0..<files.count, using: &random)]
      var mutant = file
      for _ in 0..<Int.random(in: 1...3, using: &random) { mutate(&mutant, using: &random) }
      if mutant == file { continue }
      let reading = try read(BytesSource(mutant), with: openers)
      verdicts[reading.verdict, default: 0] += 1
      // White space around armor is the one thing that may change.
      guard reading.verdict == .success else { continue }
      #expect(file == files[3] && reading.plaintext == sample(9))
    }
    #expect([.header, .noMatch, .hmac, .payload, .armor].allSatisfy { verdicts[$0, default: 0] > 0 }, "\(verdicts)")
  }

  private func mutate(_ bytes: inout [UInt8], using random: inout RepeatableGenerator) {
    guard !bytes.isEmpty else { return }
    let start = Int.random(in: 0..<bytes.count, using: &random)
    let end = Int.random(in: start...min(bytes.count, start + 80), using: &random)
    let telling = Array("\n \r-=>/+A19".utf8) + [0, 0x7F, 0x80, 0xFF]
    switch Int.random(in: 0..<6, using: &random) {
    case 0: bytes[start] = telling.randomElement(using: &random) ?? 0
    case 1: bytes[start] ^= 1 << Int.random(in: 0..<8, using: &random)
    case 2: bytes.insert(telling.randomElement(using: &random) ?? 0, at: start)
    case 3: bytes.removeSubrange(start..<end)
    case 4: bytes.insert(contentsOf: bytes[start..<end], at: end)
    default: bytes.removeLast(bytes.count - end)
    }
  }
}
