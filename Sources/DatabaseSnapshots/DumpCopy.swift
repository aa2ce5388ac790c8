/// The lines of `COPY … FROM stdin` (PostgreSQL manual, COPY, "Text Format").
enum DumpCopy {
  /// Whether a line is `\.`, which ends the rows.
  static func isEnd(_ bytes: [UInt8], _ line: Range<Int>) -> Bool {
    let line = withoutReturn(bytes, line)
    return line.count == 2 && bytes[line.lowerBound] == UInt8(ascii: "\\")
      && bytes[line.lowerBound + 1] == UInt8(ascii: ".")
  }

  /// A row of a dump that was written on Windows ends with a return, which in a value would be escaped.
  private static func withoutReturn(_ bytes: [UInt8], _ line: Range<Int>) -> Range<Int> {
    guard let last = line.last, bytes[last] == 0x0d else { return line }
    return line.lowerBound..<last
  }

  /// Appends a row.
  ///
  /// - Returns: whether the line has as many values as there are columns; nothing is appended otherwise.
  static func row(
    _ bytes: [UInt8], _ line: Range<Int>, slots: [Int], _ dialect: DumpDialect, into batch: inout RowBatch
  ) -> Bool {
    let line = withoutReturn(bytes, line)
    let before = batch.byteCount
    batch.appendRow()
    var start = line.lowerBound
    var column = 0
    while column < slots.count {
      let end = bytes.index(of: 0x09, from: start, to: line.upperBound) ?? line.upperBound
      if slots[column] >= 0 { value(bytes, start..<end, slots[column], dialect, &batch) }
      column += 1
      if end == line.upperBound {
        if column == slots.count { return true }
        break
      }
      start = end + 1
    }
    batch.removeLastRow(bytes: before)
    return false
  }

  private static func value(
    _ bytes: [UInt8], _ range: Range<Int>, _ slot: Int, _ dialect: DumpDialect, _ batch: inout RowBatch
  ) {
    if range.count == 2, bytes[range.lowerBound] == UInt8(ascii: "\\"), bytes[range.lowerBound + 1] == UInt8(ascii: "N")
    {
      return
    }
    let from = batch.byteCount
    var index = range.lowerBound
    while let escape = bytes.index(of: UInt8(ascii: "\\"), from: index, to: range.upperBound) {
      batch.append(bytes, index..<escape)
      index = escape + 1
      guard index < range.upperBound else { break }
      index = DumpEscapes.append(bytes, at: index, to: range.upperBound, .postgresql, &batch)
    }
    if index < range.upperBound { batch.append(bytes, index..<range.upperBound) }
    if dialect.isLatin1 { batch.encodeLatin1(from: from) }
    batch.set(slot, .text, from: from)
  }
}
