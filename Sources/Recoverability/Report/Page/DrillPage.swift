internal import Crypto
internal import FoundationEssentials
internal import NextcloudKeys

/// The report as one page that needs nothing else: no script, nothing from elsewhere, readable on a phone and on paper.
package struct DrillPage {
  let report: DrillReport

  /// How many files, and how many of each kind of stratum, the page lists; `--json` has more.
  static let problemLimit = 300
  static let stratumLimit = 40

  package init(_ report: DrillReport) {
    self.report = report
  }

  /// The page in UTF-8.
  package var bytes: [UInt8] { Array(page.source.utf8) }

  private var page: Markup {
    """
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src '\(styleHash)'; img-src data:; \
    base-uri 'none'; form-action 'none'">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="referrer" content="no-referrer">
    <meta name="robots" content="noindex">
    <meta name="color-scheme" content="light dark">
    <link rel="icon" href="data:,">
    <title>\(report.verdictWord): drill of \(report.instance.instanceID), \(Quantity.instant(report.startedAt))</title>
    <style>\(PageStyle.sheet)</style>
    </head>
    <body>
    <main>
    \(verdict)
    \(next)
    \(findings)
    \(bound)
    \(files)
    \(problems)
    \(coverage)
    \(notTested)
    \(keys)
    \(facts)
    <footer>Written by \(report.program). It holds names of files and users, and no secret. This page loads nothing \
    from elsewhere.</footer>
    </main>
    </body>
    </html>

    """
  }

  /// What the browser compares the style sheet with, so that no other style can get in.
  private var styleHash: Markup {
    let digest = SHA256.hash(data: Array(PageStyle.sheet.source.utf8))
    return "sha256-\(Data(digest).base64EncodedString())"
  }

  private var verdict: Markup {
    let tested = "\(Quantity.grouped(report.files.tested)) of \(Quantity.files(report.files.population)) tested"
    return """
      <header class="verdict \(report.verdictWord)">\(PageDrawings.icon(report.verdictWord))<h1>\(report.summary)</h1>
      <p>Nextcloud <strong>\(report.instance.instanceID)</strong>, \(Quantity.instant(report.startedAt)), \
      \(report.levelText), \(tested)</p></header>
      """
  }

  private var next: Markup {
    let steps = report.nextSteps
    guard !steps.isEmpty else {
      let word: Markup = report.verdictWord == "holds" ? "Nothing now. Rehearse" : "Read what was found, and rehearse"
      return """
        <section><h2>What to do next</h2><p>\(word) again after each change of the server or the backup, and at least once \
        a quarter.</p></section>
        """
    }
    return """
      <section><h2>What to do next</h2><ol class="steps">\(steps.marked { "<li>\(sentence($0))</li>" })</ol></section>
      """
  }

  private var findings: Markup {
    let groups = Finding.Group.allCases.map { group in
      (group, report.findings.inReadingOrder.filter { $0.group == group })
    }
    .filter { !$0.1.isEmpty }
    guard !groups.isEmpty else { return .empty }
    return """
      <section><h2>What was found</h2>\(groups.marked { group, findings in
        """
        <div class="group"><h3>\(group.title)</h3><ul class="findings">\(findings.marked(finding))</ul></div>
        """
      })</section>
      """
  }

  private func finding(_ finding: Finding) -> Markup {
    let because = finding.verdict.because.map { $0 == finding.what ? Markup.empty : "<p class=\"soft\">\($0)</p>" }
    let hint: Markup = finding.hint.map { "<p class=\"todo\">\(sentence($0))</p>" } ?? .empty
    let examples: Markup =
      finding.examples.isEmpty
      ? .empty
      : """
      <ul class="examples" aria-label="Some of them">\(finding.examples.marked { "<li><bdi>\($0)</bdi></li>" })\
      \(more(than: finding.examples.count, of: finding.count))</ul>
      """
    return """
      <li>\(pill(finding.verdict.word))<p>\(finding.what)</p>\(because ?? .empty)\(hint)\(examples)</li>
      """
  }

  /// With a capital, as in a list on a page.
  private func sentence(_ text: String) -> String {
    text.prefix(1).uppercased() + text.dropFirst()
  }

  private func more(than shown: Int, of count: Int?) -> Markup {
    guard let count, count > shown else { return .empty }
    return "<li>and \(count - shown) more</li>"
  }

  func pill(_ word: String) -> Markup {
    let kind = DrillReport.known(word)
    return "<span class=\"pill \(kind)\">\(kind)</span>"
  }

  private var notTested: Markup {
    guard !report.notTested.isEmpty else { return .empty }
    return """
      <section><h2>What was not tested</h2><ul class="steps">\(report.notTested.marked { "<li>\(sentence($0))</li>" })</ul></section>
      """
  }
}

extension DrillReport {
  /// `holds`, `fails` or `unknown`; anything else is unknown.
  static func known(_ word: String) -> String {
    ["holds", "fails"].contains(word) ? word : "unknown"
  }

  var verdictWord: String { Self.known(verdict) }

  /// `level 2 of 3`.
  package var levelText: String {
    switch level {
    case 2: "level 2: opened and decrypted with sealed material only"
    case 3: "level 3: on a machine that has nothing else"
    case let level?: "level \(level)"
    case nil: "no level reached: the sealed keys could not be tried"
    }
  }
}
