import Foundation
import SLIP39
import SecretMemory
import Testing

@testable import CommandLineTool

@Suite struct PassphraseStrengthTests {
  private func strength(_ text: String) throws -> PassphraseStrength {
    try PassphraseStrength(of: SecretBytes(copying: Array(text.utf8)))
  }

  @Test(arguments: [
    "", "\n", "a", "password", "Passw0rd!", "Tr0ub4dor&3", "qwertzuiop", "qwertyuiop123", "2024-11-23",
    "aaaaaaaaaaaaaaaa",
    "abcdefghijklmnop", "nextcloud2024", "academic acid acne acquire",
    "zero zero zero zero zero zero zero zero zero zero", "-----", "secret\u{0}7#kQvex)Zt0;Lm7#kQvex)Zt0;Lm",
  ])
  func whatCanBeGuessedIsNotEnough(_ text: String) throws {
    let strength = try strength(text)
    #expect(!strength.isEnough)
    #expect(strength.bits >= 0)
    #expect(strength.judgement.contains("bits"))
  }

  @Test(arguments: [
    "7#kQvex)Zt0;Lm", "correct horse battery staple gravel otter", "größe über jäh 4711 Öl kühn", "k3vbq8w2m9xr5t7z",
  ])
  func whatCanHardlyBeGuessedIsEnough(_ text: String) throws {
    #expect(try strength(text).isEnough)
  }

  @Test func whatProvenkeyGeneratesIsEnough() throws {
    for _ in 0..<20 {
      let strength = try PassphraseStrength(of: GeneratedPassphrase().text)
      #expect(strength.isEnough)
      #expect(strength.bits <= 100)
    }
  }

  @Test func aWordOfTheListCountsAtMostTenBitsOnce() throws {
    let words = ["velvet", "yoga", "walnut", "trust", "syndrome", "ruin"]
    for count in 1...words.count {
      let text = words.prefix(count).joined(separator: count % 2 == 0 ? " " : "-")
      #expect(try strength(text).bits <= Double(count) * 10)
      #expect(try strength(text.uppercased()).bits <= Double(count) * 10)
    }
    #expect(try strength("velvet yoga walnut trust syndrome ruin").bits > 40)
  }

  @Test func theAdviceNamesTheKindOfWeaknessAndNotThePassphrase() throws {
    #expect(try strength("monkey").judgement.contains("common words"))
    #expect(try strength("zxcvbnm,./").judgement.contains("neighbours"))
    #expect(try strength("abcdefgh").judgement.contains("sequence"))
    #expect(try strength("23.11.1987").judgement.contains("date"))
    #expect(try strength("monkey").judgement.contains("monkey") == false)
  }

  @Test func aVeryLongPassphraseIsEstimatedToo() throws {
    let text = String((0..<1024).map { _ in Character(Unicode.Scalar(UInt8.random(in: 33...126))) })
    #expect(try strength(text).isEnough)
  }

  #if os(Linux)
    @Test func noCopyOfThePassphraseStaysInMemory() throws {
      var passphrase = try SecretBytes.random(count: 40)
      unsafe passphrase.withUnsafeMutableBytes { bytes in
        for place in bytes.indices { unsafe bytes[place] = unsafe 97 + bytes[place] % 26 }
      }
      _ = try PassphraseStrength(of: passphrase)
      // Its own place, and nowhere else.
      #expect(MemoryScan.copies(of: passphrase) == 1)
      let copy = try passphrase.duplicate()
      #expect(MemoryScan.copies(of: passphrase) == 2)
      #expect(copy.count == 40)
    }
  #endif
}
