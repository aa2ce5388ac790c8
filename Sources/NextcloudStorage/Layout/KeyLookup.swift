internal import GRDB
internal import SystemPackage

/// Finds the key files of content files in what was listed.
struct KeyLookup: Sendable {
  /// How keys of one file lie.
  enum Style: Int, Sendable {
    /// `keys/files/<path>/OC_DEFAULT_MODULE/…`, since ownCloud 8.1.
    case module = 0
    /// `keys/<path>/…`, ownCloud 8.0.
    case plain = 1
    /// `keyfiles/<path>.key` and `share-keys/<path>.<id>.shareKey`, up to ownCloud 7.
    case apart = 2
  }

  /// Where keys of a file may lie: for `apart` the folder with both folders, and the path in them.
  struct Candidate: Equatable {
    let style: Style
    let folder: PathBytes
    var path: PathBytes = []
    /// `.d1700000000`, which stands after the ending in the trash of ownCloud 7.
    var stamp: PathBytes = []
    /// Whether Nextcloud looks there.
    var isExpected = true
  }

  let areas: [ContentArea]
  /// Key roots below each data folder, `""` or `allkeys/`, the likeliest first.
  let roots: [PathBytes]
  /// Old layouts that the backup has at all, so that the others cost nothing.
  let styles: Set<Int>
  /// Mount points of system-wide external storages and team folders.
  let systemMounts: [PathBytes]
  /// Names below the system's keys that no mount has.
  let unknownNames: [PathBytes]
  /// Users, for keys of system-wide mounts that older releases kept with them.
  let users: [PathBytes]

  /// More key folders than these are not tried for one file.
  static let candidateLimit = 32
  private static let userLimit = 64
  /// As many share keys has a file that is shared with a whole company.
  private static let shareKeyLimit = 20_000

  // MARK: Where keys should be

  /// The places for a file, the likeliest first, whether there is anything or not.
  func candidates(_ path: ContentPath, in area: ContentArea) -> [Candidate] {
    var result: [Candidate] = []
    switch path.keys {
    case .current(let current):
      let finished = TemporaryNames.final(current).map { current.hasSuffix(".part") ? [$0, current] : [current, $0] }
      for name in finished ?? [current] {
        for form in name.forms { addCurrent(form, in: area, to: &result) }
      }
    case .trash(let item):
      for form in item.forms { addTrash(form, in: area, to: &result) }
    case .cutTrash, .teamVersion: break
    }
    return result
  }

  private func addCurrent(_ path: PathBytes, in area: ContentArea, to result: inout [Candidate]) {
    var owners: [PathBytes] = []
    let system: PathBytes = []
    switch area.part {
    case .home(let user):
      let isMounted = systemMounts.contains { path.starts(with: $0 + [0x2f]) }
      owners = isMounted ? [system, user] : [user, system]
    case .external(_, let user?): owners = [user, system]
    case .external(_, nil):
      // Releases up to 24.0.1 kept the keys of system-wide mounts with whoever wrote the file.
      owners = [system] + users.prefix(Self.userLimit)
    default: owners = [system]
    }
    for root in roots {
      for owner in owners {
        let keys = area.data + root + (owner.isEmpty ? [] : owner + [0x2f]) + "files_encryption/"
        result.append(
          Candidate(
            style: .module, folder: keys + "keys/files/" + path,
            isExpected: owner == owners.first && root == roots.first))
        guard root.isEmpty else { continue }
        if styles.contains(Style.plain.rawValue) {
          result.append(Candidate(style: .plain, folder: keys + "keys/" + path))
        }
        if styles.contains(Style.apart.rawValue) {
          result.append(Candidate(style: .apart, folder: keys, path: path))
        }
      }
    }
  }

