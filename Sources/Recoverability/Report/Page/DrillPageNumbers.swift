internal import NextcloudKeys

/// The parts of the page that count: the bound, the files, the coverage, the facts.
extension DrillPage {
  var bound: Markup {
    let sample = report.sample
    guard sample.of > 0 else { return .empty }
    let share = Quantity.percentAtMost(sample.upperBound, of: sample.of)
    let said = sample.statement.prefix(1).uppercased() + sample.statement.dropFirst()
    let explanation: Markup =
      sample.drawn == sample.of
      ? ""
      : """
      <p class="soft">\(sample.drawn) of \(Quantity.files(sample.of)) were drawn at random; \(sample.failures) of them failed\
      \(sample.unknown > 0 ? ", \(Quantity.grouped(sample.unknown)) could not be told and counted as failures" : ""). \
      \(sample.always) more were tested in any case and do not count for this.</p>
      """
    return """
      <section class="bound"><h2>How sure</h2><p class="said">\(String(said)).</p>
      <figure>\(PageDrawings.squares(
        tested: report.files.tested, bound: sample.upperBound, population: sample.of,
        meaning: "A picture of all files: \(report.files.tested) of \(sample.of) tested, at most \(share) would fail"))
      <figcaption><ul class="legend"><li>\(PageDrawings.swatch("holds"))tested</li>\
      <li>\(PageDrawings.swatch("rest"))not tested</li>\
      <li>\(PageDrawings.swatch("fails"))\(sample.drawn == sample.of ? "failed" : "at most these would fail")</li></ul>\
      <p>Each square is a thousandth of all files.</p></figcaption></figure>\(explanation)</section>
      """
  }

  var files: Markup {
    let files = report.files
    guard files.tested > 0 else { return .empty }
    let statuses = files.byStatus.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
    return """
      <section><h2>\(files.tested == 1 ? "The file that was tested" : "The \(Quantity.files(files.tested)) that were tested")</h2>
      \(PageDrawings.bar(
        [("holds", files.held), ("fails", files.failed), ("unknown", files.unknown)],
        meaning: "\(files.held) hold, \(files.failed) fail, \(files.unknown) unknown"))
      <ul class="legend"><li>\(PageDrawings.swatch("holds"))\(files.held) hold</li>\
      <li>\(PageDrawings.swatch("fails"))\(files.failed) fail</li>\
      <li>\(PageDrawings.swatch("unknown"))\(files.unknown) unknown</li></ul>
      <table><caption>What examining them gave</caption><thead><tr><th scope="col">result</th>\
      <th scope="col" class="number">files</th></tr></thead><tbody>\(statuses.marked { word, count in
        "<tr><th scope=\"row\">\(StatusText.title(word))</th><td class=\"number\">\(count)</td></tr>"
      })</tbody></table>
      <p class="soft">\(Quantity.bytes(files.bytesRead)) read in \(Quantity.duration(files.seconds)).</p></section>
      """
  }

  var problems: Markup {
    let all = report.files.problems
    guard !all.isEmpty else { return .empty }
    let shown = all.prefix(Self.problemLimit)
    let left = all.count - shown.count + report.files.problemsLeftOut
    let list: Markup = """
      <ul class="problems">\(shown.marked { problem in
        """
        <li>\(pill(problem.verdict))<p class="name"><bdi>\(problem.name)</bdi></p>\
        <p>\(StatusText.title(problem.status)): \(problem.detail)</p><p class="soft"><code>\(problem.path)</code></p></li>
        """
      })</ul>
      """
    let title = "\(Quantity.files(all.count + report.files.problemsLeftOut)) that did not hold, or deserve a word"
    let rest: Markup = left > 0 ? "<p class=\"soft\">and \(left) more; the JSON report lists up to 1,000</p>" : .empty
    return """
      <section><h2>\(title)</h2><details\(all.count <= 20 ? " open" : "")><summary>The files, the worst first</summary>\
      \(list)\(rest)</details></section>
      """
  }

