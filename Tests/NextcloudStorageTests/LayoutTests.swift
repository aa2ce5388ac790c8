import Foundation
import SystemPackage
import Testing

@testable import NextcloudStorage

/// Made-up trees for what no sample shows.
@Suite struct LayoutTests {
  static func key(_ folder: String) -> String { "\(folder)/OC_DEFAULT_MODULE/master_1.shareKey" }
  static func bytes(_ text: String) -> PathBytes { Array(text.utf8) }

  // MARK: Team folders

  @Test func teamFoldersInTheClassicLayout() throws {
    var database = MadeUpDatabase()
    database.storages = [(1, "local::/srv/data/"), (2, "home::alice")]
    database.teamFolders = [(3, "Team/Projects"), (4, "Empty")]
    database.files = [
      (1, "__groupfolders/3/plan.txt"), (1, "__groupfolders/trash/3/old.txt.d1700000000"),
      (1, "__groupfolders/versions/3/1/1690000000"), (1, "__groupfolders/3/missing.txt"),
    ]
    var facts = LayoutFacts()
    facts.dataFolder = "/srv/data"
    let layout = try LayoutSample.layout(
      [
        ".ncdata", "__groupfolders/3/plan.txt", "__groupfolders/trash/3/old.txt.d1700000000",
        "__groupfolders/versions/3/1/1690000000",
        Self.key("files_encryption/keys/files/Team/Projects/plan.txt"),
        Self.key("files_encryption/keys/files_trashbin/groupfolders/3/old.txt.d1700000000"),
      ], facts: facts, database: database.read())
    let content = try LayoutSample.content(layout)
    #expect(content.map(\.kind) == [.file, .file, .trash, .version])
    #expect(content.allSatisfy { $0.place == .teamFolder("Team/Projects") && $0.owner == nil && $0.row != nil })
    #expect(content.map(\.isThere) == [false, true, true, true])
    #expect(content.map(\.keyPlaces.count) == [0, 1, 1, 1])
    #expect(content[3].keyPlaces == content[1].keyPlaces)
    #expect(layout.inventory.teamFoldersWithoutFiles.map(\.mountPoint) == ["Empty"])
    #expect(try LayoutSample.orphans(layout).isEmpty && layout.inventory.notUnderstood.count == 0)
  }

  @Test func teamFoldersWithStoragesOfTheirOwn() throws {
    var database = MadeUpDatabase()
    database.storages = [(1, "local::/srv/data/"), (5, "local::/srv/data/__groupfolders/3/")]
    database.teamFolders = [(3, "Team")]
    database.files = [(5, "files/plan.txt"), (5, "trash/old.txt.d1700000000"), (5, "versions/1/1690000000")]
    let paths = [
      "data/.ncdata", "data/__groupfolders/3/files/plan.txt", "data/__groupfolders/3/trash/old.txt.d1700000000",
      "data/__groupfolders/3/versions/1/1690000000", Self.key("data/files_encryption/keys/files/Team/plan.txt"),
      Self.key("data/files_encryption/keys/files_trashbin/groupfolders/3/old.txt.d1700000000"),
    ]
    let content = try LayoutSample.content(LayoutSample.layout(paths, database: database.read()))
    #expect(content.map(\.kind) == [.file, .trash, .version])
    #expect(content.map { $0.row?.path } == ["files/plan.txt", "trash/old.txt.d1700000000", "versions/1/1690000000"])
    #expect(content.map(\.keyPlaces.count) == [1, 1, 1])
    // Without a snapshot the name is not known, and every name is tried.
    let without = try LayoutSample.content(LayoutSample.layout(paths))
    #expect(without.map(\.kind) == [.file, .trash, .version] && without[0].keyPlaces.count == 1)
  }

  // MARK: Mounts

