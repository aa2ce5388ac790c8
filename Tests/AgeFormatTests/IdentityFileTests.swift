import SecretMemory
import Testing

@testable import AgeFormat

@Suite("Identity files")
struct IdentityFileTests {
  @Test("comments, empty lines and either line end are passed over", arguments: ["\n", "\r\n"], [true, false])
  func layout(lineEnd: String, endsWithLineEnd: Bool) throws {
    let classic = try X25519Identity.random()
    let hybrid = try HybridIdentity.random()
    let lines = try [
      "# created: 2025-11-23", "", "# public key: age1…", text(classic.encoded()), "", "#", text(hybrid.encoded()),
    ]
    let list = try IdentityFile.parse(secret(lines.joined(separator: lineEnd) + (endsWithLineEnd ? lineEnd : "")))
    #expect(list.count == 2)
    var kinds: [String] = []
    list.withEach { identity in
      switch identity {
      case .x25519(let found):
        kinds.append("x25519")
        #expect(found.recipient == classic.recipient)
      case .hybrid(let found):
        kinds.append("hybrid")
        #expect(found.recipient == hybrid.recipient)
      case .scrypt: kinds.append("scrypt")
      }
    }
    #expect(kinds == ["x25519", "hybrid"])
    let plaintext = sample(10)
    #expect(try read(BytesSource(seal(plaintext, to: classic.recipient)), with: list).plaintext == plaintext)
    #expect(try read(BytesSource(seal(plaintext, to: hybrid.recipient)), with: list).plaintext == plaintext)
    #expect(
      try read(BytesSource(seal(plaintext, to: X25519Identity.random().recipient)), with: list).verdict == .noMatch)
  }

  @Test("a line that is no identity is named by its number, not by its content")
  func badLine() throws {
    let key = try text(X25519Identity.random().encoded())
    for bad in [
      String(key.dropLast()), key + " ", " " + key, key.lowercased(), "\t", "hunter2", "AGE-PLUGIN-X-1QQ", "\r",
    ] {
      do {
        _ = try IdentityFile.parse(secret("# one\n\n\(bad)\n\(key)\n")).count
        // A lone CR before the LF is a CR LF: an empty line.
        #expect(bad == "\r")
      } catch AgeError.key(let reason) {
        #expect(reason.hasPrefix("line 3: "))
        #expect(!reason.contains("hunter2") && !reason.contains(key.dropFirst(20)))
      }
    }
  }

  @Test("a file without an identity is refused", arguments: ["", "\n", "# nothing\n", "\r\n\r\n"])
  func empty(_ content: String) throws {
    #expect(throws: AgeError.key("the file has no identity")) {
      _ = try IdentityFile.parse(secret(content)).count
    }
  }
}
