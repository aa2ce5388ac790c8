import COpenSSL
import Testing

@testable import NextcloudStorage

/// RSA keys in key files that nobody wrote in good faith.
@Suite struct UnlockedKeyTests {
  /// A number of libcrypto, freed with its owner.
  @safe private final class Number {
    let pointer: OpaquePointer

    init(_ fill: (OpaquePointer) -> Void) throws {
      guard let pointer = unsafe BN_new() else { throw NoMemory() }
      unsafe self.pointer = pointer
      unsafe fill(pointer)
    }

    deinit { unsafe BN_free(pointer) }

    var bits: Int32 { unsafe BN_num_bits(pointer) }

    /// INTEGER of DER.
    var der: [UInt8] {
      var bytes = [UInt8](repeating: 0, count: Int(bits) / 8 + 1)
      let count = unsafe BN_bn2binpad(pointer, &bytes, Int32(bytes.count))
      #expect(Int(count) == bytes.count)
      return [0x02] + UnlockedKeyTests.length(bytes.count) + bytes
    }
  }

  private struct NoMemory: Error {}

  /// An RSA private key (RFC 8017, A.1.2) whose primes are 2^p - 1 and 2^q - 1, so that it is right in all its parts.
  private static func pem(mersenne p: Int32, _ q: Int32) throws -> [UInt8] {
    guard let context = unsafe BN_CTX_new() else { throw NoMemory() }
    defer { unsafe BN_CTX_free(context) }
    func mersenne(_ exponent: Int32, minus less: UInt) throws -> Number {
      try unsafe Number {
        unsafe BN_set_bit($0, exponent)
        unsafe BN_sub_word($0, less)
      }
    }
    let (prime, other) = (try mersenne(p, minus: 1), try mersenne(q, minus: 1))
    let (before, beforeOther) = (try mersenne(p, minus: 2), try mersenne(q, minus: 2))
    let exponent = try unsafe Number { unsafe BN_set_word($0, 65537) }
    let modulus = try unsafe Number { unsafe BN_mul($0, prime.pointer, other.pointer, context) }
    let order = try unsafe Number { unsafe BN_mul($0, before.pointer, beforeOther.pointer, context) }
    let inverse = try unsafe Number { _ = unsafe BN_mod_inverse($0, exponent.pointer, order.pointer, context) }
    let parts = [
      try unsafe Number { unsafe BN_set_word($0, 0) }, modulus, exponent, inverse, prime, other,
      try unsafe Number { unsafe BN_div(nil, $0, inverse.pointer, before.pointer, context) },
      try unsafe Number { unsafe BN_div(nil, $0, inverse.pointer, beforeOther.pointer, context) },
      try unsafe Number { _ = unsafe BN_mod_inverse($0, other.pointer, prime.pointer, context) },
    ]
    let body = parts.flatMap(\.der)
    let text = KeyWriting.base64([0x30] + length(body.count) + body)
    return Array("-----BEGIN RSA PRIVATE KEY-----\n\(text)\n-----END RSA PRIVATE KEY-----\n".utf8)
  }

  fileprivate static func length(_ count: Int) -> [UInt8] {
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

  /// The key is right, and to see that takes half a minute; ten times as long ones, for which there is room, take far longer.
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
