import Foundation
import SystemPackage
import Testing

@testable import NextcloudStorage

/// Layouts of older releases, from samples where they are there, and made up.
@Suite struct LegacyLayoutTests {
  struct Sample: CustomTestStringConvertible, Sendable {
    let release: String
    let mode: String
    let count: Int
    var testDescription: String { "\(release) \(mode)" }
  }
  static let samples = [("08.0.8", 1), ("09.0.0", 1), ("13.0.0", 1), ("20.0.1", 5), ("25.0.0", 20)].flatMap { release in
    ["master", "user", "recovery", "pubshare"].filter { release.0 != "08.0.8" || $0 != "master" }.map {
      Sample(release: release.0, mode: $0, count: release.1)
    }
  }

  @Test(.enabled(if: Samples.arePresent), arguments: samples) func contentIsFoundWithItsKeys(sample: Sample) throws {
    let folder = Samples.shared.appending(path: "legacy/\(sample.release)/\(sample.mode)")
    let entries = try LayoutSample.list(folder)
    let layout = try LayoutSample.layout(entries.map(\.path), sizes: entries.map(\.size))
    let content = try LayoutSample.content(layout)
    #expect(content.count == sample.count)
    for file in content {
      #expect(file.place == .home("admin") && file.isThere && file.row == nil)
      let place = try #require(file.keyPlaces.first)
      #expect(!place.shareKeys.isEmpty && place.fileKey != nil, "\(file.path)")
      #expect(place.name.hasSuffix("OC_DEFAULT_MODULE/") == (sample.release != "08.0.8"))
    }
    #expect(layout.inventory.homes.first == ["admin"])
    #expect(layout.inventory.notUnderstood.count == 0, "\(layout.inventory.notUnderstood)")
  }

  @Test func ownCloud7() throws {
    let layout = try LayoutSample.layout([
      "public-keys/admin.public.key", "owncloud_private_key/pubShare_12345678.private.key",
      "admin/files_encryption/admin.private.key",
      "admin/files/photos/paris.jpg",
      "admin/files_encryption/keyfiles/photos/paris.jpg.key",
      "admin/files_encryption/share-keys/photos/paris.jpg.admin.shareKey",
      "admin/files_encryption/share-keys/photos/paris.jpg.pubShare_12345678.shareKey",
      "admin/files_versions/photos/paris.jpg.v1400000000",
      "admin/files/ext/note.txt",
      "files_encryption/keyfiles/ext/note.txt.key", "files_encryption/share-keys/ext/note.txt.admin.shareKey",
      "admin/files_trashbin/files/gone.txt.d1400000001",
      "admin/files_trashbin/versions/gone.txt.v1300000000.d1400000001",
      "admin/files_trashbin/keyfiles/gone.txt.key.d1400000001",
      "admin/files_trashbin/share-keys/gone.txt.admin.shareKey.d1400000001",
      "admin/files_trashbin/files/folder.d1400000002/sub/in.txt",
      "admin/files_trashbin/keyfiles/folder.d1400000002/sub/in.txt.key",
      "admin/files_trashbin/share-keys/folder.d1400000002/sub/in.txt.admin.shareKey",
      "admin/files_encryption/keyfiles/lost.txt.key",
    ])
    #expect(layout.inventory.recognised.map(\.path) == [""])
    let content = try LayoutSample.content(layout)
    #expect(content.count == 6)
    for file in content {
      #expect(file.keyPlaces.count == 1, "\(file.path)")
      #expect(file.keyPlaces.first?.fileKey != nil && file.keyPlaces.first?.shareKeys.first?.keyID == "admin")
    }
    #expect(
      content.first { $0.kind == .version }?.keyPlaces.first?.shareKeys.map(\.keyID) == ["admin", "pubShare_12345678"])
    #expect(
      try LayoutSample.orphans(layout) == [
        // Nothing says where the storage `ext` lies.
        OrphanKey(name: "files_encryption/keyfiles/ext/note.txt", reason: .noFile),
        OrphanKey(name: "admin/files_encryption/keyfiles/lost.txt", reason: .noFile),
      ])
    #expect(layout.inventory.privateKeys.count == 2)
  }

  @Test func ownCloud80() throws {
    let layout = try LayoutSample.layout([
      "data/files_encryption/public_keys/admin.publicKey",
      "data/admin/files/a.txt", "data/admin/files_encryption/keys/a.txt/fileKey",
      "data/admin/files_encryption/keys/a.txt/admin.shareKey",
      "data/admin/files_trashbin/files/f.d1400000002/in.txt",
      "data/admin/files_trashbin/keys/f.d1400000002/in.txt/fileKey",
      "data/admin/files_trashbin/keys/f.d1400000002/in.txt/admin.shareKey",
    ])
    let content = try LayoutSample.content(layout)
    #expect(
      content.map { $0.keyPlaces.map(\.name) } == [
        ["admin/files_encryption/keys/a.txt/"], ["admin/files_trashbin/keys/f.d1400000002/in.txt/"],
      ])
    #expect(try LayoutSample.orphans(layout).isEmpty)
  }

  @Test func aKeyRootThatWasMoved() throws {
    let paths = [
      "data/.ncdata", "data/alice/files/a.txt", "data/alice/files_trashbin/files/b.txt.d1700000000",
      "data/all/keys/.oc_key_storage", "data/all/keys/files_encryption/OC_DEFAULT_MODULE/master_1.privateKey",
      "data/all/keys/alice/files_encryption/keys/files/a.txt/OC_DEFAULT_MODULE/master_1.shareKey",
      "data/all/keys/alice/files_encryption/keys/files_trashbin/files/b.txt.d1700000000/OC_DEFAULT_MODULE/master_1.shareKey",
    ]
    for root in [nil, "all/keys", "/all/keys/"] {
      var facts = LayoutFacts()
      facts.keyRoot = root
      let layout = try LayoutSample.layout(paths, facts: facts)
      #expect(layout.inventory.keyRoots == ["all/keys", ""] && !layout.inventory.keyRootIsMissing)
      #expect(layout.inventory.homes.first == ["alice"] && layout.inventory.notUnderstood.count == 0)
      let content = try LayoutSample.content(layout)
      #expect(content.map(\.keyPlaces.count) == [1, 1])
      #expect(try LayoutSample.orphans(layout).isEmpty)
    }
    var facts = LayoutFacts()
    facts.keyRoot = "other"
    #expect(try LayoutSample.layout(paths, facts: facts).inventory.keyRootIsMissing)
  }
}
