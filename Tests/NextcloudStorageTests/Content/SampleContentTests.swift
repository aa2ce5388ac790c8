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
  static let instances: [(name: String, statuses: [String: Int])] = [
    ("nc32-sqlite-master", [:]), ("nc32-mariadb-master", [:]), ("nc32-pgsql-master", [:]), ("nc32-userkeys", [:]),
    ("nc32-legacy", [:]), ("nc32-external", [:]), ("nc32-s3", [:]),
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
      if ![.verified, .plain, .noRow(version: 1)].contains(result.status) { print(name, file, result) }
    }
    #expect(found == statuses)
  }
}
