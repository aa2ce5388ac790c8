import DatabaseSnapshots
import Foundation
import SystemPackage
import Testing

@testable import NextcloudStorage

/// What is wrong with a snapshot is said, and what is left of it is read.
@Suite struct BrokenSnapshotTests {
  /// Every cut before the last lines, whatever it cuts through.
  @Test(arguments: [
    "nc32-mariadb-master/db.mysql.sql", "nc32-mariadb-master/db.mysql-opt-variants.sql",
    "nc32-mariadb-master/db.mysql-hexblob-ansi.sql", "nc32-pgsql-master/db.pg.sql",
    "nc32-pgsql-master/db.pg-column-inserts.sql",
  ])
  func aDumpThatIsCutAnywhereIsSaidToBe(name: String) throws {
    let folder = try TemporaryFolder()
    let whole = try Instances.bytes(name)
    let paths = try Instances.read(name).everyRow.map { "\($0.fileID) \($0.path)" }
    let random = [1, 3, 5, 7, 11, 13, 17, 19, 23].map { whole.count * $0 / 24 }
    for count in random + [1200, whole.count / 2 + 1, whole.count / 2 + 2, whole.count - 700] {
      let cut = try folder.file("cut.sql", Array(whole[..<count]))
      let database = try InstanceDatabase.read(cut, tablePrefix: "oc_")
      #expect(!database.isComplete, "\(count)")
      let fault = try #require(database.faults.first)
      #expect(fault.problem.contains("cut off"))
      // Folders are told by a table that may be lost.
      #expect(try Set(paths).isSuperset(of: database.everyRow.map { "\($0.fileID) \($0.path)" }), "\(count)")
    }
  }

  @Test(arguments: ["gzip", "zstd", "xz", "bzip2"])
  func aCompressedDumpThatIsCutIsSaidToBe(program: String) throws {
    try #require(Instances.programs.contains(program))
    let folder = try TemporaryFolder()
    for name in ["nc32-mariadb-master/db.mysql.sql", "nc32-pgsql-master/db.pg.sql"] {
      let packed = try output(of: program, ["-c"], input: try Instances.bytes(name))
      for percent in [10, 50, 70, 97] {
        let cut = try folder.file("cut", Array(packed[..<(packed.count * percent / 100)]))
        let database = try? InstanceDatabase.read(cut, tablePrefix: "oc_")
        // What is not even one block cannot be told to be a dump at all.
        #expect(database?.isComplete != true, "\(name) \(percent)")
        if percent > 50, program == "gzip" { #expect(database?.faults == [SnapshotFault.cut("its compressed data")]) }
      }
    }
  }

  @Test(.enabled(if: Instances.programs.contains("pg_restore")), arguments: ["db.pg.dump", "db.pg-z0.dump"])
  func anArchiveThatIsCutIsSaidToBe(name: String) throws {
    let folder = try TemporaryFolder()
    let whole = try Instances.bytes("nc32-pgsql-master/\(name)")
    for count in [100, 5000, whole.count / 2, whole.count - 3000] {
      let cut = try folder.file("cut.dump", Array(whole[..<count]))
      let database = try InstanceDatabase.read(cut, tablePrefix: "oc_")
      #expect(!database.isComplete, "\(count)")
    }
  }

  // The variants of nc32-broken that are about snapshots.

  @Test func anOldSnapshotReads() throws {  // h
    let database = try Instances.read("nc32-broken/h-stale-db/db.sqlite3")
    let home = try #require(try database.storage(id: "home::alice"))
    #expect(database.isComplete)
    #expect(try database.row(storage: home.number, path: "files/overwritten.txt")?.encrypted == 5)
    #expect(try database.row(storage: home.number, path: "files/late/new-after-stale.txt") == nil)
  }

  @Test func aCutSQLiteFileIsRefused() throws {  // i
    let folder = try TemporaryFolder()
    let whole = try Instances.bytes("nc32-sqlite-master/db.sqlite3")
    let path = try folder.file("db.sqlite3", Array(whole[..<823_296]))
    #expect(throws: SnapshotError.truncated(path, size: 823_296, expected: Int64(whole.count))) {
      try InstanceDatabase.read(path, tablePrefix: "oc_")
    }
  }

