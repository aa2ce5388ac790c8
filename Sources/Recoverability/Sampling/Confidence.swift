/// How sure the bound of a sample is: from 0.5 to 0.999999, in whole millionths, so that 0.95 is exactly 19/20.
package struct Confidence: Equatable, Sendable {
  /// How often the bound may be wrong, in millionths: 50,000 for a confidence of 0.95.
  package let missesPerMillion: Int

  /// 0.95: one bound of twenty may be wrong.
  package static let usual = Confidence(unchecked: 50_000)

  /// Nil outside of 0.5...0.999999; rounded to whole millionths.
  package init?(_ value: Double) {
    guard value >= 0.5, value <= 0.999_999 else { return nil }
    missesPerMillion = 1_000_000 - Int((value * 1_000_000).rounded())
  }

  /// As a person writes it: `0.95`, `95%` or `99.9 %`; nil for anything else.
  package init?(text: String) {
    let trimmed = text.filter { $0 != " " }
    if trimmed.hasSuffix("%") {
      guard let percent = Double(trimmed.dropLast()) else { return nil }
      self.init(percent / 100)
    } else {
      guard let value = Double(trimmed) else { return nil }
      self.init(value)
    }
  }

  private init(unchecked missesPerMillion: Int) {
    self.missesPerMillion = missesPerMillion
  }

  package var value: Double { Double(1_000_000 - missesPerMillion) / 1_000_000 }

  /// `95%`, `99.9%`.
  package var percentText: String {
    let whole = (1_000_000 - missesPerMillion) / 10_000
    let rest = (1_000_000 - missesPerMillion) % 10_000
    guard rest > 0 else { return "\(whole)%" }
    var digits = String(rest + 10_000).dropFirst()
    while digits.last == "0" { digits = digits.dropLast() }
    return "\(whole).\(digits)%"
  }
}
