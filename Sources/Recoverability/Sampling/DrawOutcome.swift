/// What a random draw without replacement gave: of the population, so many were drawn, and so many of those failed.
package struct DrawOutcome: Equatable, Sendable {
  package let population: Int
  package let drawn: Int
  package let failures: Int

  /// Nil unless 0 ≤ failures ≤ drawn ≤ population ≤ 2^50.
  package init?(population: Int, drawn: Int, failures: Int) {
    guard failures >= 0, failures <= drawn, drawn <= population, population <= 1 << 50 else { return nil }
    self.population = population
    self.drawn = drawn
    self.failures = failures
  }

  /// The most files of the population that may fail: the largest D with P(Hypergeometric(population, D, drawn) ≤ failures)
  /// above 1 − confidence (the exact upper limit of Clopper and Pearson for a finite population).
  package func mostFailures(at confidence: Confidence) -> Int {
    if failures == drawn { return population }
    // Known to be possible, known to be impossible: as many sound files as were seen must be there.
    var possible = failures
    var impossible = population - drawn + failures + 1

    // The probability falls as D grows, from 1 to 0, and crosses one half near the share that was seen. From there in
    // growing steps, so that no D is looked at that is far out: the sums would be long there.
    let scale = Double(population) / Double(drawn)
    var step = max(1, Int(scale * Double(failures + 1).squareRoot()))
    var probe = Int(scale * Double(failures))
    var hasTurned = false
    while impossible - possible > 1 {
      if hasTurned {
        probe = possible + (impossible - possible) / 2
      } else {
        probe = min(max(probe, possible + 1), impossible - 1)
      }
      if isPossible(probe, confidence) {
        possible = probe
        probe += step
      } else {
        impossible = probe
        probe -= step
      }
      if possible > failures, impossible <= population - drawn + failures { hasTurned = true }
      if !hasTurned { step *= 2 }
    }
    return possible
  }

  /// Whether P(X ≤ failures) is above 1 − confidence when `bad` files of the population would fail.
  private func isPossible(_ bad: Int, _ confidence: Confidence) -> Bool {
    // Where even 98 bits cannot tell the two apart they are taken as equal, and equal is not above.
    weigh(bad, confidence, in: Double.self) ?? weigh(bad, confidence, in: DoubleDouble.self) ?? false
  }

  /// Compares the sum of the probabilities up to `failures` with the sum above, both relative to the probability of
  /// `failures` itself, so that no factorial is needed; nil where rounding could have decided.
  ///
  /// The ratio of neighbouring probabilities falls away from the middle (the distribution is log-concave), so what is left
  /// out is less than a geometric series, and the answer is often certain after a few terms.
  private func weigh<Number: SummandNumber>(_ bad: Int, _ confidence: Confidence, in _: Number.Type) -> Bool? {
    let sound = population - bad
    let one = Number(product: 1, 1)
    var steps = 4.0

    var below = one
    var belowRest = 0.0
    var term = one
    var count = failures
    while count > max(0, drawn - sound) {
      let ratio = Number(product: count, sound - drawn + count) / Number(product: bad - count + 1, drawn - count + 1)
      term = term * ratio
      below = below + term
      count -= 1
      steps += 1
      belowRest = Self.rest(after: term.rounded, ratio.rounded)
      if belowRest < below.rounded * Number.stepError { break }
      if count == max(0, drawn - sound) { belowRest = 0 }
    }

    let weightBelow = Double(1_000_000 - confidence.missesPerMillion)
    let weightAbove = Double(confidence.missesPerMillion)
    var above = Number(product: 0, 0)
    var aboveRest = 0.0
    term = one
    count = failures
    while count < min(drawn, bad) {
      let ratio =
        Number(product: bad - count, drawn - count) / Number(product: count + 1, sound - drawn + count + 1)
      term = term * ratio
      above = above + term
      count += 1
      steps += 1
      aboveRest = count == min(drawn, bad) ? 0 : Self.rest(after: term.rounded, ratio.rounded)
      // These comparisons are made in Double whatever the numbers are.
      let doubt = max(steps * Number.stepError, 0x1p-46)
      let left = weightBelow * below.rounded
      let right = weightAbove * above.rounded
      if right * (1 - doubt) > (left + weightBelow * belowRest) * (1 + doubt) { return false }
      if left * (1 - doubt) > (right + weightAbove * aboveRest) * (1 + doubt) { return true }
      if aboveRest < above.rounded * Number.stepError { break }
    }

    let left = Number(product: Int(weightBelow), 1) * below
    let right = Number(product: Int(weightAbove), 1) * above
    let difference = (left - right).rounded
    let doubt = 2 * steps * Number.stepError * max(left.rounded, right.rounded)
    return abs(difference) > doubt ? difference > 0 : nil
  }

  /// More than all terms that follow one, when each further ratio is at most this one.
  private static func rest(after term: Double, _ ratio: Double) -> Double {
    ratio < 1 ? term * ratio / (1 - ratio) * (1 + 0x1p-40) : .infinity
  }
}