  private func addTrash(_ item: PathBytes, in area: ContentArea, to result: inout [Candidate]) {
    var owners: [PathBytes] = [[]]
    if case .home(let user) = area.part { owners = [user, []] }
    let isTeam = if case .teamTrash = area.part { true } else { false }
    for root in roots {
      for owner in owners {
        let home = area.data + root + (owner.isEmpty ? [] : owner + [0x2f])
        let trash = isTeam ? "files_encryption/keys/files_trashbin/" : "files_encryption/keys/files_trashbin/files/"
        result.append(
          Candidate(
            style: .module, folder: home + trash + item, isExpected: owner == owners.first && root == roots.first))
        guard root.isEmpty, !owner.isEmpty else { continue }
        if styles.contains(Style.plain.rawValue) {
          result.append(Candidate(style: .plain, folder: home + "files_trashbin/keys/" + item))
        }
        if styles.contains(Style.apart.rawValue) {
          let name = item.contains(0x2f) ? nil : item.withoutStamp(0x64)
          result.append(
            Candidate(
              style: .apart, folder: home + "files_trashbin/", path: name ?? item,
              stamp: name.map { Array(item.dropFirst($0.count)) } ?? []))
        }
      }
    }
  }

  // MARK: What is there

  /// The key places of a file that are there, the likeliest first.
  func places(_ path: ContentPath, in area: ContentArea, _ db: Database) throws -> [KeyPlaceOfFile] {
    var result: [KeyPlaceOfFile] = []
    func add(_ candidate: Candidate) throws {
      guard result.count < Self.candidateLimit, let place = try place(candidate, in: area, db),
        !result.contains(where: { $0.name == place.name })
      else { return }
      result.append(place)
    }
    for candidate in candidates(path, in: area) { try add(candidate) }
    switch path.keys {
    case .cutTrash(let start, let end):
      for folder in try keyFolders(of: area, in: "keys/files_trashbin/files/", from: start, db) {
        let item = folder.path
        guard item.count >= end.count, item.suffix(end.count).elementsEqual(end) else { continue }
        try add(Candidate(style: .module, folder: folder.parent + item))
      }
    case .teamVersion(let id, let rest):
      try addTeamVersion(id, rest, in: area, db, add)
    case .current(let current) where result.isEmpty:
      try addLeftovers(of: current, in: area, db, add)
      if case .teamFiles = area.part { try addUnknownNames(current, in: area, add) }
      if case .external = area.part { try addUnknownNames(current, in: area, add) }
    default: break
    }
    return result
  }

  /// Keys that a crash left under a temporary name of the file.
  private func addLeftovers(
    of path: PathBytes, in area: ContentArea, _ db: Database, _ add: (Candidate) throws -> Void
  ) throws {
    for folder in try keyFolders(of: area, in: "keys/files/", from: path + [0x2e], db)
    where TemporaryNames.final(folder.path) == path {
      try add(Candidate(style: .module, folder: folder.parent + folder.path, isExpected: false))
    }
  }

  /// Keys under a name that a mount or team folder may have had before.
  private func addUnknownNames(_ path: PathBytes, in area: ContentArea, _ add: (Candidate) throws -> Void) throws {
    let relative: PathBytes
    switch area.part {
    case .external(let mount, _): relative = Array(path.dropFirst(mount.count + 1))
    case .teamFiles(let mount): relative = mount.map { Array(path.dropFirst($0.count + 1)) } ?? path
    default: return
    }
    for root in roots {
      for name in unknownNames {
        for form in relative.forms {
          let folder = area.data + root + "files_encryption/keys/files/" + name + [0x2f] + form
          try add(Candidate(style: .module, folder: folder, isExpected: false))
        }
      }
    }
  }

  private func addTeamVersion(
    _ id: Int64, _ rest: PathBytes, in area: ContentArea, _ db: Database, _ add: (Candidate) throws -> Void
  ) throws {
    guard let number = Int64(PathBytes(rest.prefix { $0 != 0x2f }).text) else { return }
    if case .teamVersions(_, let mount?) = area.part, let current = try Self.currentPath(number, team: id, db) {
      for root in roots {
        for form in current.forms {
          let folder = area.data + root + "files_encryption/keys/files/" + mount + [0x2f] + form
          try add(Candidate(style: .module, folder: folder))
        }
      }
    }
    for root in roots {
      let keys = area.data + root + "files_encryption/keys/files_versions/groupfolders/\(id)/"
      try add(Candidate(style: .module, folder: keys + rest))
      try add(Candidate(style: .module, folder: keys + "\(number)"))
    }
  }

