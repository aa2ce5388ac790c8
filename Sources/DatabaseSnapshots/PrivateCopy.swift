internal import DurableFiles
package import SystemPackage

#if canImport(Glibc)
  internal import Glibc
#endif

/// A copy of a snapshot, for what can only be read as a file of its own: in a folder that only this user may enter, gone
/// when nobody holds it any more.
///
/// It stands in `TMPDIR`, or else in `/var/tmp`, which unlike `/tmp` is seldom in memory. A killed process leaves its
/// copy, unlocked; whoever makes the next one clears it away.
package final class PrivateCopy {
  /// The copy's path, while `unlink` was not called.
  package let file: FilePath
  private let folder: FilePath
  private let lock: FileLock

  private static let prefix = "provenkey-copy-"
  private static let names = ["snapshot", "snapshot-wal", "snapshot-shm", "snapshot-journal", "lock"]

  /// Copies an SQLite file and its log or journal.
  ///
  /// - Throws: `SnapshotError.noPrivateCopy`; nothing is left behind then.
  convenience init(of path: FilePath, sidecars: [FilePath]) throws(SnapshotError) {
    try self.init(for: path)
    let original = try FileBytes(path)
    try write(PlainSource(try FileBytes(path)), to: file, of: path)
    for sidecar in sidecars {
      let suffix = sidecar.string.hasSuffix("-wal") ? "-wal" : "-journal"
      try write(PlainSource(try FileBytes(sidecar)), to: folder.appending("snapshot" + suffix), of: sidecar)
    }
    try original.requireUnchanged()
  }

  /// Copies what is below a compression.
  ///
  /// - Throws: `SnapshotError.noPrivateCopy`; nothing is left behind then. `source.fault` tells whether it is whole.
  convenience init(of path: FilePath, _ source: DecompressingSource) throws(SnapshotError) {
    try self.init(for: path)
    try write(source, to: file, of: path)
  }

  /// A folder for a snapshot that comes from elsewhere: whoever makes it writes `file`, and the log or journal beside it.
  ///
  /// - Parameter path: what the snapshot is called in errors.
  package init(for path: FilePath) throws(SnapshotError) {
    let parent = FilePath(unsafe getenv("TMPDIR").flatMap { unsafe String(validatingCString: $0) } ?? "/var/tmp")
    Self.clear(parent)
    var attempts = 0
    while true {
      let folder = try Self.makeFolder(in: parent, for: path)
      let place = folder.appending("lock")
      do {
        lock = try FileLock(at: place)
      } catch {
        // Somebody who clears up came in between: another folder then.
        attempts += 1
        guard attempts < 10 else { throw .noPrivateCopy(path, error.problem) }
        continue
      }
      self.folder = folder
      file = folder.appending("snapshot")
      var status = Glibc.stat()
      if unsafe place.withPlatformString({ unsafe lstat($0, &status) }) == 0 { return }
      throw .noPrivateCopy(path, "\(parent) is being cleared up")
    }
  }

  deinit { unlink() }

  /// Takes the names away from what is open, so that nothing is left whenever the process ends.
  func unlink() { Self.remove(folder) }

  private static func makeFolder(in parent: FilePath, for path: FilePath) throws(SnapshotError) -> FilePath {
    var template = unsafe parent.appending(prefix + "XXXXXX").withPlatformString { start in
      unsafe Array(UnsafeBufferPointer(start: start, count: strlen(start) + 1))
    }
    let made = unsafe template.withUnsafeMutableBufferPointer { buffer -> FilePath? in
      guard let start = buffer.baseAddress, unsafe mkdtemp(start) != nil else { return nil }
      return unsafe FilePath(platformString: start)
    }
    guard let made else { throw .noPrivateCopy(path, "\(parent): \(Errno(rawValue: errno))") }
    return made
  }

  private static func remove(_ folder: FilePath) {
    for name in names { _ = unsafe folder.appending(name).withPlatformString { unsafe Glibc.unlink($0) } }
    _ = unsafe folder.withPlatformString { unsafe rmdir($0) }
  }

  /// Removes the copies of processes that are no more: folders of this user's whose lock nobody has.
  private static func clear(_ parent: FilePath) {
    guard let stream = unsafe parent.withPlatformString({ unsafe opendir($0) }) else { return }
    defer { unsafe closedir(stream) }
    while let entry = unsafe readdir(stream) {
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(validatingCString: $0) }
      }
      guard let name, name.hasPrefix(prefix), name.utf8.count == prefix.utf8.count + 6 else { continue }
      let folder = parent.appending(name)
      var status = Glibc.stat()
      guard unsafe folder.withPlatformString({ unsafe lstat($0, &status) }) == 0, status.st_mode & S_IFMT == S_IFDIR,
        status.st_uid == geteuid()
      else { continue }
      let lock = unsafe folder.appending("lock").withPlatformString {
        unsafe Glibc.open($0, O_RDWR | O_NOFOLLOW | O_CLOEXEC)
      }
      if lock >= 0 {
        if flock(lock, LOCK_EX | LOCK_NB) == 0 { remove(folder) }
        _ = Glibc.close(lock)
      } else if errno == ENOENT, time(nil) - status.st_mtim.tv_sec > 3600 {
        // Killed before it made the lock: only an empty folder can go.
        _ = unsafe folder.withPlatformString { unsafe rmdir($0) }
      }
    }
  }

  private func write(_ source: any DumpSource, to target: FilePath, of path: FilePath) throws(SnapshotError) {
    do {
      let descriptor = try FileDescriptor.open(
        target, .writeOnly, options: [.create, .exclusiveCreate, .closeOnExec], permissions: [.ownerReadWrite])
      try descriptor.closeAfter {
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while true {
          let count = try unsafe buffer.withUnsafeMutableBytes { try unsafe source.read(into: $0) }
          if count == 0 { break }
          try descriptor.writeAll(buffer[..<count])
        }
      }
    } catch let error as SnapshotError {
      throw error
    } catch {
      throw .noPrivateCopy(path, (error as? Errno)?.description ?? "\(error)")
    }
  }
}
