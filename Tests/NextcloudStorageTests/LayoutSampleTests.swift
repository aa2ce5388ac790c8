import Foundation
import SystemPackage
import Testing

@testable import NextcloudStorage

@Suite struct LayoutSampleTests {
  struct Instance: CustomTestStringConvertible, Sendable {
    let name: String
    let snapshot: String
    /// Files that are there: current ones, versions, in the trash, versions in the trash.
    let counts: [Int]
    var testDescription: String { name }
  }

  static let all = [
    Instance(name: "nc32-sqlite-master", snapshot: "db.sqlite3", counts: [69, 28, 9, 3]),
    Instance(name: "nc32-mariadb-master", snapshot: "db.mysql.sql", counts: [68, 28, 9, 3]),
    Instance(name: "nc32-pgsql-master", snapshot: "db.pg.sql", counts: [68, 27, 9, 3]),
    Instance(name: "nc32-userkeys", snapshot: "db.sqlite3", counts: [70, 24, 10, 3]),
    Instance(name: "nc32-legacy", snapshot: "db.sqlite3", counts: [126, 28, 9, 3]),
    Instance(name: "nc32-external", snapshot: "db.sqlite3", counts: [49, 21, 5, 5]),
    Instance(name: "nc32-s3", snapshot: "db.sqlite3", counts: [67, 25, 9, 3]),
  ]
  static let kinds: [ContentFile.Kind] = [.file, .version, .trash, .trashVersion]

  static func isHeader(_ path: FilePath, _ instance: String) throws -> Bool {
    let file = try FileHandle(forReadingFrom: LayoutSample.instances.appending(path: instance + "/" + path.string))
    return try file.read(upToCount: 27).map { Array($0).hasPrefix("HBEGIN:oc_encryption_module") } ?? false
  }

  /// As `expected` calls it.
  static func name(_ file: ContentFile, _ instance: String) -> String {
    if instance == "nc32-s3" { return "\(file.owner ?? "")/\(file.row?.path ?? "")" }
    let path = file.path.string
    return path.hasPrefix("data/") ? String(path.dropFirst(5)) : path
  }

  @Test(arguments: all) func everyFileIsFoundWithItsPlaceRowAndKeys(instance: Instance) throws {
    let layout = try LayoutSample.layout(instance.name, snapshot: instance.snapshot)
    let content = try LayoutSample.content(layout).filter { $0.kind != .unknownObject }
    let expected = try LayoutSample.list(LayoutSample.instances.appending(path: instance.name + "/expected"))
    let there = content.filter(\.isThere)
    let names = there.map { Self.name($0, instance.name) }
    // The server's folder copy leaves versions in the bucket of which nobody knows the content.
    let invented = Set(names).subtracting(expected.map(\.path))
    #expect(Set(expected.map(\.path)).subtracting(names).isEmpty)
    #expect(invented.allSatisfy { instance.name == "nc32-s3" && $0.hasPrefix("alice/files_versions/copies/") })
    #expect(Set(names).count == names.count)
    #expect(Self.kinds.map { kind in there.count { $0.kind == kind } } == instance.counts)
    #expect(Self.kinds.map { layout.inventory.content[$0] ?? 0 } == instance.counts)
    #expect(layout.inventory.contentWithRow == there.count)

    for file in there {
      let name = Self.name(file, instance.name)
      let row = try #require(file.row, "\(file.path)")
      #expect(!row.isFolder)
      if name.hasPrefix("external/") {
        #expect(file.kind == .file && file.row?.path == file.logicalPath)
        guard case .external(_, let user) = file.place else {
          Issue.record("\(name) is in \(file.place)")
          continue
        }
        #expect(user == (name.hasPrefix("external/personal/") ? "alice" : nil))
      } else {
        let user = String(name.prefix { $0 != "/" })
        #expect(file.place == .home(user) && file.owner == user)
        #expect(name == user + "/" + row.path)
        #expect(file.kind == Self.kind(of: row.path))
      }
      if try Self.isHeader(file.path, instance.name), row.encrypted != 0 {
        #expect(!file.keyPlaces.isEmpty && file.keyPlaces.allSatisfy { !$0.shareKeys.isEmpty }, "\(name)")
      }
    }
    #expect(layout.inventory.notUnderstood.count == 0, "\(layout.inventory.notUnderstood)")
    #expect(layout.inventory.missingHomes.count == 0 && layout.inventory.homesWithoutStorage.count == 0)
    #expect(layout.inventory.externalNotInBackup.isEmpty && layout.inventory.unknownKeyNames.count == 0)
    #expect(layout.inventory.configurations.count >= 1)
    #expect(try LayoutSample.orphans(layout).isEmpty)
  }

  private static func kind(of path: String) -> ContentFile.Kind {
    if path.hasPrefix("files_versions/") { return .version }
    if path.hasPrefix("files_trashbin/versions/") { return .trashVersion }
    return path.hasPrefix("files_trashbin/") ? .trash : .file
  }

  @Test(arguments: all.filter { $0.name != "nc32-external" && $0.name != "nc32-s3" })
  func onlyTheRowOfARestoredVersionHasNoFile(instance: Instance) throws {
    let layout = try LayoutSample.layout(instance.name, snapshot: instance.snapshot)
    let absent = try LayoutSample.content(layout).filter { !$0.isThere }
    #expect(absent.count == 1 && absent.first?.absence == .restoredVersion)
    #expect(absent.first?.logicalPath == "reverted.txt" && absent.first?.size == 0)
    #expect(layout.inventory.absent == [.restoredVersion: 1])
  }

