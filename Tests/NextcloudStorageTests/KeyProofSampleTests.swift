import Foundation
import NextcloudKeys
import SecretMemory
import Testing

@testable import NextcloudStorage

@Suite(.enabled(if: Samples.arePresent)) struct KeyProofSampleTests {
  static let instances = [
    "nc32-sqlite-master", "nc32-mariadb-master", "nc32-pgsql-master", "nc32-legacy", "nc32-external",
  ]

  @Test(arguments: instances) func everyKeyOfAMasterKeyInstanceUnlocks(name: String) throws {
    let folder = Samples.shared.appending(path: name)
    let files = try Samples.keyFiles(below: folder.appending(path: "data"))
    let material = try Samples.material(config: folder.appending(path: "config/config.php"))
    let records = KeyProof.prove(files, with: material)
    #expect(records.count == 4)
    #expect(records.allSatisfy { $0.state == .unlocks && $0.note == nil }, "\(records)")
    #expect(records.allSatisfy { $0.wrapping == .version3 })
    let formats = records.filter { $0.half == .privateKey }.compactMap(\.format)
    #expect(formats.allSatisfy { $0.contains(", hash") && !$0.contains("unsigned") }, "\(formats)")
  }

  static let generations: [(String, String, KeyRole, KeyWrapping, String)] = [
    ("08.0.8", "user", .user, .raw, "AES-256-CFB, password, base64, unsigned"),
    ("08.0.8", "recovery", .recovery, .raw, "AES-256-CFB, password, base64, unsigned"),
    ("08.0.8", "pubshare", .publicShare, .raw, "AES-256-CFB, password, base64, unsigned"),
    ("09.0.0", "master", .master, .raw, "AES-256-CTR, hash, base64"),
    ("09.0.0", "user", .user, .raw, "AES-256-CTR, hash, base64"),
    ("09.0.0", "recovery", .recovery, .raw, "AES-256-CTR, hash, base64"),
    ("09.0.0", "pubshare", .publicShare, .raw, "AES-256-CTR, hash, base64"),
    ("13.0.0", "master", .master, .raw, "AES-256-CTR, hash, base64"),
    ("13.0.0", "user", .user, .raw, "AES-256-CTR, hash, base64"),
    ("13.0.0", "recovery", .recovery, .raw, "AES-256-CTR, hash, base64"),
    ("13.0.0", "pubshare", .publicShare, .raw, "AES-256-CTR, hash, base64"),
    ("20.0.1", "master", .master, .version2, "AES-256-CTR, hash, base64"),
    ("20.0.1", "user", .user, .version2, "AES-256-CTR, hash, base64"),
    ("20.0.1", "recovery", .recovery, .version2, "AES-256-CTR, hash, base64"),
    ("20.0.1", "pubshare", .publicShare, .version2, "AES-256-CTR, hash, base64"),
    ("25.0.0", "master", .master, .version3, "AES-256-CTR, hash, binary"),
    ("25.0.0", "user", .user, .version3, "AES-256-CTR, hash, binary"),
    ("25.0.0", "recovery", .recovery, .version3, "AES-256-CTR, hash, binary"),
    ("25.0.0", "pubshare", .publicShare, .version3, "AES-256-CTR, hash, binary"),
  ]

  @Test(arguments: generations)
  func everyGenerationOfKeysUnlocksWithItsPassword(
    release: String, mode: String, role: KeyRole, wrapping: KeyWrapping, format: String
  ) throws {
    let folder = Samples.shared.appending(path: "legacy/\(release)")
    let files = try Samples.keyFiles(below: folder.appending(path: mode))
    #expect(files.count == 2)
    var material = try Samples.material(config: folder.appending(path: "config.php"))
    let needsPassword = role == .user || role == .recovery
    let without = KeyProof.prove(files, with: material)
    #expect(without.allSatisfy { $0.state == (needsPassword ? .locked : .unlocks) }, "\(without)")

    material.add(recoveryPassword: try secretBytes("recovery"))
    material.add(password: try secretBytes("admin"), ofUser: "admin")
    let records = KeyProof.prove(files, with: material)
    #expect(records.allSatisfy { $0.state == .unlocks && $0.role == role && $0.wrapping == wrapping }, "\(records)")
    #expect(records.first { $0.half == .privateKey }?.format == format)
  }

  @Test(arguments: generations.filter { $0.2 == .user || $0.2 == .recovery })
  func aWrongPasswordOpensNothing(
    release: String, mode: String, role: KeyRole, wrapping: KeyWrapping, format: String
  ) throws {
    let folder = Samples.shared.appending(path: "legacy/\(release)")
    let files = try Samples.keyFiles(below: folder.appending(path: mode))
    var material = try Samples.material(config: folder.appending(path: "config.php"))
    material.add(recoveryPassword: try secretBytes("recoverz"))
    material.add(password: try secretBytes("admiN"), ofUser: "admin")
    let records = KeyProof.prove(files, with: material)
    for record in records {
      guard case .fails(let because) = record.state else {
        Issue.record("\(record)")
        continue
      }
      if record.half == .privateKey { #expect(because.contains("password given")) }
    }
  }
}
