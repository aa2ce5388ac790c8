package import SystemPackage

#if canImport(Glibc)
  internal import Glibc
#endif

/// A lock that one process at a time can have, for as long as the value lives; a killed process gives it up.
package struct FileLock: ~Copyable {
  private let descriptor: Int32

  /// Takes the lock without waiting.
  ///
  /// - Parameter path: the lock file; it is made if need be (0600), stays afterwards, and is always empty.
  /// - Throws: `FileError.Cause.locked` when another process, or another value in this one, has it.
  package init(at path: FilePath) throws(FileError) {
    let flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC
    let opened = unsafe path.withPlatformString { unsafe Glibc.open($0, flags, 0o600) }
    guard opened >= 0 else { throw FileError("cannot lock", path, .system(Errno(rawValue: errno))) }
    guard flock(opened, LOCK_EX | LOCK_NB) == 0 else {
      let number = errno
      _ = Glibc.close(opened)
      throw FileError("cannot lock", path, number == EWOULDBLOCK ? .locked : .system(Errno(rawValue: number)))
    }
    self.descriptor = opened
  }

  deinit { _ = Glibc.close(descriptor) }
}
