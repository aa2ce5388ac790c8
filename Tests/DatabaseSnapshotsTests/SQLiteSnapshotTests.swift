import Foundation
import SystemPackage
import Testing

@testable import DatabaseSnapshots

@Suite(.enabled(if: Samples.arePresent)) struct SQLiteSnapshotTests {
  static let instances = ["nc32-sqlite-master", "nc32-userkeys", "nc32-legacy", "nc32-external", "nc32-s3"]

  @Test(arguments: instances) func rowsCountsAndMaximaAreRead(name: String) throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("odd näme ?%#.db", try Samples.bytes("\(name)/db.sqlite3"))
    #expect(try !SQLiteSnapshot(path).appliedLog)
    var rows = 0
    var calls: [Int64] = []
    let outcome = try SnapshotReader(path).read(
      wanted: { $0 == "oc_filecache" ? WantedTable(columns: ["path", "fileid", "no_such", "checksum"]) : nil },
      progress: { done, _ in calls.append(done) },
      rows: { batch in
        #expect(batch.table == "oc_filecache" && batch.width == 4)
        for row in 0..<batch.count {
          rows += 1
          #expect(batch.text(row, 0) != nil && batch.integer(row, 1) != nil && batch.isNull(row, 2))
        }
      })
    #expect(rows > 50)
    #expect(outcome.isComplete && outcome.tables.contains("oc_users"))
    let size = Int64(try Samples.bytes("\(name)/db.sqlite3").count)
    #expect(calls == calls.sorted() && calls.last == size)
    // Nothing beside the file, though it is in the mode that makes a log.
    #expect(try folder.names == ["odd näme ?%#.db"])
  }

  @Test func whatTheCallerThrowsEndsTheReading() throws {
    struct Enough: Error {}
    let reader = try SnapshotReader(Samples.path("nc32-sqlite-master/db.sqlite3"))
    #expect(throws: Enough.self) {
      try reader.read(wanted: { _ in WantedTable(columns: ["id"]) }, rows: { _ in throw Enough() })
    }
    #expect(throws: Enough.self) {
      try reader.read(
        wanted: { _ in WantedTable(columns: ["id"]) }, progress: { _, _ in throw Enough() }, rows: { _ in })
    }
  }

  @Test func changesThatAreOnlyInTheLogCount() throws {
    let folder = try TemporaryFolder()
    let main = try Samples.bytes("nc32-broken/k-uncheckpointed-wal/db.sqlite3")
    let log = try Samples.bytes("nc32-broken/k-uncheckpointed-wal/db.sqlite3-wal")
    let path = try folder.write("db.sqlite3", main)
    func versionOfNotes() throws -> Int64? {
      var version: Int64?
      _ = try SnapshotReader(path).read(
        wanted: { $0 == "oc_filecache" ? WantedTable(columns: ["path", "encrypted"]) : nil },
        rows: { batch in
          for row in 0..<batch.count where batch.text(row, 0) == "files/notes.txt" { version = batch.integer(row, 1) }
        })
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
