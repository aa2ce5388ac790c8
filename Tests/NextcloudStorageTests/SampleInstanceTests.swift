import DatabaseSnapshots
import Foundation
import NextcloudKeys
import SecretMemory
import SystemPackage
import Testing

@testable import NextcloudStorage

@Suite(.enabled(if: Samples.arePresent)) struct SampleInstanceTests {
  /// What the whole path gives for an instance: collected, proven, and what is missing.
  struct Outcome {
    var collection: KeyCollection
    var records: [KeyRecord]
    var missing: [MissingPart]
    var preventing: [String] { missing.filter(\.preventsRestore).map(\.id) }
  }

  static func snapshot(_ folder: URL) throws -> SnapshotFacts? {
    let file = folder.appending(path: "db.sqlite3")
    guard FileManager.default.fileExists(atPath: file.path) else { return nil }
    return try InstanceDatabase.read(FilePath(file.path), tablePrefix: "oc_", keepingFiles: false).facts
  }

  static func run(
    _ folder: URL, config: URL? = nil, change: (inout KeyMaterial) throws -> Void = { _ in }
  ) throws -> Outcome {
    let facts = try snapshot(folder)
    let data = FilePath(folder.appending(path: "data").path)
    let collection = try KeyCollection.collect(dataFolder: data, keyRoot: facts?.keyRoot)
    var material = try Samples.material(config: config ?? folder.appending(path: "config/config.php"))
    try change(&material)
    let records = KeyProof.prove(collection.files, with: material)
    let mode = EncryptionMode.detect(usesMasterKey: facts?.usesMasterKey, files: collection.files)
    let missing = MissingParts.find(
      .init(
        mode: mode, hasSecret: true, hasInstanceID: true, collection: collection, records: records, snapshot: facts))
    return Outcome(collection: collection, records: records, missing: missing)
  }

  @Test(arguments: KeyProofSampleTests.instances) func nothingIsMissingInAWholeInstance(name: String) throws {
    let outcome = try Self.run(Samples.shared.appending(path: name))
    #expect(outcome.records.count == 4)
    #expect(outcome.missing.isEmpty, "\(outcome.missing)")
    #expect(outcome.collection.hasFileKeys)
    #expect(outcome.collection.unrecognised.isEmpty)
  }

  @Test func userKeysAreLockedWithoutPasswordsAndUnlockWithThem() throws {
    let folder = Samples.shared.appending(path: "nc32-userkeys")
    let facts = try #require(try Self.snapshot(folder))
    #expect(facts.usesMasterKey == false && facts.recoveryIsEnabled)
    #expect(facts.recoveryEnabledUsers == ["alice", "carol@example.org"])
    let locked = try Self.run(folder)
    #expect(locked.records.count == 14)
    #expect(locked.records.filter { $0.state == .locked }.count == 12)
    #expect(locked.preventing == [])
    #expect(locked.missing.map(\.id) == ["recovery-password"])

    let passwords = [
      "admin": "Admin-Fx-1", "alice": "Alice-Fx-1", "bob": "Bob-Fx-1", "carol@example.org": "Carol-Fx-1",
    ]
    let open = try Self.run(folder) { material in
      material.add(recoveryPassword: try secretBytes("Recovery-Fx-1"))
      for (user, password) in passwords { material.add(password: try secretBytes(password), ofUser: user) }
      // His login password; the private key still has the one from before it was reset.
      material.add(password: try secretBytes("Dave-New-2"), ofUser: "dave")
    }
    let failing = open.records.filter { $0.state != .unlocks }
    #expect(failing.map(\.id) == ["dave", "dave"])
    let old = try Self.run(folder) { material in
      material.add(password: try secretBytes("Dave-New-2"), ofUser: "dave")
      material.add(password: try secretBytes("Dave-Old-1"), ofUser: "dave")
    }
    #expect(old.records.filter { $0.id == "dave" }.allSatisfy { $0.state == .unlocks })
    let wrong = try Self.run(folder) { $0.add(recoveryPassword: try secretBytes("Recovery-Fx-2")) }
    #expect(wrong.preventing == ["key-fails", "key-fails"])
  }

  @Test func filesThatTheRecoveryKeyDoesNotOpenAreCounted() throws {
    let data = FilePath(Samples.shared.appending(path: "nc32-userkeys/data").path)
    let users = try UserKeyCoverage.measure(dataFolder: data, keyRoot: "", recoveryKeyID: "recoveryKey_cdd4ccfa")
    #expect(
      users.map(\.user)
        == ["admin", "alice", "bob", "carol@example.org", "dave"].filter { user in users.contains { $0.user == user } })
    let byUser = Dictionary(uniqueKeysWithValues: users.map { ($0.user, $0) })
    let alice = try #require(byUser["alice"])
    let bob = try #require(byUser["bob"])
    #expect(alice.files > 0 && alice.withRecoveryKey > 0)
    #expect(bob.files > 0 && bob.withRecoveryKey < bob.files)
    #expect(byUser["dave"]?.withRecoveryKey == 0)
    let other = try UserKeyCoverage.measure(dataFolder: data, keyRoot: "", recoveryKeyID: "recoveryKey_ffffffff")
    #expect(other.allSatisfy { $0.withRecoveryKey == 0 })
    for mode in ["user", "recovery"] {
      let old = FilePath(Samples.shared.appending(path: "legacy/08.0.8/\(mode)").path)
      let admin = try UserKeyCoverage.measure(dataFolder: old, keyRoot: "", recoveryKeyID: nil)
      #expect(admin.map(\.user) == ["admin"])
    }
  }

  @Test func keysOfAnObjectStorageAreFoundByTheDatabase() throws {
    let folder = Samples.shared.appending(path: "nc32-s3")
    let database = try InstanceDatabase.read(
      FilePath(folder.appending(path: "db.sqlite3").path), tablePrefix: "oc_")
    let objects = FilePath(folder.appending(path: "objects").path)
    let collection = try ObjectKeys.collect(database: database, objects: objects)
    #expect(
      collection.files.map(\.path) == [
        "files_encryption/OC_DEFAULT_MODULE/master_adcb34fd.privateKey",
        "files_encryption/OC_DEFAULT_MODULE/master_adcb34fd.publicKey",
        "files_encryption/OC_DEFAULT_MODULE/pubShare_adcb34fd.privateKey",
        "files_encryption/OC_DEFAULT_MODULE/pubShare_adcb34fd.publicKey",
      ])
    let records = KeyProof.prove(
      collection.files, with: try Samples.material(config: folder.appending(path: "config/config.php")))
    #expect(records.allSatisfy { $0.state == .unlocks })
    #expect(throws: CollectionError.self) {
      try ObjectKeys.collect(database: database, objects: objects, prefix: "other:")
    }
    // The data folder of such an instance has no keys.
    #expect(try Self.run(folder).preventing == ["keys"])
  }

  @Test func anotherSecretIsSaidToBeTheReason() throws {
    let config = Samples.shared.appending(path: "nc32-broken/a-wrong-secret/config/config.php")
    let outcome = try Self.run(Samples.shared.appending(path: "nc32-sqlite-master"), config: config)
    let reason = KeyState.fails(because: "the secret in config.php does not unwrap it")
    #expect(outcome.records.map(\.state) == [reason, reason, reason, reason])
    #expect(outcome.preventing.count == 4)
    // With the right one added, everything opens, and the report says that it was another.
    let right = Samples.shared.appending(path: "nc32-sqlite-master/config/config.php")
    let both = try Self.run(Samples.shared.appending(path: "nc32-sqlite-master"), config: config) { material in
      material.add(secret: try secretBytes(try Samples.configured("secret", in: right)))
    }
    #expect(both.records.allSatisfy { $0.state == .unlocks && $0.note?.contains("secret 2") == true })
    #expect(both.preventing == [])
    #expect(Set(both.missing.map(\.id)) == ["key-differs"])
  }

  @Test func anotherInstanceIDIsSaidToBeTheReason() throws {
    let folder = Samples.shared.appending(path: "nc32-sqlite-master")
    let collection = try KeyCollection.collect(
      dataFolder: FilePath(folder.appending(path: "data").path), keyRoot: nil)
    let config = folder.appending(path: "config/config.php")
    var material = KeyMaterial()
    material.add(secret: try secretBytes(try Samples.configured("secret", in: config)))
    material.add(instanceID: "ocsomethingel")
    let records = KeyProof.prove(collection.files, with: material)
    for record in records where record.half == .privateKey {
      #expect(
        record.state
          == .fails(because: "the private key does not open: instanceid or secret changed since it was written"))
    }
    material.add(instanceID: try Samples.configured("instanceid", in: config))
    let healed = KeyProof.prove(collection.files, with: material)
    #expect(healed.allSatisfy { $0.state == .unlocks })
    #expect(healed.first { $0.half == .privateKey }?.note?.contains("occgiluser14") == true)
  }

  /// A copy of the sample in which single files can be changed.
  func copy() throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    let sample = Samples.shared.appending(path: "nc32-sqlite-master")
    for part in ["config", "data/files_encryption/OC_DEFAULT_MODULE", "db.sqlite3"] {
      let target = folder.url.appending(path: part)
      try FileManager.default.createDirectory(
        at: target.deletingLastPathComponent(), withIntermediateDirectories: true)
      try FileManager.default.copyItem(at: sample.appending(path: part), to: target)
    }
    return folder
  }

  @Test func aMissingMasterKeyPreventsARestore() throws {
    let folder = try copy()
    let keys = folder.url.appending(path: "data/files_encryption/OC_DEFAULT_MODULE")
    #expect(try Self.run(folder.url).missing.isEmpty)
    try FileManager.default.removeItem(at: keys.appending(path: "master_2794d910.privateKey"))
    let without = try Self.run(folder.url)
    #expect(without.preventing == ["master-private", "key-fails"])
    #expect(without.records.first { $0.role == .master }?.state == .fails(because: "its private half is missing"))
    // Without the database too.
    try FileManager.default.removeItem(at: folder.url.appending(path: "db.sqlite3"))
    #expect(try Self.run(folder.url).preventing.contains("master-private"))
    try FileManager.default.removeItem(at: folder.url.appending(path: "data/files_encryption"))
    #expect(try Self.run(folder.url).preventing == ["keys"])
  }

  @Test func aForeignPublicKeyPreventsARestore() throws {
    let folder = try copy()
    let name = "data/files_encryption/OC_DEFAULT_MODULE/master_2794d910.publicKey"
    let foreign = Samples.shared.appending(path: "nc32-broken/c-foreign-master-public-raw/\(name)")
    try folder.write(name, [UInt8](try Data(contentsOf: foreign)))
    let outcome = try Self.run(folder.url)
    #expect(outcome.preventing == ["key-fails"])
    #expect(outcome.missing.first?.what.contains("the secret in config.php does not unwrap it") == true)

    // Unwrapped with its own secret and wrapped with ours, it still is no half of this pair.
    let secret = try Samples.configured("secret", in: folder.url.appending(path: "config/config.php"))
    let place = try #require(KeyPlace(path: "files_encryption/OC_DEFAULT_MODULE/master_2794d910.publicKey"))
    let theirs = try Samples.material(config: Samples.shared.appending(path: "nc32-pgsql-master/config/config.php"))
    let unwrapped = try UnwrappedKey([UInt8](try Data(contentsOf: foreign)), at: place, with: theirs)
    let pem = KeyWriting.bytes(unwrapped.content)
    try folder.write(
      name, try KeyWriting.wrap(KeyWriting.record(pem, uid: "null"), version: .version3, secrets: (secret, secret)))
    let swapped = try Self.run(folder.url)
    #expect(swapped.preventing == ["key-fails"])
    #expect(swapped.missing.first?.what.contains("is not the other half of") == true)
  }

  @Test func anEmptyOrCutKeyFileIsNamedAsWhatItIs() throws {
    let folder = try copy()
    let name = "data/files_encryption/OC_DEFAULT_MODULE/master_2794d910.privateKey"
    let whole = [UInt8](try Data(contentsOf: folder.url.appending(path: name)))
    for (count, words) in [
      (0, "the file is empty"), (40, "truncated"), (whole.count / 2, "truncated"), (whole.count - 1, "damaged"),
    ] {
      try folder.write(name, Array(whole[..<count]))
      let outcome = try Self.run(folder.url)
      #expect(outcome.preventing.contains("key-fails"))
      #expect(outcome.missing.first?.what.contains(words) == true, "\(count): \(outcome.missing)")
    }
    try folder.write(name, whole + [0x0a])
    #expect(try Self.run(folder.url).missing.isEmpty)
  }

  @Test func aDatabaseOfAnotherPrefixOrInstanceIsNoticed() throws {
    let file = FilePath(Samples.shared.appending(path: "nc32-sqlite-master/db.sqlite3").path)
    #expect(throws: CollectionError.tablePrefix("nc_", present: ["oc_"])) {
      try InstanceDatabase.read(file, tablePrefix: "nc_")
    }
    let facts = try #require(try InstanceDatabase.read(file, tablePrefix: "oc_").facts)
    #expect(facts.masterKeyID == "master_2794d910" && facts.usesMasterKey == nil && facts.keyRoot == "")
    #expect(facts.encryptionIsEnabled == true)
    #expect(facts.rowCounts["users"] == 3)
    #expect((facts.highestVersion ?? 0) >= 7)

    let folder = try copy()
    let other = Samples.shared.appending(path: "nc32-external/db.sqlite3")
    try folder.write("db.sqlite3", [UInt8](try Data(contentsOf: other)))
    let outcome = try Self.run(folder.url)
    #expect(outcome.preventing == ["master-private"])
    #expect(outcome.missing.first?.what.contains("there is master_2794d910") == true)
  }
}
