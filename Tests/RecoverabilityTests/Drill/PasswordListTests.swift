import SecretMemory
import Testing

@testable import Recoverability

@Suite struct PasswordListTests {
  private func read(_ text: String) throws -> [String: String] {
    var found: [String: String] = [:]
    for entry in try PasswordList(SecretBytes(copying: Array(text.utf8))).entries {
      found[entry.user] = entry.password.withBytes { bytes in
        unsafe bytes.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
      }
    }
    return found
  }

  @Test func commasTabsAndQuotes() throws {
    let text =
      "\u{FEFF}alice,one\r\nbob\ttwo, with comma\n\n# a remark\n\"carol, x\",\"a \"\"quoted\"\" one\"\n\"dave\"\tfour"
    #expect(
      try read(text) == ["alice": "one", "bob": "two, with comma", "carol, x": "a \"quoted\" one", "dave": "four"])
  }

  @Test(arguments: [
    ("alice,one\nbob", 2), (",one", 1), ("alice,", 1), ("alice,\"one", 1), ("alice,\"one\" two", 1),
    ("a,b\n\nc,\"\"", 3),
  ])
  func whatIsWrongIsToldByItsLine(_ text: String, _ line: Int) throws {
    let content = try SecretBytes(copying: Array(text.utf8))
    #expect {
      _ = try PasswordList(content)
    } throws: { error in
      guard let error = error as? PasswordList.Malformed else { return false }
      return error.line == line && !error.why.contains("one") && !error.why.isEmpty
    }
  }

  @Test func emptyListsAreLists() throws {
    #expect(try read("").isEmpty)
    #expect(try read("\n\n").isEmpty)
  }
}
