/// Which files are tested, and why; files by their number in the list, from 0.
package struct SampleDraw: Sendable {
  /// How many files there are.
  package let population: Int
  /// How many were drawn at random; the population when all are tested.
  package let drawnCount: Int
  private let drawn: Set<Int>
  /// Tested in any case, with the reasons.
  package private(set) var always: [Int: [SampleReason]]
  /// Files whose headers (8 KiB) are worth reading to find formats of which no file is tested yet: for each, tell `found`.
  package let headerProbes: [Int]
  private var strata: [SampleStratum: Int]
  private var formats: Set<String> = []
  package let seed: SampleSeed
  /// 32 bytes.
  package let listDigest: [UInt8]
  package let confidence: Confidence

  init(
    population: Int, drawnCount: Int, drawn: Set<Int>, always: [Int: [SampleReason]], headerProbes: [Int],
    strata: [SampleStratum: Int], seed: SampleSeed, listDigest: [UInt8], confidence: Confidence
  ) {
    self.population = population
    self.drawnCount = drawnCount
    self.drawn = drawn
    self.always = always
    self.headerProbes = headerProbes
    self.strata = strata
    self.seed = seed
    self.listDigest = listDigest
    self.confidence = confidence
  }

  /// Whether every file is tested.
  package var isAll: Bool { drawnCount == population }

  /// Whether this file is in the random draw, and counts for the bound.
  package func isDrawn(_ index: Int) -> Bool { isAll || drawn.contains(index) }

  package func isTested(_ index: Int) -> Bool { isDrawn(index) || always[index] != nil }

  /// How many are tested in all, each counted once.
  package var testedCount: Int { drawnCount + alwaysCount }

  /// How many are tested besides the draw.
  package var alwaysCount: Int { isAll ? 0 : always.keys.count { !drawn.contains($0) } }

  /// Every file that is tested, in the order of the list.
  ///
  /// When all are tested this is a range as long as the population; ask `isTested` while listing instead.
  package var tested: [Int] {
    isAll ? Array(0..<population) : drawn.union(always.keys).sorted()
  }

  /// How many files each user, storage and kind has.
  package func population(of stratum: SampleStratum) -> Int? { strata[stratum] }

  /// Every user, storage and kind, in a fixed order.
  package var allStrata: [SampleStratum] { strata.keys.sorted() }

  /// A header says that this file has this format: the first of each format is tested in any case.
  package mutating func found(format: String, of index: Int) {
    guard formats.insert(format).inserted, !isAll else { return }
    always[index, default: []].append(.stratum(SampleStratum(.format, format)))
  }
}

extension SampleDraw {
  /// The part of the report that says what was drawn and what follows.
  ///
  /// - Parameters:
  ///   - failures: of the files in the random draw, those that would not be restored.
  ///   - unknown: of the files in the random draw, those of which nobody can say; the bound counts them as failures.
  ///   - files: some of the drawn ones, for whoever repeats the draw.
  package func sample(failures: Int, unknown: Int, files: [DrillReport.DrawnFile] = []) -> DrillReport.Sample {
    let bad = min(failures + unknown, drawnCount)
    let bound = DrawOutcome(population: population, drawn: drawnCount, failures: bad)?.mostFailures(at: confidence)
    let statement = SampleStatement(
      population: population, drawn: drawnCount, failures: failures, unknown: unknown, bound: bound ?? population,
      confidence: confidence)
    return DrillReport.Sample(
      seed: seed.text, listDigest: Hexadecimal.text(listDigest), drawn: drawnCount, of: population, failures: failures,
      unknown: unknown, confidence: confidence.value, upperBound: bound ?? population, always: alwaysCount,
      statement: statement.text, files: Array(files.prefix(DrillReport.DrawnFile.limit)))
  }
}

/// What follows from a draw, in words.
struct SampleStatement {
  let population: Int
  let drawn: Int
  let failures: Int
  let unknown: Int
  let bound: Int
  let confidence: Confidence

  var text: String {
    guard population > 0 else { return "there was no file to test" }
    guard drawn < population else {
      var text = "all \(Quantity.files(population)) were tested"
      if failures > 0 { text += "; \(Quantity.grouped(failures)) would fail" }
      if unknown > 0 { text += "; of \(Quantity.grouped(unknown)) nobody can say" }
      return text
    }
    guard drawn > 0 else { return "no file was drawn, so nothing is known of the others" }
    let what = unknown > 0 ? "would fail or cannot be told" : "would fail"
    return "if nothing changes, we are \(confidence.percentText) confident that at most \(Quantity.files(bound))"
      + " (\(Quantity.percentAtMost(bound, of: population))) \(what)"
  }
}
