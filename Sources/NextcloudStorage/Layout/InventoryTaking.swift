internal import FoundationEssentials
internal import GRDB
internal import SystemPackage

/// Counts what is there, and names what was not understood.
extension LayoutBuilder {
  private static let dataFiles: Set<String> = [
    ".htaccess", ".ncdata", ".ocdata", "index.html", "oneTimeEncryptionPasswords.csv", ".oc_key_storage",
    ".noaiobackup",
  ]
  private static let programFolders: Set<String> = [
    "3rdparty", "LICENSES", "apps", "config", "core", "custom_apps", "dist", "lib", "ocm-provider", "ocs",
    "ocs-provider",
    "resources", "themes", "updater",
  ]
  /// Folders in a user's folder, with what they are counted as; content and keys are counted elsewhere.
  private static let homeFolders: [String: String?] = [
    "files": nil, "files_versions": nil, "files_trashbin": nil, "files_encryption": nil, "cache": "cache",
    "uploads": "uploads", "thumbnails": "thumbnails", "files_external": "files_external",
  ]

  mutating func takeInventory(_ lookup: KeyLookup) throws(LayoutError) {
    for name in lookup.unknownNames { inventory.unknownKeyNames.add(name.text) }
    try countContent()
    for data in dataFolders where data != Self.virtual { try lookAtDataFolder(data) }
    try lookAtTop()
    for area in areas {
      guard case .home(let user) = area.part else { continue }
      inventory.homes.add(user.text)
      try lookAtHome(area)
    }
  }

  private mutating func countContent() throws(LayoutError) {
    let (there, absent, withRow, leftovers) = try store.read { db in
      let there = try Row.fetchAll(
        db, sql: "SELECT kind, COUNT(*) FROM backup_content WHERE absence IS NULL GROUP BY kind")
      let absent = try Row.fetchAll(
        db, sql: "SELECT absence, COUNT(*) FROM backup_content WHERE absence NOT NULL GROUP BY absence")
      let withRow = try Int.fetchOne(
        db, sql: "SELECT COUNT(*) FROM backup_content WHERE absence IS NULL AND fileid NOT NULL")
      let leftovers = try Row.fetchCursor(
        db,
        sql: """
          SELECT c.path, e.real FROM backup_content c LEFT JOIN backup_entry e ON e.path = c.path WHERE absence IS NULL
          AND (substr(c.path, -5) = x'2e70617274' OR instr(c.path, CAST('crypted.' AS BLOB)) > 0)
          """)
      var found = BackupInventory.Examples<FilePath>()
      while let row = try leftovers.next() {
        let path = PathBytes(row[0] as Data)
        if TemporaryNames.final(path) != nil { found.add(((row[1] as Data?).map { PathBytes($0) } ?? path).filePath) }
      }
      return (
        there.map { ($0[0] as Int, $0[1] as Int) }, absent.map { ($0[0] as Int, $0[1] as Int) }, withRow ?? 0, found
      )
    }
    inventory.content = Dictionary(uniqueKeysWithValues: there.map { (Self.kinds[$0.0], $0.1) })
    inventory.absent = Dictionary(uniqueKeysWithValues: absent.map { (Self.absences[$0.0], $0.1) })
    inventory.contentWithRow = withRow
    inventory.leftovers = leftovers
  }

  private mutating func lookAtHome(_ area: ContentArea) throws(LayoutError) {
    let prefix = area.prefix
    let (folders, files) = try store.read { db in
      (try db.folders(below: prefix), try db.files(below: prefix, limit: 1000))
    }
    if hasRows, area.storages.isEmpty, folders.contains(where: { $0.text == "files" }) {
      inventory.homesWithoutStorage.add(area.owner ?? "")
    }
    for folder in folders {
      let path = prefix + folder + [0x2f]
      guard !areas.contains(where: { $0.prefix == path }) else { continue }
      guard let counted = Self.homeFolders[folder.text] else {
        try notUnderstood(path)
        continue
      }
      if let counted { try count(path, as: counted) }
    }
    for file in files where prefix != Self.virtual { inventory.notUnderstood.add((file.real ?? file.path).filePath) }
  }

  private mutating func lookAtDataFolder(_ data: PathBytes) throws(LayoutError) {
    let (folders, files) = try store.read { db in
      (try db.folders(below: data), try db.files(below: data, limit: 10_000))
    }
    let known = Set(homes[data] ?? [])
    for folder in folders where !known.contains(folder) {
      let path = data + folder + [0x2f]
      let isOwn = areas.contains { $0.prefix == path || $0.prefix.starts(with: path) }
      if folder.hasPrefix("appdata_") {
        try count(path, as: "appdata")
      } else if folder.text == "files_external" {
        try count(path, as: "files_external")
      } else if Self.isReserved(folder) || isOwn || keyRoots.contains(where: { $0.starts(with: folder + [0x2f]) })
        || objectFolders.contains(where: { $0.starts(with: path) })
        || data.isEmpty && Self.programFolders.contains(folder.text)
      {
        continue
      } else {
        try notUnderstood(path)
      }
    }
    for file in files {
      let name = file.path.lastName
      let text = name.text
      if Self.dataFiles.contains(text) || objectFolders.contains(data) && name.hasPrefix(facts.objectPrefix) {
        continue
      }
      if text.hasSuffix(".log") || text.contains(".log.") {
        add(file, as: "logs")
      } else if text.hasSuffix(".db") || text.hasSuffix(".db-wal") || text.hasSuffix(".db-shm") {
        add(file, as: "database")
      } else if !isKnownAtTop(name) {
        inventory.notUnderstood.add(file.path.filePath)
      }
    }
  }

  /// What lies beside the data folder, where that is not the top itself.
  private mutating func lookAtTop() throws(LayoutError) {
    guard !dataFolders.contains([]) else { return }
    let known = dataFolders.filter { $0 != Self.virtual } + objectFolders + areas.map(\.prefix)
    let isObjects = objectFolders.contains([])
    let (folders, files) = try store.read { db in
      (try db.folders(below: []), isObjects ? [] : try db.files(below: [], limit: 10_000))
    }
    for folder in folders {
      let path = folder + [0x2f]
      guard !known.contains(where: { $0.starts(with: path) }), !Self.programFolders.contains(folder.text) else {
        continue
      }
      try notUnderstood(path)
    }
    for file in files where !isKnownAtTop(file.path) { inventory.notUnderstood.add(file.path.filePath) }
  }

  private func isKnownAtTop(_ name: PathBytes) -> Bool {
    inventory.databases.first.contains { $0.lastComponent?.string == name.text } || name.hasSuffix(".php")
      || name.hasSuffix("config.php") || name == Array("config.json".utf8)
  }

  private mutating func notUnderstood(_ folder: PathBytes) throws(LayoutError) {
    let count = try store.read { try $0.sum(below: folder).count }
    inventory.notUnderstood.add(folder.filePath)
    inventory.notUnderstood.add(count: count - 1)
  }

  private mutating func count(_ folder: PathBytes, as kind: String) throws(LayoutError) {
    let sum = try store.read { try $0.sum(below: folder) }
    inventory.neverEncrypted[kind, default: .init()].count += sum.count
    inventory.neverEncrypted[kind, default: .init()].size &+= sum.size
  }

  private mutating func add(_ file: ListedEntry, as kind: String) {
    inventory.neverEncrypted[kind, default: .init()].count += 1
    inventory.neverEncrypted[kind, default: .init()].size &+= max(0, file.size)
  }
}
