import Foundation
import SecretMemory
import Testing

@testable import NextcloudStorage

/// Every file of the sample instances decrypts to what is known of it, and nothing about it is called wrong that is not.
@Suite struct SampleContentTests {
  static func examiner(_ name: String) throws -> ContentExaminer {
    let folder = SampleContent.instances.appending(path: name)
    if name == "nc32-s3" {
      let material = try Samples.material(config: folder.appending(path: "config/config.php"))
      return try ContentExaminer(ring: KeyRing(SampleContent.objectKeyFiles(folder), with: material))
    }
    return try ContentExaminer(
      ring: SampleContent.ring(folder) { material in
        guard name == "nc32-userkeys" else { return }
        material.add(recoveryPassword: try secretBytes("Recovery-Fx-1"))
        for (user, password) in [
          "admin": "Admin-Fx-1", "alice": "Alice-Fx-1", "bob": "Bob-Fx-1", "carol@example.org": "Carol-Fx-1",
          "dave": "Dave-Old-1",
        ] { material.add(password: try secretBytes(password), ofUser: user) }
      })
  }

  /// Instance, files in `expected`, and how many of each status; all seven with every file.
  /// How many files of each status there are, all of `expected` counted. The server's own bugs are called by name.
  static let instances: [(name: String, statuses: [String: Int])] = [
    ("nc32-sqlite-master", ["verified": 103, "plain": 2, "plain-copy-of-server": 4]),
    ("nc32-mariadb-master", ["no-row": 102, "plain": 6]),
    ("nc32-pgsql-master", ["no-row": 101, "plain": 6]),
    ("nc32-userkeys", ["verified": 104, "plain": 2, "plain-copy-of-server": 1]),
    ("nc32-legacy", ["verified": 156, "unsigned": 4, "plain": 2, "plain-copy-of-server": 4]),
    ("nc32-external", ["verified": 65, "plain": 11, "plain-copy-of-server": 4]),
    ("nc32-s3", ["verified": 100, "plain": 2, "plain-copy-of-server": 1, "newer-than-snapshot": 1]),
  ]

  @Test(arguments: instances) func everyFileIsItsPlaintext(name: String, statuses: [String: Int]) throws {
    let examiner = try Self.examiner(name)
    let files = try SampleContent.files(of: SampleContent.instances.appending(path: name))
    var found: [String: Int] = [:]
    for file in files {
      let (result, plaintext) = try examiner.both(file)
      found[result.status.word, default: 0] += 1
      #expect(plaintext == file.expected, "\(name)/\(file): \(result)")
      #expect(result.plainSize == Int64(file.expected.count), "\(file): \(result)")
      #expect(result.notes.isEmpty, "\(file): \(result.notes)")
    }
    #expect(found == statuses)
  }

  /// Excerpts of older releases, by folder and kind of key, with the number of files that have an original.
  static let legacy: [(release: String, kind: String, files: Int)] = [
    ("08.0.8", "user", 1), ("08.0.8", "recovery", 1), ("08.0.8", "pubshare", 1),
    ("09.0.0", "master", 1), ("09.0.0", "user", 1), ("09.0.0", "recovery", 1), ("09.0.0", "pubshare", 1),
    ("13.0.0", "master", 1), ("13.0.0", "user", 1), ("13.0.0", "recovery", 1), ("13.0.0", "pubshare", 1),
    ("20.0.1", "master", 5), ("20.0.1", "user", 5), ("20.0.1", "recovery", 5), ("20.0.1", "pubshare", 5),
    ("25.0.0", "master", 20), ("25.0.0", "user", 20), ("25.0.0", "pubshare", 20),
  ]

  @Test(.enabled(if: Samples.arePresent), arguments: legacy)
  func everyOlderFileIsItsOriginal(release: String, kind: String, files: Int) throws {
    let root = Samples.shared.appending(path: "legacy/\(release)")
    let folder = root.appending(path: kind)
    let ring = try SampleContent.ring(folder, config: root.appending(path: "config.php")) { material in
      material.add(recoveryPassword: try secretBytes("recovery"))
      material.add(password: try secretBytes("admin"), ofUser: "admin")
    }
    let examiner = try ContentExaminer(ring: ring)
    let names = try SampleContent.files(below: folder.appending(path: "admin/files"))
    #expect(names.count == files)
    for name in names {
      let keys = try ["keys/files/\(name)/OC_DEFAULT_MODULE", "keys/\(name)"].compactMap {
        try SampleContent.keyFiles(folder.appending(path: "admin/files_encryption/\($0)"), name: $0)
      }
      let file = SampleFile(
        name: name, bytes: try SampleContent.bytes(folder.appending(path: "admin/files/\(name)")),
        expected: try SampleContent.bytes(root.appending(path: "original/admin/files/\(name)")), keys: keys,
        expectation: ContentExpectation(name: name.split(separator: "/").last.map(String.init) ?? name))
      let (result, plaintext) = try examiner.both(file)
      #expect(plaintext == file.expected, "\(file): \(result)")
      #expect(result.status == (release == "08.0.8" ? .unsigned : .noRow(version: result.signatureVersion)))
      #expect(result.hasOldSignatures == ["09.0.0", "13.0.0"].contains(release))
      if FileType(name: name) != nil {
        #expect(result.checks.contains { $0.hasPrefix("type ") }, "\(file): \(result.checks)")
      }
      #expect(result.notes.isEmpty)
    }
  }
}
