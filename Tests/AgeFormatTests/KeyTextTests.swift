import SecretMemory
import Testing

@testable import AgeFormat

@Suite("Texts of keys")
struct KeyTextTests {
  @Test("the pairs of the specification")
  func specification() throws {
    let classic = try X25519Identity(
      encoded: secret("AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"))
    #expect(try classic.recipient.encoded == "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj")
    #expect(
      try text(classic.encoded()) == "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX")

    let hybrid = try HybridIdentity(
      encoded: secret("AGE-SECRET-KEY-PQ-1XX76JRALNLXDMEW0CRK45QMCCH4X06SE84UN3VPM33W6HWDX0H3SK3ZQFR"))
    let recipient = try hybrid.recipient.encoded
    #expect(recipient.hasPrefix("age1pq1x34nzsvr0rxjsgdn8zgyhfe8j7ceq5r9rdelkjuh3y235jzxshfg87pzf5zrqtzdxz95paef6caq"))
    // The last characters are a checksum over all the others.
    #expect(recipient.hasSuffix("qheyty7saeq0d3fzv49zc0k"))
    #expect(recipient.utf8.count == 1959)
  }

  @Test("what is written is read again, and equals itself")
  func roundTrip() throws {
    for _ in 0..<20 {
      let classic = try X25519Identity.random()
      #expect(try X25519Recipient(encoded: classic.recipient.encoded) == classic.recipient)
      #expect(try X25519Identity(encoded: classic.encoded()).recipient == classic.recipient)
    }
    let hybrid = try HybridIdentity.random()
    #expect(try HybridRecipient(encoded: hybrid.recipient.encoded) == hybrid.recipient)
    let again = try HybridIdentity(encoded: hybrid.encoded())
    #expect(again.recipient == hybrid.recipient)
    #expect(again.withSeed { seed in hybrid.withSeed { ConstantTime.equal($0, seed) } })
  }

  @Test(
    "valid strings of BIP 173",
    arguments: [
      ("A12UEL5L", "A", 0), ("a12uel5l", "a", 0),
      (
        "an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1tt5tgs",
        "an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio", 0
      ),
      ("abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw", "abcdef", 20),
      ("split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w", "split", 30), ("?1ezyfcl", "?", 0),
    ])
  func validStrings(_ string: String, prefix: String, count: Int) throws {
    let kind = Bech32(prefix: prefix, count: count)
    let bytes = try unsafe kind.decode(Array(string.utf8).span.bytes)
    #expect(bytes.count == count)
    #expect(try text(bytes.withBytes { (bytes) throws(AgeError) in try kind.encode(bytes) }) == string)
  }

  // Those whose human-readable part is empty or out of range are left out: the kind states it, not the text.
  @Test(
    "invalid strings of BIP 173",
    arguments: [
      ("pzry9x0s0muk", "pzry9x0s0muk", 0), ("pzry9x0s0muk", "", 4),
      ("1pzry9x0s0muk", "", 4), ("x1b4n0q5v", "x", 0), ("li1dgmt3", "li", 0), ("de1lg7wt\u{FF}", "de", 0),
      ("A1G7SGD8", "A", 0), ("1qzzfhee", "", 0), ("a12UEL5L", "a", 0), ("A12uel5l", "A", 0),
      ("abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxv", "abcdef", 20),
      ("abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw", "abcdef", 19),
      ("abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw", "abcdeg", 20), ("", "a", 0), ("a1", "a", 0),
    ])
  func invalidStrings(_ string: String, prefix: String, count: Int) throws {
    #expect(throws: AgeError.self) { _ = try decodedCount(string, Bech32(prefix: prefix, count: count)) }
  }

  @Test("a key with any one character changed, left out or added is refused, and the error does not quote it")
  func mistypedKeys() throws {
    let identity = try text(HybridIdentity.random().encoded())
    let characters = Array(identity)
    for position in characters.indices {
      for replacement in ["", "Q", "P", "1", "b", "B", "\u{E9}", " ", String(characters[position]) + "Q"] {
        var mistyped = characters.map(String.init)
        mistyped[position] = replacement
        let candidate = mistyped.joined()
        if candidate == identity { continue }
        do {
          _ = try HybridIdentity(encoded: secret(candidate))
          Issue.record("\(candidate) was accepted")
        } catch AgeError.key(let reason) {
          #expect(!reason.contains(identity.suffix(20)) && reason.utf8.count < 100)
        }
      }
    }
  }

  @Test("keys of another kind, in the other case, or with text around them are refused")
  func wrongKind() throws {
    let classic = try X25519Identity.random()
    let hybrid = try HybridIdentity.random()
    let classicRecipient = try classic.recipient.encoded
    let hybridRecipient = try hybrid.recipient.encoded
    for text in [
      hybridRecipient, classicRecipient.uppercased(), classicRecipient + "\n", " " + classicRecipient, "", "age1",
    ] {
      #expect(throws: AgeError.self) { try X25519Recipient(encoded: text) }
    }
    for text in [
      classicRecipient, hybridRecipient.uppercased(), hybridRecipient + " ", String(hybridRecipient.dropLast()),
    ] {
      #expect(throws: AgeError.self) { try HybridRecipient(encoded: text) }
    }
    let classicText = try text(classic.encoded())
    let hybridText = try text(hybrid.encoded())
    for text in [hybridText, classicText.lowercased(), classicText + "\n", classicRecipient] {
      #expect(throws: AgeError.self) { _ = try X25519Identity(encoded: secret(text)).recipient }
    }
    for text in [classicText, hybridText.lowercased(), hybridText + " ", hybridRecipient] {
      #expect(throws: AgeError.self) { _ = try HybridIdentity(encoded: secret(text)).recipient }
    }
  }

  @Test("a hybrid recipient whose checksum fits but whose key is out of range is refused")
  func invalidHybridKey() throws {
    let text = try Bech32.hybridRecipient.encodePublic([UInt8](repeating: 0xFF, count: 1216))
    #expect(throws: AgeError.self) { try HybridRecipient(encoded: text) }
    // Nor may the X25519 part be a point of low order.
    let valid = try Bech32.hybridRecipient.decodePublic(HybridIdentity.random().recipient.encoded)
    let lowOrder = try Bech32.hybridRecipient.encodePublic(valid.prefix(1184) + [UInt8](repeating: 0, count: 32))
    #expect(throws: AgeError.self) { try HybridRecipient(encoded: lowOrder) }
  }

  @Test("nothing can be wrapped for an X25519 recipient of low order")
  func lowOrderRecipient() throws {
    let recipient = try X25519Recipient(
      encoded: Bech32.x25519Recipient.encodePublic([UInt8](repeating: 0, count: 32)))
    let fileKey = try FileKey.random()
    #expect(throws: AgeError.self) { try recipient.wrap(fileKey) }
  }

  private func decodedCount(_ string: String, _ kind: Bech32) throws -> Int {
    try unsafe kind.decode(Array(string.utf8).span.bytes).count
  }
}
