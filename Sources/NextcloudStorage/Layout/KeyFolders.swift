internal import FoundationEssentials
internal import GRDB
internal import SystemPackage

/// A folder of keys that belongs to no content of the backup.
package struct OrphanKey: Equatable, Sendable {
  package enum Reason: String, Sendable, CaseIterable {
    /// There is no file of this path: it was moved without its keys, or deleted, or is missing in the backup.
    case noFile = "no-file"
    /// A temporary name that a crash left.
    case leftover
    /// Its external storage is not in the backup.
    case mountNotInBackup = "mount-not-in-backup"
    /// No mount or team folder has this name: it was renamed or removed.
    case unknownMount = "unknown-mount"
  }

  /// Below the data folder.
  package let name: String
  package let reason: Reason
}

/// One folder of keys as it lies among others.
struct KeyFolder {
  enum Item: Equatable {
    case current(PathBytes)
    case trash(PathBytes)
  }

  let style: KeyLookup.Style
  let data: PathBytes
  /// The user whose folder it is in; empty for the system.
  let owner: PathBytes
  let item: Item
  /// What `KeyLookup.Candidate` finds it by again.
  let candidate: KeyLookup.Candidate
}

extension BackupLayout {
  /// Walks over the keys that belong to no content of the backup, in a fixed order.
  ///
  /// - Throws: `LayoutError`, and what `body` throws.
  package func forEachOrphanKey(_ body: (OrphanKey) throws -> Void) throws {
    let notThere = inventory.externalNotInBackup.map { Array($0.mountPoint.utf8) }
    let unknown = Set(lookup.unknownNames)
    try forEachKeyFolder { folders in
      let orphans = try store.read { db in
        try folders.compactMap { folder -> OrphanKey? in
          guard let reason = try reason(folder, db, notThere: notThere, unknown: unknown) else { return nil }
          let path =
            folder.style == .apart
            ? folder.candidate.folder + "keyfiles/" + folder.candidate.path : folder.candidate.folder
          return OrphanKey(name: Array(path.dropFirst(folder.data.count)).text, reason: reason)
        }
      }
      for orphan in orphans { try body(orphan) }
    }
  }

  /// Why a folder of keys belongs to nothing; nil when it belongs to something.
  private func reason(
    _ folder: KeyFolder, _ db: Database, notThere: [PathBytes], unknown: Set<PathBytes>
  ) throws -> OrphanKey.Reason? {
    switch folder.item {
    case .trash(let item):
      let places =
        item.hasPrefix("groupfolders/")
        ? lookup.areas.compactMap { area -> PathBytes? in
          guard case .teamTrash(let id) = area.part, item.hasPrefix("groupfolders/\(id)/") else { return nil }
          return area.prefix + item.dropFirst("groupfolders/\(id)/".utf8.count)
        } : [folder.data + folder.owner + [0x2f] + "files_trashbin/files/" + item]
      return try hasAny(places, db) ? nil : .noFile
    case .current(let path):
      var places: [PathBytes] = []
      if !folder.owner.isEmpty { places.append(folder.data + folder.owner + "/files/" + path) }
      for area in lookup.areas {
        let mount: PathBytes
        switch area.part {
        case .external(let point, _): mount = point
        case .teamFiles(let point?): mount = point
        default: continue
        }
        if path.starts(with: mount + [0x2f]) { places.append(area.prefix + path.dropFirst(mount.count + 1)) }
      }
      if try hasAny(places, db) { return nil }
      // A version can outlive its file in the list, where that file is missing.
      if !folder.owner.isEmpty,
        try db.hasEntries(below: folder.data + folder.owner + "/files_versions/" + path + ".v")
      {
        return nil
      }
      if folder.owner.isEmpty {
        if notThere.contains(where: { path.starts(with: $0 + [0x2f]) }) { return .mountNotInBackup }
        if unknown.contains(Array(path.prefix { $0 != 0x2f })) { return .unknownMount }
      } else if notThere.contains(where: { path.starts(with: $0 + [0x2f]) }) {
        return .mountNotInBackup
      }
      return TemporaryNames.final(path) == nil ? .noFile : .leftover
    }
  }

