internal import SystemPackage

#if canImport(Glibc)
  internal import Glibc
#endif

/// What lies at a path, without following a link.
enum EntryKind {
  case folder
  case file
  case link
  case other

  var name: String {
    switch self {
    case .folder: "a folder"
    case .file: "a file"
    case .link: "a link"
    case .other: "neither a file nor a folder"
    }
  }
}

/// One name in a folder.
struct FolderEntry {
  /// The bytes of the name; not always UTF-8.
  let name: [UInt8]
  let path: FilePath
  /// The name as text, if it is UTF-8.
  var text: String? { String(validating: name, as: UTF8.self) }
}

/// Looking at folders so that nothing is passed over in silence: what cannot be looked at is an error.
enum FolderListing {
  /// What lies at a path; `nil` when nothing does.
  static func kind(of path: FilePath, followingLinks: Bool = false) throws(CollectionError) -> EntryKind? {
    var status = Glibc.stat()
    let result = unsafe path.withPlatformString {
      unsafe followingLinks ? stat($0, &status) : lstat($0, &status)
    }
    guard result == 0 else {
      let reason = Errno(rawValue: errno)
      if reason == .noSuchFileOrDirectory || reason == .notDirectory { return nil }
      throw .unreadable(path, reason)
    }
    switch status.st_mode & S_IFMT {
    case S_IFDIR: return .folder
    case S_IFREG: return .file
    case S_IFLNK: return .link
    default: return .other
    }
  }

  /// Whether there is a folder at a path; a link or anything else there is an error.
  static func hasFolder(_ path: FilePath) throws(CollectionError) -> Bool {
    switch try kind(of: path) {
    case nil: return false
    case .folder: return true
    case let other?: throw .notRegular(path, other.name)
    }
  }

  /// The names in a folder, sorted by their bytes.
  static func entries(of folder: FilePath) throws(CollectionError) -> [FolderEntry] {
    guard let stream = unsafe folder.withPlatformString({ unsafe opendir($0) }) else {
      throw .unreadable(folder, Errno(rawValue: errno))
    }
    defer { unsafe closedir(stream) }
    var entries: [FolderEntry] = []
    while true {
      errno = 0
      guard let entry = unsafe readdir(stream) else {
        guard errno == 0 else { throw .unreadable(folder, Errno(rawValue: errno)) }
        break
      }
      let (name, path) = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        let capacity = MemoryLayout.size(ofValue: unsafe pointer.pointee)
        return unsafe pointer.withMemoryRebound(to: CChar.self, capacity: capacity) { start in
          let bytes = unsafe UnsafeRawBufferPointer(start: start, count: strlen(start))
          return (unsafe [UInt8](bytes), unsafe folder.pushing(FilePath(platformString: start)))
        }
      }
      if name == [0x2e] || name == [0x2e, 0x2e] { continue }
      entries.append(FolderEntry(name: name, path: path))
    }
    return entries.sorted { $0.name.lexicographicallyPrecedes($1.name) }
  }
}
