internal import FoundationEssentials
internal import GRDB
internal import SystemPackage

/// Understands a whole list: where the data folder, objects and external storages lie, which files are content, and
/// which row of the database belongs to which.
struct LayoutBuilder {
  let database: InstanceDatabase
  let facts: LayoutFacts
  let store: LayoutStore
  let signs: TopSigns
  var inventory: BackupInventory
  var areas: [ContentArea] = []
  /// Beginnings of paths that belong to an area of their own wherever they lie.
  var innerAreas: [PathBytes] = []
  /// The data folder on disk, and that which the rows of objects make.
  var dataFolders: [PathBytes] = []
  var homes: [PathBytes: [PathBytes]] = [:]
  var keyRoots: [PathBytes] = []
  var objectFolders: [PathBytes] = []
  let hasRows: Bool
  let storages: StorageNames

  /// Where objects stand under the paths of their rows; no listed path begins with a slash.
  static let virtual: PathBytes = [0x2f]

  init(database: InstanceDatabase, facts: LayoutFacts, store: LayoutStore, signs: TopSigns) {
    self.database = database
    self.facts = facts
    self.store = store
    self.signs = signs
    inventory = signs.inventory
    hasRows = (try? database.hasRows) ?? false
    storages = StorageNames(database, dataFolder: facts.dataFolder)
  }

  mutating func build() throws(LayoutError) -> BackupLayout {
    if let found = signs.dataFolder(
      keyRoot: keyRootName, configured: facts.dataFolder, hasHomes: !(saysObjects && !signs.objectFolders.isEmpty))
    {
      dataFolders = [found.prefix]
      inventory.recognised.append(
        .init(role: .data, path: Self.folder(found.prefix), why: found.why))
    }
    try takeObjects()
    try findKeyRoots()
    for data in dataFolders { try addHomes(data) }
    try addExternal()
    for data in dataFolders { try addTeamFolders(data) }
    if inventory.unknownObjects > 0 {
      areas.append(
        ContentArea(
          part: .unknownObjects, place: .unknown, owner: nil, prefix: [], data: Self.virtual, storages: [],
          rowPrefix: []))
    }
    areas.sort(by: ContentArea.precedes)
    // Homes never lie in another area; there may be many of them.
    innerAreas = areas.filter { area in
      if case .home = area.part { false } else { area.part != .unknownObjects }
    }.map(\.prefix)
    try addContent()
    try matchRows()
    let lookup = try makeLookup()
    try takeInventory(lookup)
    return BackupLayout(
      store: store, database: database, lookup: lookup, inventory: inventory, objectPrefix: facts.objectPrefix,
      objectFolder: objectFolders.first ?? [])
  }

  var keyRootName: String? {
    (facts.keyRoot ?? database.facts?.keyRoot)?.split(separator: "/").joined(separator: "/")
  }

  /// A prefix as the folder that it names; empty for the top.
  static func folder(_ prefix: PathBytes) -> FilePath {
    prefix.last == 0x2f ? Array(prefix.dropLast()).filePath : prefix.filePath
  }

  // MARK: Objects

  /// Whether the configuration or the database says that files are objects.
  private var saysObjects: Bool { facts.usesObjectStorage == true || storages.hasObjects }