  @Test func aDamagedPageIsSaid() throws {  // i3
    let folder = try TemporaryFolder()
    var bytes = try Instances.bytes("nc32-sqlite-master/db.sqlite3")
    bytes.replaceSubrange(688_128..<692_224, with: [UInt8](repeating: 0xff, count: 4096))
    let database = try InstanceDatabase.read(try folder.file("db", bytes), tablePrefix: "oc_")
    #expect(!database.isComplete)
    guard case .damaged = try #require(database.faults.first) else {
      Issue.record("\(database.faults)")
      return
    }
    #expect(database.storages.count == 4)
  }

  @Test(arguments: [
    ("nc32-mariadb-master/db.mysql.sql", 94853, SnapshotFault.cut("a statement")),  // j
    ("nc32-mariadb-master/db.mysql.sql.gz", 45182, .cut("its compressed data")),  // j3
    ("nc32-pgsql-master/db.pg.sql", 165_733, .cut("the rows of oc_filecache")),  // j4
  ])
  func aCutDumpKeepsWhatIsBeforeTheCut(name: String, count: Int, fault: SnapshotFault) throws {
    let folder = try TemporaryFolder()
    let path = try folder.file("dump", Array(try Instances.bytes(name)[..<count]))
    let database = try InstanceDatabase.read(path, tablePrefix: "oc_")
    #expect(database.faults == [fault])
    #expect(database.facts?.masterKeyID != nil)
    // The first is cut in the very word that begins its rows.
    #expect(try database.hasRows == (count != 94853))
  }

  @Test func whatIsOnlyInTheLogCounts() throws {  // k
    let folder = try TemporaryFolder()
    let path = try folder.file("db.sqlite3", try Instances.bytes("nc32-broken/k-uncheckpointed-wal/db.sqlite3"))
    func version() throws -> Int64? {
      let database = try InstanceDatabase.read(path, tablePrefix: "oc_")
      return try database.row(
        storage: try #require(try database.storage(id: "home::alice")).number, path: "files/notes.txt")?
        .encrypted
    }
    let stale = try #require(try version())
    try folder.write("db.sqlite3-wal", try Instances.bytes("nc32-broken/k-uncheckpointed-wal/db.sqlite3-wal"))
    #expect(try version() == stale + 1)
  }

  // Text that was encoded twice, or decomposed, on its way.

  @Test func aDumpThatWasEncodedTwiceIsNoticedAndMended() throws {
    let folder = try TemporaryFolder()
    let bytes = try Instances.bytes("nc32-mariadb-master/db.mysql.sql")
    var twice: [UInt8] = []
    for byte in bytes {
      let value = (0x80...0x9f).contains(byte) ? Windows1252.scalars[Int(byte - 0x80)] : UInt32(byte)
      twice += String(try #require(Unicode.Scalar(value))).utf8
    }
    let whole = try Instances.read("nc32-mariadb-master/db.mysql.sql")
    let database = try InstanceDatabase.read(try folder.file("dump.sql", twice), tablePrefix: "oc_")
    let foreign = try whole.everyRow.filter { !$0.path.utf8.allSatisfy { $0 < 0x80 } }.count
    #expect(foreign > 5)
    #expect(database.selfTest.mismatches == foreign && database.selfTest.doubleEncoded == foreign)
    #expect(try database.everyRow.map(\.path) == whole.everyRow.map(\.path))
  }

  @Test func aDumpInLatin1IsReadAsItSays() throws {
    let folder = try TemporaryFolder()
    let dump = """
      -- MySQL dump 10.13
      /*!40101 SET NAMES latin1 */;
      INSERT INTO `oc_storages` VALUES (1,'home::a',1,NULL);
      INSERT INTO `oc_appconfig` VALUES ('core','x','y',2,0);
      INSERT INTO `oc_filecache` VALUES (7,1,'files/Ä€.txt','7b0b6a2d',1,'',2,1,3,4,4,0,0,'',27,'');
      -- Dump completed on 2026-01-01

      """
    let single = dump.unicodeScalars.map { $0.value < 0x100 ? UInt8($0.value) : 0x80 }
    let database = try InstanceDatabase.read(try folder.file("dump.sql", single), tablePrefix: "oc_")
    #expect(try database.row(fileID: 7)?.path == "files/Ä€.txt")
    #expect(database.isComplete && database.selfTest.unexplained == 1)
  }

  @Test func decomposedPathsAreCounted() throws {
    let folder = try TemporaryFolder()
    let text = String(decoding: try Instances.bytes("nc32-mariadb-master/db.mysql.sql"), as: UTF8.self)
    let dump = try folder.file("dump.sql", [UInt8](text.decomposedStringWithCanonicalMapping.utf8))
    let test = try InstanceDatabase.read(dump, tablePrefix: "oc_").selfTest
    #expect(test.composed > 0 && test.composed == test.mismatches && test.examples.count == min(5, test.mismatches))
  }
}
