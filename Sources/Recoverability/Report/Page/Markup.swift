/// HTML whose origin is this program: a text can only get into it escaped.
///
/// Interpolating a `String` escapes it; interpolating `Markup` does not. So a file's hostile name cannot become an element
/// by being forgotten.
struct Markup: ExpressibleByStringInterpolation {
  let source: String

  static let empty: Markup = ""

  init(stringLiteral value: String) {
    source = value
  }

  init(stringInterpolation: StringInterpolation) {
    source = stringInterpolation.source
  }

  struct StringInterpolation: StringInterpolationProtocol {
    fileprivate var source = ""

    init(literalCapacity: Int, interpolationCount: Int) {
      source.reserveCapacity(literalCapacity)
    }

    mutating func appendLiteral(_ literal: String) { source += literal }
    mutating func appendInterpolation(_ text: String) { source += Markup.escaped(text) }
    mutating func appendInterpolation(_ number: Int) { source += Quantity.grouped(number) }
    mutating func appendInterpolation(_ markup: Markup) { source += markup.source }
    mutating func appendInterpolation(_ markups: [Markup]) { for markup in markups { source += markup.source } }
    /// A number as an attribute needs it: no separators.
    mutating func appendInterpolation(attribute number: Double) {
      let hundredths = Int((min(max(number, -1e9), 1e9) * 100).rounded())
      source += hundredths % 100 == 0 ? "\(hundredths / 100)" : "\(Double(hundredths) / 100)"
    }
  }

  /// Fit for the content of an element and for an attribute in quotes.
  private static func escaped(_ text: String) -> String {
    var result = ""
    for character in VisibleText.escaped(text, keepsJoiners: true).unicodeScalars {
      switch character {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      default: result.unicodeScalars.append(character)
      }
    }
    return result
  }
}

extension Sequence {
  /// One piece of markup for each.
  func marked(_ body: (Element) -> Markup) -> Markup {
    "\(map(body))"
  }
}