  private func hasAny(_ places: [PathBytes], _ db: Database) throws -> Bool {
    for place in places {
      for form in place.forms where try db.hasEntry(form) { return true }
    }
    return false
  }

  // MARK: All folders of keys

  /// Walks over all folders of keys in pieces.
  func forEachKeyFolder(_ body: ([KeyFolder]) throws -> Void) throws {
    let folders = Set(lookup.areas.map(\.data)).sorted { $0.lexicographicallyPrecedes($1) }
    for data in folders {
      for root in lookup.roots {
        let owners = try store.read { db in [[]] + (try db.folders(below: data + root)) }
        for owner in owners where owner.text != "files_encryption" {
          let home = data + root + (owner.isEmpty ? [] : owner + [0x2f])
          for tree in ["files_encryption/keys/", "files_encryption/keyfiles/"] {
            try forEachKeyFolder(in: home + tree, data, owner, body)
          }
          guard !owner.isEmpty, root.isEmpty else { continue }
          for tree in ["files_trashbin/keys/", "files_trashbin/keyfiles/"] {
            try forEachKeyFolder(in: home + tree, data, owner, body)
          }
        }
      }
    }
  }

  private func forEachKeyFolder(
    in tree: PathBytes, _ data: PathBytes, _ owner: PathBytes, _ body: ([KeyFolder]) throws -> Void
  ) throws {
    var start = tree
    var previous: PathBytes?
    while true {
      let from = start
      let page = try store.read { try $0.entries(from: from, to: tree.end, limit: 1000) }
      var folders: [KeyFolder] = []
      for entry in page {
        guard let folder = Self.keyFolder(entry.path, tree, data, owner) else { continue }
        let identity = folder.candidate.folder + [0] + folder.candidate.path + [0] + folder.candidate.stamp
        if identity == previous { continue }
        previous = identity
        folders.append(folder)
      }
      if !folders.isEmpty { try body(folders) }
      guard page.count == 1000, let end = page.last else { return }
      start = end.path + [0]
    }
  }

  private static func keyFolder(
    _ path: PathBytes, _ tree: PathBytes, _ data: PathBytes, _ owner: PathBytes
  ) -> KeyFolder? {
    guard let slash = path.lastIndex(of: 0x2f), slash >= tree.count - 1 else { return nil }
    let isTrash = tree.hasSuffix("files_trashbin/keys/") || tree.hasSuffix("files_trashbin/keyfiles/")
    func made(_ style: KeyLookup.Style, _ item: PathBytes, _ candidate: KeyLookup.Candidate, isTrash: Bool) -> KeyFolder
    {
      KeyFolder(
        style: style, data: data, owner: owner, item: isTrash ? .trash(item) : .current(item), candidate: candidate)
    }
    if tree.hasSuffix("keyfiles/") {
      var name = Array(path[tree.count...])
      var stamp: PathBytes = []
      if isTrash, !name.contains(0x2f), let bare = name.withoutStamp(0x64) {
        stamp = Array(name[bare.count...])
        name = bare
      }
      guard name.hasSuffix(".key") else { return nil }
      name.removeLast(4)
      let folder = Array(tree.dropLast("keyfiles/".utf8.count))
      return made(
        .apart, name + stamp, .init(style: .apart, folder: folder, path: name, stamp: stamp), isTrash: isTrash)
    }
    let name = Array(path[(slash + 1)...])
    guard name.hasSuffix(".shareKey") || name == Array("fileKey".utf8), slash > tree.count else { return nil }
    let folder = Array(path[..<slash])
    let rest = Array(folder[tree.count...])
    guard folder.hasSuffix("/OC_DEFAULT_MODULE") else {
      return made(.plain, rest, .init(style: .plain, folder: folder), isTrash: isTrash)
    }
    let item = Array(folder.dropLast("/OC_DEFAULT_MODULE".utf8.count))
    let candidate = KeyLookup.Candidate(style: .module, folder: item)
    for (prefix, inTrash, kept) in [
      ("files/", false, ""), ("files_trashbin/files/", true, ""),
      ("files_trashbin/groupfolders/", true, "groupfolders/"),
    ] where rest.hasPrefix(prefix) && item.count > tree.count + prefix.utf8.count {
      let path = Array(kept.utf8) + item.dropFirst(tree.count + prefix.utf8.count)
      return made(.module, path, candidate, isTrash: inTrash)
    }
    return nil
  }

