import EscrowBundle
import Foundation
import NextcloudKeys
import NextcloudStorage
import Recoverability
import Testing

@Suite struct InstanceCollectorTests {
  @Test(arguments: [
    "nc32-sqlite-master", "nc32-mariadb-master", "nc32-pgsql-master", "nc32-legacy", "nc32-external",
  ])
  func nothingIsMissingFromAWholeInstance(name: String) throws {
    let workplace = try Workplace()
    let instance = try workplace.copy(name)
    let snapshot = ["nc32-mariadb-master": "db.mysql.sql", "nc32-pgsql-master": "db.pg.dump"][name] ?? "db.sqlite3"
    let collected = try InstanceCollector(workplace.sources(instance, snapshot: snapshot)).collect()
    #expect(collected.missing.isEmpty)
    #expect(collected.keys.count == 4)
    #expect(collected.keys.allSatisfy { $0.state == .unlocks })
    #expect(collected.identity.encryptionMode == .masterKey)
    #expect(collected.snapshot?.embedded == nil)
    #expect(collected.snapshot?.sha256.utf8.count == 64)
  }

  @Test func objectStorageGivesItsKeysByTheSnapshot() throws {
    let workplace = try Workplace()
    let instance = try workplace.copy("nc32-s3")
    let collected = try InstanceCollector(workplace.sources(instance, objects: "objects")).collect()
    #expect(collected.missing.isEmpty)
    #expect(collected.keys.map(\.path).contains("files_encryption/OC_DEFAULT_MODULE/master_adcb34fd.privateKey"))
    #expect(throws: RecoverabilityError.self) {
      try InstanceCollector(workplace.sources(instance, snapshot: nil, objects: "objects")).collect()
    }
  }

  @Test func theRecoveryPasswordIsProvenAndSealed() throws {
    let workplace = try Workplace()
    let instance = try workplace.copy("nc32-userkeys")
    let file = workplace.path("recovery")
    try Data("Recovery-Fx-1\n".utf8).write(to: URL(filePath: file))
    let collected = try InstanceCollector(workplace.sources(instance, recoveryPasswordFile: file)).collect()
    #expect(collected.isRecoveryKeyProven)
    #expect(collected.preventing.isEmpty)
    #expect(collected.included.map(\.path.text) == ["extra/recovery-password.txt"])
    #expect(collected.coverage.first { $0.user == "alice" }?.withRecoveryKey ?? 0 > 0)
    let bob = try #require(collected.coverage.first { $0.user == "bob" })
    // One of his files lies in a folder of alice's, who let the recovery key in.
    #expect((bob.files, bob.withoutRecoveryKey) == (5, 4))

    try Data("Recovery-Fx-2\n".utf8).write(to: URL(filePath: file))
    let wrong = try InstanceCollector(workplace.sources(instance, recoveryPasswordFile: file)).collect()
    #expect(!wrong.isRecoveryKeyProven)
    #expect(!wrong.preventing.isEmpty)

    let without = try InstanceCollector(workplace.sources(instance)).collect()
    #expect(without.preventing.isEmpty)
    #expect(without.missing.map(\.id).contains("recovery-password"))
  }

  @Test func aDifferentSecretPreventsARestore() throws {
    let workplace = try Workplace()
    let instance = try workplace.copy("nc32-sqlite-master")
    let config = instance.appending(path: "config/config.php")
    let text = try String(contentsOf: config, encoding: .utf8)
    try Data(text.replacing("'secret' => 'B", with: "'secret' => 'C").utf8).write(to: config)
    let collected = try InstanceCollector(workplace.sources(instance)).collect()
    #expect(collected.preventing.map(\.id).allSatisfy { $0 == "key-fails" })
    #expect(collected.preventing.count == 4)
  }

  @Test func aCutSnapshotPreventsARestore() throws {
    let workplace = try Workplace()
    let instance = try workplace.copy("nc32-mariadb-master")
    let dump = instance.appending(path: "db.mysql.sql")
    try Data(contentsOf: dump).dropLast(2000).write(to: dump)
    let collected = try InstanceCollector(workplace.sources(instance, snapshot: "db.mysql.sql")).collect()
    #expect(collected.preventing.map(\.id) == ["snapshot"])
    #expect(collected.snapshot == nil)
  }
}
