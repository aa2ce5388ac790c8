/// The pictures of the page: SVG in the page itself, coloured by its style sheet, each with its meaning in words.
enum PageDrawings {
  /// A tick, a cross or a question mark; says nothing that the heading beside it does not say.
  static func icon(_ verdict: String) -> Markup {
    let mark: Markup =
      switch verdict {
      case "holds": #"<path class="mark" d="M14 25l7 7 14-15"/>"#
      case "fails": #"<path class="mark" d="M16 16l16 16M32 16L16 32"/>"#
      default:
        #"<path class="mark" d="M17 19c0-9 14-9 14-1 0 5-7 5-7 10"/><circle class="dot" cx="24" cy="36" r="3"/>"#
      }
    return """
      <svg viewBox="0 0 48 48" aria-hidden="true"><circle class="\(verdict)" cx="24" cy="24" r="23"/>\(mark)</svg>
      """
  }

  /// One part of a bar: a class of the style sheet and how much it is.
  typealias Part = (kind: String, amount: Int)

  /// A bar of the parts; one that is there at all is at least wide enough to be seen.
  static func bar(_ parts: [Part], meaning: String, isThin: Bool = false) -> Markup {
    let width = 1000.0
    let least = 12.0
    let total = Double(max(1, parts.reduce(0) { $0 + max(0, $1.amount) }))
    var widths = parts.map { $0.amount > 0 ? max(least, Double($0.amount) / total * width) : 0 }
    if let widest = widths.indices.max(by: { widths[$0] < widths[$1] }) {
      widths[widest] -= widths.reduce(0, +) - (parts.contains { $0.amount > 0 } ? width : 0)
    }
    var position = 0.0
    var drawn: [Markup] = []
    for (part, wide) in zip(parts, widths) where part.amount > 0 {
      drawn.append(
        """
        <rect class="\(part.kind)" x="\(attribute: position)" width="\(attribute: wide)" height="10"/>
        """)
      position += wide
    }
    return """
      <svg class="bar\(isThin ? " thin" : "")" viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" \
      aria-label="\(meaning)"><rect class="rest" width="1000" height="10"/>\(drawn)</svg>
      """
  }

  /// A thousand squares for all files: those that were tested, those that would fail at most, and the rest.
  ///
  static func squares(tested: Int, bound: Int, population: Int, meaning: String) -> Markup {
    let all = 1000
    let columns = 50
    func count(_ files: Int) -> Int {
      guard population > 0, files > 0 else { return 0 }
      return min(all, max(1, Int((Double(files) / Double(population) * Double(all)).rounded(.up))))
    }
    let bad = count(bound)
    let seen = min(all - bad, count(tested))
    func path(_ range: Range<Int>, _ kind: String) -> Markup {
      guard !range.isEmpty else { return .empty }
      var data = ""
      for index in range { data += "M\(index % columns * 10) \(index / columns * 10)h8v8h-8z" }
      return #"<path class="\#(kind)" d="\#(data)"/>"#
    }
    return """
      <svg class="squares" viewBox="0 0 498 198" role="img" aria-label="\(meaning)">\
      \(path(0..<seen, "holds"))\(path(seen..<(all - bad), "rest"))\(path((all - bad)..<all, "fails"))</svg>
      """
  }

  /// The colour of a legend.
  static func swatch(_ kind: String) -> Markup {
    #"<svg viewBox="0 0 10 10" aria-hidden="true"><rect class="\#(kind)" width="10" height="10" rx="2"/></svg>"#
  }
}
