import SecretMemory
import Testing

@testable import NextcloudStorage

/// RFC 6070 for SHA-1; for SHA-256 the vectors of RFC 7914 §11 and what Python's hashlib gives.
@Suite struct PBKDF2Tests {
  private func key(
    _ digest: LibCrypto.Digest, _ password: String, _ salt: String, _ iterations: Int, _ count: Int
  ) throws -> String {
    let password = try SecretBytes(copying: Array(password.utf8))
    let salt = Array(salt.utf8)
    let key = try unsafe PBKDF2.key(
      password: password, salt: salt.span.bytes, iterations: iterations, digest: digest, count: count)
    return unsafe key.withUnsafeBytes { unsafe $0.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() }
  }

  @Test func theVectorsOfTheStandardsHold() throws {
    #expect(try key(.sha1, "password", "salt", 1, 20) == "0c60c80f961f0e71f3a9b524af6012062fe037a6")
    #expect(try key(.sha1, "password", "salt", 4096, 20) == "4b007901b765489abead49d926f721d065a429c1")
    #expect(
      try key(.sha1, "passwordPASSWORDpassword", "saltSALTsaltSALTsaltSALTsaltSALTsalt", 4096, 25)
        == "3d2eec4fe41c849b80c8d83662c0e44a8b291a964cf2f07038")
    #expect(
      try key(.sha256, "passwd", "salt", 1, 64)
        == "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"
        + "49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783")
  }

  @Test func aPasswordLongerThanABlockIsDigestedFirst() throws {
    #expect(
      try key(.sha256, String(repeating: "p", count: 65), "s", 2, 32)
        == "449f6cf4a096d307baa63571b5c4e2feaf70a6e550ed633c8ca4eba0ef07912d")
    #expect(
      try key(.sha256, String(repeating: "p", count: 64), "s", 2, 32)
        == "04933efb18d38dae19b7e629c58bb0f84ddf3790a7a220d816aceefff438b41c")
    #expect(try key(.sha256, "", "s", 1, 16) == "865699bf1f9f41407b9ec39772d829bf")
  }
}
