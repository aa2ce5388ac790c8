import SecretMemory

@testable import Recoverability

/// Files of users with their passwords.
enum PasswordInput {
  static func read(_ bytes: [UInt8]) -> (objection: String?, summary: String) {
    do throws(PasswordList.Malformed) {
      let text: SecretBytes
      do { text = try SecretBytes(copying: bytes) } catch { return ("there is no memory for a secret", "") }
      let list = try PasswordList(text)
      var count = 0
      for entry in list.entries {
        if entry.user.isEmpty || entry.password.count == 0 { return ("an entry without user or password", "") }
        count += entry.user.utf8.count + entry.password.count + 1
      }
      if count > bytes.count { return ("more comes out than went in", "") }
      return (nil, list.entries.map { "\($0.user) \($0.password.count)" }.joined(separator: "\u{1}"))
    } catch {
      if error.why.isEmpty || (error.line ?? 1) < 1 { return ("an error says nothing", "") }
      return (nil, "\(error)")
    }
  }
}
