package import SystemPackage

#if canImport(Glibc)
  internal import Glibc
#endif

/// A file that is at its path whole or not at all.
///
/// It is written under a temporary name in the same folder (`.NAME.provenkey-<random>.tmp`, mode 0600, locked with
/// `flock` as long as its writer lives), then synchronised, renamed, and the folder synchronised. A process that is
/// killed leaves at most the temporary file, which the next writer to the same path removes. Nothing depends on
/// handlers that run at exit.
package final class AtomicFile {
  /// What to do about a file that is at the path already.
  package enum Placement: Sendable {
    /// Take its place in one step.
    case replace
    /// Refuse with `EEXIST`, also if it appears while the new one is written.
    case createNew
  }

  private static let action = "cannot write"

  /// Where the file will be.
  package let target: FilePath
  private let place: WritingPlace
  private let placement: Placement
  private let mode: FilePermissions
  private let temporary: FilePath.Component
  private var descriptor: Int32

  /// Makes the temporary file, after removing stale ones for the same path.
  ///
  /// - Parameters:
  ///   - target: a path in a folder that exists. A link, folder or device there is refused.
  ///   - mode: the permissions of the finished file.
  package init(
    at target: FilePath, _ placement: Placement, mode: FilePermissions = [.ownerReadWrite]
  ) throws(FileError) {
    let place = try WritingPlace(target, action: Self.action)
    try Self.check(place, placement)
    place.removeStale()
    let made = try place.makeLocked(action: Self.action) { name throws(FileError) in
      try place.folder.createFile(name, action: Self.action)
    }
    self.target = target
    self.place = place
    self.placement = placement
    self.mode = mode
    self.temporary = made.name
    self.descriptor = made.descriptor
  }

  deinit { discard() }

  /// Removes temporary files that killed processes left beside a path.
  ///
  /// - Returns: how many were removed.
  @discardableResult
  package static func removeStale(for target: FilePath) throws(FileError) -> Int {
    try WritingPlace(target, action: "cannot clean up beside").removeStale()
  }

  /// Writes a whole file in one call.
  package static func write(
    _ bytes: RawSpan, to target: FilePath, _ placement: Placement, mode: FilePermissions = [.ownerReadWrite]
  ) throws(FileError) {
    let file = try AtomicFile(at: target, placement, mode: mode)
    try file.write(bytes)
    try file.commit()
  }

  /// Appends bytes.
  package func write(_ bytes: RawSpan) throws(FileError) {
    guard descriptor >= 0 else { throw FileError(Self.action, target, .other("it is finished already")) }
    try writeAll(bytes, to: descriptor, Self.action, target)
  }

  /// Where it lies until then; to be read back before it counts.
  package var temporaryPath: FilePath {
    target.removingLastComponent().appending(temporary)
  }

  /// Puts the file at its path; only when this returns it is there for good.
  ///
  /// After an error nothing has changed at the path, unless it was the last step that failed, the folder's
  /// synchronisation: then the error says so.
  package func commit() throws(FileError) {
    guard descriptor >= 0 else { throw FileError(Self.action, target, .other("it is finished already")) }
    guard fchmod(descriptor, mode.rawValue) == 0, fsync(descriptor) == 0 else {
      throw FileError(Self.action, target, .system(Errno(rawValue: errno)))
    }
    try Self.check(place, placement)
    switch placement {
    case .replace: try place.folder.rename(temporary, to: place.name, action: Self.action)
    case .createNew: try place.folder.renameIfNew(temporary, to: place.name, action: Self.action)
    }
    close()
    try place.folder.synchronize(action: "\(target) is written, but cannot synchronise")
  }

  /// Removes the temporary file; without effect after `commit()`.
  package func discard() {
    guard descriptor >= 0 else { return }
    place.folder.removeFile(temporary)
    close()
  }

  private func close() {
    _ = Glibc.close(descriptor)
    descriptor = -1
  }

  private static func check(_ place: borrowing WritingPlace, _ placement: Placement) throws(FileError) {
    guard let status = try place.folder.status(of: place.name, action: action) else { return }
    switch status.st_mode & S_IFMT {
    case S_IFREG: break
    // Renaming would replace the link or the device itself, which nobody means (`/dev/stdout`, as root).
    case S_IFLNK: throw FileError(action, place.target, .notRegular("a symbolic link"))
    case S_IFDIR: throw FileError(action, place.target, .notRegular("a folder"))
    default: throw FileError(action, place.target, .notRegular("neither a file nor a folder"))
    }
    if placement == .createNew { throw FileError(action, place.target, .system(.fileExists)) }
  }
}

/// Writes all bytes, in as many calls as it takes.
func writeAll(_ bytes: RawSpan, to descriptor: Int32, _ action: String, _ path: FilePath) throws(FileError) {
  let failed: Int32? = unsafe bytes.withUnsafeBytes { bytes in
    var written = 0
    while written < bytes.count {
      let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[written...])
      let count = unsafe Glibc.write(descriptor, rest.baseAddress, rest.count)
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { return count == 0 ? EIO : errno }
      written += count
    }
    return nil
  }
  if let failed { throw FileError(action, path, .system(Errno(rawValue: failed))) }
}
