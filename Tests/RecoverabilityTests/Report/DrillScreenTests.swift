import Foundation
import Testing

@testable import Recoverability

@Suite struct DrillScreenTests {
  @Test(arguments: SampleReports.all.map(\.name))
  func itFitsOneScreenAndNothingInItActs(name: String) throws {
    let report = try #require(SampleReports.all.first { $0.name == name }?.report)
    for columns in [40, 80, 100, 500] {
      let text = DrillScreen(report, columns: columns, isColoured: false, details: "--json").text
      let lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
      #expect(lines.count <= 23 || columns == 40, "\(text)")
      #expect(lines.allSatisfy { VisibleText.columns(String($0)) <= max(columns, 40) }, "\(text)")
      #expect(text.unicodeScalars.allSatisfy { $0 == "\n" || $0.properties.generalCategory != .control })
      #expect(!text.contains("\u{202E}"))
    }
  }

  @Test func theVerdictComesFirstAndWhatToDoIsSaid() {
    let text = screen(SampleReports.fails)
    #expect(
      text.hasPrefix(
        """
        A restore would fail: the snapshot is older than 14 of the files checked: take
        it after, not before, the file copy (and 1 more, below)

        """))
    #expect(text.contains("snapshot    FAILS    the snapshot is older than 14 of the files checked"))
    #expect(text.contains("\nnext        take the snapshot after the file copy, then run the drill again\n"))
    #expect((["escrow", "keys", "secret", "snapshot", "files"]).allSatisfy { text.contains("\n\($0) ") })
    #expect(text.contains("309 of 12,345 files"))
    #expect(text.contains("(1.2 GB read in 14 seconds)"))
    #expect(text.hasSuffix("details     provenkey drill --html report.html\n"))
    #expect(screen(SampleReports.holds).hasPrefix("A restore would work.\n\n"))
    #expect(screen(SampleReports.unknown).hasPrefix("Nobody can say yet: there is no snapshot to compare with\n"))
  }

  @Test func whenThereAreManyFindingsTheWorstStay() {
    var report = SampleReports.fails
    report.findings =
      (0..<40).map { Finding("note-\($0)", .keys, .holds, "note \($0)") }
      + (0..<5).map { Finding("bad-\($0)", .files, .fails(because: "x"), "bad thing \($0)") }
    let text = screen(report)
    #expect((0..<5).allSatisfy { text.contains("bad thing \($0)") })
    #expect(text.contains("more, see the details"))
    #expect(text.split(separator: "\n", omittingEmptySubsequences: false).count <= 24)
  }

  @Test func sentencesEndWhereThereIsRoom() {
    var report = SampleReports.holds
    let long = "the snapshot is whole, and it says so in a sentence that is somewhat longer than one line of a terminal"
    report.findings[3] = Finding("snapshot-complete", .snapshot, .holds, long)
    #expect(screen(report).replacing(/\n */, with: " ").contains(long))
    report.findings += (0..<20).map { Finding("note-\($0)", .files, .holds, "note \($0)") }
    #expect(screen(report).contains(" …\n"))
  }

  @Test func colourIsForTerminalsAndForWhoWantsIt() {
    let coloured = DrillScreen(SampleReports.fails, isColoured: true, details: "").text
    #expect(coloured.hasPrefix("\u{1B}[1;31mA restore would fail"))
    #expect(coloured.contains("\u{1B}[32mholds    \u{1B}[0m"))
    #expect(!screen(SampleReports.fails).contains("\u{1B}"))
    #expect(DrillScreen.isColoured(isTerminal: true, noColor: nil, term: "xterm"))
    #expect(DrillScreen.isColoured(isTerminal: true, noColor: "", term: nil))
    #expect(!DrillScreen.isColoured(isTerminal: true, noColor: "1", term: "xterm"))
    #expect(!DrillScreen.isColoured(isTerminal: false, noColor: nil, term: "xterm"))
    #expect(!DrillScreen.isColoured(isTerminal: true, noColor: nil, term: "dumb"))
  }

  @Test func longWordsAndWideLettersAreBroken() {
    #expect(VisibleText.wrapped("aaaa bbbb cccc", columns: 9) == ["aaaa bbbb", "cccc"])
    #expect(VisibleText.wrapped(String(repeating: "x", count: 20), columns: 8) == ["xxxxxxxx", "xxxxxxxx", "xxxx"])
    #expect(VisibleText.wrapped("文文文文文", columns: 8) == ["文文文文", "文"])
    #expect(VisibleText.wrapped("one two three four", columns: 9, lines: 1) == ["one two …"])
    #expect(VisibleText.wrapped("", columns: 9) == [])
    #expect(VisibleText.escaped("a\u{1B}\u{200D}\u{200C}b") == "a\\u{1B}\\u{200D}\\u{200C}b")
    #expect(VisibleText.columns("e\u{301}") == 1)
  }

  private func screen(_ report: DrillReport) -> String {
    DrillScreen(report, isColoured: false, details: "provenkey drill --html report.html").text
  }
}
