package import SystemPackage

#if canImport(Glibc)
  internal import Glibc
#endif

/// A backup that lies as files in a folder.
///
/// Every name is looked up in the folder that is already open, so that nothing can lead out of the backup. Links are not
/// followed, but for those to folders in the top folder and in the folders in it: the data folder, and a user's, may
/// well lie on another disk, as they may for Nextcloud.
package final class FolderBackup: BackupSource {
  package let name: String
  private let top: FolderDescriptor

  /// How many folders may lie within each other; Nextcloud's paths of at most 4,000 characters rarely reach 40.
  static let deepest = 400
  /// Links are followed for the names of the first so many levels.
  static let linkLevels = 2

  /// - Throws: `BackupError.notThere`, `.notABackup` when it is no folder, `.unreadable`.
  package init(_ folder: FilePath) throws(BackupError) {
    name = folder.string
    do {
      top = try FolderDescriptor(folder)
    } catch {
      switch error {
      case .noSuchFileOrDirectory: throw .notThere(folder.string)
      case .notDirectory: throw .notABackup(folder.string, "it is no folder")
      default: throw .unreadable(folder, error.description)
      }
    }
  }

  package func list(
    _ file: (BackupEntry) throws -> Void, skipped: (_ path: FilePath, _ why: String) throws -> Void
  ) throws {
    var levels: [Level]
    do {
      levels = [Level(path: [], folder: top, names: try FolderNames(top))]
    } catch {
      throw BackupError.unreadable(FilePath(name), error.description)
    }
    while let last = levels.indices.last {
      guard let entry = levels[last].names.next() else {
        levels.removeLast()
        continue
      }
      let folder = levels[last].folder
      let bytes = last == 0 ? entry : levels[last].path + [0x2f] + entry
      let path = FilePath(bytes: bytes)
      do {
        switch try folder.kind(of: entry) {
        case .file(let size, let modified):
          try file(BackupEntry(path: path, size: size, modified: modified))
        case .folder:
          guard levels.count < Self.deepest else {
            try skipped(path, "more than \(Self.deepest) folders lie within each other")
            continue
          }
          let inner = try folder.folder(entry, followingLinks: false)
          levels.append(Level(path: bytes, folder: inner, names: try FolderNames(inner)))
        case .link:
          guard last < Self.linkLevels else {
            try skipped(path, "a link")
            continue
          }
          guard let inner = try? folder.folder(entry, followingLinks: true) else {
            try skipped(path, "a link to no folder")
            continue
          }
          guard !levels.contains(where: { $0.folder.isSame(as: inner) }) else {
            try skipped(path, "a link to a folder that it lies in")
            continue
          }
          levels.append(Level(path: bytes, folder: inner, names: try FolderNames(inner)))
        case .other(let what):
          try skipped(path, what)
        }
      } catch let error as Errno {
        // One folder that cannot be read does not keep the others from being examined.
        try skipped(path, "cannot be read: \(error)")
      }
    }
  }

  package func open(_ path: FilePath) throws(BackupError) -> any BackupFile {
    var names = path.bytes.split(separator: 0x2f, omittingEmptySubsequences: false).map(Array.init)
    guard let last = names.popLast(), path.root == nil, path.components.allSatisfy({ $0.kind == .regular }) else {
      throw .unreadable(path, "it is no path of a file in the backup")
    }
    do {
      var folder = top
      for (level, name) in names.enumerated() {
        folder = try folder.folder(name, followingLinks: level < Self.linkLevels)
      }
      return try FileOfFolder(folder.file(last), path)
    } catch let error as BackupError {
      throw error
    } catch {
      throw .unreadable(path, (error as? Errno)?.description ?? "\(error)")
    }
  }
}

/// A folder that is being listed.
private struct Level {
  let path: [UInt8]
  let folder: FolderDescriptor
  var names: FolderNames
}

/// The names in a folder in the order of their bytes, kept close together since there may be a million.
private struct FolderNames {
  private var bytes: [UInt8] = []
  private var ranges: [Range<Int>] = []
  private var position = 0

  init(_ folder: FolderDescriptor) throws(Errno) {
    let again = unsafe openat(folder.number, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard again >= 0 else { throw Errno(rawValue: errno) }
    guard let stream = unsafe fdopendir(again) else {
      let reason = Errno(rawValue: errno)
      _ = Glibc.close(again)
      throw reason
    }
    defer { unsafe closedir(stream) }
    while true {
      errno = 0
      guard let entry = unsafe readdir(stream) else {
        guard errno == 0 else { throw Errno(rawValue: errno) }
        break
      }
      let start = bytes.count
      unsafe withUnsafePointer(to: &entry.pointee.d_name) { name in
        let characters = unsafe UnsafeRawPointer(name).assumingMemoryBound(to: CChar.self)
        unsafe bytes.append(contentsOf: UnsafeRawBufferPointer(start: characters, count: strlen(characters)))
      }
      let name = bytes[start...]
      if name.elementsEqual([0x2e]) || name.elementsEqual([0x2e, 0x2e]) {
        bytes.removeSubrange(start...)
      } else {
        ranges.append(start..<bytes.count)
      }
    }
    let all = bytes
    ranges.sort { all[$0].lexicographicallyPrecedes(all[$1]) }
  }

  mutating func next() -> [UInt8]? {
    guard position < ranges.count else { return nil }
    position += 1
    return Array(bytes[ranges[position - 1]])
  }
}

/// A folder held open; its descriptor is closed with it.
private final class FolderDescriptor: Sendable {
  enum Kind {
    case file(size: Int64, modified: Int64)
    case folder
    case link
    case other(String)
  }

