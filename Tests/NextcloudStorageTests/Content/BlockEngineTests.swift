import Foundation
import SecretMemory
import Testing

@testable import NextcloudStorage

/// Worked examples of the format, number by number.
@Suite struct BlockEngineTests {
  static func bytes(_ hex: String) -> [UInt8] {
    var bytes: [UInt8] = []
    var rest = hex[...]
    while let value = UInt8(rest.prefix(2), radix: 16), rest.count >= 2 {
      bytes.append(value)
      rest = rest.dropFirst(2)
    }
    return bytes
  }

  @Test func theBlockOfAWorkedExample() throws {
    let engine = try BlockEngine()
    let key = Self.bytes("4bd2a368fb25686130d9466e9244941e90f0c652419e629aa95145c865667b7a")
    let slot = try #require(unsafe engine.add(key.span.bytes))
    let sig = "6fa5e2960a0d4adf082d0c7655c99ce48813d6c1413f736dc1c790c2ad36d740"
    let iv = Self.bytes("4372cb9bac5fcf94cd5ed8b2fefa24a1")
    let block =
      Self.bytes("9d3e686b3109d60e8b") + [UInt8]("00iv00".utf8) + iv + [UInt8]("00sig00\(sig)xxx".utf8)
    let parts = try #require(unsafe ContentBlock(block.span.bytes))
    #expect(parts.isSigned && parts.ciphertextCount == 9)
    #expect(try engine.load(BytesSource(block), at: 0) == block.count)
    #expect(engine.select(slot, .aes256CTR))
    func fits(_ version: Int64, _ index: Int, end: Bool, old: Bool) -> Bool {
      engine.signatureFits(
        parts, at: 0, SignaturePosition(version: version, index: index, isEnd: end, isOldStyle: old))
    }
    #expect(fits(3, 0, end: true, old: false))
    #expect(!fits(3, 0, end: false, old: false) && !fits(3, 0, end: true, old: true))
    #expect(!fits(2, 0, end: true, old: false) && !fits(3, 1, end: true, old: false))
    #expect(!fits(-1, 0, end: true, old: false) && !fits(.max, .max, end: true, old: false))
    let count = try #require(engine.decrypt(parts, at: 0, isBinary: true))
    #expect(engine.withPlain(count) { $0.text() } == "v2 hello\n")
    #expect(engine.decrypt(parts, at: 1, isBinary: true) == nil)
    #expect(engine.decrypt(parts, at: -1, isBinary: true) == nil)
    engine.forgetKeys()
    #expect(!engine.select(slot, .aes256CTR))
  }

  static func rc4(key: [UInt8], _ data: [UInt8]) -> [UInt8] {
    var output = [UInt8](repeating: 0, count: data.count)
    var state = [UInt8](repeating: 0, count: 256)
    unsafe RC4.apply(key: key, keyCount: key.count, data, state: &state, into: &output)
    return output
  }

  @Test func rc4OfAWorkedExample() throws {
    let engine = try BlockEngine()
    #expect(
      Self.rc4(
        key: Self.bytes("2eaf27c2163d9466d84559d0bd195436"),
        Self.bytes("80d72e4770a530f20b6f731423680ccd376185f6e931963ab31d957a6b39f685"))
        == Self.bytes("809e5ea472db66ad2478426d8604940df9bc880f17a733998b05d92684c3cb36"))
    let text = Self.rc4(
      key: Self.bytes("441a2149680ef5909b5629d9ef5a0606"),
      Self.bytes("f11d3f7357f1173849c16a6c7499ffa832d1031140d65c1d2a58678d48e917d63a895c24d32ed44cc7f8518e"))
    #expect(String(decoding: text, as: UTF8.self) == "8e38XXgi3GXgMD/tJTzWK+kRLQIfwtJygODqs3GpADg=")
    #expect(engine.isTextKey(try #require(unsafe engine.add(text.span.bytes))))
  }

  @Test func blocksAreTakenApartFromTheEnd() throws {
    func parts(_ text: String) -> ContentBlock? { unsafe ContentBlock([UInt8](text.utf8).span.bytes) }
    let iv = String(repeating: "i", count: 16)
    let signature = String(repeating: "0", count: 64)
    #expect(parts("c00iv00\(iv)00sig00\(signature)xxx")?.isSigned == true)
    #expect(parts("c00iv00\(iv)xx")?.isSigned == false)
    #expect(parts("00sig0000iv0000iv00\(iv)xx")?.ciphertextCount == 13)
    #expect(parts("") == nil && parts("xx") == nil && parts("xxx") == nil)
    #expect(parts("00iv00\(iv)xx") == nil && parts("00iv00\(iv)00sig00\(signature)xxx") == nil)
    #expect(parts("c00iv00\(iv)00sig00\(signature)xxy") == nil)
    #expect(ContentBlock.plainCount(isSigned: true, isBinary: true) == 8096)
    #expect(ContentBlock.plainCount(isSigned: true, isBinary: false) == 6072)
    #expect(ContentBlock.plainCount(isSigned: false, isBinary: true) == 8168)
    #expect(ContentBlock.plainCount(isSigned: false, isBinary: false) == 6126)
  }

  @Test func digestsAreTheOnesEverybodyKnows() throws {
    let known: [PlaintextDigest.Algorithm: String] = [
      .sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
      .sha1: "a9993e364706816aba3e25717850c26c9cd0d89d", .md5: "900150983cd24fb0d6963f7d28e17f72", .adler32: "024d0127",
    ]
    for (algorithm, hex) in known {
      let digest = try #require(PlaintextDigest(algorithm))
      unsafe digest.add([UInt8]("ab".utf8).span.bytes)
      _ = digest.hex()
      unsafe digest.add([UInt8]("c".utf8).span.bytes)
      #expect(digest.hex() == hex)
    }
  }
}