  @Test func keysUnderAnOldNameOfAMountAreFound() throws {
    var database = MadeUpDatabase()
    database.storages = [(1, "home::alice"), (2, "local::/mnt/archive/")]
    database.mounts = [(1, "/New Name", 1, "/mnt/archive")]
    database.files = [(2, "2019/a.txt"), (2, "b.txt"), (1, "files_versions/New Name/b.txt.v1700000000")]
    let layout = try LayoutSample.layout(
      [
        "data/.ncdata", "data/alice/files_versions/New Name/b.txt.v1700000000", "archive/2019/a.txt", "archive/b.txt",
        Self.key("data/files_encryption/keys/files/Old Name/2019/a.txt"),
        Self.key("data/files_encryption/keys/files/Old Name/b.txt"),
        Self.key("data/files_encryption/keys/files/Gone/c.txt"),
      ], database: database.read())
    let content = try LayoutSample.content(layout)
    #expect(content.map(\.kind) == [.version, .file, .file] && content.allSatisfy { $0.row != nil })
    #expect(content[1].place == .external(mount: "New Name", user: nil))
    #expect(content[1].keyPlaces.map(\.name) == ["files_encryption/keys/files/Old Name/2019/a.txt/OC_DEFAULT_MODULE/"])
    #expect(content[0].keyPlaces.isEmpty)
    #expect(try layout.furtherKeyPlaces(for: content[0]).map(\.name) == content[2].keyPlaces.map(\.name))
    #expect(layout.inventory.unknownKeyNames.first == ["Gone", "Old Name"])
    #expect(try LayoutSample.orphans(layout).map(\.reason) == [.unknownMount, .unknownMount, .unknownMount])
  }

