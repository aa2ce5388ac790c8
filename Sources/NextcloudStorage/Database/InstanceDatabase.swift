package import DatabaseSnapshots
internal import GRDB

/// What a snapshot of an instance's database says, whatever engine wrote it: its files in a temporary index on disk, all
/// else in memory.
///
/// It may be asked from several threads; they take turns.
package final class InstanceDatabase: Sendable {
  /// What keys and a restore depend on; nil where there is no snapshot.
  package let facts: SnapshotFacts?
  package let selfTest: PathSelfTest
  /// What is wrong with the snapshot; what could be read of it is here all the same.
  package let faults: [SnapshotFault]
  /// Whether all of the snapshot is there, as far as that can be told.
  package var isComplete: Bool { !faults.contains(where: \.isLoss) }
  /// Sorted by their numbers.
  package let storages: [StorageRow]
  package let externalMounts: [ExternalMount]
  package let teamFolders: [TeamFolder]
  /// Of the table `users`, sorted; those of LDAP and the like are not among them.
  package let users: [String]
  /// Rows of `appconfig` as `core/encryption_enabled`, but what is encrypted or very long.
  package let appConfig: [String: String]
  /// At most 50 values that the instance's `secret` encrypts, to try a secret with.
  package let sampleEncryptedValues: [EncryptedValue]

  /// The temporary database; other code of this module may make tables in it.
  let queue: DatabaseQueue
  /// Users whose ids are so long that the ids of their storages may be kept as digests.
  let usersOfLongIDs: [String]
  /// The numbers of the folders' MIME type.
  let folderTypes: Set<Int64>
  private let numbers: [String: Int64]

  /// The database of no snapshot: it has nothing.
  ///
  /// - Throws: `CollectionError.noIndex`.
  package static func empty() throws -> InstanceDatabase {
    do {
      return try InstanceDatabase(
        queue: try FileIndex.open(), facts: nil, contents: InstanceContents(), selfTest: PathSelfTest(), faults: [])
    } catch let error as DatabaseError {
      throw CollectionError.noIndex(error.message ?? "\(error.resultCode)")
    }
  }

  init(
    queue: DatabaseQueue, facts: SnapshotFacts?, contents: InstanceContents, selfTest: PathSelfTest,
    faults: [SnapshotFault]
  ) throws {
    self.queue = queue
    self.facts = facts
    self.selfTest = selfTest
    self.faults = faults
    storages = contents.storages.sorted { $0.key < $1.key }.map { StorageRow(number: $0.key, id: $0.value) }
    numbers = Dictionary(storages.map { ($0.id, $0.number) }) { first, _ in first }
    externalMounts = try contents.externalMounts()
    teamFolders = contents.teamFolders.sorted { $0.id < $1.id }
    users = contents.users.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    usersOfLongIDs = contents.usersOfLongIDs.sorted()
    appConfig = contents.appConfig
    sampleEncryptedValues = contents.samples
    var types = contents.folderTypes
    if types.isEmpty {
      // The table that names them comes late in a dump, and may be lost. The root of each storage is a folder.
      types = try queue.read { database in
        try Int64.fetchSet(database, sql: "SELECT DISTINCT mimetype FROM files WHERE path = '' AND mimetype NOT NULL")
      }
    }
    folderTypes = types
  }

  /// How many files and folders are in the index.
  package var count: Int {
    get throws { try read { try Int.fetchOne($0, sql: "SELECT count(*) FROM files") ?? 0 } }
  }

  /// Whether there is any file to compare a backup with.
  package var hasRows: Bool {
    get throws { try read { try Bool.fetchOne($0, sql: "SELECT EXISTS (SELECT 1 FROM files)") ?? false } }
  }

  /// The storage of an id such as `home::alice`, also where the database keeps its digest since it is long.
  package func storage(id: String) throws -> StorageRow? {
    if let number = numbers[id] { return StorageRow(number: number, id: id) }
    guard id.utf8.count > 64, let number = numbers[try LibCrypto.md5Hex(id)] else { return nil }
    return StorageRow(number: number, id: id)
  }

  /// - Parameter path: as the database has it: below the storage, without a leading slash, NFC.
  package func row(storage: Int64, path: String) throws -> FileRow? {
    try read { database in
      let statement = try database.cachedStatement(sql: Self.selection + "storage = ? AND path = ? LIMIT 1")
      return try Row.fetchOne(statement, arguments: [storage, path]).map(fileRow)
    }
  }

  package func row(fileID: Int64) throws -> FileRow? {
    try read { database in
      let statement = try database.cachedStatement(sql: Self.selection + "fileid = ?")
      return try Row.fetchOne(statement, arguments: [fileID]).map(fileRow)
    }
  }

  /// Walks over the files, not the folders, of a storage in the order of their paths' bytes; in pieces, so that memory
  /// is bounded and `body` may ask the database anything.
  ///
  /// - Parameter pathPrefix: what the paths begin with, such as `files/`; empty for all.
  package func forEachFile(
    storage: Int64, pathPrefix: String = "", _ body: (FileRow) throws -> Void
  ) throws {
    var last: (path: String, fileID: Int64) = (pathPrefix, .min)
    while true {
      let page = try read { database in
        let statement = try database.cachedStatement(
          sql: Self.selection + "storage = ? AND (path, fileid) > (?, ?) ORDER BY path, fileid LIMIT \(Self.pageCount)")
        return try Row.fetchAll(statement, arguments: [storage, last.path, last.fileID]).map(fileRow)
      }
      for row in page {
        guard row.path.utf8.starts(with: pathPrefix.utf8) else { return }
        if !row.isFolder { try body(row) }
      }
      guard page.count == Self.pageCount, let end = page.last else { return }
      last = (end.path, end.fileID)
    }
  }

  /// The same over all storages, in the order of `fileid`.
  package func forEachFile(_ body: (FileRow) throws -> Void) throws {
    var last: Int64?
    while true {
      let page = try read { database in
        let statement = try database.cachedStatement(
          sql: Self.selection + "(?1 IS NULL OR fileid > ?1) ORDER BY fileid LIMIT \(Self.pageCount)")
        return try Row.fetchAll(statement, arguments: [last]).map(fileRow)
      }
      for row in page where !row.isFolder { try body(row) }
      guard page.count == Self.pageCount, let end = page.last else { return }
      last = end.fileID
    }
  }

  /// Whether any path contains this.
  func hasRow(containing text: String) throws -> Bool {
    try read { database in
      try Bool.fetchOne(
        database, sql: "SELECT EXISTS (SELECT 1 FROM files WHERE instr(path, ?) > 0)", arguments: [text]) ?? false
    }
  }

  /// Walks over the rows, folders too, whose paths contain one text and not another, in the order of `fileid`.
  func forEachRow(containing text: String, without other: String, _ body: (FileRow) throws -> Void) throws {
    var last: Int64 = .min
    while true {
      let page = try read { database in
        let statement = try database.cachedStatement(
          sql: Self.selection
            + "fileid > ? AND instr(path, ?) > 0 AND instr(path, ?) = 0 ORDER BY fileid LIMIT \(Self.pageCount)")
        return try Row.fetchAll(statement, arguments: [last, text, other]).map(fileRow)
      }
      for row in page { try body(row) }
      guard page.count == Self.pageCount, let end = page.last else { return }
      last = end.fileID
    }
  }

  private static let pageCount = 1000
  private static let selection =
    "SELECT fileid, storage, path, size, unencrypted, encrypted, modified, checksum, mimetype FROM files WHERE "

  private func fileRow(_ row: Row) -> FileRow {
    let checksum: String? = row[7]
    let type: Int64? = row[8]
    return FileRow(
      fileID: row[0], storage: row[1], path: row[2], size: row[3], unencryptedSize: row[4], encrypted: row[5],
      modified: row[6], checksum: checksum.flatMap { $0.isEmpty ? nil : $0 },
      isFolder: type.map(folderTypes.contains) ?? false)
  }

  private func read<Value>(_ body: (Database) throws -> Value) throws -> Value {
    do {
      return try queue.read(body)
    } catch let error as DatabaseError {
      throw CollectionError.noIndex(error.message ?? "\(error.resultCode)")
    }
  }
}