  let number: Int32

  init(_ path: FilePath) throws(Errno) {
    let opened = unsafe path.withPlatformString { unsafe Glibc.open($0, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
    guard opened >= 0 else { throw Errno(rawValue: errno) }
    number = opened
  }

  private init(number: Int32) { self.number = number }

  deinit { _ = Glibc.close(number) }

  /// What lies under a name, without following a link.
  func kind(of name: [UInt8]) throws(Errno) -> Kind {
    var status = Glibc.stat()
    let result = unsafe name.withCString { unsafe fstatat(number, $0, &status, AT_SYMLINK_NOFOLLOW) }
    guard result == 0 else { throw Errno(rawValue: errno) }
    switch status.st_mode & S_IFMT {
    case S_IFREG: return .file(size: Int64(status.st_size), modified: Int64(status.st_mtim.tv_sec))
    case S_IFDIR: return .folder
    case S_IFLNK: return .link
    case S_IFIFO: return .other("a pipe")
    case S_IFSOCK: return .other("a socket")
    default: return .other("a device")
    }
  }

  func folder(_ name: [UInt8], followingLinks: Bool) throws(Errno) -> FolderDescriptor {
    let flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | (followingLinks ? 0 : O_NOFOLLOW)
    let opened = unsafe name.withCString { unsafe openat(number, $0, flags) }
    guard opened >= 0 else { throw Errno(rawValue: errno) }
    return FolderDescriptor(number: opened)
  }

  /// Opens a file for reading; whoever calls this closes it.
  func file(_ name: [UInt8]) throws(Errno) -> Int32 {
    // Without waiting: a pipe that nobody writes to must not hang.
    let flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC
    let opened = unsafe name.withCString { unsafe openat(number, $0, flags) }
    guard opened >= 0 else { throw Errno(rawValue: errno) }
    return opened
  }

  func isSame(as other: FolderDescriptor) -> Bool {
    var mine = Glibc.stat()
    var theirs = Glibc.stat()
    guard unsafe fstat(number, &mine) == 0, unsafe fstat(other.number, &theirs) == 0 else { return false }
    return mine.st_dev == theirs.st_dev && mine.st_ino == theirs.st_ino
  }
}

/// A file of a folder, open.
private final class FileOfFolder: BackupFile {
  let size: Int64
  private let path: FilePath
  private let descriptor: Int32
  private let written: timespec

  /// Takes the descriptor over.
  init(_ descriptor: Int32, _ path: FilePath) throws(BackupError) {
    self.descriptor = descriptor
    self.path = path
    var status = Glibc.stat()
    let result = unsafe fstat(descriptor, &status)
    size = Int64(status.st_size)
    written = status.st_mtim
    guard result == 0 else { throw .unreadable(path, Errno(rawValue: errno).description) }
    guard status.st_mode & S_IFMT == S_IFREG else { throw .unreadable(path, "it is no regular file") }
  }

  deinit { _ = Glibc.close(descriptor) }

  func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(BackupError) -> Int {
    guard offset >= 0, offset < size else { return 0 }
    let wanted = Int(min(Int64(buffer.count), size - offset))
    var filled = 0
    while filled < wanted {
      let count = unsafe pread(
        descriptor, UnsafeMutableRawBufferPointer(rebasing: buffer[filled..<wanted]).baseAddress, wanted - filled,
        off_t(offset) + off_t(filled))
      if count < 0 {
        if errno == EINTR { continue }
        throw .unreadable(path, Errno(rawValue: errno).description)
      }
      guard count > 0 else { throw .changedWhileReading(path) }
      filled += count
    }
    // Whoever reads to the end has to know that the end is where it was.
    if offset + Int64(filled) == size {
      var status = Glibc.stat()
      guard unsafe fstat(descriptor, &status) == 0, Int64(status.st_size) == size,
        status.st_mtim.tv_sec == written.tv_sec, status.st_mtim.tv_nsec == written.tv_nsec
      else { throw .changedWhileReading(path) }
    }
    return filled
  }
}

extension FilePath {
  /// A path of these bytes, which hold no zero.
  init(bytes: [UInt8]) {
    unsafe self.init(platformString: bytes.map { CChar(bitPattern: $0) } + [0])
  }

  var bytes: [UInt8] {
    unsafe withPlatformString { unsafe Array(UnsafeRawBufferPointer(start: $0, count: strlen($0))) }
  }
}

extension [UInt8] {
  /// The bytes of one name as the C string that a system call takes.
  fileprivate func withCString<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
    unsafe FilePath(bytes: self).withPlatformString { unsafe body($0) }
  }
}
