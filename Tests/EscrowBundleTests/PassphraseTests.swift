import AgeFormat
import SecretMemory
import Testing

@testable import EscrowBundle

@Suite struct PassphraseTests {
  private func bytes(_ typed: [UInt8]) throws -> [UInt8] {
    try Passphrase(try SecretBytes(copying: typed)).bytes.withBytes { unsafe $0.withUnsafeBytes { unsafe Array($0) } }
  }

  private func fileBytes(_ content: [UInt8]) throws -> [UInt8] {
    try Passphrase(contentOfFile: try SecretBytes(copying: content)).bytes
      .withBytes { unsafe $0.withUnsafeBytes { unsafe Array($0) } }
  }

  @Test(arguments: [
    ("abc", "abc"), ("e\u{301}", "\u{E9}"), ("\u{E9}", "\u{E9}"), ("\u{212B}", "\u{C5}"),
    ("\u{1100}\u{1161}\u{11A8}", "\u{AC01}"), ("a\u{323}\u{307}", "\u{1EA1}\u{307}"), ("\u{FB01}", "\u{FB01}"),
    ("\u{1F600} x", "\u{1F600} x"), ("\u{1D160}", "\u{1D158}\u{1D165}\u{1D16E}"),
  ]) func theBytesAreNFC(typed: String, expected: String) throws {
    #expect(try bytes(Array(typed.utf8)) == Array(expected.utf8))
  }

  @Test(
    arguments: [
      [], [0xFF], [0x61, 0x80], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xC3],
    ] as [[UInt8]]) func whatIsNoTextIsRefused(typed: [UInt8])
  {
    #expect(throws: EscrowError.self) { try bytes(typed) }
  }

  @Test func theLimitIs4096Bytes() throws {
    #expect(try bytes([UInt8](repeating: 0x61, count: 4096)).count == 4096)
    #expect(throws: EscrowError.self) { try bytes([UInt8](repeating: 0x61, count: 4097)) }
    // The longest that 4096 bytes can become: this character's NFC is three times as long.
    #expect(try bytes((0..<1365).flatMap { _ in Array("\u{FB2C}".utf8) }).count > 4096)
  }

  @Test func oneLineEndOfAFileIsLeftOut() throws {
    #expect(try fileBytes(Array("abc\n".utf8)) == Array("abc".utf8))
    #expect(try fileBytes(Array("abc\r\n".utf8)) == Array("abc".utf8))
    #expect(try fileBytes(Array("abc\n\n".utf8)) == Array("abc\n".utf8))
    #expect(try fileBytes(Array("abc\r".utf8)) == Array("abc\r".utf8))
    #expect(try bytes(Array("abc\n".utf8)) == Array("abc\n".utf8))
    #expect(throws: EscrowError.self) { try fileBytes(Array("\n".utf8)) }
  }
}

@Suite struct PassphraseStanzaTests {
  private static let salt = "AAECAwQFBgcICQoLDA0ODw"

  private func error(
    _ arguments: [String], bodyCount: Int = 48, type: String = PassphraseStanza.type
  ) throws -> EscrowError? {
    let stanza = try Stanza(type: type, arguments: arguments, body: [UInt8](repeating: 0, count: bodyCount))
    do throws(EscrowError) { _ = try PassphraseStanza(stanza) } catch { return error }
    return nil
  }

  @Test func parametersBeyondTheLimitsAreRefusedBeforeAnyWork() throws {
    #expect(try error([Self.salt, "32", "4194304", "1"]) == nil)
    for (passes, memory, lanes) in [("33", "8", "1"), ("1", "4194305", "1"), ("9999999999", "8", "1"), ("3", "8", "2")]
    {
      guard case .unsupported = try error([Self.salt, passes, memory, lanes]) else {
        Issue.record("accepted: \(passes) \(memory) \(lanes)")
        continue
      }
    }
  }

  @Test func malformedStanzasAreDamaged() throws {
    let wrong = [
      [], [Self.salt, "3", "8"], [Self.salt, "3", "8", "1", "1"], [Self.salt + "==", "3", "8", "1"],
      ["AAECAwQFBgcICQoLDA0ODx", "3", "8", "1"], ["AAECAwQFBgcICQoLDA0O", "3", "8", "1"],
      [Self.salt, "03", "8", "1"], [Self.salt, "+3", "8", "1"], [Self.salt, "3", "8", "01"],
      [Self.salt, "-3", "8", "1"], [Self.salt, "3", "8", "99999999999999999999"],
    ]
    for arguments in wrong {
      guard case .damaged = try error(arguments) else {
        Issue.record("accepted: \(arguments)")
        continue
      }
    }
    #expect(try error([Self.salt, "3", "8", "1"], bodyCount: 47) != nil)
    #expect(try error([Self.salt, "3", "8", "1"], bodyCount: 49) != nil)
    #expect(try error([Self.salt, "3", "8", "1"], type: "provenkey/other") != nil)
    #expect(try error([Self.salt, "3", "8", "1"]) == nil)
  }

  @Test func whatIsWrittenIsReadAndCheapCostIsRefused() throws {
    let identity = try EscrowIdentity.random()
    let cheap = try Argon2id.Parameters(passes: 1, memoryKiB: 8)
    let stanza = try PassphraseStanza(sealing: identity, with: try SampleEscrow.typed("x"), anyCost: cheap)
    #expect(try PassphraseStanza(try stanza.stanza) == stanza)
    let opened = try stanza.open(with: try SampleEscrow.typed("x"))
    let recipients = (try opened.recipient(), try identity.recipient())
    #expect(recipients.0 == recipients.1)
    #expect(throws: EscrowError.wrongPassphrase) { _ = try stanza.open(with: try SampleEscrow.typed("y")) }
    for parameters in [cheap, try .init(passes: 2, memoryKiB: 65_536), try .init(passes: 32, memoryKiB: 65_535)] {
      #expect(throws: EscrowError.self) {
        try PassphraseStanza(sealing: identity, with: try SampleEscrow.typed("x"), parameters: parameters)
      }
    }
  }
}
