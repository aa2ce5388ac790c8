internal import Crypto
package import SystemPackage

#if canImport(Glibc)
  internal import Glibc
#endif

/// The database whose snapshot a file is.
package enum SnapshotEngine: String, Codable, Sendable, CaseIterable {
  /// An SQLite database file.
  case sqlite
  /// What `mysqldump` writes.
  case mysql
  /// What `mariadb-dump` writes.
  case mariadb
  /// What `pg_dump` writes by default: SQL.
  case postgresqlPlain = "postgresql-plain"
  /// What `pg_dump -Fc` writes.
  case postgresqlCustom = "postgresql-custom"
  /// What `pg_dump -Ft` writes.
  case postgresqlTar = "postgresql-tar"
  /// What `pg_dump -Fd` writes: a folder.
  case postgresqlDirectory = "postgresql-directory"
  /// What `.dump` of the program `sqlite3` writes: SQL.
  case sqliteDump = "sqlite-dump"
}

/// What a snapshot is compressed with, told from its first bytes.
package enum SnapshotCompression: String, Codable, Sendable, CaseIterable {
  case none
  case gzip
  case zstd
  case xz
  case bzip2
}

/// A snapshot of a database as a file: what it is, and how it can be recognised again.
package struct SnapshotFile: Equatable, Sendable {
  package let path: FilePath
  /// Absent for a compressed file whose beginning cannot be decompressed or is nothing known.
  package let engine: SnapshotEngine?
  package let compression: SnapshotCompression
  /// In bytes.
  package let size: Int64
  /// When it was last written, in seconds since 1970.
  package let modified: Int64
  /// Whether a dump's last line, or an SQLite file's length, shows it to be complete; absent where that cannot be told,
  /// as for what is compressed or was written without comments.
  package let isComplete: Bool?
  /// What belongs to an SQLite file and lies beside it with changes that are not in it yet: its write-ahead log or its
  /// rollback journal. Whoever copies the snapshot must copy these too.
  package let sidecars: [FilePath]

  /// Tells from its first and last bytes what a file is.
  ///
  /// - Throws: `SnapshotError`; `.notASnapshot` when it is nothing known, `.truncated` for an SQLite file that is shorter
  ///   than its header says.
  package static func recognise(_ path: FilePath) throws(SnapshotError) -> SnapshotFile {
    if let folder = try PostgresFolder.recognise(path) { return folder }
    let file = try FileBytes(path)
    let head = try file.bytes(at: 0, count: 8192)
    if let compression = compression(of: head) {
      let inner = DecompressedHead.bytes(of: path, count: 8192)
      return SnapshotFile(
        path: path, engine: inner.flatMap(engine), compression: compression, size: file.size, modified: file.modified,
        isComplete: nil,
        sidecars: [])
    }
    if let header = SQLiteHeader(head) {
      let sidecars = sidecars(of: path)
      // With a log beside it the main file may be shorter than the database.
      if sidecars.isEmpty, let expected = header.expectedSize, file.size < expected {
        throw .truncated(path, size: file.size, expected: expected)
      }
      return SnapshotFile(
        path: path, engine: .sqlite, compression: .none, size: file.size, modified: file.modified,
        isComplete: header.expectedSize.map { file.size >= $0 }, sidecars: sidecars)
    }
    if let archive = postgresArchive(head) {
      return SnapshotFile(
        path: path, engine: archive, compression: .none, size: file.size, modified: file.modified,
        isComplete: nil, sidecars: [])
    }
    let tail = try file.bytes(at: max(0, file.size - 4096), count: 4096)
    guard let dump = DumpText(head: head, tail: tail) else { throw .notASnapshot(path) }
    return SnapshotFile(
      path: path, engine: dump.engine, compression: .none, size: file.size, modified: file.modified,
      isComplete: dump.isComplete, sidecars: [])
  }

  /// The SHA-256 of the file in hexadecimal, read in pieces of 1 MiB.
  ///
  /// - Parameter progress: called after each piece with the bytes done and the bytes there are; what it throws ends the
  ///   reading.
  /// - Throws: `SnapshotError.changedWhileReading` when it was written to meanwhile.
  package static func sha256<Failure: Error>(
    of path: FilePath, progress: (_ done: Int, _ total: Int) throws(Failure) -> Void
  ) throws -> String {
    if try PostgresFolder.recognise(path) != nil { throw SnapshotError.isFolder(path) }
    let file = try FileBytes(path)
    var hash = SHA256()
    var offset: Int64 = 0
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    while true {
      let count = try file.read(into: &buffer, at: offset)
      if count == 0 { break }
      unsafe buffer.withUnsafeBytes {
        unsafe hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: $0[..<count]))
      }
      offset += Int64(count)
      try progress(Int(offset), Int(max(file.size, offset)))
      if count < buffer.count { break }
    }
    try file.requireUnchanged()
    return hash.finalize().map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  /// What the first bytes of a file, without its compression, say about who wrote it.
  private static func engine(of head: [UInt8]) -> SnapshotEngine? {
    if SQLiteHeader(head) != nil { return .sqlite }
    if let archive = postgresArchive(head) { return archive }
    return DumpText(head: head, tail: [])?.engine
  }

  /// A custom archive, or a tar archive whose first member, `toc.dat`, is the table of contents.
  private static func postgresArchive(_ head: [UInt8]) -> SnapshotEngine? {
    let mark = Array("PGDMP".utf8)
    if head.starts(with: mark) { return .postgresqlCustom }
    guard head.starts(with: Array("toc.dat\0".utf8)), head.dropFirst(512).starts(with: mark) else { return nil }
    return .postgresqlTar
  }

  private static func compression(of head: [UInt8]) -> SnapshotCompression? {
    let magics: [(SnapshotCompression, [UInt8])] = [
      (.gzip, [0x1f, 0x8b]), (.zstd, [0x28, 0xb5, 0x2f, 0xfd]), (.xz, [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]),
      (.bzip2, Array("BZh".utf8)),
    ]
    return magics.first { head.starts(with: $0.1) }?.0
  }

  private static func sidecars(of path: FilePath) -> [FilePath] {
    ["-wal", "-journal"].compactMap { suffix in
      // By bytes: a name need not be UTF-8.
      let path = unsafe path.withPlatformString { start in
        let bytes = unsafe Array(UnsafeBufferPointer(start: start, count: strlen(start)))
        return FilePath(platformString: bytes + suffix.utf8CString)
      }
      guard let file = try? FileBytes(path), file.size > 0 else { return nil }
      // SQLite wipes the header of a journal that is done with and keeps the file.
      guard let head = try? file.bytes(at: 0, count: 8), head.contains(where: { $0 != 0 }) else { return nil }
      return path
    }
  }
}