  /// Lets objects stand under the paths that their rows give them, as if they were files of a data folder.
  private mutating func takeObjects() throws(LayoutError) {
    guard !signs.objectFolders.isEmpty, saysObjects || !(signs.candidates.values.contains { $0.hasHomes }) else {
      return
    }
    objectFolders = signs.objectFolders.keys.sorted {
      let (one, other) = (signs.objectFolders[$0] ?? 0, signs.objectFolders[$1] ?? 0)
      return one == other ? $0.lexicographicallyPrecedes($1) : one > other
    }
    let count = signs.objectFolders.values.reduce(0, +)
    inventory.recognised.append(
      .init(
        role: .objects, path: Self.folder(objectFolders.first ?? []),
        why: "it holds \(count) objects \(facts.objectPrefix)N"))
    let folders = objectFolders
    let prefix = Array(facts.objectPrefix.utf8)
    let named = storages.objectFolders
    inventory.unknownObjects = try store.write { db in
      for folder in folders {
        let start = folder + prefix
        try db.execute(
          sql: """
            INSERT OR IGNORE INTO backup_object (fileid, path)
            SELECT CAST(CAST(substr(path, ?3) AS TEXT) AS INTEGER), path FROM backup_entry
            WHERE path >= ?1 AND path < ?2 AND CAST(substr(path, ?3) AS TEXT) NOT GLOB '*[^0-9]*'
            AND length(path) BETWEEN ?3 AND ?3 + 17
            """, arguments: [start.blob, start.end.blob, start.count + 1])
      }
      for (storage, folder) in named {
        try db.execute(
          sql: """
            INSERT OR IGNORE INTO backup_entry (path, size, modified, real, fileid)
            SELECT CAST(CAST(?1 AS TEXT) || f.path AS BLOB), e.size, e.modified, e.path, f.fileid
            FROM files f JOIN backup_object o ON o.fileid = f.fileid JOIN backup_entry e ON e.path = o.path
            WHERE f.storage = ?2 AND f.path <> ''
            """, arguments: [(Self.virtual + folder).blob, storage])
      }
      return try Int.fetchOne(
        db,
        sql: "SELECT COUNT(*) FROM backup_object o WHERE NOT EXISTS (SELECT 1 FROM files f WHERE f.fileid = o.fileid)"
      ) ?? 0
    }
    if !named.isEmpty { dataFolders.append(Self.virtual) }
  }

  // MARK: Keys

  private mutating func findKeyRoots() throws(LayoutError) {
    var names: [String] = []
    if let name = keyRootName, !name.isEmpty { names.append(name) }
    for root in signs.markedRoots.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
      for data in dataFolders where data != Self.virtual && root.starts(with: data) && root.count > data.count {
        let name = Array(root[data.count...].dropLast()).text
        if !names.contains(name) { names.append(name) }
      }
    }
    if let name = keyRootName, !name.isEmpty {
      let folders = dataFolders
      inventory.keyRootIsMissing = try store.read { db in
        for data in folders {
          let root = data + name + "/"
          if try db.hasEntry(root + ".oc_key_storage"), try db.hasEntries(below: root + "files_encryption/") {
            return false
          }
        }
        return true
      }
    }
    inventory.keyRoots = names + [""]
    keyRoots = names.map { Array($0.utf8) + [0x2f] } + [[]]
  }

  private func makeLookup() throws(LayoutError) -> KeyLookup {
    var mounts = database.externalMounts.filter { !$0.isPersonal }.map { Array($0.mountPoint.utf8) }
    mounts += database.teamFolders.map { Array($0.mountPoint.utf8) }
    mounts += areas.compactMap { area in
      if case .external(let mount, nil) = area.part { mount } else { nil }
    }
    let (folders, roots, users) = (dataFolders, keyRoots, dataFolders.flatMap { homes[$0] ?? [] })
    let (styles, names) = try store.read { db in
      var styles: Set<Int> = []
      var names: [PathBytes] = []
      for data in folders {
        for owner in [[]] + (homes[data] ?? []).map({ $0 + [0x2f] }) {
          let keys = data + owner + "files_encryption/"
          let isApart = try db.hasEntries(below: keys + "share-keys/") || db.hasEntries(below: keys + "keyfiles/")
          if try isApart || db.hasEntries(below: data + owner + "files_trashbin/keyfiles/") {
            styles.insert(KeyLookup.Style.apart.rawValue)
          }
          if !styles.contains(KeyLookup.Style.plain.rawValue), try Self.hasPlainKeys(data + owner, db) {
            styles.insert(KeyLookup.Style.plain.rawValue)
          }
        }
        for root in roots {
          for name in try db.folders(below: data + root + "files_encryption/keys/files/") where !names.contains(name) {
            names.append(name)
          }
        }
      }
      return (styles, names)
    }
    // A mount at `Projects/Archive` has its keys below `Projects`.
    let unknown = names.filter { name in !mounts.contains { $0 == name || $0.starts(with: name + [0x2f]) } }
    return KeyLookup(
      areas: areas, roots: keyRoots, styles: styles, systemMounts: mounts, unknownNames: Array(unknown.prefix(32)),
      users: users)
  }

  /// Whether a user or the system has keys as ownCloud 8.0 laid them: not below `keys/files`, or with no module.
  private static func hasPlainKeys(_ owner: PathBytes, _ db: Database) throws -> Bool {
    if try db.hasEntries(below: owner + "files_trashbin/keys/") { return true }
    let keys = owner + "files_encryption/keys/"
    for name in try db.folders(below: keys) {
      // A file of 8.0 may well be called `files`; then its key lies there without a module.
      guard ["files", "files_trashbin", "files_versions"].contains(name.text) else { return true }
      if let first = try db.entries(from: keys + name + [0x2f], to: (keys + name + [0x2f]).end, limit: 1).first,
        first.path.text.firstRange(of: "/OC_DEFAULT_MODULE/") == nil
      {
        return true
      }
    }
    return false
  }
}