  /// The path in its team folder of the file with a number.
  private static func currentPath(_ fileID: Int64, team: Int64, _ db: Database) throws -> PathBytes? {
    guard let text = try String.fetchOne(db, sql: "SELECT path FROM files WHERE fileid = ?", arguments: [fileID]) else {
      return nil
    }
    let path = Array(text.utf8)
    for prefix in ["__groupfolders/\(team)/files/", "__groupfolders/\(team)/", "files/"] where path.hasPrefix(prefix) {
      return Array(path.dropFirst(prefix.utf8.count))
    }
    return path
  }

  /// Key folders of the area's owner whose path below `parent` begins so.
  private func keyFolders(
    of area: ContentArea, in tree: String, from start: PathBytes, _ db: Database
  ) throws -> [(parent: PathBytes, path: PathBytes)] {
    var result: [(parent: PathBytes, path: PathBytes)] = []
    var owners: [PathBytes] = [[]]
    switch area.part {
    case .home(let user), .external(_, let user?): owners.append(user + [0x2f])
    default: break
    }
    let marker = Array("/OC_DEFAULT_MODULE/".utf8)
    for root in roots {
      for owner in owners {
        let parent = area.data + root + owner + "files_encryption/" + tree
        for entry in try db.entries(from: parent + start, to: (parent + start).end, limit: 256) {
          guard let end = entry.path.lastIndex(of: 0x2f), end + 1 >= marker.count,
            entry.path[(end + 1 - marker.count)...end].elementsEqual(marker)
          else { continue }
          let path = Array(entry.path[parent.count..<(end + 1 - marker.count)])
          // Only siblings of the one that is looked for, not what lies in a folder of that name.
          if path.dropFirst(start.count).contains(0x2f) || result.contains(where: { $0.path == path }) { continue }
          result.append((parent, path))
        }
      }
    }
    return result
  }

  /// The key files at a place; nil when there are none.
  func place(_ candidate: Candidate, in area: ContentArea, _ db: Database) throws -> KeyPlaceOfFile? {
    var shareKeys: [KeyPlaceOfFile.ShareKeyFile] = []
    var fileKey: FilePath?
    let folder: PathBytes
    switch candidate.style {
    case .module, .plain:
      folder = candidate.style == .module ? candidate.folder + "/OC_DEFAULT_MODULE/" : candidate.folder + "/"
      for entry in try db.files(below: folder, limit: Self.shareKeyLimit) {
        let name = Array(entry.path.dropFirst(folder.count))
        let path = (entry.real ?? entry.path).filePath
        if name == Array("fileKey".utf8) {
          fileKey = path
        } else if name.hasSuffix(".shareKey") {
          shareKeys.append(.init(keyID: Array(name.dropLast(9)).text, path: path))
        }
      }
    case .apart:
      folder = candidate.folder + "keyfiles/" + candidate.path + ".key" + candidate.stamp
      if try db.hasEntry(folder) { fileKey = folder.filePath }
      let start = candidate.folder + "share-keys/" + candidate.path + "."
      let ending = Array(".shareKey".utf8) + candidate.stamp
      for entry in try db.entries(from: start, to: start.end, limit: Self.shareKeyLimit) {
        let name = entry.path.dropFirst(start.count)
        guard name.count > ending.count, name.suffix(ending.count).elementsEqual(ending), !name.contains(0x2f) else {
          continue
        }
        shareKeys.append(
          .init(keyID: Array(name.dropLast(ending.count)).text, path: (entry.real ?? entry.path).filePath))
      }
    }
    guard fileKey != nil || !shareKeys.isEmpty else { return nil }
    return KeyPlaceOfFile(
      name: Array(folder.dropFirst(area.data.count)).text, shareKeys: shareKeys, fileKey: fileKey,
      isExpected: candidate.isExpected)
  }
}
