import Foundation
import SystemPackage

@testable import NextcloudStorage

/// The sample instances of this repository, and what their databases say, to compare.
enum Instances {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Vectors/instances")

  static func path(_ name: String) -> FilePath { FilePath(folder.appending(path: name).path) }
  static func bytes(_ name: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: folder.appending(path: name))) }

  static func read(_ name: String) throws -> InstanceDatabase {
    try InstanceDatabase.read(path(name), tablePrefix: "oc_")
  }

  /// All snapshots of each instance.
  static let forms: [String: [String]] = [
    "nc32-sqlite-master": ["db.sqlite3"], "nc32-userkeys": ["db.sqlite3"], "nc32-legacy": ["db.sqlite3"],
    "nc32-external": ["db.sqlite3"], "nc32-s3": ["db.sqlite3"],
    "nc32-mariadb-master": [
      "db.mysql.sql", "db.mysql.sql.gz", "db.mysql-skip-extended-insert.sql", "db.mysql-hexblob-ansi.sql",
      "db.mysql-opt-variants.sql",
    ],
    "nc32-pgsql-master": ["db.pg.sql", "db.pg-inserts.sql", "db.pg-column-inserts.sql", "db.pg.dump", "db.pg-z0.dump"],
  ]

  static func isArchive(_ name: String) -> Bool { name.hasSuffix(".dump") }

  static let programs = ["gzip", "zstd", "xz", "bzip2", "sqlite3", "pg_restore"].filter { program in
    (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").contains {
      FileManager.default.isExecutableFile(atPath: "\($0)/\(program)")
    }
  }
}

extension InstanceDatabase {
  /// Every row, by `fileid`.
  var everyRow: [FileRow] {
    get throws {
      var rows: [FileRow] = []
      try forEachRow(containing: "", without: "\u{1}") { rows.append($0) }
      return rows
    }
  }

  /// Whether two say the same about everything.
  func says(theSameAs other: InstanceDatabase) throws -> Bool {
    try facts == other.facts && selfTest == other.selfTest && faults == other.faults && storages == other.storages
      && externalMounts == other.externalMounts && teamFolders == other.teamFolders && users == other.users
      && appConfig == other.appConfig && sampleEncryptedValues == other.sampleEncryptedValues
      && everyRow == other.everyRow
  }
}

/// Runs a program of the system and returns what it writes; for tests only.
func output(of program: String, _ arguments: [String], input: [UInt8]? = nil) throws -> [UInt8] {
  let folder = try TemporaryFolder()
  let process = Process()
  process.executableURL = URL(filePath: "/usr/bin/env")
  process.arguments = [program] + arguments
  let result = folder.url.appending(path: "output")
  try Data().write(to: result)
  process.standardOutput = try FileHandle(forWritingTo: result)
  if let input {
    try Data(input).write(to: folder.url.appending(path: "input"))
    process.standardInput = try FileHandle(forReadingFrom: folder.url.appending(path: "input"))
  }
  try process.run()
  process.waitUntilExit()
  guard process.terminationStatus == 0 else { throw MissingSample(what: "\(program) \(arguments)") }
  return [UInt8](try Data(contentsOf: result))
}

extension TemporaryFolder {
  /// Writes a file and says where it is.
  func file(_ name: String, _ bytes: [UInt8]) throws -> FilePath {
    try write(name, bytes)
    return FilePath(url.appending(path: name).path)
  }
}
