import SecretMemory
import Testing

@Suite struct Argon2idTests {
  @Test func theParametersHaveLimits() {
    #expect(throws: SecretMemoryError.self) { try Argon2id.Parameters(passes: 33, memoryKiB: 1024) }
  }
}
