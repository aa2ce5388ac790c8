/// A part of the backup that holds content of one place, and how its paths stand in the database.
struct ContentArea: Sendable {
  enum Part: Equatable, Sendable {
    /// A user's folder with `files`, `files_versions` and `files_trashbin`.
    case home(user: PathBytes)
    /// An external storage's own files; the user of a personal one.
    case external(mount: PathBytes, user: PathBytes?)
    case teamFiles(mount: PathBytes?)
    case teamTrash(id: Int64)
    case teamVersions(id: Int64, mount: PathBytes?)
    /// Objects that no row names.
    case unknownObjects
  }

  let part: Part
  let place: ContentFile.Place
  let owner: String?
  /// What all paths of it begin with; ends with a slash, or is empty.
  let prefix: PathBytes
  /// The data folder that the keys lie below, in the same way.
  let data: PathBytes
  /// The storages whose rows describe it, the likeliest first.
  let storages: [Int64]
  /// What stands before a path in those rows.
  let rowPrefix: PathBytes

  /// What belongs to it, as beginnings of paths after its prefix.
  var contents: [(prefix: PathBytes, kind: ContentFile.Kind)] {
    switch part {
    case .home:
      [
        (Array("files/".utf8), .file), (Array("files_versions/".utf8), .version),
        (Array("files_trashbin/files/".utf8), .trash), (Array("files_trashbin/versions/".utf8), .trashVersion),
      ]
    case .external, .teamFiles: [([], .file)]
    case .teamTrash: [([], .trash)]
    case .teamVersions: [([], .version)]
    case .unknownObjects: []
    }
  }

  /// For a fixed order: homes, external storages, team folders, each by name.
  private var rank: Int {
    switch part {
    case .home: 0
    case .external: 1
    case .teamFiles, .teamTrash, .teamVersions: 2
    case .unknownObjects: 3
    }
  }

  static func precedes(_ one: ContentArea, _ other: ContentArea) -> Bool {
    if one.rank != other.rank { return one.rank < other.rank }
    let (name, otherName) = (Array(one.place.name.utf8), Array(other.place.name.utf8))
    return name == otherName
      ? one.prefix.lexicographicallyPrecedes(other.prefix) : name.lexicographicallyPrecedes(otherName)
  }
}

/// A content file's path taken apart: what it is called, and which path its keys go by.
struct ContentPath {
  /// The path by which keys are found.
  enum KeyPath: Equatable {
    /// Of a current file, as its user sees it below `files`.
    case current(PathBytes)
    /// Of a deleted item, below `files_trashbin/files`.
    case trash(PathBytes)
    /// Of a version that has lost part of its name since that was too long: its beginning, and its ending.
    case cutTrash(start: PathBytes, end: PathBytes)
    /// Of a version of a team folder's file.
    case teamVersion(id: Int64, rest: PathBytes)
  }

  let logical: PathBytes
  let keys: KeyPath

  /// - Parameter relative: after the area's prefix.
  init(_ relative: PathBytes, kind: ContentFile.Kind, in part: ContentArea.Part) {
    switch (part, kind) {
    case (.home, .file):
      let path = Self.dropping("files/", relative)
      (logical, keys) = (path, .current(path))
    case (.home, .version):
      let path = Self.dropping("files_versions/", relative)
      let current = path.withoutStamp(0x76) ?? path
      (logical, keys) = (current, .current(current))
    case (.home, .trash):
      let path = Self.dropping("files_trashbin/files/", relative)
      (logical, keys) = (Self.undeleted(path), .trash(path))
    case (.home, .trashVersion):
      let path = Self.dropping("files_trashbin/versions/", relative)
      if path.contains(0x2f) {
        let current = path.withoutStamp(0x76) ?? path
        (logical, keys) = (Self.undeleted(current), .trash(current))
      } else if let undeleted = path.withoutStamp(0x64) {
        let current = undeleted.withoutStamp(0x76) ?? undeleted
        logical = current
        let end = Array(path[undeleted.count...])
        // Nextcloud cuts out the middle of names of more than 250 bytes, so that the two names no longer agree.
        keys = path.count >= 250 ? .cutTrash(start: Array(path.prefix(125)), end: end) : .trash(current + end)
      } else {
        (logical, keys) = (path, .trash(path))
      }
    case (.external(let mount, _), _):
      (logical, keys) = (relative, .current(mount + [0x2f] + relative))
    case (.teamFiles(let mount), _):
      (logical, keys) = (relative, .current((mount.map { $0 + [0x2f] } ?? []) + relative))
    case (.teamTrash(let id), _):
      (logical, keys) = (Self.undeleted(relative), .trash(Array("groupfolders/\(id)/".utf8) + relative))
    case (.teamVersions(let id, _), _):
      (logical, keys) = (relative, .teamVersion(id: id, rest: relative))
    default: (logical, keys) = (relative, .current(relative))
    }
  }

  private static func dropping(_ prefix: String, _ path: PathBytes) -> PathBytes {
    path.hasPrefix(prefix) ? Array(path.dropFirst(prefix.utf8.count)) : path
  }

  /// Without `.d1700000000` after the first name.
  private static func undeleted(_ path: PathBytes) -> PathBytes {
    let first = Array(path.prefix { $0 != 0x2f })
    guard let name = first.withoutStamp(0x64) else { return path }
    return name + path.dropFirst(first.count)
  }
}

/// Names that Nextcloud gives to files only while it writes them, and that stay after a crash.
enum TemporaryNames {
  /// The name that the file gets in the end; nil when the name is no temporary one.
  static func final(_ path: PathBytes) -> PathBytes? {
    let start = (path.lastIndex(of: 0x2f) ?? -1) + 1
    var name = Array(path[start...])
    if name.hasSuffix(".part") {
      name.removeLast(5)
      if let dot = name.lastIndex(of: 0x2e), name[dot...].starts(with: ".ocTransferId".utf8),
        name.count > dot + 13, name[(dot + 13)...].allSatisfy({ (0x30...0x39).contains($0) })
      {
        name.removeSubrange(dot...)
      }
    } else {
      guard let dot = name.lastIndex(of: 0x2e), dot > 0, dot + 1 < name.count,
        name[(dot + 1)...].allSatisfy({ (0x30...0x39).contains($0) })
      else { return nil }
      let rest = Array(name[..<dot])
      guard let ending = [".encrypted", ".decrypted", ".reencrypted"].first(where: { rest.hasSuffix($0) }) else {
        return nil
      }
      name = Array(rest.dropLast(ending.utf8.count))
    }
    return name.isEmpty ? nil : Array(path[..<start]) + name
  }
}