  @Test func aFileThatIsMissingIsSaidToBe() throws {
    let folder = LayoutSample.instances.appending(path: "nc32-sqlite-master")
    let gone = "data/alice/files/notes.txt"
    let paths = try LayoutSample.list(folder).map(\.path).filter { $0.hasPrefix("data/") && $0 != gone }
    let layout = try LayoutSample.layout(paths, database: LayoutSample.database(folder.appending(path: "db.sqlite3")))
    let missing = try LayoutSample.content(layout).filter { $0.absence == .missing }
    #expect(missing.map(\.path) == [FilePath(gone)] && missing.first?.row?.path == "files/notes.txt")
    // Its keys are still of use: there are versions of it.
    #expect(try LayoutSample.orphans(layout).isEmpty)
  }

  @Test func aUserWhoIsMissingIsNamed() throws {
    let folder = LayoutSample.instances.appending(path: "nc32-sqlite-master")
    let paths = try LayoutSample.list(folder).map(\.path).filter {
      $0.hasPrefix("data/") && !$0.hasPrefix("data/bob/")
    }
    let layout = try LayoutSample.layout(paths, database: LayoutSample.database(folder.appending(path: "db.sqlite3")))
    #expect(layout.inventory.missingHomes.first == [.init(user: "bob", rows: 4, encryptedRows: 4)])
  }

  @Test func theOrderIsTheSameWhateverTheOrderOfTheList() throws {
    let folder = LayoutSample.instances.appending(path: "nc32-external")
    let paths = try LayoutSample.list(folder).map(\.path).filter { !$0.hasPrefix("expected/") }
    func order(_ paths: [String]) throws -> [String] {
      let database = try LayoutSample.database(folder.appending(path: "db.sqlite3"))
      return try LayoutSample.content(try LayoutSample.layout(paths, database: database), withKeys: false)
        .map(\.path.string)
    }
    let first = try order(paths)
    let second = try order(paths.reversed())
    #expect(first.count == 80 && first == second)
  }

  @Test func anExternalStorageCanBeNamed() throws {
    let folder = LayoutSample.instances.appending(path: "nc32-external")
    let paths = try LayoutSample.list(folder).map(\.path).filter { $0.hasPrefix("data/") || $0.hasPrefix("external/") }
      .map { $0.replacing("external/global/", with: "elsewhere/g/") }
    let snapshot = folder.appending(path: "db.sqlite3")
    let without = try LayoutSample.layout(paths, database: LayoutSample.database(snapshot))
    #expect(without.inventory.externalNotInBackup.map(\.mountPoint) == ["GlobalExt"])
    #expect(without.inventory.notUnderstood.first == ["elsewhere/"])
    let reasons = Set(try LayoutSample.orphans(without).map(\.reason))
    #expect(reasons == [.mountNotInBackup])

    var facts = LayoutFacts()
    facts.externalFolders = ["GlobalExt": "elsewhere/g"]
    let layout = try LayoutSample.layout(paths, facts: facts, database: LayoutSample.database(snapshot))
    #expect(layout.inventory.externalNotInBackup.isEmpty && layout.inventory.notUnderstood.count == 0)
    let files = try LayoutSample.content(layout).filter { $0.place == .external(mount: "GlobalExt", user: nil) }
    #expect(files.count == 10 && files.filter { $0.keyPlaces.isEmpty }.map(\.logicalPath) == ["dropped.txt"])

    facts.externalFolders = ["GlobalExt": "no/such"]
    #expect(throws: LayoutError.noExternalFolder("GlobalExt", "no/such")) {
      _ = try LayoutSample.layout(paths, facts: facts, database: LayoutSample.database(snapshot))
    }
  }

  @Test func objectsWithoutASnapshotAreSortedByTheirHeads() throws {
    let layout = try LayoutSample.layout("nc32-s3", snapshot: nil)
    #expect(layout.inventory.recognised.map(\.role) == [.data, .objects])
    let folder = LayoutSample.instances.appending(path: "nc32-s3")
    let counts = try layout.sortUnknownObjects { path in
      let file = try FileHandle(forReadingFrom: folder.appending(path: path.string))
      return Array(try file.read(upToCount: ObjectClass.headCount) ?? Data())
    }
    #expect(counts == [.content: 102, .shareKey: 80, .otherKey: 4, .other: 9])
    let content = try LayoutSample.content(layout)
    #expect(content.count == 102)
    #expect(content.allSatisfy { $0.kind == .unknownObject && !$0.keyPlaces.isEmpty && $0.keyPlaces.count <= 64 })
    // With the snapshot the right share key is known; it is among the candidates.
    let known = try LayoutSample.content(LayoutSample.layout("nc32-s3", snapshot: "db.sqlite3"))
    let right = Dictionary(uniqueKeysWithValues: known.map { ($0.path, $0.keyPlaces) })
    var near = 0
    for file in content {
      guard let key = right[file.path]?.first?.shareKeys.first?.path else { continue }
      if file.keyPlaces.contains(where: { $0.shareKeys.first?.path == key }) { near += 1 }
    }
    #expect(near == 100)
  }
}
