import DatabaseSnapshots
import Foundation
import SystemPackage
import Testing

@testable import NextcloudStorage

@Suite struct InstanceDatabaseTests {
  static let counts: [(String, Int)] = [
    ("nc32-sqlite-master", 409), ("nc32-mariadb-master", 404), ("nc32-pgsql-master", 402),
  ]

  @Test(arguments: Instances.forms.keys.sorted())
  func everyFormOfASnapshotSaysTheSame(instance: String) throws {
    let forms = try #require(Instances.forms[instance])
    let first = try Instances.read("\(instance)/\(forms[0])")
    #expect(first.isComplete && first.faults.isEmpty)
    #expect(first.selfTest.checked > 100 && first.selfTest.mismatches == 0)
    #expect(try first.hasRows && first.count == first.facts?.rowCounts["filecache"])
    for form in forms.dropFirst() where !Instances.isArchive(form) || Instances.programs.contains("pg_restore") {
      let database = try Instances.read("\(instance)/\(form)")
      #expect(try database.says(theSameAs: first), "\(form)")
    }
  }

  @Test(arguments: counts) func noRowIsLost(instance: String, count: Int) throws {
    let form = try #require(Instances.forms[instance]?.first)
    #expect(try Instances.read("\(instance)/\(form)").count == count)
  }

  @Test(arguments: ["gzip", "zstd", "xz", "bzip2"])
  func aCompressedSnapshotSaysTheSame(program: String) throws {
    try #require(Instances.programs.contains(program))
    let folder = try TemporaryFolder()
    for name in [
      "nc32-sqlite-master/db.sqlite3", "nc32-mariadb-master/db.mysql.sql", "nc32-pgsql-master/db.pg.sql",
      "nc32-pgsql-master/db.pg-inserts.sql", "nc32-pgsql-master/db.pg.dump",
    ] where !Instances.isArchive(name) || Instances.programs.contains("pg_restore") {
      let plain = try Instances.read(name)
      let packed = try folder.file("packed", try output(of: program, ["-c"], input: try Instances.bytes(name)))
      let database = try InstanceDatabase.read(packed, tablePrefix: "oc_")
      #expect(try database.says(theSameAs: plain), "\(name)")
    }
  }

  @Test func whatSQLiteDumpsSaysTheSame() throws {
    try #require(Instances.programs.contains("sqlite3"))
    let folder = try TemporaryFolder()
    for instance in ["nc32-sqlite-master", "nc32-external", "nc32-s3"] {
      let name = "\(instance)/db.sqlite3"
      let copy = try folder.file("copy.db", try Instances.bytes(name))
      let dump = try folder.file("dump.sql", try output(of: "sqlite3", [copy.string, ".dump"]))
      #expect(try SnapshotFile.recognise(dump).engine == .sqliteDump)
      #expect(try InstanceDatabase.read(dump, tablePrefix: "oc_").says(theSameAs: try Instances.read(name)))
    }
  }

  @Test func rowsAreFoundByPathAndByNumber() throws {
    let database = try Instances.read("nc32-mariadb-master/db.mysql.sql")
    let home = try #require(try database.storage(id: "home::alice"))
    let row = try #require(try database.row(storage: home.number, path: "files/notes.txt"))
    #expect(!row.isFolder && row.encrypted > 0 && row.size > 0)
    #expect(try database.row(fileID: row.fileID) == row)
    #expect(try database.row(storage: home.number, path: "files")?.isFolder == true)
    #expect(try database.row(storage: home.number, path: "files/Notes.txt") == nil)
    #expect(try database.row(fileID: 1 << 40) == nil)
    #expect(try database.storage(id: "home::nobody") == nil)
    #expect(database.users == ["admin", "alice", "bob"])

    var paths: [String] = []
    try database.forEachFile(storage: home.number, pathPrefix: "files/") { row throws in
      // The walk may be interrupted by other questions.
      let again = try database.row(fileID: row.fileID)
      #expect(again == row)
      paths.append(row.path)
    }
    #expect(paths.count > 20 && paths.allSatisfy { $0.hasPrefix("files/") })
    #expect(paths == paths.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
    let expected = try database.everyRow.filter {
      $0.storage == home.number && !$0.isFolder && $0.path.hasPrefix("files/")
    }
    #expect(Set(paths) == Set(expected.map(\.path)))
    var all = 0
    try database.forEachFile { _ in all += 1 }
    let files = try database.everyRow.filter { !$0.isFolder }.count
    #expect(all == files)
  }

  @Test func externalStoragesAreFoundWithTheirStorages() throws {
    let database = try Instances.read("nc32-external/db.sqlite3")
    let mounts = database.externalMounts
    #expect(
      mounts.map(\.mountPoint) == ["GlobalExt", "AliceExt Übung", "PlainExt", "Projects/NestedExt", "PersonalExt"])
    #expect(mounts.map(\.encrypts) == [true, true, false, true, true])
    #expect(mounts.map(\.isPersonal) == [false, false, false, false, true])
    #expect(mounts.map(\.users) == [[], ["alice"], [], [], ["alice"]])
    #expect(mounts.map(\.storages) == [[4], [5], [6], [7], [8]])
    #expect(mounts[0].localFolder == "/srv/nextcloud/nc32-external/external/global")
  }

  @Test func withoutASnapshotThereIsNothing() throws {
    let database = try InstanceDatabase.empty()
    #expect(try !database.hasRows && database.count == 0)
    #expect(database.facts == nil && database.isComplete && database.storages.isEmpty)
    #expect(try database.row(storage: 1, path: "") == nil)
    try database.forEachFile { _ in Issue.record("there is a file") }
  }

  @Test func anotherPrefixIsNamed() throws {
    for name in ["nc32-mariadb-master/db.mysql.sql", "nc32-pgsql-master/db.pg.sql"] {
      #expect(throws: CollectionError.tablePrefix("nc_", present: ["oc_"])) {
        try InstanceDatabase.read(Instances.path(name), tablePrefix: "nc_")
      }
    }
  }

  @Test func anyPrefixIsRead() throws {
    let folder = try TemporaryFolder()
    let text = String(decoding: try Instances.bytes("nc32-mariadb-master/db.mysql.sql"), as: UTF8.self)
    let expected = try Instances.read("nc32-mariadb-master/db.mysql.sql").everyRow
    for prefix in ["", "o'c`_", "Nc-Ä_"] {
      let quoted = prefix.replacing("`", with: "``")
      let dump = try folder.file("dump.sql", [UInt8](text.replacing("`oc_", with: "`" + quoted).utf8))
      let database = try InstanceDatabase.read(dump, tablePrefix: prefix)
      #expect(try database.everyRow == expected)
      #expect(database.facts?.tablePrefix == prefix)
    }
  }

  @Test func whatTheCallerThrowsEndsTheReading() throws {
    struct Enough: Error {}
    for name in ["nc32-sqlite-master/db.sqlite3", "nc32-pgsql-master/db.pg.sql"] {
      #expect(throws: Enough.self) {
        try InstanceDatabase.read(Instances.path(name), tablePrefix: "oc_") { _, _ in throw Enough() }
      }
    }
  }
}
