internal import FoundationEssentials
internal import GRDB
package import SystemPackage

/// Takes the list of a backup's files, one at a time and in any order, until it is whole and can be understood.
///
/// The list goes into temporary tables on disk, so that a million files need no more memory than a hundred.
package final class BackupListing {
  private let database: InstanceDatabase
  private let facts: LayoutFacts
  private let store: LayoutStore
  private var signs: TopSigns
  private var pending: [(path: PathBytes, size: Int64, modified: Int64?)] = []

  private static let batch = 4096

  /// - Parameter database: of the snapshot; its index gets more tables, so that it serves one listing. An empty one
  ///   where there is no snapshot.
  package init(database: InstanceDatabase, facts: LayoutFacts) throws(LayoutError) {
    self.database = database
    self.facts = facts
    store = try LayoutStore(database.queue)
    signs = TopSigns(objectPrefix: facts.objectPrefix)
  }

  /// Adds one file.
  ///
  /// - Parameters:
  ///   - path: relative to the backup's top.
  ///   - size: in bytes.
  ///   - modified: in seconds since 1970.
  package func add(path: FilePath, size: Int64, modified: Int64?) throws(LayoutError) {
    try add(PathBytes(path: path), size: size, modified: modified)
  }

  func add(_ path: PathBytes, size: Int64, modified: Int64?) throws(LayoutError) {
    // Every name must be one: no empty one at an end or between two slashes, and nothing that leads upwards.
    for name in path.names where name.isEmpty || name.elementsEqual([0x2e]) || name.elementsEqual([0x2e, 0x2e]) {
      throw .path(path.filePath)
    }
    signs.add(path, size: size)
    pending.append((path, size, modified))
    if pending.count == Self.batch { try flush() }
  }

  /// What the list tells, once all files were added.
  package func layout() throws(LayoutError) -> BackupLayout {
    try flush()
    var builder = LayoutBuilder(database: database, facts: facts, store: store, signs: signs)
    return try builder.build()
  }

  private func flush() throws(LayoutError) {
    let entries = pending
    pending.removeAll(keepingCapacity: true)
    try store.write { db in
      let statement = try db.cachedStatement(
        sql: "INSERT OR REPLACE INTO backup_entry (path, size, modified) VALUES (?, ?, ?)")
      for entry in entries {
        try statement.execute(arguments: [entry.path.blob, entry.size, entry.modified])
      }
    }
  }
}
