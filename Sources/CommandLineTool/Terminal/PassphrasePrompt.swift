internal import SecretMemory
internal import SystemPackage

/// Asks for a passphrase on the terminal, without echo.
struct PassphrasePrompt {
  /// How often a person may try.
  static let attempts = 3

  /// What to do where there is no terminal.
  static let otherWays =
    "use --passphrase-file, --passphrase-fd, --passphrase-command or the systemd credential \"passphrase\""

  /// The terminal to ask on.
  var terminal: FilePath = Terminal.controlling

  /// Asks for a passphrase that exists already. An empty line is asked again.
  ///
  /// - Parameters:
  ///   - subject: what it opens, such as the name of a file.
  ///   - hint: what to do where there is no terminal.
  func existing(
    for subject: String, hint: String = "\(PassphrasePrompt.otherWays), or --identity"
  ) throws(Problem) -> SecretBytes {
    let terminal = try Terminal(at: terminal, hint: hint)
    return try terminal.withoutEcho { (entry) throws(Problem) -> SecretBytes in
      for _ in 0..<Self.attempts {
        let typed = try entry.line("Passphrase for \(DisplayText.escaped(subject)): ")
        if typed.count > 0 { return typed }
        terminal.say("Nothing was typed.\n")
      }
      throw Problem(.couldNotRun, "no passphrase was typed", hint: hint)
    }
  }

  /// Asks for a new passphrase, twice.
  ///
  /// - Parameter refusal: why a passphrase is not good enough, in one line for the person; `nil` when it is. It is
  ///   asked after the first time of typing.
  func new(
    refusal: (borrowing SecretBytes) throws(Problem) -> String?
  ) throws(Problem) -> SecretBytes {
    let terminal = try Terminal(at: terminal, hint: Self.otherWays)
    return try terminal.withoutEcho { (entry) throws(Problem) -> SecretBytes in
      for _ in 0..<Self.attempts {
        let first = try entry.line("New passphrase: ")
        if let refusal = try refusal(first) {
          terminal.say("\(refusal.prefix(1).uppercased() + refusal.dropFirst()).\n")
          continue
        }
        let second = try entry.line("The same again: ")
        if Self.equal(first, second) { return first }
        terminal.say("The two are not the same.\n")
      }
      throw Problem(
        .couldNotRun, "no passphrase was settled in \(Self.attempts) attempts",
        hint: "run the command again, or let --generate-passphrase choose one")
    }
  }

  private static func equal(_ left: borrowing SecretBytes, _ right: borrowing SecretBytes) -> Bool {
    left.withBytes { left in right.withBytes { right in ConstantTime.equal(left, right) } }
  }
}
