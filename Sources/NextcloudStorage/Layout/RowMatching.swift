internal import FoundationEssentials
internal import GRDB
internal import SystemPackage

/// Which files are content, and which row belongs to which.
extension LayoutBuilder {
  /// What an absent file means, as it stands in the table.
  static let absences = ContentFile.Absence.allCases
  static let kinds = ContentFile.Kind.allCases

  static func number(_ absence: ContentFile.Absence) -> Int { absences.firstIndex(of: absence) ?? 0 }
  static func number(_ kind: ContentFile.Kind) -> Int { kinds.firstIndex(of: kind) ?? 0 }

  mutating func addContent() throws(LayoutError) {
    let areas = areas
    try store.write { db in
      for (index, area) in areas.enumerated() {
        if area.part == .unknownObjects {
          try db.execute(
            sql: """
              INSERT INTO backup_content (area, path, kind) SELECT ?, path, ? FROM backup_object o
              WHERE NOT EXISTS (SELECT 1 FROM files f WHERE f.fileid = o.fileid)
              """, arguments: [index, Self.number(.unknownObject)])
        }
        for content in area.contents {
          let prefix = area.prefix + content.prefix
          try db.execute(
            sql: """
              INSERT OR IGNORE INTO backup_content (area, path, kind, fileid)
              SELECT ?, path, ?, fileid FROM backup_entry WHERE path >= ? AND path < ?
              """, arguments: [index, Self.number(content.kind), prefix.blob, prefix.end.blob])
        }
      }
      for index in areas.indices { try deleteInner(of: index, db) }
    }
  }

  /// What lies in a folder of another area is that one's only.
  private func deleteInner(of index: Int, _ db: Database) throws {
    let outer = areas[index]
    guard outer.part != .unknownObjects else { return }
    for inner in innerAreas where inner.count > outer.prefix.count && inner.starts(with: outer.prefix) {
      try db.execute(
        sql: "DELETE FROM backup_content WHERE area = ? AND path >= ? AND path < ?",
        arguments: [index, inner.blob, inner.end.blob])
    }
  }

  mutating func matchRows() throws(LayoutError) {
    guard hasRows else { return }
    for (index, area) in areas.enumerated() where area.part != .unknownObjects {
      try store.write { db in
        for storage in area.storages {
          try db.execute(
            sql: """
              UPDATE backup_content SET fileid = (SELECT f.fileid FROM files f
                WHERE f.storage = ?1 AND f.path = CAST(?2 AS TEXT) || CAST(substr(backup_content.path, ?3) AS TEXT)
                AND \(notFolder))
              WHERE area = ?4 AND fileid IS NULL
              """, arguments: [storage, area.rowPrefix.blob, area.prefix.count + 1, index])
        }
      }
      try matchOtherForms(index)
      try addMissing(index)
      try matchOtherCase(index)
      try explainMissing(index)
    }
    try findMissingHomes()
  }

  private var notFolder: String {
    database.folderTypes.isEmpty
      ? "1" : "f.mimetype NOT IN (\(database.folderTypes.sorted().map(String.init).joined(separator: ", ")))"
  }

  /// Files whose names stand in the backup in another Unicode form.
  private mutating func matchOtherForms(_ index: Int) throws(LayoutError) {
    let area = areas[index]
    try forEach("fileid IS NULL", of: index) { db, path, _ in
      let relative = Array(path.dropFirst(area.prefix.count))
      let composed = relative.composed
      guard composed != relative else { return }
      let rowPath = (area.rowPrefix + composed).text
      for storage in area.storages {
        let fileID = try Int64.fetchOne(
          db, sql: "SELECT f.fileid FROM files f WHERE f.storage = ? AND f.path = ? AND \(notFolder)",
          arguments: [storage, rowPath])
        guard let fileID else { continue }
        try db.execute(
          sql: "UPDATE backup_content SET fileid = ? WHERE area = ? AND path = ?",
          arguments: [fileID, index, path.blob])
        inventory.otherUnicodeForm.add(path.filePath)
        break
      }
    }
  }

  /// Rows whose files are not there.
  private func addMissing(_ index: Int) throws(LayoutError) {
    let area = areas[index]
    try store.write { db in
      var absence = ContentFile.Absence.missing
      for storage in area.storages {
        for content in area.contents {
          let prefix = area.rowPrefix + content.prefix
          let first = try Int64.fetchOne(
            db, sql: "SELECT fileid FROM files WHERE storage = ? AND path >= ? AND path < ? LIMIT 1",
            arguments: [storage, prefix.text, prefix.isEmpty ? "\u{10ffff}" : prefix.end.text])
          guard first != nil else { continue }
          try db.execute(
            sql: """
              INSERT OR IGNORE INTO backup_content (area, path, kind, fileid, absence)
              SELECT ?1, CAST(CAST(?2 AS TEXT) || substr(f.path, ?3) AS BLOB), ?4, f.fileid, ?5 FROM files f
              WHERE f.storage = ?6 AND f.path >= ?7 AND f.path < ?8 AND f.path <> '' AND \(notFolder)
              AND NOT EXISTS (SELECT 1 FROM backup_content c WHERE c.fileid = f.fileid)
              """,
            arguments: [
              index, area.prefix.blob, area.rowPrefix.text.unicodeScalars.count + 1, Self.number(content.kind),
              Self.number(absence), storage, prefix.text, prefix.isEmpty ? "\u{10ffff}" : prefix.end.text,
            ])
        }
        // The first storage with rows is the one in use; what only an older one knows is gone.
        let hasRows = try Int64.fetchOne(
          db, sql: "SELECT 1 FROM files WHERE storage = ? AND path <> '' LIMIT 1", arguments: [storage])
        if hasRows != nil, !area.isShared { absence = .superseded }
      }
      try deleteInner(of: index, db)
    }
  }

