import SecretMemory
import Testing

@testable import NextcloudStorage

@Suite struct ICryptoTests {
  static let secret = "irQFkgUGBgi/2jKaM0rsiTlnefjbOoNF4L8OG3IPdAjMTNk8"
  /// Strings that the server's own class accepted, of the plaintext `hello`.
  static let vectors = [
    "1f777e63e1ccc7742c865c6ad15b37ec|0123456789abcdef|fcd55364cdf02c21809088d61fbe9119cdce5818af2ea6343c27cb0d87cbfdc95216d8e943f4dcafd65c5f40f85c0ffa15be33b4d86f674e9feeadb468177dd3",
    "1f777e63e1ccc7742c865c6ad15b37ec|30313233343536373839616263646566|d9afeb3b65b10a8cdf3f1b9f239bc6b04f84bf5904d8eb6d29e6eb1ab4eb5e5e592b58571be3baf4a031e3b7309c207d2688bbfd69679c420fdb9080c64c7479|2",
    "04bf37b427ab987ad0c8e31964912c32|0e798365885a1f70bc0cc42e094d3586|c6aada975fee4631d3a704a9b6fa9b0f62967b1fc7c8a984015a2e50bd3651b41b2c65db1e76817fa2e06b2ac6a2c948c9e1be6a843ffb9f9c7a59f5aed50f7d|3",
    "v2|3ecd36e7368a40e3f9168b743eed54f3|30313233343536373839616263646566|31669517896767b1e5927f6a17ffaa726c3da84f0369106be380c08dd3ce32cf33eb6bcd9453500ea5128706788eea1f707ac9f4609cf13a41d956f22e9bc462",
  ]

  static func open(_ bytes: [UInt8], secret: String) throws -> String? {
    guard let text = unsafe ICryptoText(bytes.span.bytes) else { return nil }
    return try text.open(secret: try secretBytes(secret)) { _ in true }.text
  }

  @Test func theKeysAreDerivedAsTheServerDoes() throws {
    let both = try LibCrypto.hkdf64(try secretBytes(Self.secret))
    #expect(
      KeyWriting.hex(KeyWriting.bytes(both))
        == "c2801eb077660b0be221257a0e0b3491dc97d31dadc877f4c5335f084ba36d62"
        + "dcc3a509eea5b9bcf00f5142b432aa967df568054075ac678bfb64da9b2a9b4a")
  }

  @Test(arguments: vectors) func stringsOfEveryVersionOpen(vector: String) throws {
    #expect(try Self.open([UInt8](vector.utf8), secret: Self.secret) == "hello")
    #expect(try Self.open([UInt8]((vector + "\n").utf8), secret: Self.secret) == "hello")
  }

  @Test(arguments: vectors) func anotherSecretOpensNothing(vector: String) throws {
    #expect(throws: ICryptoText.Failure.self) { try Self.open([UInt8](vector.utf8), secret: Self.secret + "x") }
    #expect(throws: ICryptoText.Failure.self) { try Self.open([UInt8](vector.utf8), secret: "") }
  }

  @Test(arguments: vectors) func everyFlippedBitIsRefused(vector: String) throws {
    let bytes = [UInt8](vector.utf8)
    for index in bytes.indices {
      for bit in 0..<8 {
        var flipped = bytes
        flipped[index] ^= 1 << bit
        let opened = try? Self.open(flipped, secret: Self.secret)
        #expect(opened == nil || opened == .some(nil), "byte \(index), bit \(bit)")
      }
    }
  }

  @Test(arguments: vectors) func everyTruncationIsRefused(vector: String) throws {
    let bytes = [UInt8](vector.utf8)
    for count in 0..<bytes.count {
      let opened = try? Self.open(Array(bytes[..<count]), secret: Self.secret)
      #expect(opened == nil || opened == .some(nil), "\(count) bytes")
    }
  }

  @Test(arguments: [ICryptoText.Version.version1, .version2])
  func whatWasWrittenWithoutASecretOpensToo(version: ICryptoText.Version) throws {
    for secrets in [("", Self.secret), ("", ""), (Self.secret, Self.secret)] {
      let bytes = try KeyWriting.wrap([UInt8]("hello".utf8), version: version, secrets: secrets)
      let text = try #require(unsafe ICryptoText(bytes.span.bytes))
      let opened = try text.open(secret: try secretBytes(Self.secret)) { $0.starts(with: "hello") }
      #expect(opened.text == "hello")
    }
    // The secret that nobody named is not tried.
    let foreign = try KeyWriting.wrap([UInt8]("hello".utf8), version: version, secrets: ("other", "other"))
    #expect(throws: ICryptoText.Failure.self) { try Self.open(foreign, secret: Self.secret) }
  }

  @Test func aRawShareKeyWithSeparatorsIsNotTakenForWrapped() {
    var bytes = [UInt8](repeating: 0xe3, count: 512)
    for index in [100, 200, 300] { bytes[index] = 0x7c }
    #expect(unsafe ICryptoText(bytes.span.bytes) == nil)
  }

  @Test func randomBytesAreNoStringAndStopNothing() throws {
    var generator = SeededGenerator(seed: 1)
    let alphabet = [UInt8]("0123456789abcdef|v23\n".utf8)
    for _ in 0..<3000 {
      let count = Int.random(in: 0...400, using: &generator)
      let bytes = (0..<count).map { _ in alphabet.randomElement(using: &generator) ?? 0 }
      _ = try? Self.open(bytes, secret: Self.secret)
      let wild = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
      #expect(unsafe ICryptoText(wild.span.bytes) == nil || count > 160)
      _ = unsafe ICryptoText.looksTruncated(wild.span.bytes)
      _ = unsafe ICryptoText.looksTruncated(bytes.span.bytes)
    }
  }
}

/// Random numbers that are the same in every run (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var value = state
    value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
    value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
    return value ^ (value >> 31)
  }
}
