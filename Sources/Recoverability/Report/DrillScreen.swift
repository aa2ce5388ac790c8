/// The report as one screen of a terminal, 80 columns by 24 lines: the verdict first, then why, how sure, and what to do.
package struct DrillScreen {
  private let report: DrillReport
  private let columns: Int
  private let isColoured: Bool
  private let details: String
  /// One less than a terminal has, for the prompt that follows.
  private static let lines = 23
  private static let labelWidth = 12
  private static let verdictWidth = 9

  /// - Parameters:
  ///   - columns: of the terminal; never more than 100 are used, since longer lines are hard to read.
  ///   - isColoured: `DrillScreen.isColoured` says what a person wants.
  ///   - details: where more is to be found, on one line.
  package init(_ report: DrillReport, columns: Int = 80, isColoured: Bool, details: String) {
    self.report = report
    self.columns = min(100, max(40, columns))
    self.isColoured = isColoured
    self.details = details
  }

  /// Whether colours are wanted: on a terminal that knows them, unless `NO_COLOR` is set to anything (no-color.org).
  package static func isColoured(isTerminal: Bool, noColor: String?, term: String?) -> Bool {
    isTerminal && (noColor ?? "").isEmpty && term != "dumb"
  }

  /// The lines, each with its end.
  package var text: String {
    let head = wrapped(report.summary, columns, 3).map { coloured($0, report.verdictWord, isBold: true) }
    var foot = row("tested", tested, most: 2) + row("how sure", report.sample.statement, most: 3)
    if !report.notTested.isEmpty { foot += row("not tested", report.notTested.joined(separator: "; "), most: 2) }
    foot += next + row("details", details, most: 2)
    // The verdict, a blank line, the findings, a blank line, the rest.
    let findings = findings(room: Self.lines - head.count - foot.count - 2)
    return (head + [""] + findings + (findings.isEmpty ? [] : [""]) + foot).map { $0 + "\n" }.joined()
  }

  private var tested: String {
    let files = report.files
    var text = "\(Quantity.grouped(files.tested)) of \(Quantity.files(files.population))"
    if files.tested > 0 {
      text += " (\(Quantity.bytes(files.bytesRead)) read in \(Quantity.duration(files.seconds)))"
      text += ": \(Quantity.grouped(files.held)) hold, \(Quantity.grouped(files.failed)) fail, "
      text += "\(Quantity.grouped(files.unknown)) unknown"
    }
    return text + (report.level.map { "; level \($0) of proof" } ?? "")
  }

  private var next: [String] {
    let steps = report.nextSteps
    guard let first = steps.first else { return [] }
    var lines = row("next", first, most: 2)
    let others = steps.count > 2 ? " (and \(Quantity.grouped(steps.count - 2)) more, see the details)" : ""
    if steps.count > 1 { lines += row("", steps[1] + others, most: 2) }
    return lines
  }

  /// The worst findings for which there is room, in reading order.
  private func findings(room: Int) -> [String] {
    let all = report.findings.inReadingOrder
    let most = all.map { $0.verdict == .holds ? 1 : 2 }
    let lengths = zip(all, most).map { lines(of: $0, most: $1).count }
    var left = room
    var chosen = Set<Int>()
    for index in byUrgency(all) {
      // A line is kept for saying how many more there are.
      let reserve = chosen.count + 1 == all.count ? 0 : 1
      guard lengths[index] + reserve <= left else { continue }
      chosen.insert(index)
      left -= lengths[index]
    }
    if chosen.count < all.count { left -= 1 }

    var text: [String] = []
    var named: Finding.Group?
    for index in chosen.sorted() {
      let finding = all[index]
      // What is left over lets sentences end that were cut.
      let whole = lines(of: finding, most: most[index] + 1)
      let isLonger = whole.count > lengths[index] && left > 0
      if isLonger { left -= 1 }
      let label = named == finding.group ? "" : finding.group.rawValue
      named = finding.group
      let word = finding.verdict.word
      for (number, line) in (isLonger ? whole : lines(of: finding, most: most[index])).enumerated() {
        let verdict = number > 0 ? "" : word == "fails" ? "FAILS" : word
        text.append(
          padded(number == 0 ? label : "", Self.labelWidth)
            + coloured(padded(verdict, Self.verdictWidth), number == 0 ? word : "")
            + line)
      }
    }
    if chosen.count < all.count {
      text.append(
        padded("", Self.labelWidth) + "and \(Quantity.grouped(all.count - chosen.count)) more, see the details")
    }
    return text
  }

  /// What fails, what is unknown, and of what holds first one finding of each group.
  private func byUrgency(_ findings: [Finding]) -> [Int] {
    var seen = Set<Finding.Group>()
    let leads = Set(findings.indices.filter { seen.insert(findings[$0].group).inserted })
    func rank(_ index: Int) -> Int {
      switch findings[index].verdict {
      case .fails: 0
      case .unknown: 1
      case .holds: leads.contains(index) ? 2 : 3
      }
    }
    return findings.indices.sorted { (rank($0), $0) < (rank($1), $1) }
  }

  private func lines(of finding: Finding, most: Int) -> [String] {
    let isNamed = finding.verdict != .holds && !finding.examples.isEmpty
    let examples = isNamed ? " (\(finding.examples.prefix(2).joined(separator: ", ")))" : ""
    return wrapped(finding.what + examples, columns - Self.labelWidth - Self.verdictWidth, most)
  }

  private func row(_ label: String, _ text: String, most: Int) -> [String] {
    wrapped(text, columns - Self.labelWidth, most).enumerated().map { index, line in
      padded(index == 0 ? label : "", Self.labelWidth) + line
    }
  }

  private func wrapped(_ text: String, _ columns: Int, _ most: Int) -> [String] {
    VisibleText.wrapped(VisibleText.escaped(text), columns: columns, lines: most)
  }

  private func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }

  private func coloured(_ text: String, _ verdict: String, isBold: Bool = false) -> String {
    let colours = ["holds": "32", "fails": "31", "unknown": "33"]
    guard isColoured, let colour = colours[verdict] else { return text }
    return "\u{1B}[\(isBold ? "1;" : "")\(colour)m\(text)\u{1B}[0m"
  }
}
