import Foundation
import NextcloudKeys
import SystemPackage
import Testing

@testable import NextcloudStorage

@Suite struct KeyCollectionTests {
  static let master = "files_encryption/OC_DEFAULT_MODULE/master_0123abcd.privateKey"

  func collect(_ folder: TemporaryFolder, keyRoot: String? = nil) throws -> KeyCollection {
    try KeyCollection.collect(dataFolder: folder.path, keyRoot: keyRoot)
  }

  @Test func everyLayoutAndEveryUserIsCollected() throws {
    let folder = try TemporaryFolder()
    let wanted = [
      Self.master, "files_encryption/OC_DEFAULT_MODULE/master_0123abcd.publicKey",
      "al ice's@example.org/files_encryption/OC_DEFAULT_MODULE/al ice's@example.org.privateKey",
      "bob/files_encryption/backup/passwordReset.OC_DEFAULT_MODULE.1700000000/bob.privateKey",
      "bob/files_encryption/bob.privateKey", "carol/files_encryption/carol.private.key",
      "files_encryption/public_keys/bob.publicKey", "files_encryption/recovery_0123abcd.privateKey",
      "owncloud_private_key/pubShare_0123abcd.private.key", "public-keys/carol.public.key",
      "Ünï/files_encryption/OC_DEFAULT_MODULE/Ünï.publicKey",
    ]
    for path in wanted { try folder.write(path) }
    try folder.write("alice/files/files_encryption/OC_DEFAULT_MODULE/not-a-key.privateKey")
    try folder.write("alice/files_encryption/keys/files/a.txt/OC_DEFAULT_MODULE/alice.shareKey")
    try folder.write("files_encryption/OC_DEFAULT_MODULE/notes.txt")
    try folder.write("oneTimeEncryptionPasswords.csv", [UInt8]("a,b".utf8))
    try folder.write("nextcloud.log")
    let collection = try collect(folder)
    #expect(collection.files.map(\.path) == wanted.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
    #expect(collection.hasFileKeys)
    #expect(collection.unrecognised == ["files_encryption/OC_DEFAULT_MODULE/notes.txt"])
    #expect(collection.oneTimePasswords?.bytes == [UInt8]("a,b".utf8))
    #expect(collection.keyRoot == "")
    let places = Dictionary(uniqueKeysWithValues: collection.files.map { ($0.path, $0.place) })
    #expect(places[wanted[3]]??.backupFolder == "passwordReset.OC_DEFAULT_MODULE.1700000000")
    #expect(places["files_encryption/recovery_0123abcd.privateKey"]??.role == .recovery)
    #expect(places["files_encryption/public_keys/bob.publicKey"]??.role == .user)
  }

  @Test func aUserWhoseNameLooksLikeAKeyIsAUser() {
    let path = "master_0123abcd/files_encryption/OC_DEFAULT_MODULE/master_0123abcd.privateKey"
    #expect(KeyPlace(path: path)?.role == .user)
    #expect(KeyPlace(path: "root/" + Self.master)?.role == .master)
    #expect(KeyPlace(path: "x/files_encryption/OC_DEFAULT_MODULE/master_bob.privateKey")?.role == .user)
  }