/// What the ids of storages mean.
struct StorageNames {
  /// Storages of each user's home, the likeliest first, by the user.
  private(set) var homes: [String: [Int64]] = [:]
  /// Storages of objects, with the folder that they stand for: `alice/`, or nothing for the root.
  private(set) var objectFolders: [(storage: Int64, folder: PathBytes)] = []
  /// Storages of the data folder itself.
  private(set) var roots: [Int64] = []
  /// Storages of team folders that have one of their own.
  private(set) var teamFolders: [Int64: [Int64]] = [:]
  var hasObjects: Bool { !objectFolders.isEmpty }

  init(_ database: InstanceDatabase, dataFolder: String?) {
    let configured = dataFolder.map { "local::" + ($0.hasSuffix("/") ? $0 : $0 + "/") }
    let mounted = Set(database.externalMounts.flatMap(\.storages))
    let locals = Set(database.storages.map(\.id).filter { $0.hasPrefix("local::") })
    var old: [(user: String, storage: Int64)] = []
    for row in database.storages {
      if let user = Self.rest(of: row.id, after: "home::") {
        homes[user, default: []].append(row.number)
      } else if let user = Self.rest(of: row.id, after: "object::user:") {
        homes[user, default: []].append(row.number)
        objectFolders.append((row.number, Array((user + "/").utf8)))
      } else if let name = Self.rest(of: row.id, after: "object::groupfolder:") {
        guard let id = Int64(name.prefix { $0 != "." }) else { continue }
        teamFolders[id, default: []].append(row.number)
        objectFolders.append((row.number, Array("__groupfolders/\(id)/".utf8)))
      } else if row.id.hasPrefix("object::store:") {
        roots.append(row.number)
        objectFolders.append((row.number, []))
      } else if row.id.hasPrefix("local::"), row.id.hasSuffix("/"), !mounted.contains(row.number) {
        let names = row.id.dropLast().split(separator: "/", omittingEmptySubsequences: false)
        let parent = names.dropLast().joined(separator: "/") + "/"
        if names.count >= 2, names[names.count - 2] == "__groupfolders", let id = names.last.flatMap({ Int64($0) }) {
          teamFolders[id, default: []].append(row.number)
        } else if row.id == configured {
          roots.insert(row.number, at: 0)
        } else if locals.contains(parent) || parent == configured, let user = names.last {
          old.append((String(user), row.number))
        } else {
          roots.append(row.number)
        }
      }
    }
    // Ids of very old installations; a newer one of the same user comes first.
    for (user, storage) in old { homes[user, default: []].append(storage) }
    for user in Set(database.usersOfLongIDs + database.users) {
      for (id, isObject) in [("home::" + user, false), ("object::user:" + user, true)] where id.utf8.count > 64 {
        guard let row = try? database.storage(id: id) else { continue }
        homes[user, default: []].append(row.number)
        if isObject { objectFolders.append((row.number, Array((user + "/").utf8))) }
      }
    }
  }

  private static func rest(of id: String, after prefix: String) -> String? {
    id.hasPrefix(prefix) && id.utf8.count > prefix.utf8.count ? String(id.dropFirst(prefix.count)) : nil
  }
}
