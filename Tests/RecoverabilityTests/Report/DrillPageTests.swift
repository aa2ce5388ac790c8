import Foundation
import Testing

@testable import Recoverability

@Suite struct DrillPageTests {
  @Test(arguments: SampleReports.all.map(\.name))
  func itIsOnePageThatNeedsNothingElse(name: String) throws {
    let page = try page(name)
    #expect(page.hasPrefix("<!DOCTYPE html>\n"))
    #expect(!page.contains("<script"))
    #expect(!page.contains("<img"))
    #expect(!page.contains("http:") && !page.contains("https:"))
    #expect(!page.contains(" style="))
    #expect(!page.contains("url("))
    #expect(page.contains("default-src 'none'; style-src 'sha256-"))
    // The report itself has no control character but the line feed.
    #expect(page.unicodeScalars.allSatisfy { $0 == "\n" || $0.properties.generalCategory != .control })
    #expect(!page.contains("\u{202E}"))
  }

  @Test(arguments: SampleReports.all.map(\.name))
  func everyElementIsClosed(name: String) throws {
    // Well formed as XML but for the head's void elements.
    var text = try page(name)
    for tag in ["meta", "link"] { text = text.replacing(try Regex("<\(tag)[^>]*>"), with: "") }
    text = text.replacing("<br>", with: "").replacing("<!DOCTYPE html>", with: "").replacing(
      "<details open>", with: "<details>")
    var open: [Substring] = []
    for match in text.matches(of: /<(\/?)([a-z0-9]+)[^<>]*?(\/?)>/) {
      if match.output.3 == "/" { continue }
      if match.output.1 == "/" {
        #expect(open.popLast() == match.output.2)
      } else {
        open.append(match.output.2)
      }
    }
    #expect(open.isEmpty)
  }

  @Test func whatIsSaidIsThere() throws {
    let page = try page("fails")
    #expect(page.contains("<h1>A restore would fail: the snapshot is older than 14 of the files checked"))
    #expect(page.contains("<li>Take the snapshot after the file copy, then run the drill again"))
    #expect(page.contains("signed as version 4, the snapshot says 3"))
    #expect(page.contains("newer than the snapshot"))
    #expect(page.contains("aria-label=\"290 hold, 17 fail, 2 unknown\""))
    #expect(page.contains("master_1d941d00"))
    #expect(page.contains(SampleSeed(text: "x").text))
  }

  @Test func longListsAreCutAndSaySo() {
    var report = SampleReports.fails
    report.files.problems = (0..<1000).map {
      .init(path: "p\($0)", name: "n\($0)", verdict: "fails", status: "missing", detail: "d")
    }
    report.files.problemsLeftOut = 77
    report.files.strata = (0..<500).map {
      .init(dimension: "user", name: "u\($0)", population: 10, tested: 1, failed: $0 == 499 ? 1 : 0, unknown: 0)
    }
    let page = String(decoding: DrillPage(report).bytes, as: UTF8.self)
    #expect(page.contains("1,077 files that did not hold"))
    #expect(page.contains("and 777 more"))
    #expect(page.contains("and 460 more"))
    // A user with a failure is shown before those without.
    #expect(page.contains(">u499<"))
    #expect(!page.contains("<details open>"))
    #expect(page.utf8.count < 400_000)
  }

  @Test func barsFillTheirWidth() throws {
    for parts in [[1, 0, 0], [1, 1, 1_000_000], [0, 5, 5], [3, 3, 3]] {
      let bar = PageDrawings.bar(zip(["holds", "fails", "unknown"], parts).map { ($0, $1) }, meaning: "m").source
      let widths = try bar.matches(of: /class="(?:holds|fails|unknown)" x="[0-9.]+" width="([0-9.]+)"/).map {
        try #require(Double($0.output.1))
      }
      #expect(widths.count == parts.count { $0 > 0 })
      #expect(abs(widths.reduce(0, +) - 1000) < 0.1)
      #expect(widths.allSatisfy { $0 >= 11.9 })
    }
    #expect(!PageDrawings.bar([("holds", 0)], meaning: "m").source.contains("class=\"holds\""))
  }

  @Test func squaresShowWhatWasTestedAndWhatMayFail() {
    func squares(_ tested: Int, _ bound: Int, _ population: Int) -> [String: Int] {
      let source = PageDrawings.squares(tested: tested, bound: bound, population: population, meaning: "m").source
      var counts: [String: Int] = [:]
      for match in source.matches(of: /class="(holds|rest|fails)" d="([^"]*)"/) {
        counts[String(match.output.1)] = match.output.2.count { $0 == "M" }
      }
      return counts
    }
    #expect(squares(300, 99, 10_000) == ["holds": 30, "rest": 960, "fails": 10])
    #expect(squares(1, 1, 1_000_000) == ["holds": 1, "rest": 998, "fails": 1])
    #expect(squares(50, 0, 50) == ["holds": 1000])
    #expect(squares(0, 50, 50) == ["fails": 1000])
    #expect(squares(50, 50, 50) == ["fails": 1000])
    #expect(squares(0, 0, 0) == ["rest": 1000])
  }

  /// Writes what Tests/Reports looks at with a browser, when asked to.
  @Test(.enabled(if: ProcessInfo.processInfo.environment["PROVENKEY_SAMPLE_REPORTS"] != nil))
  func samplesAreWritten() throws {
    let folder = URL(filePath: try #require(ProcessInfo.processInfo.environment["PROVENKEY_SAMPLE_REPORTS"]))
    for (name, report) in SampleReports.all {
      try Data(DrillPage(report).bytes).write(to: folder.appending(path: "\(name).html"))
      try Data(try report.json()).write(to: folder.appending(path: "\(name).json"))
      let screen = DrillScreen(report, isColoured: false, details: "provenkey drill --html report.html")
      try Data(screen.text.utf8).write(to: folder.appending(path: "\(name).txt"))
    }
  }

  private func page(_ name: String) throws -> String {
    let report = try #require(SampleReports.all.first { $0.name == name }?.report)
    return String(decoding: DrillPage(report).bytes, as: UTF8.self)
  }
}
