internal import SLIP39
internal import SecretMemory
internal import SystemPackage

/// Ten words of the SLIP-0039 list, each drawn at random with the same chance: 10 × log2(1024) = exactly 100 bits.
struct GeneratedPassphrase: ~Copyable {
  /// The number of words.
  static let wordCount = 10

  /// The words in small letters with one space between them: what a person types, and what is sealed with.
  let text: SecretBytes

  /// - Parameter pick: gives a number in `0 ..< bound`; something else than the system's randomness only in tests.
  init(
    pick: (_ bound: Int) throws(SecretMemoryError) -> Int = { bound throws(SecretMemoryError) in
      Int(try Randomness.uniform(below: UInt32(bound)))
    }
  ) throws(Problem) {
    do {
      var text = try SecretText(capacity: Self.wordCount * 9)
      for number in 0..<Self.wordCount {
        if number > 0 { text.append(" ") }
        // A String of at most 15 bytes lies in its variable: no copy on the heap.
        text.append(WordList.word(at: try pick(WordList.count)) ?? "")
      }
      self.text = text.finish()
    } catch {
      throw Problem(error)
    }
  }

  /// Lends the word with that number, 0 … 9.
  fileprivate func withWord<Result>(_ number: Int, _ body: (Slice<UnsafeRawBufferPointer>) -> Result) -> Result? {
    unsafe text.withUnsafeBytes { text in
      var start = text.startIndex
      var remaining = number
      while remaining > 0 {
        guard let space = unsafe text[start...].firstIndex(of: UInt8(ascii: " ")) else { return nil }
        start = space + 1
        remaining -= 1
      }
      let end = unsafe text[start...].firstIndex(of: UInt8(ascii: " ")) ?? text.endIndex
      return unsafe body(text[start..<end])
    }
  }
}

/// Shows a generated passphrase on the terminal, once, and makes sure that it was written down.
struct PassphraseGenerator {
  /// How often a person may mistake a word before the passphrase is given up.
  static let attempts = 3
  /// The number, a space, a word of at most 8 letters and 2 spaces.
  private static let column = 13

  /// The terminal to show it on.
  var terminal: FilePath = Terminal.controlling
  /// The value of `TERM`.
  var kind: String? = Environment.value("TERM")

  /// Makes a passphrase, shows it, takes it away again, and asks for two of its words.
  ///
  /// - Throws: `Problem` with status 1 when there is no terminal or the words were mistaken three times;
  ///   `Problem.interrupted` after a signal. Nothing was made then that needs the passphrase.
  func make() throws(Problem) -> SecretBytes {
    let terminal = try Terminal(
      at: terminal,
      hint: "a generated passphrase is shown on a terminal only; elsewhere give one with --passphrase-file", kind: kind)
    let passphrase = try GeneratedPassphrase()
    try terminal.withoutEcho { (entry) throws(Problem) in
      for _ in 0..<Self.attempts {
        try show(passphrase, on: terminal, &entry)
        if try confirm(passphrase, on: terminal, &entry) { return }
      }
      throw Problem(
        .couldNotRun, "the passphrase was not typed back, so it is given up",
        hint: "run the command again and write all ten words down")
    }
    do { return try passphrase.text.duplicate() } catch { throw Problem(error) }
  }

  private func show(
    _ passphrase: borrowing GeneratedPassphrase, on terminal: borrowing Terminal, _ entry: inout HiddenEntry
  ) throws(Problem) {
    let width = terminal.width
    let perRow = max(1, min(5, (width - 1) / Self.column))
    let before = "\nThis passphrase opens the escrow. Write down all ten words:\n\n"
    let after =
      "\n" + (terminal.isDumb ? "This terminal cannot clear them afterwards; close it when you are done.\n" : "")
    let question = "Press Enter when they are written down: "

    terminal.say(before)
    try terminal.show(try Self.table(passphrase, perRow: perRow))
    terminal.say(after)
    defer {
      if !terminal.isDumb {
        let tableRows = (GeneratedPassphrase.wordCount + perRow - 1) / perRow
        let rows = Self.rows(before, width) + tableRows + Self.rows(after, width) + Self.rows(question + "\n", width)
        // To the first column, up to where the list began, and clear from there to the end (ECMA-48 CUU, ED).
        terminal.say("\r\u{1B}[\(rows)A\u{1B}[J")
      }
    }
    _ = try entry.line(question, canStop: false)
  }

  /// Asks for two different words, in the order in which they stand.
  private func confirm(
    _ passphrase: borrowing GeneratedPassphrase, on terminal: borrowing Terminal, _ entry: inout HiddenEntry
  ) throws(Problem) -> Bool {
    let count = UInt32(GeneratedPassphrase.wordCount)
    let first: Int
    let second: Int
    do {
      first = Int(try Randomness.uniform(below: count))
      second = (first + 1 + Int(try Randomness.uniform(below: count - 1))) % GeneratedPassphrase.wordCount
    } catch {
      throw Problem(error)
    }
    let numbers = [min(first, second), max(first, second)]
    terminal.say("To be sure, type word \(numbers[0] + 1) and word \(numbers[1] + 1). They do not show.\n")
    for number in numbers {
      let typed = try entry.line("Word \(number + 1): ")
      let agrees = unsafe passphrase.withWord(number) { word in
        unsafe typed.withUnsafeBytes { unsafe $0.elementsEqual(word) }
      }
      guard agrees == true else {
        terminal.say("That is not word \(number + 1).\n")
        return false
      }
    }
    return true
  }

  /// The numbered words in rows, composed in memory for secrets.
  private static func table(
    _ passphrase: borrowing GeneratedPassphrase, perRow: Int
  ) throws(Problem) -> SecretBytes {
    do {
      var table = try SecretText(capacity: GeneratedPassphrase.wordCount * (column + 1))
      for number in 0..<GeneratedPassphrase.wordCount {
        let endsRow = number % perRow == perRow - 1 || number == GeneratedPassphrase.wordCount - 1
        table.append(number < 9 ? " \(number + 1) " : "\(number + 1) ")
        _ = unsafe passphrase.withWord(number) { word in
          unsafe table.append(word)
          if !endsRow { for _ in unsafe word.count..<max(10, word.count) { table.append(" ") } }
        }
        if endsRow { table.append("\n") }
      }
      return table.finish()
    } catch {
      throw Problem(error)
    }
  }

  /// How many rows of the terminal the lines of a text take, each of which ends with a newline.
  private static func rows(_ text: String, _ width: Int) -> Int {
    text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
      .reduce(0) { $0 + max(1, ($1.utf8.count + width - 1) / width) }
  }
}

/// Text that is put together in memory for secrets. What goes beyond its capacity is left out.
private struct SecretText: ~Copyable {
  private var bytes: SecretBytes
  private var filled = 0

  init(capacity: Int) throws(SecretMemoryError) {
    bytes = try SecretBytes(zeroed: capacity)
  }

  mutating func append(_ text: String) {
    append(text.utf8)
  }

  mutating func append(_ letters: some Collection<UInt8>) {
    let start = filled
    unsafe bytes.withUnsafeMutableBytes { bytes in
      for (place, letter) in zip(start..<bytes.count, letters) { unsafe bytes[place] = letter }
    }
    filled = min(filled + letters.count, bytes.count)
  }

  consuming func finish() -> SecretBytes {
    bytes.truncate(to: filled)
    return bytes
  }
}
