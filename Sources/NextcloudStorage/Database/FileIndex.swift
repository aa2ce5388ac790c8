internal import DatabaseSnapshots
internal import Dispatch
internal import GRDB
internal import GRDBSQLite

/// The temporary table of a snapshot's files, and the thread that fills it while another reads the snapshot.
enum FileIndex {
  /// A private temporary database that SQLite unlinks at once: it grows on disk, in `TMPDIR` or `/var/tmp`, and a kill
  /// leaves nothing of it.
  static func open() throws -> DatabaseQueue {
    var configuration = GRDB.Configuration()
    configuration.label = "index"
    // A failed index is thrown away, never rolled back. Larger pages and a sorter without threads halve the time in the
    // system and the memory.
    configuration.prepareDatabase { database in
      try database.execute(
        sql: """
          PRAGMA page_size = 16384; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
          PRAGMA locking_mode = EXCLUSIVE; PRAGMA cache_size = -32768; PRAGMA threads = 0
          """)
    }
    let queue = try DatabaseQueue(path: "", configuration: configuration)
    try queue.writeWithoutTransaction { database in
      try database.execute(
        sql: """
          CREATE TABLE files (fileid INTEGER PRIMARY KEY, storage INTEGER NOT NULL, path TEXT NOT NULL,
            size INTEGER NOT NULL, unencrypted INTEGER, encrypted INTEGER NOT NULL, modified INTEGER NOT NULL,
            checksum TEXT, mimetype INTEGER)
          """)
    }
    return queue
  }

  /// Starts to take what is sent.
  static func fill(_ queue: DatabaseQueue, from channel: BatchChannel) {
    DispatchQueue(label: "filling the index").async {
      do {
        try queue.writeWithoutTransaction { database in
          try database.execute(sql: "BEGIN")
          let statement = try database.makeStatement(
            sql: "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")
          while let batch = channel.receive() { try unsafe insert(batch, statement.sqliteStatement) }
          try database.execute(sql: "COMMIT")
          try database.execute(sql: "CREATE INDEX path ON files (storage, path)")
        }
        channel.end(nil)
      } catch {
        channel.end(error)
      }
    }
  }

  private static func insert(_ batch: FileBatch, _ statement: OpaquePointer) throws {
    let rows = batch.rows
    try unsafe rows.withUnsafeBytes { bytes in
      for row in 0..<rows.count {
        // A row without these is none; it was counted as unreadable.
        guard let fileID = rows.integer(row, FileColumn.fileID), let storage = rows.integer(row, FileColumn.storage),
          !rows.isNull(row, FileColumn.path.rawValue)
        else { continue }
        unsafe sqlite3_bind_int64(statement, 1, fileID)
        unsafe sqlite3_bind_int64(statement, 2, storage)
        unsafe sqlite3_bind_int64(statement, 4, rows.integer(row, FileColumn.size) ?? 0)
        unsafe bind(rows.integer(row, FileColumn.unencryptedSize), 5, statement)
        unsafe sqlite3_bind_int64(statement, 6, rows.integer(row, FileColumn.encrypted) ?? 0)
        unsafe sqlite3_bind_int64(statement, 7, rows.integer(row, FileColumn.modified) ?? 0)
        unsafe bind(rows.range(row, FileColumn.checksum.rawValue), of: bytes, 8, statement)
        unsafe bind(rows.integer(row, FileColumn.mimeType), 9, statement)
        if let mended = batch.mended[row] {
          try unsafe mended.withUnsafeBytes { mended in
            unsafe bind(mended.indices, of: mended, 3, statement)
            try unsafe step(statement)
          }
        } else if let range = rows.range(row, FileColumn.path.rawValue) {
          unsafe bind(range, of: bytes, 3, statement)
          try unsafe step(statement)
        } else {
          // A path of digits, which SQLite may have kept as a number.
          let path = [UInt8](String(rows.integer(row, FileColumn.path) ?? 0).utf8)
          try unsafe path.withUnsafeBytes { path in
            unsafe bind(path.indices, of: path, 3, statement)
            try unsafe step(statement)
          }
        }
      }
    }
  }

  private static func step(_ statement: OpaquePointer) throws {
    let code = unsafe sqlite3_step(statement)
    unsafe sqlite3_reset(statement)
    if code != SQLITE_DONE { throw DatabaseError(resultCode: ResultCode(rawValue: code)) }
  }

  private static func bind(_ value: Int64?, _ index: CInt, _ statement: OpaquePointer) {
    if let value {
      unsafe sqlite3_bind_int64(statement, index, value)
    } else {
      unsafe sqlite3_bind_null(statement, index)
    }
  }

  /// The bytes must live until the statement was stepped: they are not copied.
  private static func bind(
    _ range: Range<Int>?, of bytes: UnsafeRawBufferPointer, _ index: CInt, _ statement: OpaquePointer
  ) {
    guard let range, !range.isEmpty, let base = bytes.baseAddress else {
      if range == nil {
        unsafe sqlite3_bind_null(statement, index)
      } else {
        unsafe sqlite3_bind_text(statement, index, "", 0, nil)
      }
      return
    }
    let start = unsafe (base + range.lowerBound).assumingMemoryBound(to: CChar.self)
    unsafe sqlite3_bind_text(statement, index, start, CInt(range.count), nil)
  }
}

extension RowBatch {
  func integer(_ row: Int, _ column: FileColumn) -> Int64? { integer(row, column.rawValue) }
}
