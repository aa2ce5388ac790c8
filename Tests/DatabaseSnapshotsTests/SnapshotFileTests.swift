import Foundation
import SystemPackage
import Testing

@testable import DatabaseSnapshots

enum Samples {
  static let shared = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: "shared/fixtures")
  static let arePresent = FileManager.default.fileExists(atPath: shared.path)

  static func path(_ name: String) -> FilePath { FilePath(shared.appending(path: name).path) }
  static func bytes(_ name: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: shared.appending(path: name))) }
}

/// A folder of a test's own, gone with the test.
final class TemporaryFolder {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appending(path: "provenkey-test-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  @discardableResult func write(_ name: String, _ bytes: [UInt8]) throws -> FilePath {
    try Data(bytes).write(to: url.appending(path: name))
    return FilePath(url.appending(path: name).path)
  }

  var names: [String] {
    get throws { try FileManager.default.contentsOfDirectory(atPath: url.path).sorted() }
  }
}

@Suite struct SnapshotFileTests {
  static let files: [(String, SnapshotEngine?, SnapshotCompression, Bool?)] = [
    ("nc32-sqlite-master/db.sqlite3", .sqlite, .none, true),
    ("nc32-userkeys/db.sqlite3", .sqlite, .none, true),
    ("nc32-legacy/db.sqlite3", .sqlite, .none, true),
    ("nc32-external/db.sqlite3", .sqlite, .none, true),
    ("nc32-s3/db.sqlite3", .sqlite, .none, true),
    ("nc32-mariadb-master/db.mysql.sql", .mariadb, .none, true),
    ("nc32-mariadb-master/db.mysql-hexblob-ansi.sql", .mariadb, .none, true),
    ("nc32-mariadb-master/db.mysql-skip-extended-insert.sql", .mariadb, .none, true),
    ("nc32-mariadb-master/db.mysql-opt-variants.sql", .mariadb, .none, true),
    ("nc32-mariadb-master/db.mysql.sql.gz", .mariadb, .gzip, nil),
    ("nc32-pgsql-master/db.pg.sql", .postgresqlPlain, .none, true),
    ("nc32-pgsql-master/db.pg-inserts.sql", .postgresqlPlain, .none, true),
    ("nc32-pgsql-master/db.pg-column-inserts.sql", .postgresqlPlain, .none, true),
    ("nc32-pgsql-master/db.pg.dump", .postgresqlCustom, .none, nil),
    ("nc32-pgsql-master/db.pg-z0.dump", .postgresqlCustom, .none, nil),
  ]

  @Test(.enabled(if: Samples.arePresent), arguments: files)
  func snapshotsOfEveryEngineAreRecognised(
    name: String, engine: SnapshotEngine?, compression: SnapshotCompression, isComplete: Bool?
  ) throws {
    let file = try SnapshotFile.recognise(Samples.path(name))
    #expect(file.engine == engine && file.compression == compression && file.isComplete == isComplete)
    #expect(file.size == Int64(try Samples.bytes(name).count))
    #expect(file.sidecars.isEmpty && file.modified > 0)
  }

  @Test(
    .enabled(if: Samples.arePresent),
    arguments: [
      ("nc32-mariadb-master/db.mysql.sql", 94853), ("nc32-pgsql-master/db.pg.sql", 165_733),
    ])
  func aDumpThatWasCutIsNotComplete(name: String, count: Int) throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("dump.sql", Array(try Samples.bytes(name)[..<count]))
    #expect(try SnapshotFile.recognise(path).isComplete == false)
  }

  @Test func othersAreTheFirstBytesOfCompressedFiles() throws {
    let folder = try TemporaryFolder()
    for (magic, expected) in [
      ([0x28, 0xb5, 0x2f, 0xfd], SnapshotCompression.zstd), ([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0], .xz),
      (Array("BZh9".utf8), .bzip2),
    ] {
      let file = try SnapshotFile.recognise(try folder.write("x", magic + [1, 2, 3]))
      #expect(file.compression == expected && file.engine == nil)
    }
  }

  @Test(arguments: ["", "hello", "<?php\n$CONFIG = array();\n", "SQLite format 3\0", "%PDF-1.7"])
  func otherFilesAreNoSnapshots(text: String) throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("x", [UInt8](text.utf8))
    #expect(throws: SnapshotError.notASnapshot(path)) { try SnapshotFile.recognise(path) }
    #expect(throws: SnapshotError.unreadable(FilePath(folder.url.path), "it is a folder")) {
      try SnapshotFile.recognise(FilePath(folder.url.path))
    }
  }

  @Test func theDigestIsThatOfAllBytes() throws {
    let folder = try TemporaryFolder()
    let abc = try folder.write("abc", [UInt8]("abc".utf8))
    #expect(
      try SnapshotFile.sha256(of: abc) { _, _ in } == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )
    // A million times "a" (FIPS 180-2), three times one piece and a rest.
    let million = try folder.write("a", [UInt8](repeating: 0x61, count: 1_000_000))
    var steps: [Int] = []
    let long = try SnapshotFile.sha256(of: million) { done, total in
      steps.append(done)
      #expect(total == 1_000_000)
    }
    #expect(long == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
    #expect(steps.last == 1_000_000)
  }

  @Test func aFileThatGrowsWhileItIsReadIsRefused() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("x", [UInt8](repeating: 1, count: 3 << 20))
    let handle = try FileHandle(forWritingTo: folder.url.appending(path: "x"))
    try handle.seekToEnd()
    var error: SnapshotError?
    do {
      _ = try SnapshotFile.sha256(of: path) { done, _ in
        if done == 1 << 20 { try? handle.write(contentsOf: Data([1])) }
      }
    } catch let thrown as SnapshotError {
      error = thrown
    }
    #expect(error == .changedWhileReading(path))
  }
}