  /// Files that lack a row, and rows that lack a file, with names that differ in upper and lower case only.
  private mutating func matchOtherCase(_ index: Int) throws(LayoutError) {
    let limit = 100_000
    var missing: [PathBytes: PathBytes] = [:]
    try forEach("absence IS NOT NULL", of: index) { _, path, _ in
      if missing.count < limit { missing[path.folded] = path }
    }
    guard !missing.isEmpty else { return }
    try forEach("fileid IS NULL", of: index) { db, path, _ in
      guard let named = missing.removeValue(forKey: path.folded) else { return }
      let fileID = try Int64.fetchOne(
        db, sql: "SELECT fileid FROM backup_content WHERE area = ? AND path = ?", arguments: [index, named.blob])
      try db.execute(
        sql: "DELETE FROM backup_content WHERE area = ? AND path = ?", arguments: [index, named.blob])
      try db.execute(
        sql: "UPDATE backup_content SET fileid = ? WHERE area = ? AND path = ?",
        arguments: [fileID, index, path.blob])
      inventory.otherCase.add(path.filePath)
    }
  }

  /// Rows that the server leaves behind although nothing is lost.
  private func explainMissing(_ index: Int) throws(LayoutError) {
    let area = areas[index]
    let missing = Self.number(.missing)
    try forEach("absence = \(missing)", of: index) { db, path, kind in
      let relative = Array(path.dropFirst(area.prefix.count))
      var reason: ContentFile.Absence?
      if TemporaryNames.final(relative) != nil {
        reason = .unfinished
      } else if kind == Self.number(.version), case .home = area.part {
        let version = ContentPath(relative, kind: .version, in: area.part)
        // Restoring a version gives its time to the current file, and its row stays behind.
        if let stamp = Int64(Array(relative.dropFirst((relative.lastIndex(of: 0x2e) ?? 0) + 2)).text),
          let storage = area.storages.first,
          let modified = try Int64.fetchOne(
            db, sql: "SELECT modified FROM files WHERE storage = ? AND path = ?",
            arguments: [storage, "files/" + version.logical.text]),
          modified == stamp
        {
          reason = .restoredVersion
        }
      }
      if let reason {
        try db.execute(
          sql: "UPDATE backup_content SET absence = ? WHERE area = ? AND path = ?",
          arguments: [Self.number(reason), index, path.blob])
      }
    }
  }

  /// Users of whom there are rows, but no folder.
  private mutating func findMissingHomes() throws(LayoutError) {
    let there = Set(
      areas.compactMap { area -> String? in
        if case .home(let user) = area.part { user.composed.text } else { nil }
      })
    let names = storages.homes
    for user in names.keys.sorted() where !there.contains(user) {
      let (rows, encrypted) = try store.read { db in
        var sums = (0, 0)
        for storage in names[user] ?? [] {
          for prefix in ["files/", "files_versions/", "files_trashbin/files/", "files_trashbin/versions/"] {
            let row = try Row.fetchOne(
              db,
              sql: """
                SELECT COUNT(*), COALESCE(SUM(f.encrypted <> 0), 0) FROM files f
                WHERE f.storage = ? AND f.path >= ? AND f.path < ? AND \(notFolder)
                """, arguments: [storage, prefix, String(prefix.dropLast()) + "0"])
            if let row { sums = (sums.0 + (row[0] as Int), sums.1 + (row[1] as Int)) }
          }
        }
        return sums
      }
      if rows > 0 { inventory.missingHomes.add(.init(user: user, rows: rows, encryptedRows: encrypted)) }
    }
  }

  /// Walks over the content of an area in pieces; the table may be changed meanwhile.
  private func forEach(
    _ condition: String, of index: Int, _ body: (Database, PathBytes, _ kind: Int) throws -> Void
  ) throws(LayoutError) {
    var last: PathBytes?
    while true {
      let start = last
      let end = try store.write { db in
        let statement = try db.cachedStatement(
          sql: """
            SELECT path, kind FROM backup_content WHERE area = ? AND path > ? AND \(condition) ORDER BY path LIMIT 1000
            """)
        let rows = try Row.fetchAll(statement, arguments: [index, (start ?? []).blob])
        for row in rows { try body(db, PathBytes(row[0] as Data), row[1]) }
        return rows.count == 1000 ? rows.last.map { PathBytes($0[0] as Data) } : nil
      }
      guard let end else { return }
      last = end
    }
  }
}

extension ContentArea {
  /// Several storages may serve it at once, none of them older than another.
  fileprivate var isShared: Bool {
    if case .home = part { false } else { true }
  }
}
