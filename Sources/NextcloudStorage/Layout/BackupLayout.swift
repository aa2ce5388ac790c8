internal import FoundationEssentials
internal import GRDB
internal import SystemPackage

/// What lies where in a backup: its content files with their rows and keys, and what does not fit.
///
/// It may be asked from several threads, which take turns, and from within the bodies that it calls.
package final class BackupLayout: Sendable {
  package let inventory: BackupInventory
  let store: LayoutStore
  let database: InstanceDatabase
  let lookup: KeyLookup
  private let objectPrefix: String
  private let objectFolder: PathBytes

  init(
    store: LayoutStore, database: InstanceDatabase, lookup: KeyLookup, inventory: BackupInventory,
    objectPrefix: String, objectFolder: PathBytes
  ) {
    self.store = store
    self.database = database
    self.lookup = lookup
    self.inventory = inventory
    self.objectPrefix = objectPrefix
    self.objectFolder = objectFolder
  }

  private static let page = 256

  /// Walks over all content in a fixed order: place by place, by the bytes of the paths.
  ///
  /// Rows without a file are among them. The order depends on nothing but the list and the snapshot.
  ///
  /// - Parameter withKeys: false leaves `keyPlaces` empty, which is faster by far; `withKeys(_:)` adds them.
  /// - Throws: `LayoutError`, and what `body` throws.
  package func forEachContentFile(withKeys: Bool = true, _ body: (ContentFile) throws -> Void) throws {
    var last: (area: Int, path: PathBytes) = (-1, [])
    while true {
      let start = last
      let page = try store.read { db in
        let statement = try db.cachedStatement(
          sql: Self.selection + "(c.area, c.path) > (?, ?) ORDER BY c.area, c.path LIMIT \(Self.page)")
        return try Row.fetchAll(statement, arguments: [start.area, start.path.blob]).map { row in
          (area: row[0] as Int, path: PathBytes(row[1] as Data), file: try contentFile(row, withKeys: withKeys, db))
        }
      }
      for item in page { if let file = item.file { try body(file) } }
      guard page.count == Self.page, let end = page.last else { return }
      last = (end.area, end.path)
    }
  }

  /// The same file with the places of its keys.
  package func withKeys(_ file: ContentFile) throws(LayoutError) -> ContentFile {
    guard let (area, path) = origin(of: file) else { return file }
    return file.with(try store.read { try keyPlaces(path, file.kind, row: file.row, in: lookup.areas[area], $0) })
  }

  /// Places of keys that may have been this file's before it, its folder or its mount was moved or renamed: those whose
  /// last name is the same, its owner's first, at most 32.
  ///
  /// Only the first block's signature tells whether one of them fits.
  package func furtherKeyPlaces(for file: ContentFile) throws(LayoutError) -> [KeyPlaceOfFile] {
    guard let (area, path) = origin(of: file) else { return [] }
    try collectKeyFolders()
    return try store.read { db in
      let known = Set(file.keyPlaces.map(\.name))
      return try keyPlacesByName(path, file.kind, in: lookup.areas[area], db).filter { !known.contains($0.name) }
        .map { KeyPlaceOfFile(name: $0.name, shareKeys: $0.shareKeys, fileKey: $0.fileKey, isExpected: false) }
    }
  }

  // MARK: One file

  private static let selection = """
    SELECT c.area, c.path, c.kind, c.absence, e.size, e.modified, e.real, f.fileid, f.storage, f.path, f.size,
      f.unencrypted, f.encrypted, f.modified, f.checksum, f.mimetype
    FROM backup_content c LEFT JOIN backup_entry e ON e.path = c.path LEFT JOIN files f ON f.fileid = c.fileid
    WHERE \("")
    """

  private func contentFile(_ row: Row, withKeys: Bool, _ db: Database) throws -> ContentFile? {
    let (index, number) = (row[0] as Int, row[2] as Int)
    guard lookup.areas.indices.contains(index), LayoutBuilder.kinds.indices.contains(number) else { return nil }
    let area = lookup.areas[index]
    let kind = LayoutBuilder.kinds[number]
    let path = PathBytes(row[1] as Data)
    let absence = (row[3] as Int?).map { LayoutBuilder.absences[$0] }
    let found: FileRow? = (row[7] as Int64?).map { fileID in
      FileRow(
        fileID: fileID, storage: row[8], path: row[9], size: row[10], unencryptedSize: row[11], encrypted: row[12],
        modified: row[13], checksum: (row[14] as String?).flatMap { $0.isEmpty ? nil : $0 },
        isFolder: (row[15] as Int64?).map(database.folderTypes.contains) ?? false)
    }
    let isVirtual = path.starts(with: LayoutBuilder.virtual)
    var real = (row[6] as Data?).map { PathBytes($0) } ?? path
    if isVirtual, absence != nil, let found { real = objectFolder + objectPrefix + "\(found.fileID)" }
    let parts = ContentPath(Array(path.dropFirst(area.prefix.count)), kind: kind, in: area.part)
    let isUnknown = kind == .unknownObject
    return ContentFile(
      path: real.filePath, kind: kind, place: area.place, owner: area.owner,
      logicalPath: isUnknown ? path.lastName.text : parts.logical.text,
      size: absence == nil ? row[4] ?? 0 : 0, modified: (absence == nil ? row[5] : nil) ?? found?.modified,
      isThere: absence == nil, row: found,
      keyPlaces: withKeys ? try keyPlaces(path, kind, row: found, in: area, db) : [], absence: absence)
  }

  /// Where a file stands in the tables.
  private func origin(of file: ContentFile) -> (area: Int, path: PathBytes)? {
    let path = PathBytes(path: file.path)
    let areas = lookup.areas.indices.filter { lookup.areas[$0].place == file.place }
    if file.kind == .unknownObject { return areas.first.map { ($0, path) } }
    if let row = file.row,
      let found = try? store.read({ db in
        try Row.fetchOne(db, sql: "SELECT area, path FROM backup_content WHERE fileid = ?", arguments: [row.fileID])
      })
    {
      return (found[0], PathBytes(found[1] as Data))
    }
    return areas.filter { path.starts(with: lookup.areas[$0].prefix) }
      .max { lookup.areas[$0].prefix.count < lookup.areas[$1].prefix.count }.map { ($0, path) }
  }

  private func keyPlaces(
    _ path: PathBytes, _ kind: ContentFile.Kind, row: FileRow?, in area: ContentArea, _ db: Database
  ) throws -> [KeyPlaceOfFile] {
    if kind == .unknownObject { return try shareKeys(near: path, db) }
    let parts = ContentPath(Array(path.dropFirst(area.prefix.count)), kind: kind, in: area.part)
    return try lookup.places(parts, in: area, db)
  }
}
