import Foundation
import Testing

@testable import Recoverability

@Suite struct DrawOutcomeTests {
  /// A grid that Tests/Reports/hypergeometric_grid.py computed with scipy, and where scipy is not exact enough, exactly.
  struct Grid: Decodable {
    let columns: [String]
    let rows: [Row]

    struct Row: Decodable {
      let outcome: DrawOutcome
      let confidence: Confidence
      let bound: Int
      let by: String

      init(from decoder: any Decoder) throws {
        var values = try decoder.unkeyedContainer()
        let numbers = try (0..<5).map { _ in try values.decode(Int.self) }
        outcome = try #require(DrawOutcome(population: numbers[0], drawn: numbers[1], failures: numbers[2]))
        confidence = try #require(Confidence(1 - Double(numbers[3]) / 1_000_000))
        #expect(confidence.missesPerMillion == numbers[3])
        bound = numbers[4]
        by = try values.decode(String.self)
      }
    }
  }

  @Test func theBoundIsScipysOnAGrid() throws {
    let file = URL(filePath: #filePath).deletingLastPathComponent().appending(
      path: "../../../Vectors/sampling/hypergeometric.json")
    let grid = try JSONDecoder().decode(Grid.self, from: try Data(contentsOf: file))
    #expect(grid.columns == ["population", "drawn", "failures", "misses_per_million", "bound", "by"])
    #expect(grid.rows.count == 1786)
    #expect(
      Dictionary(grouping: grid.rows, by: \.by).mapValues(\.count) == ["counted": 1320, "scipy": 431, "decimals": 35])
    for row in grid.rows {
      let bound = row.outcome.mostFailures(at: row.confidence)
      #expect(bound == row.bound, "\(row.outcome) at \(row.confidence.percentText)")
    }
  }

  @Test(arguments: [
    (1_000_000, 300, 0, 9_934), (10_000, 300, 0, 97), (300, 300, 0, 0), (300, 300, 7, 7), (50, 0, 0, 50),
    (50, 4, 4, 50),
    (0, 0, 0, 0), (1, 0, 0, 1),
    // As wide as a sum gets: with 60 decimal digits.
    (100_000_000, 50_000_000, 25_000_000, 50_008_225),
    // The probability is exactly one twentieth at D = 1, and that is not above it.
    (100_000_000, 95_000_000, 0, 0), (20, 19, 0, 0), (100_000_000, 94_999_999, 0, 1),
  ])
  func pinned(population: Int, drawn: Int, failures: Int, bound: Int) throws {
    let outcome = try #require(DrawOutcome(population: population, drawn: drawn, failures: failures))
    #expect(outcome.mostFailures(at: .usual) == bound)
  }

  @Test func theLimitItselfIsWhereTheProbabilityCrosses() throws {
    // By counting, from the definition: small enough for Double to be exact.
    func choose(_ many: Int, _ few: Int) -> Double {
      few < 0 || few > many ? 0 : (0..<few).reduce(1.0) { $0 * Double(many - $1) / Double($1 + 1) }
    }
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<200 {
      let population = Int.random(in: 1...60, using: &generator)
      let drawn = Int.random(in: 1...population, using: &generator)
      let failures = Int.random(in: 0..<drawn, using: &generator)
      func probability(_ bad: Int) -> Double {
        (0...failures).reduce(0.0) { $0 + choose(bad, $1) * choose(population - bad, drawn - $1) }
          / choose(population, drawn)
      }
      let outcome = try #require(DrawOutcome(population: population, drawn: drawn, failures: failures))
      let confidence = try #require(Confidence(Double.random(in: 0.6...0.99, using: &generator)))
      let bound = outcome.mostFailures(at: confidence)
      #expect(probability(bound) > 1 - confidence.value - 1e-9, "\(outcome) \(confidence)")
      #expect(probability(bound + 1) <= 1 - confidence.value + 1e-9, "\(outcome) \(confidence)")
    }
  }

  @Test func moreFailuresAndMoreConfidenceNeverLowerTheBound() throws {
    for drawn in [1, 30, 299, 5_000] {
      var before = -1
      for failures in 0...min(drawn, 20) {
        let outcome = try #require(DrawOutcome(population: 12_345, drawn: drawn, failures: failures))
        let bounds = try [0.5, 0.8, 0.95, 0.99, 0.999_999].map {
          outcome.mostFailures(at: try #require(Confidence($0)))
        }
        #expect(bounds == bounds.sorted())
        #expect(bounds[2] >= before)
        #expect(bounds.allSatisfy { $0 >= failures && $0 <= 12_345 - drawn + failures })
        before = bounds[2]
      }
    }
  }

  @Test func impossibleOutcomesCannotBeBuilt() {
    #expect(DrawOutcome(population: 10, drawn: 11, failures: 0) == nil)
    #expect(DrawOutcome(population: 10, drawn: 5, failures: 6) == nil)
    #expect(DrawOutcome(population: 10, drawn: 5, failures: -1) == nil)
    #expect(DrawOutcome(population: .max, drawn: 5, failures: 1) == nil)
    #expect(DrawOutcome(population: -1, drawn: -1, failures: -1) == nil)
  }

  @Test func confidenceIsReadAsAPersonWritesIt() {
    #expect(Confidence(text: "0.95") == .usual)
    #expect(Confidence(text: "95%") == .usual)
    #expect(Confidence(text: "95 %") == .usual)
    #expect(Confidence(text: "99.9%")?.percentText == "99.9%")
    #expect(Confidence(text: "0.999999")?.missesPerMillion == 1)
    #expect(Confidence.usual.percentText == "95%")
    for text in ["", "95", "1", "0", "0.49", "-0.95", "100%", "nan", "inf", "0,95", "%", "1e400"] {
      #expect(Confidence(text: text) == nil, "\(text)")
    }
  }
}
