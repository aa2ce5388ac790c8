internal import DatabaseSnapshots
package import FoundationEssentials
internal import NextcloudStorage
package import SystemPackage

/// What a database snapshot is, by itself.
package struct SnapshotInspection: Encodable, Equatable, Sendable {
  /// `sqlite`, `mariadb`, …; `unknown` below a compression.
  package let engine: String
  package let compression: String
  /// In bytes.
  package let size: Int
  package let sha256: String
  package let modified: Date
  /// Whether it has its last line, or its full length; nil where that cannot be told.
  package let isComplete: Bool?
  /// Of a Nextcloud's SQLite file.
  package let tablePrefix: String?
  package let rows: [String: Int]
  package let highestFileID: Int?
  package let highestVersion: Int?
  package let keyIDs: [String]

  /// Whether a file is a dump in PostgreSQL's tar format.
  package static func isTar(_ path: FilePath) -> Bool {
    (try? SnapshotFile.recognise(path))?.engine == .postgresqlTar
  }

  /// - Returns: nil when the file is no snapshot.
  /// - Throws: `SnapshotError` when it is one and is damaged or cannot be read.
  package static func inspect(_ path: FilePath) throws -> SnapshotInspection? {
    let file: SnapshotFile
    do throws(SnapshotError) {
      file = try SnapshotFile.recognise(path)
    } catch {
      if case .notASnapshot = error { return nil }
      throw error
    }
    var facts: SnapshotFacts?
    var isComplete = file.isComplete
    if file.engine != nil {
      let outcome = try SnapshotReader(path).tables()
      // Another program's database is a snapshot all the same, only not a Nextcloud's.
      if let prefix = InstanceDatabase.tablePrefixes(of: outcome).first {
        let database = try InstanceDatabase.read(path, tablePrefix: prefix, keepingFiles: false)
        facts = database.facts
      }
      for case .damaged(let why) in outcome.faults { throw SnapshotError.damaged(path, why) }
      isComplete = outcome.isComplete ? outcome.hasEnd ?? isComplete : false
    }
    return SnapshotInspection(
      engine: file.engine?.rawValue ?? "unknown", compression: file.compression.rawValue, size: Int(file.size),
      sha256: try SnapshotFile.sha256(of: path) { _, _ in },
      modified: Date(timeIntervalSince1970: TimeInterval(file.modified)),
      isComplete: isComplete, tablePrefix: facts?.tablePrefix, rows: facts?.rowCounts ?? [:],
      highestFileID: facts?.highestFileID.flatMap { Int(exactly: $0) },
      highestVersion: facts?.highestVersion.flatMap { Int(exactly: $0) },
      keyIDs: [facts?.masterKeyID, facts?.publicShareKeyID, facts?.recoveryKeyID].compactMap(\.self))
  }

  private enum CodingKeys: String, CodingKey {
    case engine, compression, size, sha256, modified, rows
    case isComplete = "is_complete"
    case tablePrefix = "table_prefix"
    case highestFileID = "highest_file_id"
    case highestVersion = "highest_version"
    case keyIDs = "key_ids"
  }
}