  var coverage: Markup {
    let dimensions = [("user", "Users"), ("storage", "Storages"), ("kind", "Kinds"), ("format", "Formats")]
    let tables = dimensions.map { dimension, title -> Markup in
      let strata = report.files.strata.filter { $0.dimension == dimension }
        .sorted {
          ($1.failed, $1.unknown, $1.population ?? 0, $0.name) < ($0.failed, $0.unknown, $0.population ?? 0, $1.name)
        }
      guard !strata.isEmpty else { return .empty }
      let left = strata.count - min(strata.count, Self.stratumLimit)
      let rest: Markup = left > 0 ? "<tr><td colspan=\"3\" class=\"soft\">and \(left) more</td></tr>" : .empty
      return """
        <table class="covers"><caption>\(title)</caption><thead><tr><th scope="col">name</th><th scope="col" class="draws">\(dimension == "format" ? "how they came out" : "share tested")</th>\
        <th scope="col" class="number">tested</th></tr></thead>\
        <tbody>\(strata.prefix(Self.stratumLimit).marked(row))\(rest)</tbody></table>
        """
    }
    guard tables.contains(where: { !$0.source.isEmpty }) else { return .empty }
    return """
      <section><h2>What the tested files cover</h2>\(tables)</section>
      """
  }

  private func row(_ stratum: DrillReport.Stratum) -> Markup {
    let held = max(0, stratum.tested - stratum.failed - stratum.unknown)
    // How many files have a format is known only of those that were tested.
    let population = max(stratum.population ?? stratum.tested, stratum.tested)
    let counts =
      Quantity.grouped(stratum.tested) + (stratum.population == nil ? "" : " of \(Quantity.grouped(population))")
    let bar = PageDrawings.bar(
      [
        ("holds", held), ("fails", stratum.failed), ("unknown", stratum.unknown),
        ("rest", population - stratum.tested),
      ], meaning: "\(counts) tested, \(stratum.failed) failed", isThin: true)
    let failed: Markup = stratum.failed > 0 ? "<br><span class=\"bad\">\(stratum.failed) failed</span>" : .empty
    let unknown: Markup = stratum.unknown > 0 ? "<br><span class=\"unsure\">\(stratum.unknown) unknown</span>" : .empty
    return """
      <tr><th scope="row"><bdi>\(stratum.name)</bdi></th><td class="draws">\(bar)</td>\
      <td class="number">\(counts)\(failed)\(unknown)</td></tr>
      """
  }

  var keys: Markup {
    guard !report.keys.isEmpty else { return .empty }
    let most = 100
    let left = report.keys.count - min(most, report.keys.count)
    let rest: Markup = left > 0 ? "<tr><td colspan=\"3\" class=\"soft\">and \(left) more</td></tr>" : .empty
    return """
      <section><h2>The keys</h2><table><thead><tr><th scope="col">key</th><th scope="col">half</th>\
      <th scope="col">state</th></tr></thead><tbody>\(report.keys.prefix(most).marked { key in
        """
        <tr><th scope="row"><bdi>\(key.id)</bdi></th><td>\(key.half.rawValue)</td><td>\(state(key.state))</td></tr>
        """
      })\(rest)</tbody></table></section>
      """
  }

  private func state(_ state: KeyState) -> Markup {
    switch state {
    case .unlocks: "unlocks"
    case .locked: "<span class=\"unsure\">needs a password</span>"
    case .fails(let because): "<span class=\"bad\">fails</span>: \(because)"
    }
  }

  var facts: Markup {
    var facts: [(String, Markup)] = [
      (
        "Escrow",
        "\(report.escrow.id), revision \(report.escrow.revision), sealed \(Quantity.instant(report.escrow.sealedAt))"
      ),
      ("Its SHA-256", "<code>\(report.escrow.sha256)</code>"),
      (
        "Instance",
        "\(report.instance.instanceID), Nextcloud \(report.instance.nextcloudVersion ?? "of unknown version")"
      ),
      (
        "Backup",
        "<bdi>\(report.backup.place)</bdi>, \(Quantity.files(report.backup.files)), \(Quantity.bytes(report.backup.bytes))"
      ),
    ]
    if let newest = report.backup.newest { facts.append(("Newest file", "\(Quantity.instant(newest))")) }
    if let snapshot = report.snapshot {
      facts.append(("Snapshot", "<bdi>\(snapshot.place)</bdi>, \(snapshot.engine), \(Quantity.bytes(snapshot.size))"))
      facts.append(("Taken", "\(Quantity.instant(snapshot.takenAt))"))
      facts.append(("Its SHA-256", "<code>\(snapshot.sha256)</code>"))
    } else {
      facts.append(("Snapshot", "none"))
    }
    facts.append(("Drill", "\(Quantity.instant(report.startedAt)) to \(Quantity.instant(report.endedAt))"))
    facts.append(("Seed of the draw", "<code>\(report.sample.seed)</code>"))
    facts.append(("Digest of the list", "<code>\(report.sample.listDigest)</code>"))
    return """
      <section><h2>To look it up, and to repeat it</h2><dl class="facts">\(facts.marked { name, value in
        "<dt>\(name)</dt><dd>\(value)</dd>"
      })</dl></section>
      """
  }
}