  // MARK: By name

  /// Makes the table of all folders of keys by their last names, once.
  func collectKeyFolders() throws(LayoutError) {
    guard !store.hasKeyFolders else { return }
    do {
      try forEachKeyFolder { folders in
        try store.write { db in
          let statement = try db.cachedStatement(
            sql: "INSERT OR IGNORE INTO backup_key (base, folder, style) VALUES (?, ?, ?)")
          for folder in folders {
            let item =
              switch folder.item {
              case .current(let path), .trash(let path): path.lastName
              }
            // Data folder, folder, path and stamp, which no zero is part of.
            let parts = [folder.data, folder.candidate.folder, folder.candidate.path, folder.candidate.stamp]
            let stored = PathBytes(parts.joined(separator: [0]))
            for name in Self.names(of: item) {
              try statement.execute(arguments: [name.foldedHash, stored.blob, folder.style.rawValue])
            }
          }
        }
      }
    } catch let error as LayoutError {
      throw error
    } catch {
      throw .index("\(error)")
    }
    store.hasKeyFolders = true
  }

  /// The names that a file may have had: its own, that without the trash's ending, that without a temporary ending.
  private static func names(of name: PathBytes) -> [PathBytes] {
    var result = [name]
    if let undeleted = name.withoutStamp(0x64) { result.append(undeleted) }
    if let final = TemporaryNames.final(name) { result.append(final) }
    return result
  }

  func keyPlacesByName(
    _ path: PathBytes, _ kind: ContentFile.Kind, in area: ContentArea, _ db: Database
  ) throws -> [KeyPlaceOfFile] {
    let parts = ContentPath(Array(path.dropFirst(area.prefix.count)), kind: kind, in: area.part)
    var owner: PathBytes = []
    if case .home(let user) = area.part { owner = user }
    var candidates: [(isOwn: Bool, candidate: KeyLookup.Candidate)] = []
    for name in Self.names(of: parts.logical.lastName) + Self.names(of: path.lastName) {
      let statement = try db.cachedStatement(
        sql: "SELECT folder, style FROM backup_key WHERE base = ? ORDER BY folder LIMIT 256")
      for row in try Row.fetchAll(statement, arguments: [name.foldedHash]) {
        let stored = PathBytes(row[0] as Data).split(separator: 0, omittingEmptySubsequences: false).map(Array.init)
        guard stored.count == 4, let style = KeyLookup.Style(rawValue: row[1]) else { continue }
        let candidate = KeyLookup.Candidate(style: style, folder: stored[1], path: stored[2], stamp: stored[3])
        guard !candidates.contains(where: { $0.candidate == candidate }) else { continue }
        let home = stored[0] + owner + [0x2f]
        candidates.append((!owner.isEmpty && stored[1].starts(with: home), candidate))
      }
    }
    var result: [KeyPlaceOfFile] = []
    for candidate in candidates.filter(\.isOwn) + candidates.filter({ !$0.isOwn }) {
      guard result.count < KeyLookup.candidateLimit else { break }
      if let place = try lookup.place(candidate.candidate, in: area, db) { result.append(place) }
    }
    return result
  }
}
