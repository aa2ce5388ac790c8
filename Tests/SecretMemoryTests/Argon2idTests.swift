import SecretMemory
import Testing

@Suite struct Argon2idTests {
  /// Computed by OpenSSL's Argon2id (PyPI `cryptography`), which Tests/Rescue holds against the vector of RFC 9106, 5.3;
  /// libsodium cannot compute that one itself, since it has a secret, associated data and four lanes.
  static let vectors: [(passphrase: String, salt: [UInt8], passes: Int, memoryKiB: Int, key: String)] = [
    (
      "password", Array("somesaltsomesalt".utf8), 2, 64,
      "1a98fba8e6394425c9bdc333a9c750aaf811df070f5fb4a5788e1cf4db5793a1"
    ),
    (
      "pässword", Array(0..<16), 1, 1024, "e01a8f20778a91722c41abfe375f50bf209025113dff5ad2482116869d034d68"
    ),
    ("", [UInt8](repeating: 0, count: 16), 3, 8, "66f1d28991b268ca4d8cb37c16ec9b92"),
    (
      String(repeating: "x", count: 100), [UInt8](repeating: 0xFF, count: 16), 4, 256,
      "e5de16c016e6a4beb332580a48e55eba43fbeb50aec73905912ca2fbb606c108"
        + "f7382d27a4d480c6a7824a3a55452a05eccbd504764f949a0036e6edf7604932"
    ),
  ]

  @Test(arguments: vectors.indices) func anotherImplementationGivesTheSame(index: Int) throws {
    let vector = Self.vectors[index]
    let key = try Argon2id.derive(
      passphrase: SecretBytes(copying: Array(vector.passphrase.utf8)), salt: vector.salt,
      parameters: Argon2id.Parameters(passes: vector.passes, memoryKiB: vector.memoryKiB),
      count: vector.key.utf8.count / 2)
    #expect(hexadecimal(key) == vector.key)
  }

  @Test func anotherPassphraseSaltOrCostGivesAnotherKey() throws {
    func key(_ passphrase: String, _ salt: UInt8, _ passes: Int, _ memoryKiB: Int) throws -> String {
      hexadecimal(
        try Argon2id.derive(
          passphrase: SecretBytes(copying: Array(passphrase.utf8)), salt: [UInt8](repeating: salt, count: 16),
          parameters: Argon2id.Parameters(passes: passes, memoryKiB: memoryKiB)))
    }
    let keys = Set([
      try key("a", 1, 1, 8), try key("b", 1, 1, 8), try key("a", 2, 1, 8), try key("a", 1, 2, 8),
      try key("a", 1, 1, 16),
    ])
    #expect(keys.count == 5)
    #expect(try key("a", 1, 1, 8) == key("a", 1, 1, 8))
  }

  @Test(arguments: [(0, 8), (1, 7), (33, 1024), (1, 4 * 1024 * 1024 + 1), (-1, 1024), (Int.max, Int.max)])
  func costsBeyondTheLimitsAreRefusedBeforeAnyWork(passes: Int, memoryKiB: Int) {
    #expect(throws: SecretMemoryError.self) { try Argon2id.Parameters(passes: passes, memoryKiB: memoryKiB) }
  }

  @Test(arguments: [0, 8, 15, 17]) func aSaltOfAnotherLengthIsRefused(count: Int) throws {
    let parameters = try Argon2id.Parameters(passes: 1, memoryKiB: 8)
    #expect(throws: SecretMemoryError.self) {
      _ = try Argon2id.derive(
        passphrase: SecretBytes(zeroed: 1), salt: [UInt8](repeating: 0, count: count), parameters: parameters)
    }
  }
}

/// The bytes of a secret for a comparison in a test.
func hexadecimal(_ secret: borrowing SecretBytes) -> String {
  unsafe secret.withUnsafeBytes { bytes in
    unsafe bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
  }
}
