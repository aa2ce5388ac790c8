internal import GRDB
internal import GRDBSQLite

extension SQLiteSnapshot {
  /// `SnapshotReader.read` for SQLite: every page is looked at first, then the wanted tables are read in the order of
  /// their names.
  func read(
    wanted: (String) -> WantedTable?, progress: SnapshotReader.Progress, rows: (RowBatch) throws -> Void
  ) throws -> SnapshotReader.Outcome {
    var outcome = SnapshotReader.Outcome()
    outcome.tables = try tables()
    if let fault { outcome.faults.append(fault) }
    do throws(SnapshotError) {
      try checkIntegrity()
    } catch {
      guard case .damaged(_, let why) = error else { throw error }
      outcome.faults.append(.damaged(why))
    }
    let tables = outcome.tables.compactMap { name in wanted(name).map { (name, $0) } }
    for (index, (name, table)) in tables.enumerated() {
      try progress(size * Int64(index) / Int64(tables.count), size)
      do {
        try read(name, table) { rowsRead, expected in
          let done = Double(index) + Double(rowsRead) / Double(max(expected, rowsRead, 1))
          try progress(Int64(Double(size) * min(1, done / Double(tables.count))), size)
        } rows: {
          try rows($0)
        }
      } catch let error as SnapshotError {
        // What a damaged page hides is lost, what is elsewhere is not.
        guard case .damaged(_, let why) = error else { throw error }
        let fault = SnapshotFault.damaged("\(name): \(why)")
        if !outcome.faults.contains(fault) { outcome.faults.append(fault) }
      }
    }
    try progress(size, size)
    return outcome
  }

  private func read(
    _ name: String, _ table: WantedTable, step: (Int, Int) throws -> Void, rows: (RowBatch) throws -> Void
  ) throws {
    let present = Dictionary(try columns(of: name).map { ($0.lowercased(), $0) }) { first, _ in first }
    let expressions = table.columns.map { present[$0.lowercased()]?.quotedDatabaseIdentifier ?? "NULL" }
    let expected = (try? highestRow(of: name)).flatMap { $0 }.flatMap { Int(exactly: $0) } ?? 0
    var thrown: (any Error)?
    try queueRead { database in
      let statement = try database.makeStatement(
        sql: "SELECT \(expressions.joined(separator: ", ")) FROM \(name.quotedDatabaseIdentifier)")
      let handle = unsafe statement.sqliteStatement
      var batch = RowBatch(table: name, width: table.columns.count)
      var count = 0
      func flush() {
        guard batch.count > 0, thrown == nil else { return }
        count += batch.count
        do {
          try rows(batch)
          try step(count, expected)
        } catch {
          thrown = error
        }
        batch = RowBatch(table: name, width: table.columns.count)
      }
      while thrown == nil {
        let code = unsafe sqlite3_step(handle)
        guard code == SQLITE_ROW else {
          // Rows before a damaged page count.
          flush()
          unsafe sqlite3_reset(handle)
          if code != SQLITE_DONE { throw DatabaseError(resultCode: ResultCode(rawValue: code)) }
          return
        }
        batch.appendRow()
        for column in 0..<table.columns.count { unsafe Self.take(handle, column, into: &batch) }
        if batch.isFull { flush() }
      }
      unsafe sqlite3_reset(handle)
    }
    if let thrown { throw thrown }
  }

  private static func take(_ statement: OpaquePointer, _ column: Int, into batch: inout RowBatch) {
    let index = CInt(column)
    let start = batch.byteCount
    switch unsafe sqlite3_column_type(statement, index) {
    case SQLITE_INTEGER: unsafe batch.set(column, integer: sqlite3_column_int64(statement, index))
    case SQLITE_NULL: break
    case let type:
      let pointer: UnsafePointer<UInt8>?
      if type == SQLITE_BLOB {
        unsafe pointer = sqlite3_column_blob(statement, index)?.assumingMemoryBound(to: UInt8.self)
      } else {
        unsafe pointer = sqlite3_column_text(statement, index)
      }
      let count = unsafe Int(sqlite3_column_bytes(statement, index))
      if let pointer = unsafe pointer, count > 0 {
        unsafe batch.append(UnsafeBufferPointer(start: pointer, count: count))
      }
      batch.set(column, type == SQLITE_BLOB ? .blob : type == SQLITE_FLOAT ? .number : .text, from: start)
    }
  }
}
