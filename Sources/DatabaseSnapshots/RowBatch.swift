/// What is wanted of one table.
package struct WantedTable: Sendable {
  /// The columns, in the order in which their values come; one that the table does not have gives NULL.
  package let columns: [String]
  /// Orders of all the columns in which a dump may give rows without naming them, told apart by their number; used only
  /// where the dump has neither a column list nor the statement that made the table.
  package let knownOrders: [[String]]

  package init(columns: [String], knownOrders: [[String]] = []) {
    self.columns = columns
    self.knownOrders = knownOrders
  }
}

/// Some rows of one table, in the order of the snapshot; cheap to make and to hand to another thread.
package struct RowBatch: Sendable {
  /// One value: a number, or where its bytes are.
  struct Cell: Sendable {
    enum Kind: UInt8, Sendable {
      case null
      case integer
      /// A number that is no 64-bit integer, as it is written.
      case number
      case text
      case blob
    }

    var kind: Kind = .null
    /// The number itself, or the start in the upper and the count in the lower half.
    var value: Int64 = 0
  }

  /// The table's name, without its schema.
  package let table: String
  /// How many values a row has.
  package let width: Int
  private(set) var cells: [Cell] = []
  private(set) var bytes: [UInt8] = []

  /// A batch that has this many bytes or rows is handed on.
  static let byteLimit = 256 * 1024
  static let rowLimit = 4096

  init(table: String, width: Int) {
    self.table = table
    self.width = width
    bytes.reserveCapacity(Self.byteLimit + 4096)
    cells.reserveCapacity(width * 1024)
  }

  package var count: Int { width == 0 ? 0 : cells.count / width }
  var isFull: Bool { bytes.count >= Self.byteLimit || cells.count >= Self.rowLimit * width }

  /// A row of NULLs at the end, to be filled.
  mutating func appendRow() {
    for _ in 0..<width { cells.append(Cell()) }
  }

  /// Takes back what `appendRow` and what followed did.
  mutating func removeLastRow(bytes count: Int) {
    cells.removeLast(width)
    bytes.removeLast(bytes.count - count)
  }

  var byteCount: Int { bytes.count }
  mutating func truncate(to count: Int) { bytes.removeLast(bytes.count - count) }

  /// Sets a value of the last row.
  mutating func set(_ column: Int, integer: Int64) {
    cells[cells.count - width + column] = Cell(kind: .integer, value: integer)
  }

  /// Sets a value of the last row to what was appended since there were `start` bytes.
  mutating func set(_ column: Int, _ kind: Cell.Kind, from start: Int) {
    cells[cells.count - width + column] = Cell(kind: kind, value: Int64(start) << 32 | Int64(bytes.count - start))
  }

  mutating func append(_ more: ArraySlice<UInt8>) { bytes.append(contentsOf: more) }
  mutating func append(_ more: UnsafeBufferPointer<UInt8>) { unsafe bytes.append(contentsOf: more) }
  mutating func append(_ byte: UInt8) { bytes.append(byte) }

  private func cell(_ row: Int, _ column: Int) -> Cell { cells[row * width + column] }

  /// Where a value's bytes are in `withUnsafeBytes`; nil for NULL and for numbers.
  package func range(_ row: Int, _ column: Int) -> Range<Int>? {
    let cell = cell(row, column)
    switch cell.kind {
    case .null, .integer: return nil
    case .number, .text, .blob:
      let start = Int(cell.value >> 32)
      return start..<(start + Int(cell.value & 0xffff_ffff))
    }
  }

  /// The bytes of all values that have some.
  package func withUnsafeBytes<Value>(_ body: (UnsafeRawBufferPointer) throws -> Value) rethrows -> Value {
    try unsafe bytes.withUnsafeBytes(body)
  }

  package func isNull(_ row: Int, _ column: Int) -> Bool { cell(row, column).kind == .null }

  /// The number, also where a database gives it as text; nil for anything else.
  package func integer(_ row: Int, _ column: Int) -> Int64? {
    let cell = cell(row, column)
    switch cell.kind {
    case .integer: return cell.value
    case .null, .blob: return nil
    case .number, .text:
      guard let range = range(row, column), range.count <= 20 else { return nil }
      return bytes.decimal(range)
    }
  }

  /// The text, with what is no UTF-8 replaced; a number as its digits; nil for NULL.
  package func text(_ row: Int, _ column: Int) -> String? {
    let cell = cell(row, column)
    switch cell.kind {
    case .null: return nil
    case .integer: return String(cell.value)
    case .number, .text, .blob: return range(row, column).map { String(decoding: bytes[$0], as: UTF8.self) }
    }
  }

  /// The bytes of a text or blob; nil for NULL and numbers.
  package func data(_ row: Int, _ column: Int) -> ArraySlice<UInt8>? { range(row, column).map { bytes[$0] } }
}