  @Test(arguments: [
    "", "/", "a", ".privateKey", "files_encryption/OC_DEFAULT_MODULE/.privateKey",
    "files_encryption/OC_DEFAULT_MODULE/x.shareKey", "files_encryption//x.privateKey", "x.privateKey",
    "files_encryption/keys/files/a.privateKey", "public-keys/x.private.key",
  ])
  func otherPathsAreNoKeys(path: String) { #expect(KeyPlace(path: path) == nil) }

  @Test func aMovedKeyRootIsTakenFromTheDatabaseOrFoundByItsMarker() throws {
    let folder = try TemporaryFolder()
    try folder.write("all/keys/.oc_key_storage")
    try folder.write("all/keys/" + Self.master)
    try folder.write("all/keys/bob/files_encryption/OC_DEFAULT_MODULE/bob.privateKey")
    try folder.makeFolder("bob/files")
    for root in ["all/keys", "/all/keys/", nil] {
      let collection = try collect(folder, keyRoot: root)
      #expect(collection.keyRoot == "all/keys")
      #expect(collection.files.count == 2)
      #expect(collection.files.map { $0.place?.role } == [.user, .master])
      #expect(collection.keyRootMarker?.path == "all/keys/.oc_key_storage")
    }
    #expect(throws: CollectionError.noKeyRoot(folder.path.appending("gone"))) { try collect(folder, keyRoot: "gone") }
    #expect(throws: CollectionError.keyRootOutside("../x")) { try collect(folder, keyRoot: "../x") }
  }

  @Test func linksAmongTheKeysAreRefused() throws {
    let folder = try TemporaryFolder()
    try folder.write("elsewhere", [1])
    try folder.makeFolder("files_encryption/OC_DEFAULT_MODULE")
    try folder.link(Self.master, to: folder.url.appending(path: "elsewhere").path)
    #expect(throws: CollectionError.notRegular(folder.path.appending(Self.master), "a link")) { try collect(folder) }

    let second = try TemporaryFolder()
    try second.makeFolder("bob")
    try second.link("bob/files_encryption", to: folder.url.path)
    #expect(throws: CollectionError.self) { try collect(second) }

    let third = try TemporaryFolder()
    try third.link("bob", to: "/nowhere/at/all")
    #expect(throws: CollectionError.self) { try collect(third) }
  }

  @Test func aUsersFolderMayBeALink() throws {
    let disk = try TemporaryFolder()
    try disk.write("bob/files_encryption/OC_DEFAULT_MODULE/bob.privateKey")
    let folder = try TemporaryFolder()
    try folder.link("bob", to: disk.url.appending(path: "bob").path)
    #expect(try collect(folder).files.map(\.path) == ["bob/files_encryption/OC_DEFAULT_MODULE/bob.privateKey"])
  }

  @Test func whatIsNoKeyFileIsAnErrorThatNamesIt() throws {
    let long = try TemporaryFolder()
    try long.write(Self.master, [UInt8](repeating: 0, count: KeyCollection.fileLimit + 1))
    #expect(throws: CollectionError.tooLong(long.path.appending(Self.master), limit: 65536)) { try collect(long) }

    let folder = try TemporaryFolder()
    try folder.makeFolder(Self.master)
    #expect(throws: CollectionError.notRegular(folder.path.appending(Self.master), "a folder")) { try collect(folder) }

    let fits = try TemporaryFolder()
    try fits.write(Self.master, [UInt8](repeating: 0, count: KeyCollection.fileLimit))
    #expect(try collect(fits).files.count == 1)
  }

  @Test func aNameOfOtherBytesIsNamedEscaped() throws {
    let folder = try TemporaryFolder()
    let name: [CChar] = [0x62, CChar(bitPattern: 0xff), 0x0a, 0]
    let parent = folder.path.pushing(FilePath(platformString: name))
    #expect(makeFolder(parent))
    // Without keys below it, it is none of our business.
    #expect(try collect(folder).files.isEmpty)
    #expect(makeFolder(parent.appending("files_encryption")))
    do {
      _ = try collect(folder)
      Issue.record("collected")
    } catch let error as CollectionError {
      #expect(error.problem.contains("b\\xff\\x0a"))
    }
  }

  private func makeFolder(_ path: FilePath) -> Bool {
    unsafe path.withPlatformString { unsafe mkdir($0, 0o700) } == 0
  }

  @Test func foldersOfAnInstanceAreFound() throws {
    let folder = try TemporaryFolder()
    #expect(throws: CollectionError.noConfiguration(folder.path)) { try InstanceFolders.configuration(of: folder.path) }
    try folder.write("config/config.php")
    #expect(throws: CollectionError.self) {
      try InstanceFolders.discover(instance: folder.path, data: nil, configured: "/nowhere/data")
    }
    try folder.makeFolder("data/appdata_ocabc")
    try folder.makeFolder("other")
    let beside = try InstanceFolders.discover(instance: folder.path, data: nil, configured: "/nowhere/data")
    #expect(beside.data == folder.path.appending("data"))
    #expect(beside.dataReason.contains("not on this machine"))
    #expect(beside.configuration == folder.path.appending("config"))
    let other = folder.path.appending("other")
    let configured = try InstanceFolders.discover(instance: folder.path, data: nil, configured: other.string)
    #expect(configured.data == other && configured.dataReason == "datadirectory of config.php")
    let named = try InstanceFolders.discover(instance: folder.path, data: other, configured: nil)
    #expect(named.data == other && named.dataReason == "named on the command line")
    #expect(throws: CollectionError.noDataFolder([folder.path.appending("none")])) {
      try InstanceFolders.discover(instance: folder.path, data: folder.path.appending("none"), configured: other.string)
    }
    #expect(try InstanceFolders.configuration(of: folder.path.appending("config")) == folder.path.appending("config"))
    #expect(try InstanceFolders.instanceIDs(inDataFolder: folder.path.appending("data")) == ["ocabc"])
  }
}
