/// Numbers as a person reads them in a report, the same on every machine.
package enum Quantity {
  /// `1,234,567`.
  package static func grouped(_ number: Int) -> String {
    var digits = String(number.magnitude)
    var groups: [String] = []
    while digits.count > 3 {
      groups.insert(String(digits.suffix(3)), at: 0)
      digits = String(digits.dropLast(3))
    }
    return (number < 0 ? "-" : "") + ([digits] + groups).joined(separator: ",")
  }

  /// `1 file`, `1,234 files`.
  package static func files(_ number: Int) -> String {
    "\(grouped(number)) file\(number == 1 ? "" : "s")"
  }

  /// `812 bytes`, `1.4 MB`; powers of ten.
  package static func bytes(_ number: Int64) -> String {
    let units: [(String, Double)] = [("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)]
    for (unit, size) in units where Double(number) >= size {
      let tenths = Int((Double(number) / size * 10).rounded())
      return "\(grouped(tenths / 10)).\(tenths % 10) \(unit)"
    }
    return number == 1 ? "1 byte" : "\(grouped(Int(number))) bytes"
  }

  /// A share in percent with two digits that say something, never less than it is: `1%`, `0.063%`, `31%`.
  package static func percentAtMost(_ part: Int, of whole: Int) -> String {
    guard whole > 0, part > 0 else { return "0%" }
    guard part < whole else { return "100%" }
    // In whole numbers, so that rounding up is exact: percent = part · 100 / whole, scaled up until it has two digits.
    var decimals = 0
    var scale = 100
    while decimals < 12, Double(part) * Double(scale) < 10 * Double(whole) {
      decimals += 1
      scale *= 10
    }
    let (high, low) = part.multipliedFullWidth(by: scale)
    let divided = whole.dividingFullWidth((high, low))
    let units = divided.quotient + (divided.remainder > 0 ? 1 : 0)
    var digits = String(units)
    guard decimals > 0 else { return "\(digits)%" }
    while digits.count <= decimals { digits = "0" + digits }
    var fraction = String(digits.suffix(decimals))
    while fraction.last == "0" { fraction.removeLast() }
    let integer = digits.dropLast(decimals)
    return fraction.isEmpty ? "\(integer)%" : "\(integer).\(fraction)%"
  }

  /// `4 minutes 10 seconds`, `3.2 seconds`.
  package static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds >= 0, seconds < 1e9 else { return "an unknown time" }
    if seconds < 10 {
      let tenths = Int((seconds * 10).rounded())
      return "\(tenths / 10).\(tenths % 10) seconds"
    }
    let whole = Int(seconds.rounded())
    if whole < 60 { return "\(whole) seconds" }
    if whole < 3600 { return "\(whole / 60) min \(whole % 60) s" }
    return "\(whole / 3600) h \(whole % 3600 / 60) min"
  }

  /// `2026-11-23 13:17 UTC`, of seconds since 1970.
  package static func instant(_ seconds: Int64) -> String {
    // Days from the civil date, H. Hinnant, "chrono-compatible low-level date algorithms".
    guard seconds > -62_000_000_000, seconds < 250_000_000_000 else { return "at an unknown time" }
    let days = (seconds >= 0 ? seconds : seconds - 86_399) / 86_400
    let second = seconds - days * 86_400
    let shifted = days + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let month = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * month + 2) / 5 + 1
    let monthOfYear = month < 10 ? month + 3 : month - 9
    let year = yearOfEra + era * 400 + (monthOfYear <= 2 ? 1 : 0)
    func padded(_ number: Int64, _ width: Int = 2) -> String {
      let digits = String(number)
      return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
    return "\(padded(year, 4))-\(padded(monthOfYear))-\(padded(day)) "
      + "\(padded(second / 3600)):\(padded(second % 3600 / 60)) UTC"
  }
}