/// The header of an SQLite file (sqlite.org/fileformat2.html §1.3).
struct SQLiteHeader {
  /// In bytes; absent when the header does not say (written before SQLite 3.7).
  let expectedSize: Int64?
  /// Whether the file is in write-ahead-log mode.
  let usesLog: Bool

  init?(_ head: [UInt8]) {
    guard head.count >= 100, head.starts(with: Array("SQLite format 3\0".utf8)) else { return nil }
    func number(_ offset: Int, _ count: Int) -> Int64 {
      head[offset..<(offset + count)].reduce(0) { $0 << 8 | Int64($1) }
    }
    let declared = number(16, 2)
    let pageSize = declared == 1 ? 65536 : declared
    guard pageSize >= 512, pageSize & (pageSize - 1) == 0 else { return nil }
    // The number of pages holds only if it was written along with the last change.
    expectedSize = number(24, 4) == number(92, 4) && number(28, 4) > 0 ? number(28, 4) * pageSize : nil
    usesLog = head[18] == 2 || head[19] == 2
  }
}

/// A dump as SQL text, told by the comments that its writer puts at both ends.
struct DumpText {
  let engine: SnapshotEngine
  let isComplete: Bool?

  init?(head: [UInt8], tail: [UInt8]) {
    guard !head.contains(0) else { return nil }
    let start = String(decoding: head, as: UTF8.self)
    let end = String(decoding: tail, as: UTF8.self)
    if start.contains("-- PostgreSQL database dump") || start.contains("\\restrict ") {
      engine = .postgresqlPlain
      isComplete = end.contains("-- PostgreSQL database dump complete")
    } else if start.contains("BEGIN TRANSACTION;\n") && start.hasPrefix("PRAGMA foreign_keys=OFF;") {
      engine = .sqliteDump
      isComplete = end.isEmpty ? nil : end.contains("COMMIT;") || end.contains("ROLLBACK;")
    } else if start.contains("-- MariaDB dump") || start.contains("enable the sandbox mode")
      || start.contains("-MariaDB")
    {
      engine = .mariadb
      isComplete = Self.mysqlIsComplete(start, end)
    } else if start.contains("-- MySQL dump") || start.contains("/*!40") || start.contains("INSERT INTO `")
      || start.contains("CREATE TABLE `")
    {
      engine = .mysql
      isComplete = Self.mysqlIsComplete(start, end)
    } else if start.contains("FROM stdin;") || start.contains("SET statement_timeout") {
      engine = .postgresqlPlain
      isComplete = nil
    } else {
      return nil
    }
  }
  /// The last comment, or the last setting put back; `nil` for a dump that was written without both.
  private static func mysqlIsComplete(_ start: String, _ end: String) -> Bool? {
    guard
      start.contains("-- MariaDB dump") || start.contains("-- MySQL dump") || start.contains("@OLD_SQL_NOTES=")
        || start.contains("@OLD_NOTE_VERBOSITY=")
    else {
      return nil
    }
    return end.contains("-- Dump completed") || end.contains("SET SQL_NOTES=@OLD_SQL_NOTES")
      || end.contains("SET NOTE_VERBOSITY=@OLD_NOTE_VERBOSITY")
  }
}
