import Foundation
import SystemPackage
import Testing

@testable import DatabaseSnapshots

@Suite(.enabled(if: Samples.arePresent)) struct SQLiteSnapshotTests {
  static let instances = ["nc32-sqlite-master", "nc32-userkeys", "nc32-legacy", "nc32-external", "nc32-s3"]

  @Test(arguments: instances) func rowsCountsAndMaximaAreRead(name: String) throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("odd näme ?%#.db", try Samples.bytes("\(name)/db.sqlite3"))
    let snapshot = try SQLiteSnapshot(path)
    try snapshot.checkIntegrity()
    #expect(!snapshot.appliedLog)
    #expect(try snapshot.tables().contains("oc_filecache"))
    var rows = 0
    var highest: Int64 = 0
    try snapshot.rows(of: "oc_filecache", columns: ["path", "fileid", "checksum"]) { row in
      rows += 1
      #expect(row.count == 3 && row[0].text != nil)
      highest = max(highest, row[1].integer ?? 0)
      return true
    }
    #expect(rows > 50)
    #expect(try snapshot.count(of: "oc_filecache") == rows)
    #expect(try snapshot.maximum(of: "fileid", in: "oc_filecache") == highest)
    // Nothing beside the file, though it is in the mode that makes a log.
    #expect(try folder.names == ["odd näme ?%#.db"])
  }

  @Test func aWalkCanStopEarly() throws {
    let snapshot = try SQLiteSnapshot(Samples.path("nc32-sqlite-master/db.sqlite3"))
    var rows = 0
    try snapshot.rows(of: "oc_filecache", columns: ["fileid"]) { _ in
      rows += 1
      return rows < 3
    }
    #expect(rows == 3)
  }

  @Test func whatIsNotThereIsNamed() throws {
    let path = Samples.path("nc32-sqlite-master/db.sqlite3")
    let snapshot = try SQLiteSnapshot(path)
    #expect(throws: SnapshotError.noSuchTable(path, "table nc_x\"; DROP")) { try snapshot.count(of: "nc_x\"; DROP") }
    #expect(throws: SnapshotError.noSuchTable(path, "column nope in the table oc_users")) {
      try snapshot.rows(of: "oc_users", columns: ["uid", "nope"]) { _ in true }
    }
    #expect(throws: SnapshotError.notASnapshot(Samples.path("nc32-pgsql-master/db.pg.sql"))) {
      try SQLiteSnapshot(Samples.path("nc32-pgsql-master/db.pg.sql"))
    }
  }

  @Test func changesThatAreOnlyInTheLogCount() throws {
    let folder = try TemporaryFolder()
    let main = try Samples.bytes("nc32-broken/k-uncheckpointed-wal/db.sqlite3")
    let log = try Samples.bytes("nc32-broken/k-uncheckpointed-wal/db.sqlite3-wal")
    let path = try folder.write("db.sqlite3", main)
    func versionOfNotes() throws -> Int64? {
      var version: Int64?
      try SQLiteSnapshot(path).rows(of: "oc_filecache", columns: ["path", "encrypted"]) { row in
        if row[0].text == "files/notes.txt" { version = row[1].integer }
        return true
      }
      return version
    }
    let stale = try versionOfNotes()
    try folder.write("db.sqlite3-wal", log)
    let file = try SnapshotFile.recognise(path)
    #expect(file.sidecars == [FilePath(folder.url.appending(path: "db.sqlite3-wal").path)])
    let fresh = try versionOfNotes()
    #expect(fresh == stale.map { $0 + 1 })
    #expect(try SQLiteSnapshot(path).appliedLog)
    try SQLiteSnapshot(path).checkIntegrity()
    // The originals are untouched, and nothing came beside them.
    #expect(try folder.names == ["db.sqlite3", "db.sqlite3-wal"])
    #expect([UInt8](try Data(contentsOf: folder.url.appending(path: "db.sqlite3"))) == main)
    #expect([UInt8](try Data(contentsOf: folder.url.appending(path: "db.sqlite3-wal"))) == log)
  }

  @Test func aCutFileIsRefused() throws {
    let folder = try TemporaryFolder()
    let whole = try Samples.bytes("nc32-sqlite-master/db.sqlite3")
    let path = try folder.write("db", Array(whole[..<823_296]))
    #expect(throws: SnapshotError.truncated(path, size: 823_296, expected: Int64(whole.count))) {
      try SnapshotFile.recognise(path)
    }
  }

  @Test func aDamagedPageIsFound() throws {
    let folder = try TemporaryFolder()
    var bytes = try Samples.bytes("nc32-sqlite-master/db.sqlite3")
    bytes.replaceSubrange(688_128..<692_224, with: [UInt8](repeating: 0xff, count: 4096))
    let path = try folder.write("db", bytes)
    #expect(throws: SnapshotError.self) { try SQLiteSnapshot(path).checkIntegrity() }
    let noise = Array(bytes[..<100]) + [UInt8](repeating: 0x5a, count: bytes.count - 100)
    let broken = try folder.write("noise", noise)
    #expect(throws: SnapshotError.self) { try SQLiteSnapshot(broken) }
  }
}
