internal import FoundationEssentials
internal import GRDB
internal import Synchronization

/// The temporary tables with what was listed; SQLite spills them to an unlinked file, so memory stays bounded.
final class LayoutStore: Sendable {
  let queue: DatabaseQueue
  private let collected = Mutex(false)

  /// Whether the table of key folders by their names is filled.
  var hasKeyFolders: Bool {
    get { collected.withLock { $0 } }
    set { collected.withLock { $0 = newValue } }
  }

  /// - Parameter queue: of the snapshot's index, so that both can be joined.
  init(_ queue: DatabaseQueue) throws(LayoutError) {
    do {
      self.queue = queue
      try self.queue.writeWithoutTransaction { db in
        try db.execute(
          sql: """
            CREATE TABLE backup_entry (path BLOB PRIMARY KEY NOT NULL, size INTEGER NOT NULL, modified INTEGER,
              real BLOB, fileid INTEGER) WITHOUT ROWID;
            CREATE TABLE backup_object (fileid INTEGER PRIMARY KEY, path BLOB NOT NULL, class INTEGER);
            CREATE TABLE backup_content (area INTEGER NOT NULL, path BLOB NOT NULL, kind INTEGER NOT NULL,
              fileid INTEGER, absence INTEGER, PRIMARY KEY (area, path)) WITHOUT ROWID;
            CREATE INDEX backup_content_row ON backup_content (fileid);
            CREATE TABLE backup_key (base INTEGER NOT NULL, folder BLOB NOT NULL, style INTEGER NOT NULL,
              PRIMARY KEY (base, folder)) WITHOUT ROWID;
            """)
      }
    } catch {
      throw .index("\(error)")
    }
  }

  func read<Result>(_ body: (Database) throws -> Result) throws(LayoutError) -> Result {
    do { return try queue.read(body) } catch { throw .index("\(error)") }
  }

  func write<Result>(_ body: (Database) throws -> Result) throws(LayoutError) -> Result {
    do { return try queue.write(body) } catch { throw .index("\(error)") }
  }
}

/// One file as it was listed, or an object under the path that its row gives it.
struct ListedEntry {
  /// Below the backup's top; for objects with a `/` before it, which no listed path has.
  let path: PathBytes
  let size: Int64
  let modified: Int64?
  /// The object's own path.
  let real: PathBytes?
}

extension Database {
  /// Whether anything lies below a prefix.
  func hasEntries(below prefix: PathBytes) throws -> Bool {
    let statement = try cachedStatement(sql: "SELECT 1 FROM backup_entry WHERE path >= ? AND path < ? LIMIT 1")
    return try Int.fetchOne(statement, arguments: [prefix.blob, prefix.end.blob]) != nil
  }

  /// Whether there is a file at exactly this path.
  func hasEntry(_ path: PathBytes) throws -> Bool {
    let statement = try cachedStatement(sql: "SELECT 1 FROM backup_entry WHERE path = ?")
    return try Int.fetchOne(statement, arguments: [path.blob]) != nil
  }

  /// Number and size of what lies below a prefix.
  func sum(below prefix: PathBytes) throws -> (count: Int, size: Int64) {
    let statement = try cachedStatement(
      sql: "SELECT COUNT(*), COALESCE(SUM(MAX(size, 0)), 0) FROM backup_entry WHERE path >= ? AND path < ?")
    guard let row = try Row.fetchOne(statement, arguments: [prefix.blob, prefix.end.blob]) else { return (0, 0) }
    return (row[0], row[1])
  }

  /// Entries from one path to before another, in order.
  func entries(from start: PathBytes, to end: PathBytes, limit: Int) throws -> [ListedEntry] {
    let statement = try cachedStatement(
      sql: "SELECT path, size, modified, real FROM backup_entry WHERE path >= ? AND path < ? ORDER BY path LIMIT ?")
    return try Row.fetchAll(statement, arguments: [start.blob, end.blob, limit]).map { row in
      ListedEntry(
        path: PathBytes(row[0] as Data), size: row[1], modified: row[2], real: (row[3] as Data?).map { PathBytes($0) })
    }
  }

  /// The folders directly below a prefix, which is empty or ends with a slash.
  func folders(below prefix: PathBytes) throws -> [PathBytes] {
    let statement = try cachedStatement(
      sql: """
        SELECT path FROM backup_entry WHERE path >= ? AND path < ? AND instr(substr(path, ?), x'2f') > 0
        ORDER BY path LIMIT 1
        """)
    var result: [PathBytes] = []
    var start = prefix
    while let path = try Data.fetchOne(statement, arguments: [start.blob, prefix.end.blob, prefix.count + 1]) {
      let rest = PathBytes(path).dropFirst(prefix.count)
      let name = PathBytes(rest.prefix { $0 != 0x2f })
      // Only objects under the paths of their rows begin with a slash.
      if !name.isEmpty { result.append(name) }
      start = prefix + name + [0x30]
    }
    return result
  }

  /// The files directly below a prefix, at most `limit`.
  func files(below prefix: PathBytes, limit: Int) throws -> [ListedEntry] {
    let statement = try cachedStatement(
      sql: """
        SELECT path, size, modified, real FROM backup_entry WHERE path >= ? AND path < ?
        AND instr(substr(path, ?), x'2f') = 0 ORDER BY path LIMIT ?
        """)
    return try Row.fetchAll(statement, arguments: [prefix.blob, prefix.end.blob, prefix.count + 1, limit]).map { row in
      ListedEntry(
        path: PathBytes(row[0] as Data), size: row[1], modified: row[2], real: (row[3] as Data?).map { PathBytes($0) })
    }
  }
}