  @Test func keysOfASystemMountMayLieWithWhoeverWroteTheFile() throws {
    var facts = LayoutFacts()
    facts.externalFolders = ["Shared": "mnt/shared"]
    let layout = try LayoutSample.layout(
      [
        "data/.ncdata", "data/alice/files/x.txt", "data/bob/files/y.txt", "mnt/shared/a.txt", "mnt/shared/b.txt",
        Self.key("data/bob/files_encryption/keys/files/Shared/a.txt"),
        Self.key("data/files_encryption/keys/files/Shared/b.txt"),
        Self.key("data/alice/files_encryption/keys/files/Shared/b.txt"),
      ], facts: facts)
    let external = try LayoutSample.content(layout).filter { $0.place == .external(mount: "Shared", user: nil) }
    #expect(
      external.map { $0.keyPlaces.map(\.name) } == [
        ["bob/files_encryption/keys/files/Shared/a.txt/OC_DEFAULT_MODULE/"],
        [
          "files_encryption/keys/files/Shared/b.txt/OC_DEFAULT_MODULE/",
          "alice/files_encryption/keys/files/Shared/b.txt/OC_DEFAULT_MODULE/",
        ],
      ])
  }

  @Test func aMountIsNotTakenForAUsersFolder() throws {
    var database = MadeUpDatabase()
    database.storages = [(1, "home::alice"), (2, "local::/mnt/alice/"), (3, "local::/mnt/data/")]
    database.mounts = [(1, "/A", 1, "/mnt/alice"), (2, "/B", 1, "/mnt/data"), (3, "/C", 2, nil)]
    let top = try LayoutSample.layout(["alice/files/a.txt", ".ncdata"], database: database.read())
    #expect(top.inventory.externalNotInBackup.map(\.mountPoint) == ["A", "B", "C"])
    #expect(try LayoutSample.content(top).map(\.place) == [.home("alice")])
    let below = try LayoutSample.layout(["data/alice/files/a.txt", "data/.ncdata"], database: database.read())
    #expect(below.inventory.externalNotInBackup.map(\.mountPoint) == ["A", "B", "C"])
  }

  // MARK: Names

  @Test func decomposedNamesFindTheirRowsAndKeys() throws {
    var database = MadeUpDatabase()
    database.storages = [(1, "home::alice")]
    database.files = [(1, "files/Köln/é.txt"), (1, "files/Köln/o.txt"), (1, "files/Readme.TXT")]
    let paths = [
      "data/alice/files/Ko\u{308}ln/e\u{301}.txt", "data/alice/files/Ko\u{308}ln/o.txt", "data/alice/files/README.txt",
      Self.key("data/alice/files_encryption/keys/files/Köln/é.txt"),
      Self.key("data/alice/files_encryption/keys/files/Ko\u{308}ln/o.txt"),
    ]
    let layout = try LayoutSample.layout(paths, database: database.read())
    let content = try LayoutSample.content(layout)
    #expect(content.count == 3 && content.allSatisfy { $0.isThere && $0.row != nil })
    #expect(content.map(\.keyPlaces.count) == [1, 1, 0])
    #expect(
      layout.inventory.otherUnicodeForm.count == 2
        && layout.inventory.otherCase.first == ["data/alice/files/README.txt"])
    #expect(try LayoutSample.orphans(layout).isEmpty)
  }

  @Test func hostileNamesStayWhatTheyAre() throws {
    let listing = try BackupListing(database: .empty(), facts: LayoutFacts())
    let names: [[UInt8]] = [
      Self.bytes("line\nbreak"), [0xff, 0xfe, 0x2e], Self.bytes("'; DROP TABLE backup_entry; --"), Self.bytes("%s*?["),
      Self.bytes(" "), Self.bytes("-rf"), Self.bytes("a\u{202e}b"), [0xc3], Self.bytes(".v"), Self.bytes("x.d"),
    ]
    for name in names {
      try listing.add(path: (Self.bytes("data/u/files/") + name).filePath, size: .max, modified: nil)
      try listing.add(
        path: (Self.bytes("data/u/files_encryption/keys/files/") + name + "/OC_DEFAULT_MODULE/u.shareKey").filePath,
        size: -1, modified: .min)
      try listing.add(path: (Self.bytes("data/u/files_trashbin/versions/") + name).filePath, size: 0, modified: .max)
    }
    for path in ["/etc/passwd", "../x", "a/../b", "", ".", "a/./b"] {
      #expect(throws: LayoutError.path(FilePath(path))) { try listing.add(path: FilePath(path), size: 1, modified: 1) }
    }
    let layout = try listing.layout()
    let content = try LayoutSample.content(layout)
    #expect(Set(content.filter { $0.kind == .file }.map { PathBytes(path: $0.path).lastName }) == Set(names))
    #expect(content.count { $0.kind == .trashVersion } == names.count)
    for file in content where file.kind == .file {
      #expect(file.keyPlaces.count == 1 && file.keyPlaces[0].shareKeys.map(\.keyID) == ["u"])
    }
    #expect(try LayoutSample.orphans(layout).isEmpty)
  }

  @Test func temporaryNamesHaveKeysUnderTheirFinalName() throws {
    let keys = "data/alice/files_encryption/keys/files/"
    let layout = try LayoutSample.layout([
      "data/.ncdata", "data/alice/files/up.bin.ocTransferId42.part", Self.key(keys + "up.bin"),
      "data/alice/files/half.txt", Self.key(keys + "half.txt.encrypted.1700000000"),
      "data/alice/files/halfway.txt", Self.key(keys + "stale.txt.decrypted.5"),
      Self.key("data/alice/files_encryption/keys/files/elsewhere/halfway.txt"),
      Self.key("data/bob/files_encryption/keys/files/halfway.txt"), "data/bob/files/halfway.txt",
    ])
    let content = try LayoutSample.content(layout).filter { $0.owner == "alice" }
    #expect(content.map { $0.keyPlaces.count } == [1, 0, 1])
    #expect(layout.inventory.leftovers.first == ["data/alice/files/up.bin.ocTransferId42.part"])
    // Moved without its keys: the owner's come first.
    #expect(
      try layout.furtherKeyPlaces(for: content[1]).map(\.name) == [
        "alice/files_encryption/keys/files/elsewhere/halfway.txt/OC_DEFAULT_MODULE/",
        "bob/files_encryption/keys/files/halfway.txt/OC_DEFAULT_MODULE/",
      ])
    #expect(
      try LayoutSample.orphans(layout).map(\.reason).sorted { $0.rawValue < $1.rawValue } == [
        .leftover, .leftover, .noFile, .noFile,
      ])
  }

  @Test func versionsInTheTrashOfLongNamesFindTheirKeys() throws {
    // 250 bytes are allowed; Nextcloud cuts out of the middle what is too much.
    let name = String(repeating: "n", count: 236)
    let trashed = name + ".d1700000000"
    let version = name + ".v1690000000.d1700000000"
    let cut = version.prefix(125) + version.suffix(version.count - 125 - (version.count - 250))
    #expect(trashed.count == 248 && cut.count == 250)
    let layout = try LayoutSample.layout([
      "data/.ncdata", "data/alice/files_trashbin/files/\(trashed)", "data/alice/files_trashbin/versions/\(cut)",
      Self.key("data/alice/files_encryption/keys/files_trashbin/files/\(trashed)"),
    ])
    #expect(try LayoutSample.content(layout).map(\.keyPlaces.count) == [1, 1])
  }

  // MARK: The top

  @Test(arguments: [
    ("", ["alice/files/a.txt", ".ocdata"]), ("data", ["data/alice/files/a.txt", "config/config.php"]),
    ("srv/files/cloud/data", ["srv/files/cloud/data/alice/files/a.txt", "srv/files/cloud/data/appdata_oc1/x"]),
    ("volumes/nc", ["volumes/nc/alice/files_trashbin/files/a.txt.d1", "volumes/nc/.ncdata", "volumes/x/y"]),
    // Somebody keeps a copy of another instance among their files.
    ("data", ["data/alice/files/old/data/.ocdata", "data/alice/files/old/data/bob/files/b.txt", "data/.ncdata"]),
  ]) func theDataFolderIsFound(expected: String, paths: [String]) throws {
    var facts = LayoutFacts()
    facts.dataFolder = expected.isEmpty ? nil : "/" + expected
    let layout = try LayoutSample.layout(paths, facts: facts)
    let data = layout.inventory.recognised.filter { $0.role == .data }
    #expect(data.map(\.path) == [FilePath(expected)])
    #expect(data.allSatisfy { !$0.why.isEmpty })
    #expect(try LayoutSample.content(layout).allSatisfy { $0.place == .home("alice") })
  }

  @Test func whatIsNotUnderstoodIsNamed() throws {
    let layout = try LayoutSample.layout([
      "data/.ncdata", "data/alice/files/a.txt", "data/alice/uploads/1/2", "data/alice/cache/x", "data/alice/odd/y",
      "data/appdata_oc123/preview/p.jpg", "data/appdata_oc456/p.jpg", "data/nextcloud.log", "data/strange/z",
      "data/notes.txt", "data/files_external/rootcerts.crt", "other/1", "other/2", "config/config.php",
      "config/s3.config.php", "data/oneTimeEncryptionPasswords.csv", "dump.sql.gz",
    ])
    let inventory = layout.inventory
    #expect(
      inventory.notUnderstood.first == [
        "data/strange/", "data/notes.txt", "other/", "data/alice/odd/",
      ] && inventory.notUnderstood.count == 5)
    #expect(
      inventory.neverEncrypted.mapValues(\.count) == [
        "uploads": 1, "cache": 1, "appdata": 2, "logs": 1, "files_external": 1,
      ])
    #expect(inventory.instanceIDs == ["oc123", "oc456"])
    #expect(
      inventory.configurations.count == 2 && inventory.oneTimePasswords.count == 1 && inventory.databases.count == 1)
  }

  @Test func anEmptyBackupIsAnEmptyLayout() throws {
    let layout = try LayoutSample.layout([])
    #expect(layout.inventory.recognised.isEmpty && layout.inventory.entries == 0)
    #expect(try LayoutSample.content(layout).isEmpty && LayoutSample.orphans(layout).isEmpty)
  }

  // MARK: Size

  @Test func aHundredThousandFilesNeedLittleMemory() throws {
    var database = MadeUpDatabase()
    database.storages = [(1, "home::u0")]
    database.files = [(1, "files/d0/f0.txt")]
    let listing = try BackupListing(database: database.read(), facts: LayoutFacts())
    let name = String(repeating: "x", count: 100)
    let before = Self.residentBytes()
    // Ten thousand files, each shared with nine.
    for index in 0..<10_000 {
      let path = "d\(index % 97)/f\(index)-\(name).txt"
      try listing.add(Self.bytes("data/u\(index % 5)/files/\(path)"), size: 9000, modified: 1)
      for key in 0..<9 {
        let folder = "data/u\(index % 5)/files_encryption/keys/files/\(path)/OC_DEFAULT_MODULE"
        try listing.add(Self.bytes("\(folder)/u\(key).shareKey"), size: 1604, modified: 1)
      }
    }
    let layout = try listing.layout()
    #expect(layout.inventory.entries == 100_000)
    var (count, previous) = (0, PathBytes())
    try layout.forEachContentFile(withKeys: false) { file in
      guard file.isThere else { return }
      count += 1
      let path = PathBytes(path: file.path)
      if !previous.lexicographicallyPrecedes(path) { Issue.record("\(file.path) is out of order") }
      previous = path
      if count % 500 == 0 {
        let places = try layout.withKeys(file).keyPlaces
        #expect(places.count == 1 && places.first?.shareKeys.count == 9)
      }
    }
    #expect(count == 10_000)
    // The names alone are 18 MB; SQLite keeps up to 64 MB of its tables.
    let grown = Self.residentBytes() - before
    #expect(grown < 200_000_000, "\(grown)")
  }

  private static func residentBytes() -> Int {
    guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else { return 0 }
    return (text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) * 4096
  }
}
