import Foundation
import SLIP39
import SecretMemory
import SystemPackage
import Testing

@testable import CommandLineTool

extension TerminalTests {
  @Suite struct PassphraseGeneratorTests {
    /// The words as a person reads them off the terminal, the last time that they were shown.
    private static func wordsShown(_ transcript: String) -> [String] {
      guard
        let list = transcript.components(separatedBy: "all ten words:").last?.components(separatedBy: "Press").first
      else { return [] }
      return list.split(whereSeparator: \.isWhitespace).map(String.init).filter { WordList.index(of: $0) != nil }
    }

    /// Without the words of the list that our own questions contain.
    private static func telling(_ words: [String]) -> [String] {
      words.filter { !["type", "that", "phrase"].contains($0) }
    }

    private static func numberAsked(_ transcript: String) -> Int {
      Int(transcript.components(separatedBy: "Word ").last?.components(separatedBy: ":").first ?? "") ?? 0
    }

    /// A person who presses Enter and types back what is asked, wrongly in the first `mistakes` rounds.
    private func generate(
      columns: UInt16 = 80, kind: String? = "xterm", mistakes: Int = 0, interruptAt: Int? = nil
    ) -> (Result<String, Problem>, ScriptedTerminal) {
      let terminal = ScriptedTerminal(columns: columns)
      terminal.follow { step, transcript in
        if let interruptAt, step > interruptAt { return nil }
        if step == interruptAt { return (": ", .signal(SIGINT)) }
        // A round with a mistake has two questions, the one without has three.
        if step < mistakes * 2 { return (": ", .type(step % 2 == 0 ? "\n" : "wrong\n")) }
        guard mistakes < PassphraseGenerator.attempts, step < mistakes * 2 + 3 else { return nil }
        if step == mistakes * 2 { return (": ", .type("\n")) }
        let words = Self.wordsShown(transcript)
        let number = Self.numberAsked(transcript)
        return (": ", .type((words.indices.contains(number - 1) ? words[number - 1] : "") + "\n"))
      }
      let result: Result<String, Problem>
      do throws(Problem) {
        result = .success(text(of: try PassphraseGenerator(terminal: terminal.path, kind: kind).make()))
      } catch {
        result = .failure(error)
      }
      terminal.settle()
      return (result, terminal)
    }

    @Test(arguments: [80, 66, 60, 30, 14] as [UInt16])
    func tenWordsAreShownTypedBackAndClearedAway(columns: UInt16) throws {
      let (result, terminal) = generate(columns: columns)
      let words = try result.get().split(separator: " ").map(String.init)
      #expect(words.count == 10)
      #expect(words.allSatisfy { WordList.words.contains($0) })
      #expect(Self.wordsShown(terminal.transcript) == words)
      let screen = Screen(columns: Int(columns), showing: terminal.transcript)
      #expect(Self.telling(words).allSatisfy { !screen.text.contains($0) })
      #expect(screen.text.hasPrefix("To be sure"))
      #expect(terminal.echoes)
    }

    @Test func theScreenOfTheTestsShowsWhatIsNotCleared() throws {
      let (result, terminal) = generate(kind: "dumb")
      let words = try result.get().split(separator: " ").map(String.init)
      let screen = Screen(columns: 80, showing: terminal.transcript)
      #expect(words.allSatisfy { screen.text.contains($0) })
      #expect(!terminal.transcript.contains("\u{1B}"))
      #expect(screen.text.contains("cannot clear"))
    }

    @Test func theListIsTwoRowsOfFiveAndFitsAScreen() {
      let (_, terminal) = generate(kind: "dumb")
      let rows = terminal.transcript.split(separator: "\r\n").filter { $0.hasPrefix(" 1 ") || $0.hasPrefix(" 6 ") }
      #expect(rows.count == 2)
      #expect(terminal.transcript.split(separator: "\r\n", omittingEmptySubsequences: false).count < 24)
      #expect(terminal.transcript.split(separator: "\r\n").allSatisfy { $0.utf8.count < 80 })
    }

    @Test func aMistakeShowsTheWordsAgain() throws {
      let (result, terminal) = generate(mistakes: 2)
      #expect(try result.get().split(separator: " ").map(String.init) == Self.wordsShown(terminal.transcript))
    }

    @Test func threeMistakesOrAnInterruptGiveNoPassphrase() {
      let (mistaken, terminal) = generate(mistakes: 3)
      #expect(throws: Problem.self) { try mistaken.get() }
      #expect(terminal.echoes)
      for step in 0...1 {
        let (interrupted, terminal) = generate(interruptAt: step)
        #expect(throws: Problem.interrupted) { try interrupted.get() }
        let words = Self.wordsShown(terminal.transcript)
        let screen = Screen(columns: 80, showing: terminal.transcript)
        #expect(words.count == 10)
        #expect(Self.telling(words).allSatisfy { !screen.text.contains($0) })
      }
    }

    @Test func eachWordIsDrawnFromTheWholeList() throws {
      let lowest = try GeneratedPassphrase { _ throws(SecretMemoryError) in 0 }
      #expect(text(of: lowest.text) == Array(repeating: "academic", count: 10).joined(separator: " "))
      let highest = try GeneratedPassphrase { bound throws(SecretMemoryError) in bound - 1 }
      #expect(text(of: highest.text) == Array(repeating: "zero", count: 10).joined(separator: " "))
      var seen = Set<String>()
      for _ in 0..<300 {
        seen.formUnion(text(of: try GeneratedPassphrase().text).split(separator: " ").map(String.init))
      }
      // 3000 draws leave on average 55 of 1024 words out; more than 200 would be a draw that is not uniform.
      #expect(seen.count > 824)
    }

    @Test func withoutATerminalThereIsNoGeneratedPassphrase() {
      #expect(throws: Problem.self) { try PassphraseGenerator(terminal: "/dev/null").make().count == 0 }
    }
  }
}

/// What a terminal of 24 rows shows in the end, for the few controls that we use: CR, LF, CUU, ED.
private struct Screen {
  private var rows: [[Character]] = [[]]
  private var row = 0
  private var column = 0
  private let columns: Int

  var text: String { rows.map { String($0) }.joined(separator: "\n") }

  init(columns: Int, showing transcript: String) {
    self.columns = columns
    var rest = Array(transcript.unicodeScalars)[...]
    while let scalar = rest.popFirst() {
      switch scalar {
      case "\r": column = 0
      case "\n": down()
      case "\u{1B}":
        rest = rest.dropFirst()
        let digits = rest.prefix { ("0"..."9").contains($0) }
        rest = rest.dropFirst(digits.count)
        let number = Int(String(String.UnicodeScalarView(digits)))
        switch rest.popFirst() {
        case "A": row = max(max(0, rows.count - 24), row - (number ?? 1))
        case "J":
          rows.removeLast(rows.count - row - 1)
          rows[row] = Array(rows[row].prefix(column))
        default: break
        }
      default: put(Character(scalar))
      }
    }
  }

  private mutating func down() {
    row += 1
    if row == rows.count { rows.append([]) }
  }

  private mutating func put(_ character: Character) {
    if column == columns {
      column = 0
      down()
    }
    while rows[row].count <= column { rows[row].append(" ") }
    rows[row][column] = character
    column += 1
  }
}
