internal import CProcess
internal import SystemPackage

#if canImport(Glibc)
  internal import Glibc
#endif

/// A folder held open, so that what is done in it is done there even if its path leads elsewhere meanwhile.
///
/// Names are single components; no call follows a symbolic link at its last component.
struct OpenFolder: ~Copyable {
  /// Where the folder was when it was opened; it stands in errors only.
  let path: FilePath
  let descriptor: Int32

  /// Opens the folder at a path, by way of links if there are some.
  init(at path: FilePath, action: String) throws(FileError) {
    let opened = unsafe path.withPlatformString { unsafe Glibc.open($0, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
    guard opened >= 0 else { throw FileError(action, path, .system(Errno(rawValue: errno))) }
    self.path = path
    self.descriptor = opened
  }

  private init(path: FilePath, descriptor: Int32) {
    self.path = path
    self.descriptor = descriptor
  }

  deinit { _ = Glibc.close(descriptor) }

  /// A second descriptor of the same folder.
  func reopened(action: String) throws(FileError) -> OpenFolder {
    let opened = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
    guard opened >= 0 else { throw FileError(action, path, .system(Errno(rawValue: errno))) }
    return OpenFolder(path: path, descriptor: opened)
  }

  /// Opens a folder in this one.
  func folder(_ name: FilePath.Component, action: String) throws(FileError) -> OpenFolder {
    let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
    let opened = unsafe name.withPlatformString { unsafe openat(descriptor, $0, flags) }
    guard opened >= 0 else { throw failure(action, name) }
    return OpenFolder(path: path.appending(name), descriptor: opened)
  }

  /// Makes a folder with mode 0700.
  func makeFolder(_ name: FilePath.Component, action: String) throws(FileError) {
    guard unsafe name.withPlatformString({ unsafe mkdirat(descriptor, $0, 0o700) }) == 0 else {
      throw failure(action, name)
    }
  }

  /// Makes a file with mode 0600 that must not exist yet; whoever calls this closes the descriptor.
  func createFile(_ name: FilePath.Component, action: String) throws(FileError) -> Int32 {
    let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
    let opened = unsafe name.withPlatformString { unsafe openat(descriptor, $0, flags, 0o600) }
    guard opened >= 0 else { throw failure(action, name) }
    return opened
  }

  /// What stands under a name, nil for nothing.
  func status(of name: FilePath.Component, action: String) throws(FileError) -> Glibc.stat? {
    var status = Glibc.stat()
    let result = unsafe name.withPlatformString { unsafe fstatat(descriptor, $0, &status, AT_SYMLINK_NOFOLLOW) }
    if result == 0 { return status }
    if errno == ENOENT { return nil }
    throw failure(action, name)
  }

  /// Whether an open descriptor is still what stands under a name.
  func holds(_ name: FilePath.Component, as other: Int32) -> Bool {
    var opened = Glibc.stat()
    guard unsafe fstat(other, &opened) == 0, let named = try? status(of: name, action: "cannot read") else {
      return false
    }
    return opened.st_dev == named.st_dev && opened.st_ino == named.st_ino
  }

  /// Renames within the folder, replacing a file, or an empty folder by a folder.
  func rename(_ old: FilePath.Component, to new: FilePath.Component, action: String) throws(FileError) {
    let result = unsafe old.withPlatformString { old in
      unsafe new.withPlatformString { new in unsafe renameat(descriptor, old, descriptor, new) }
    }
    guard result == 0 else { throw failure(action, new) }
  }

  /// Renames a file within the folder unless the new name is taken, in one step.
  func renameIfNew(_ old: FilePath.Component, to new: FilePath.Component, action: String) throws(FileError) {
    let result = unsafe old.withPlatformString { old in
      unsafe new.withPlatformString { new -> Int32 in
        if unsafe file_rename_if_new(descriptor, old, new) == 0 { return 0 }
        // Some file systems (NFS) have no such rename; a hard link refuses a name that is taken just as surely.
        guard errno == EINVAL || errno == ENOSYS else { return -1 }
        guard unsafe linkat(descriptor, old, descriptor, new, 0) == 0 else { return -1 }
        _ = unsafe unlinkat(descriptor, old, 0)
        return 0
      }
    }
    guard result == 0 else { throw failure(action, new) }
  }

  /// Removes a file; that it is gone already is no error.
  func removeFile(_ name: FilePath.Component) {
    _ = unsafe name.withPlatformString { unsafe unlinkat(descriptor, $0, 0) }
  }

  /// Removes a folder with all its content as far as permissions allow, following no link.
  ///
  /// - Parameter depth: how many folders may lie within each other; deeper ones stay.
  func removeFolder(_ name: FilePath.Component, depth: Int = 256) {
    if depth > 0, let inner = try? folder(name, action: "cannot remove") {
      for entry in inner.names() {
        let isFolder = unsafe entry.withPlatformString { unsafe unlinkat(inner.descriptor, $0, 0) } != 0
        if isFolder { inner.removeFolder(entry, depth: depth - 1) }
      }
    }
    _ = unsafe name.withPlatformString { unsafe unlinkat(descriptor, $0, AT_REMOVEDIR) }
  }

  /// The names in the folder, in no order; empty if it cannot be read.
  func names() -> [FilePath.Component] {
    let again = unsafe openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard again >= 0 else { return [] }
    guard let stream = unsafe fdopendir(again) else {
      _ = Glibc.close(again)
      return []
    }
    defer { unsafe closedir(stream) }
    var names: [FilePath.Component] = []
    while let entry = unsafe readdir(stream) {
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
        unsafe FilePath.Component(platformString: UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self))
      }
      if let name, name.kind == .regular { names.append(name) }
    }
    return names
  }

  /// Waits until the folder's list of names is on the disk.
  func synchronize(action: String) throws(FileError) {
    // Some file systems cannot do this for folders, and say so; then their own order of writing has to do.
    guard fsync(descriptor) != 0, errno != EINVAL, errno != ENOTSUP else { return }
    throw FileError(action, path, .system(Errno(rawValue: errno)))
  }

  private func failure(_ action: String, _ name: FilePath.Component) -> FileError {
    let number = errno
    return FileError(action, path.appending(name), .system(Errno(rawValue: number)))
  }
}
