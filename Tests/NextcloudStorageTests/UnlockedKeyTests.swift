import COpenSSL
import Testing

@testable import NextcloudStorage

/// RSA keys in key files that nobody wrote in good faith.
@Suite struct UnlockedKeyTests {
  /// An RSA private key (RFC 8017, A.1.2) whose primes are 2^p - 1 and 2^q - 1, so that it is right in all its parts.
  private static func pem(mersenne p: Int32, _ q: Int32) throws -> [UInt8] {
    let context = try #require(unsafe BN_CTX_new())
    defer { unsafe BN_CTX_free(context) }
    func number(_ make: (OpaquePointer) -> Void) throws -> OpaquePointer {
      let number = try #require(unsafe BN_new())
      unsafe make(number)
      return unsafe number
    }
    func mersenne(_ exponent: Int32, minus less: UInt) throws -> OpaquePointer {
      try unsafe number {
        unsafe BN_set_bit($0, exponent)
        unsafe BN_sub_word($0, less)
      }
    }
    let (prime, other) = (try mersenne(p, minus: 1), try mersenne(q, minus: 1))
    let (before, beforeOther) = (try mersenne(p, minus: 2), try mersenne(q, minus: 2))
    let exponent = try unsafe number { unsafe BN_set_word($0, 65537) }
    let modulus = try unsafe number { unsafe BN_mul($0, prime, other, context) }
    let order = try unsafe number { unsafe BN_mul($0, before, beforeOther, context) }
    let inverse = try unsafe number { unsafe BN_mod_inverse($0, exponent, order, context) }
    let parts = [
      try unsafe number { unsafe BN_set_word($0, 0) }, modulus, exponent, inverse, prime, other,
      try unsafe number { unsafe BN_div(nil, $0, inverse, before, context) },
      try unsafe number { unsafe BN_div(nil, $0, inverse, beforeOther, context) },
      try unsafe number { unsafe BN_mod_inverse($0, other, prime, context) },
    ]
    var body: [UInt8] = []
    for part in unsafe parts {
      var bytes = [UInt8](repeating: 0, count: Int(unsafe BN_num_bits(part) + 8) / 8)
      #expect(unsafe BN_bn2binpad(part, &bytes, Int32(bytes.count)) == bytes.count)
      body += [0x02] + length(bytes.count) + bytes
      unsafe BN_free(part)
    }
    for number in unsafe [before, beforeOther, order] { unsafe BN_free(number) }
    let text = KeyWriting.base64([0x30] + length(body.count) + body)
    return Array("-----BEGIN RSA PRIVATE KEY-----\n\(text)\n-----END RSA PRIVATE KEY-----\n".utf8)
  }

  private static func length(_ count: Int) -> [UInt8] {
    count < 128 ? [UInt8(count)] : count < 256 ? [0x81, UInt8(count)] : [0x82, UInt8(count >> 8), UInt8(count & 0xff)]
  }

  private static func bits(of pem: [UInt8], isAuthentic: Bool) throws -> Int? {
    switch try unsafe UnlockedKey(pem: pem.span.bytes, isAuthentic: isAuthentic) {
    case .some(let key): key.modulusCount * 8
    case .none: nil
    }
  }

  @Test func aKeyOfOrdinaryLengthIsRead() throws {
    let pem = try Self.pem(mersenne: 607, 521)
    #expect(try Self.bits(of: pem, isAuthentic: false) == 1128)
    #expect(try Self.bits(of: pem, isAuthentic: true) == 1128)
  }

  /// The key is right, and to see that takes minutes; three times as long ones, for which there is room, take hours.
  @Test func aKeyThatTakesForeverToCheckIsRefused() throws {
    let pem = try Self.pem(mersenne: 4423, 4253)
    #expect(try Self.bits(of: pem, isAuthentic: false) == nil)
    #expect(try Self.bits(of: pem, isAuthentic: true) == nil)
  }

  /// A modulus of ordinary length whose primes are not.
  @Test func aKeyWithOneLongPrimeIsRefused() throws {
    #expect(try Self.bits(of: try Self.pem(mersenne: 2203, 107), isAuthentic: true) == nil)
    #expect(try Self.bits(of: try Self.pem(mersenne: 2203, 107), isAuthentic: false) == nil)
  }
}
