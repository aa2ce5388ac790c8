/// Answers in two columns: a word on the left, what there is to say on the right, continued below itself.
struct Table {
  private var rows: [(label: String, lines: [String])] = []

  /// Adds a row; several lines stand below each other on the right.
  mutating func add(_ label: String, _ lines: String...) {
    add(label, lines)
  }

  mutating func add(_ label: String, _ lines: [String]) {
    guard !lines.isEmpty else { return }
    rows.append((label, lines))
  }

  /// The rows, each with a newline; control characters in them are written out.
  var text: String {
    let width = rows.map(\.label.count).max() ?? 0
    var text = ""
    for row in rows {
      for (index, line) in row.lines.enumerated() {
        let label = index == 0 ? row.label : ""
        text += label + String(repeating: " ", count: width - label.count + 2) + DisplayText.escaped(line) + "\n"
      }
    }
    return text
  }
}
