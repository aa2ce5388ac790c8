internal import GRDB
package import SystemPackage

/// An SQLite snapshot, opened so that nothing beside it or in it changes.
///
/// A file that stands alone is read in place as immutable, without locks or sidecar files. One with a write-ahead log or a
/// rollback journal is copied with it into a private folder first and read there, so that what is only in the log counts.
package final class SQLiteSnapshot {
  package let path: FilePath
  /// Whether changes from a log or journal beside the file were applied to a private copy to read it.
  package let appliedLog: Bool
  /// In bytes, of the file itself.
  let size: Int64
  private let queue: DatabaseQueue
  /// What ended it too early below a compression.
  let fault: SnapshotFault?

  /// - Throws: `SnapshotError`: unreadable, not SQLite, cut off, damaged, or no room for a private copy.
  package convenience init(_ path: FilePath) throws(SnapshotError) {
    try self.init(try SnapshotFile.recognise(path))
  }

  init(_ file: SnapshotFile) throws(SnapshotError) {
    let path = file.path
    guard file.engine == .sqlite else { throw .notASnapshot(path) }
    self.path = path
    size = file.size
    appliedLog = !file.sidecars.isEmpty
    if file.compression != .none {
      let source = try DecompressingSource(path)
      queue = try Self.open(try PrivateCopy(of: path, source), name: path)
      fault = source.fault
      return
    }
    fault = nil
    if file.sidecars.isEmpty {
      let uri = Self.immutableURI(path)
      if let queue = try? Self.open(uri, readOnly: true, name: path) {
        self.queue = queue
        return
      }
    }
    // Also where SQLite was built without URI names.
    queue = try Self.open(try PrivateCopy(of: path, sidecars: file.sidecars), name: path)
  }

  /// Opens a copy and takes its name away: once the log was read, SQLite opens no file by name any more.
  private static func open(_ copy: PrivateCopy, name: FilePath) throws(SnapshotError) -> DatabaseQueue {
    let queue = try open(copy.file.string, readOnly: false, name: name)
    copy.unlink()
    return queue
  }

  private static func open(_ path: String, readOnly: Bool, name: FilePath) throws(SnapshotError) -> DatabaseQueue {
    var configuration = Configuration()
    configuration.readonly = readOnly
    configuration.label = "snapshot"
    // In this mode the index of the log is in memory, and the log stays open.
    if !readOnly { configuration.prepareDatabase { try $0.execute(sql: "PRAGMA locking_mode = EXCLUSIVE") } }
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

  func queueRead<Value>(_ body: (Database) throws -> Value) throws(SnapshotError) -> Value {
    do {
      return try queue.read(body)
    } catch let error as SnapshotError {
      throw error
    } catch {
      throw .damaged(path, Self.words(error))
    }
  }

  /// Lets SQLite look at every page, and compare every index with its table: a restored server looks files up by index.
  ///
  /// - Throws: `SnapshotError.damaged` with the first thing that is wrong.
  package func checkIntegrity() throws(SnapshotError) {
    let answer = try queueRead { database in try String.fetchOne(database, sql: "PRAGMA integrity_check(1)") }
    guard answer == "ok" else {
      throw .damaged(path, answer?.split(separator: "\n").last.map(String.init) ?? "no answer")
    }
  }

  /// The names of all tables, sorted.
  package func tables() throws(SnapshotError) -> [String] {
    try queueRead { database in
      try String.fetchAll(
        database, sql: "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name")
    }
  }

  /// The names of a table's columns in their order; empty when there is no such table.
  package func columns(of table: String) throws(SnapshotError) -> [String] {
    try queueRead { database in
      try String.fetchAll(database, sql: "SELECT name FROM pragma_table_info(?)", arguments: [table])
    }
  }

  /// The highest row number of a table, which tells about how many rows it has; nil where it has none.
  func highestRow(of table: String) throws(SnapshotError) -> Int64? {
    try queueRead { database in
      try Int64.fetchOne(database, sql: "SELECT max(rowid) FROM \(table.quotedDatabaseIdentifier)")
    }
  }
}
