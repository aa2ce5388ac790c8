internal import CProcess
package import SystemPackage

#if canImport(Glibc)
  internal import Glibc
#endif

/// A folder that is at its path with all its content or not at all.
///
/// It is built under a temporary name beside its target (mode 0700, locked as long as its builder lives), then
/// renamed onto a new name or onto an empty folder in one step. What killed processes left is removed by the next
/// builder for the same target.
package final class AtomicFolder {
  private static let action = "cannot write"

  /// Where the folder will be.
  package let target: FilePath
  private let place: WritingPlace
  private let temporary: FilePath.Component
  private let root: OpenFolder
  private var folders: Set<FilePath> = []
  private var isFinished = false
  private var lock: Int32

  /// Makes the temporary folder, after removing stale ones for the same target.
  ///
  /// - Parameter target: a path in a folder that exists; nothing may stand there but an empty folder.
  package init(at target: FilePath) throws(FileError) {
    let place = try WritingPlace(target, action: Self.action)
    try Self.check(place)
    place.removeStale()
    let made = try place.makeLocked(action: Self.action) { name throws(FileError) in
      try place.folder.makeFolder(name, action: Self.action)
      let opened = unsafe name.withPlatformString {
        unsafe openat(place.folder.descriptor, $0, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
      }
      guard opened >= 0 else { throw FileError(Self.action, target, .system(Errno(rawValue: errno))) }
      return opened
    }
    let root: OpenFolder
    do throws(FileError) {
      root = try place.folder.folder(made.name, action: Self.action)
    } catch {
      place.folder.removeFolder(made.name)
      _ = Glibc.close(made.descriptor)
      throw error
    }
    self.target = target
    self.place = place
    self.temporary = made.name
    self.lock = made.descriptor
    self.root = root
  }

  deinit { discard() }

  /// Removes temporary folders that killed processes left beside a path.
  ///
  /// - Returns: how many were removed.
  @discardableResult
  package static func removeStale(for target: FilePath) throws(FileError) -> Int {
    try WritingPlace(target, action: "cannot clean up beside").removeStale()
  }

  /// Whether a folder could be put at a path, as things stand now.
  ///
  /// - Throws: `FileError`, for a path that is taken by anything but an empty folder or that leads nowhere.
  package static func checkTarget(_ target: FilePath) throws(FileError) {
    try check(try WritingPlace(target, action: action))
  }

  /// Makes a file that must not exist yet, with mode 0600, and the folders that lead to it.
  ///
  /// - Parameter path: relative to the folder, of names only: no `.`, no `..`, no root.
  package func createFile(_ path: FilePath) throws(FileError) -> FileInFolder {
    let shown = target.pushing(path)
    guard !isFinished else { throw FileError(Self.action, shown, .other("its folder is finished already")) }
    guard path.isRelative, let name = path.components.last, path.components.allSatisfy({ $0.kind == .regular }) else {
      throw FileError(Self.action, target, .other("not a path below it: \(path)"))
    }
    var reached = FilePath()
    var parent = try root.reopened(action: Self.action)
    for component in path.components.dropLast() {
      reached.append(component)
      if folders.insert(reached).inserted { try parent.makeFolder(component, action: Self.action) }
      parent = try parent.folder(component, action: Self.action)
    }
    return FileInFolder(path: shown, descriptor: try parent.createFile(name, action: Self.action))
  }

  /// Puts the folder at its path; only when this returns it is there for good.
  ///
  /// - Parameter modified: seconds since 1970 that every folder in it shall show as time of change; nil for now.
  package func commit(modified: Int? = nil) throws(FileError) {
    guard !isFinished else { throw FileError(Self.action, target, .other("it is finished already")) }
    if let modified {
      for path in folders {
        var folder = try root.reopened(action: Self.action)
        for component in path.components { folder = try folder.folder(component, action: Self.action) }
        setModified(folder.descriptor, to: modified)
      }
      setModified(root.descriptor, to: modified)
    }
    // One call for the whole file system instead of one for each of thousands of small files.
    guard file_system_synchronize(root.descriptor) == 0 else {
      throw FileError(Self.action, target, .system(Errno(rawValue: errno)))
    }
    try Self.check(place)
    try place.folder.rename(temporary, to: place.name, action: Self.action)
    close()
    try place.folder.synchronize(action: "\(target) is written, but cannot synchronise")
  }

  /// Removes the temporary folder with all its content; without effect after `commit()`.
  package func discard() {
    guard !isFinished else { return }
    place.folder.removeFolder(temporary)
    close()
  }

  private func close() {
    isFinished = true
    _ = Glibc.close(lock)
    lock = -1
  }

  private static func check(_ place: borrowing WritingPlace) throws(FileError) {
    guard let status = try place.folder.status(of: place.name, action: action) else { return }
    guard status.st_mode & S_IFMT == S_IFDIR else { throw FileError(action, place.target, .system(.fileExists)) }
    let existing = try place.folder.folder(place.name, action: action)
    guard existing.names().isEmpty else { throw FileError(action, place.target, .system(.directoryNotEmpty)) }
  }
}

/// A file being written in an `AtomicFolder`.
package final class FileInFolder {
  /// Where it will be; it stands in errors.
  package let path: FilePath
  private var descriptor: Int32

  init(path: FilePath, descriptor: Int32) {
    self.path = path
    self.descriptor = descriptor
  }

  deinit {
    if descriptor >= 0 { _ = Glibc.close(descriptor) }
  }

  /// Appends bytes.
  package func write(_ bytes: RawSpan) throws(FileError) {
    guard descriptor >= 0 else { throw FileError("cannot write", path, .other("it is finished already")) }
    try writeAll(bytes, to: descriptor, "cannot write", path)
  }

  /// Closes the file; it is on the disk when its folder is committed.
  ///
  /// - Parameter modified: seconds since 1970 that it shall show as time of change; nil for now.
  package func finish(modified: Int? = nil) throws(FileError) {
    guard descriptor >= 0 else { throw FileError("cannot write", path, .other("it is finished already")) }
    if let modified { setModified(descriptor, to: modified) }
    let closed = Glibc.close(descriptor)
    let number = errno
    descriptor = -1
    // Network file systems may report only now that there is no space.
    guard closed == 0 || number == EINTR else {
      throw FileError("cannot write", path, .system(Errno(rawValue: number)))
    }
  }
}

/// Sets both times of a file or folder; that a file system cannot keep them is no error.
private func setModified(_ descriptor: Int32, to seconds: Int) {
  let times = [timespec(tv_sec: seconds, tv_nsec: 0), timespec(tv_sec: seconds, tv_nsec: 0)]
  _ = unsafe futimens(descriptor, times)
}
