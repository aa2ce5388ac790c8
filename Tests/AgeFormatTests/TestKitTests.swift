import Crypto
import Testing

@testable import AgeFormat

@Suite("The official age vectors", .enabled(if: TestKit.isPresent))
struct TestKitTests {
  @Test("all 143 are there, with every verdict among them")
  func count() throws {
    #expect(TestKit.names.count == 143)
    let verdicts = try TestKit.names.map { try TestVector(TestKit.bytes($0)).expected }
    let counts = Dictionary(verdicts.map { ($0, 1) }, uniquingKeysWith: +)
    #expect(
      counts == [.success: 26, .noMatch: 13, .hmac: 1, .header: 62, .payload: 19, .armor: 22])
  }

  @Test("each gives what it expects", arguments: TestKit.names)
  func verdict(_ name: String) throws {
    let vector = try TestVector(TestKit.bytes(name))
    let openers = try vector.openers()
    let encoding = vector.isArmored ? AgeReader.Encoding.armored : .binary
    // Small files are also read byte by byte: what matters must not depend on how the bytes arrive.
    for step in vector.file.count < 100_000 ? [1, 65, 1 << 20] : [70_000] {
      let reading = try read(
        SteppedSource(vector.file, step: step), with: openers, encoding: encoding, step: min(step, 9_999))
      #expect(reading.verdict == vector.expected, "\(String(describing: reading.error))")
      if let digest = vector.payloadDigest {
        #expect(hex(SHA256.hash(data: reading.plaintext)) == digest)
      } else {
        #expect(reading.plaintext.isEmpty || vector.expected == .armor)
      }
    }
  }

  @Test("armor is recognised without being told", arguments: TestKit.names)
  func detection(_ name: String) throws {
    let vector = try TestVector(TestKit.bytes(name))
    let reading = try read(BytesSource(vector.file), with: vector.openers())
    // Text before the armor makes the file neither armor nor binary; it is refused as the latter.
    #expect(reading.verdict == (name == "armor_garbage_leading" ? .header : vector.expected))
  }

  @Test("a header that parses is written back bit for bit", arguments: TestKit.names)
  func headerRoundTrip(_ name: String) throws {
    let vector = try TestVector(TestKit.bytes(name))
    let reading = try read(BytesSource(vector.file), with: vector.openers())
    guard let header = reading.header else {
      #expect([.header, .armor].contains(reading.verdict))
      return
    }
    var binary: [UInt8] = []
    if vector.isArmored {
      do { try readAll(ArmorReader(BytesSource(vector.file)), into: &binary) } catch is AgeError {}
    } else {
      binary = vector.file
    }
    // Armor that breaks behind the header has no binary form to compare with.
    guard vector.expected != .armor else { return }
    #expect(binary.starts(with: header.bytes))
  }

  @Test("the file key is the stated one, and gives the stated header", arguments: TestKit.names)
  func fileKey(_ name: String) throws {
    let vector = try TestVector(TestKit.bytes(name))
    guard vector.expected == .success else { return }
    let header = try AgeReader(BytesSource(vector.file)).readHeader()
    guard let fileKey = try vector.openers().unwrap(header.stanzas) else {
      Issue.record("no stanza opens")
      return
    }
    #expect(fileKey.withBytes { unsafe $0.withUnsafeBytes { unsafe hex($0) } } == vector.fileKey)
    #expect(try Header(stanzas: header.stanzas, authenticatedBy: fileKey) == header)
  }

  @Test("armor that is accepted is written back as its canonical text", arguments: TestKit.names)
  func armorRoundTrip(_ name: String) throws {
    let vector = try TestVector(TestKit.bytes(name))
    guard vector.isArmored else { return }
    var binary: [UInt8] = []
    do { try readAll(ArmorReader(BytesSource(vector.file)), into: &binary) } catch let error as AgeError {
      #expect(Verdict(error) == .armor)
      return
    }
    let canonical = String(decoding: vector.file, as: UTF8.self).split(whereSeparator: \.isWhitespace)
      .joined(separator: "\n").replacing("\nAGE\nENCRYPTED\nFILE", with: " AGE ENCRYPTED FILE")
    #expect(try String(decoding: armored(binary), as: UTF8.self) == canonical + "\n")
  }

  @Test("an unknown header line, a missing digest, a wrong verdict would all be noticed")
  func negativeControl() throws {
    #expect(throws: TestVector.Malformed.self) { try TestVector(Array("expect: success\nnew key: 1\n\n".utf8)) }
    #expect(throws: TestVector.Malformed.self) { try TestVector(Array("expect: perhaps\n\n".utf8)) }
    #expect(throws: TestVector.Malformed.self) { try TestVector(Array("compressed: lzma\n\n".utf8)) }
    var bytes = try TestKit.bytes("x25519")
    bytes[bytes.count - 1] ^= 1
    let vector = try TestVector(bytes)
    #expect(try read(BytesSource(vector.file), with: vector.openers()).verdict == .payload)
  }

  private func hex(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}
