internal import GRDB
package import SystemPackage

/// One value of a row.
package enum SnapshotValue: Equatable, Sendable {
  case null
  case integer(Int64)
  case real(Double)
  case text(String)
  case blob([UInt8])

  /// The number, also where a database keeps it as text; `nil` for anything else.
  package var integer: Int64? {
    switch self {
    case .integer(let value): value
    case .text(let text): Int64(text)
    case .null, .real, .blob: nil
    }
  }

  /// The text, also where a database keeps it as a number or as bytes; `nil` for NULL and bytes that are no UTF-8.
  package var text: String? {
    switch self {
    case .text(let text): text
    case .integer(let value): String(value)
    case .blob(let bytes): String(validating: bytes, as: UTF8.self)
    case .null, .real: nil
    }
  }
}

/// An SQLite snapshot, opened so that nothing beside it or in it changes.
///
/// A file that stands alone is read in place as immutable, without locks or sidecar files. One with a write-ahead log or a
/// rollback journal is copied with it into a private folder first and read there, so that what is only in the log counts.
package final class SQLiteSnapshot {
  package let path: FilePath
  /// Whether changes from a log or journal beside the file were applied to a private copy to read it.
  package let appliedLog: Bool
  private let queue: DatabaseQueue
  private let copy: PrivateCopy?

  /// - Throws: `SnapshotError`: unreadable, not SQLite, cut off, damaged, or no room for a private copy.
  package init(_ path: FilePath) throws(SnapshotError) {
    let file = try SnapshotFile.recognise(path)
    guard file.engine == .sqlite else { throw .notASnapshot(path) }
    self.path = path
    appliedLog = !file.sidecars.isEmpty
    if file.sidecars.isEmpty {
      let uri = Self.immutableURI(path)
      if let queue = try? Self.open(uri, readOnly: true, name: path) {
        (self.queue, copy) = (queue, nil)
        return
      }
    }
    // Also where SQLite was built without URI names.
    let copy = try PrivateCopy(of: path, sidecars: file.sidecars)
    queue = try Self.open(copy.file.string, readOnly: false, name: path)
    self.copy = copy
  }

  private static func open(_ path: String, readOnly: Bool, name: FilePath) throws(SnapshotError) -> DatabaseQueue {
    var configuration = Configuration()
    configuration.readonly = readOnly
    configuration.label = "snapshot"
    do {
      let queue = try DatabaseQueue(path: path, configuration: configuration)
      // Reads the schema, which an SQLite file that is none or damaged at the start does not survive.
      try queue.read { database in _ = try Int.fetchOne(database, sql: "SELECT count(*) FROM sqlite_master") }
      return queue
    } catch {
      throw .damaged(name, words(error))
    }
  }

  /// `file:/…?immutable=1`, every other byte than letters, digits and a few marks as `%XX`, so that any name can stand.
  private static func immutableURI(_ path: FilePath) -> String {
    let absolute = path.isAbsolute ? path : FilePath(".").pushing(path)
    let bytes = unsafe absolute.withPlatformString { start in
      var bytes: [UInt8] = []
      var index = 0
      while unsafe start[index] != 0 {
        unsafe bytes.append(UInt8(bitPattern: start[index]))
        index += 1
      }
      return bytes
    }
    let safe = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-".utf8)
    let digits = Array("0123456789ABCDEF")
    var uri = "file:"
    for byte in bytes {
      if safe.contains(byte) {
        uri.unicodeScalars.append(UnicodeScalar(byte))
      } else {
        uri += "%" + String(digits[Int(byte >> 4)]) + String(digits[Int(byte & 0xf)])
      }
    }
    return uri + "?immutable=1"
  }

  private static func words(_ error: any Error) -> String {
    (error as? DatabaseError)?.message ?? "\(error)"
  }

  private func read<Value>(_ body: (Database) throws -> Value) throws(SnapshotError) -> Value {
    do {
      return try queue.read(body)
    } catch let error as SnapshotError {
      throw error
    } catch {
      throw .damaged(path, Self.words(error))
    }
  }

  /// Lets SQLite look at every page.
  ///
  /// - Throws: `SnapshotError.damaged` with the first thing that is wrong.
  package func checkIntegrity() throws(SnapshotError) {
    let answer = try read { database in try String.fetchOne(database, sql: "PRAGMA quick_check(1)") }
    guard answer == "ok" else {
      throw .damaged(path, answer?.split(separator: "\n").last.map(String.init) ?? "no answer")
    }
  }

  /// The names of all tables, sorted.
  package func tables() throws(SnapshotError) -> [String] {
    try read { database in
      try String.fetchAll(
        database, sql: "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name")
    }
  }

  /// The names of a table's columns in their order; empty when there is no such table.
  package func columns(of table: String) throws(SnapshotError) -> [String] {
    try read { database in
      try String.fetchAll(database, sql: "SELECT name FROM pragma_table_info(?)", arguments: [table])
    }
  }

  /// The number of rows of a table.
  package func count(of table: String) throws(SnapshotError) -> Int {
    try require(table, [])
    return try read { database in
      try Int.fetchOne(database, sql: "SELECT count(*) FROM \(table.quotedDatabaseIdentifier)") ?? 0
    }
  }

  /// The highest number in a column; `nil` for an empty table.
  package func maximum(of column: String, in table: String) throws(SnapshotError) -> Int64? {
    try require(table, [column])
    return try read { database in
      try Int64.fetchOne(
        database,
        sql: "SELECT max(CAST(\(column.quotedDatabaseIdentifier) AS INTEGER)) FROM \(table.quotedDatabaseIdentifier)")
    }
  }

  /// Walks over the rows of a table, one at a time; the memory needed does not depend on their number.
  ///
  /// - Parameters:
  ///   - columns: what is wanted of each row; the values come in this order.
  ///   - body: returns whether to go on.
  package func rows(
    of table: String, columns: [String], _ body: ([SnapshotValue]) throws -> Bool
  ) throws(SnapshotError) {
    try require(table, columns)
    try read { database in
      let names = columns.map(\.quotedDatabaseIdentifier).joined(separator: ", ")
      let rows = try Row.fetchCursor(database, sql: "SELECT \(names) FROM \(table.quotedDatabaseIdentifier)")
      while let row = try rows.next() {
        let values = (0..<columns.count).map { Self.value((row[$0] as DatabaseValue).storage) }
        guard try body(values) else { return }
      }
    }
  }

  private static func value(_ storage: DatabaseValue.Storage) -> SnapshotValue {
    switch storage {
    case .null: .null
    case .int64(let value): .integer(value)
    case .double(let value): .real(value)
    case .string(let text): .text(text)
    case .blob(let data): .blob([UInt8](data))
    }
  }

  private func require(_ table: String, _ columns: [String]) throws(SnapshotError) {
    let present = try self.columns(of: table)
    guard !present.isEmpty else { throw .noSuchTable(path, "table \(table)") }
    for column in columns where !present.contains(column) {
      throw .noSuchTable(path, "column \(column) in the table \(table)")
    }
  }
}
