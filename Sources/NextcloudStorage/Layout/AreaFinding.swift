internal import GRDB
internal import SystemPackage

/// Which parts of the backup hold content of whom.
extension LayoutBuilder {
  /// Names in a data folder that are no users.
  private static let reserved: Set<String> = [
    "files_encryption", "files_external", "__groupfolders", "owncloud_private_key", "public-keys", "lost+found",
  ]
  /// Folders in a user's folder, of which one is enough to know it.
  private static let homeFolders = [
    "files", "files_versions", "files_trashbin", "files_encryption", "cache", "uploads", "thumbnails",
  ]

  static func isReserved(_ name: PathBytes) -> Bool {
    reserved.contains(name.text) || name.hasPrefix("appdata_") || name.hasPrefix("updater-")
  }

  mutating func addHomes(_ data: PathBytes) throws(LayoutError) {
    let roots = keyRoots
    let names = storages
    let users = try store.read { db in
      try db.folders(below: data).filter { name in
        // A key root that was moved looks like a user, with keys in it.
        guard !Self.isReserved(name), String(validating: name, as: UTF8.self) != nil else { return false }
        if roots.contains(where: { $0.starts(with: name + [0x2f]) }), try !db.hasEntries(below: data + name + "/files/")
        {
          return false
        }
        if names.homes[name.text] != nil { return true }
        return try Self.homeFolders.contains { try db.hasEntries(below: data + name + "/" + $0 + "/") }
      }
    }
    homes[data] = users
    for user in users {
      areas.append(
        ContentArea(
          part: .home(user: user), place: .home(user.text), owner: user.text, prefix: data + user + [0x2f], data: data,
          storages: storages.homes[user.composed.text] ?? storages.homes[user.text] ?? [], rowPrefix: []))
    }
  }

  // MARK: External storages

  mutating func addExternal() throws(LayoutError) {
    let data = dataFolders.first ?? []
    var named = facts.externalFolders
    for mount in database.externalMounts {
      let user = mount.isPersonal ? mount.users.first : nil
      let keys = [user.map { $0 + "/" + mount.mountPoint }, mount.mountPoint].compactMap { $0 }
      var found: (prefix: PathBytes, why: String)?
      if let key = keys.first(where: { facts.externalFolders[$0] != nil }), let folder = facts.externalFolders[key] {
        named[key] = nil
        found = (try existing(folder, for: key), "named on the command line")
      } else if let folder = mount.localFolder {
        found = try localFolder(folder)
      }
      guard let found else {
        inventory.externalNotInBackup.append(mount)
        continue
      }
      addExternal(mount.mountPoint, user, mount.storages, found, data)
    }
    for (name, folder) in named.sorted(by: { $0.key < $1.key }) {
      addExternal(name, nil, [], (try existing(folder, for: name), "named on the command line"), data)
    }
  }

  private mutating func addExternal(
    _ mount: String, _ user: String?, _ storages: [Int64], _ found: (prefix: PathBytes, why: String), _ data: PathBytes
  ) {
    inventory.recognised.append(.init(role: .external(mount), path: Self.folder(found.prefix), why: found.why))
    // Two mounts of one folder: its files are content once.
    guard !areas.contains(where: { $0.prefix == found.prefix }) else { return }
    areas.append(
      ContentArea(
        part: .external(mount: Array(mount.utf8), user: user.map { Array($0.utf8) }),
        place: .external(mount: mount, user: user), owner: user, prefix: found.prefix, data: data, storages: storages,
        rowPrefix: []))
  }

  private func existing(_ folder: FilePath, for mount: String) throws(LayoutError) -> PathBytes {
    let path =
      folder.root == nil && folder.components.allSatisfy({ $0.kind == .regular }) ? PathBytes(path: folder) : []
    let prefix = path.isEmpty ? [] : path + [0x2f]
    guard !path.isEmpty, try store.read({ try $0.hasEntries(below: prefix) }) else {
      throw .noExternalFolder(mount, folder)
    }
    return prefix
  }

  /// The folder of the backup that a folder of the server became: the longest end of its path that is there.
  private func localFolder(_ folder: String) throws(LayoutError) -> (prefix: PathBytes, why: String)? {
    let names = folder.split(separator: "/").map { Array($0.utf8) }
    guard !names.contains(where: { $0 == [0x2e] || $0 == [0x2e, 0x2e] }) else { return nil }
    let isInData = facts.dataFolder.map { folder.hasPrefix($0 + "/") } ?? false
    for start in names.indices {
      let prefix = names[start...].reduce(into: PathBytes()) { $0 += $1 + [0x2f] }
      let isTaken = dataFolders.contains { data in
        guard data != Self.virtual else { return false }
        if data.starts(with: prefix) { return true }
        guard prefix.starts(with: data), !isInData else { return false }
        let first = Array(prefix[data.count...].prefix { $0 != 0x2f })
        return Self.isReserved(first) || (homes[data] ?? []).contains(first)
      }
      if !isTaken, try store.read({ try $0.hasEntries(below: prefix) }) {
        return (prefix, "it was \(folder) on the server")
      }
    }
    return nil
  }

  // MARK: Team folders

  mutating func addTeamFolders(_ data: PathBytes) throws(LayoutError) {
    let base = data + "__groupfolders/"
    let (ids, apart) = try store.read { db in
      var ids: Set<Int64> = []
      for folder in [base, base + "trash/", base + "versions/"] {
        for name in try db.folders(below: folder) {
          if let id = Int64(name.text), "\(id)" == name.text { ids.insert(id) }
        }
      }
      // A storage of its own, or without a snapshot nothing but the three folders.
      var apart: Set<Int64> = []
      for id in ids {
        let inside = Set(try db.folders(below: base + "\(id)/").map(\.text))
        let hasFiles = try !db.files(below: base + "\(id)/", limit: 1).isEmpty
        let looksApart =
          !hasFiles && inside.contains("files") && inside.isSubset(of: ["files", "trash", "versions"])
        if storages.teamFolders[id] != nil ? inside.contains("files") : looksApart && !hasRows { apart.insert(id) }
      }
      return (ids, apart)
    }
    for id in ids.sorted() {
      let name = database.teamFolders.first { $0.id == id }?.mountPoint
      let mount = name.map { Array($0.utf8) }
      let parts: [(ContentArea.Part, folder: String)] = [
        (.teamFiles(mount: mount), apart.contains(id) ? "\(id)/files/" : "\(id)/"),
        (.teamTrash(id: id), apart.contains(id) ? "\(id)/trash/" : "trash/\(id)/"),
        (.teamVersions(id: id, mount: mount), apart.contains(id) ? "\(id)/versions/" : "versions/\(id)/"),
      ]
      for (part, folder) in parts {
        let own = apart.contains(id) ? storages.teamFolders[id] ?? [] : []
        areas.append(
          ContentArea(
            part: part, place: .teamFolder(name ?? "\(id)"), owner: nil, prefix: base + folder, data: data,
            storages: own.isEmpty ? storages.roots : own,
            rowPrefix: own.isEmpty
              ? Array(("__groupfolders/" + folder).utf8) : Array(folder.dropFirst("\(id)/".count).utf8)))
      }
    }
    let withFiles = Set(ids)
    let missing = database.teamFolders.filter { !withFiles.contains($0.id) }
    inventory.teamFoldersWithoutFiles =
      data == dataFolders.first ? missing : inventory.teamFoldersWithoutFiles.filter { !withFiles.contains($0.id) }
  }
}
