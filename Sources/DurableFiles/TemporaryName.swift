internal import SecretMemory
internal import SystemPackage

#if canImport(Glibc)
  internal import Glibc
#endif

/// The place of a file or folder that is going to be written: its folder, held open, and its name there.
struct WritingPlace: ~Copyable {
  let target: FilePath
  let folder: OpenFolder
  let name: FilePath.Component

  init(_ target: FilePath, action: String) throws(FileError) {
    guard let name = target.lastComponent, name.kind == .regular else {
      throw FileError(action, target, .other("the path does not end with a name"))
    }
    let parent = target.removingLastComponent()
    self.folder = try OpenFolder(at: parent.isEmpty ? "." : parent, action: action)
    self.target = target
    self.name = name
  }

  /// What all temporary names beside the target begin with.
  private var prefix: String {
    // A name may have 255 bytes; the additions need up to 40.
    ".\(String(decoding: name.string.utf8.prefix(200), as: UTF8.self)).provenkey-"
  }

  /// A temporary name that nobody else uses.
  func temporaryName(action: String) throws(FileError) -> FilePath.Component {
    let random: [UInt8]
    do { random = try Randomness.bytes(count: 8) } catch { throw FileError(action, target, .other("\(error)")) }
    let digits = random.map { byte in
      let hexadecimal = String(byte, radix: 16)
      return hexadecimal.count == 1 ? "0\(hexadecimal)" : hexadecimal
    }
    guard let component = FilePath.Component("\(prefix)\(digits.joined()).tmp") else {
      throw FileError(action, target, .other("the path does not end with a name"))
    }
    return component
  }

  /// Removes temporary files and folders beside the target whose writers are gone: those whose lock can be had.
  ///
  /// - Returns: how many were removed.
  @discardableResult
  func removeStale() -> Int {
    var removed = 0
    let prefix = self.prefix
    for name in folder.names() where name.string.hasPrefix(prefix) && name.string.hasSuffix(".tmp") {
      let flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC
      let opened = unsafe name.withPlatformString { unsafe openat(folder.descriptor, $0, flags) }
      guard opened >= 0 else { continue }
      defer { _ = Glibc.close(opened) }
      guard flock(opened, LOCK_EX | LOCK_NB) == 0, folder.holds(name, as: opened) else { continue }
      folder.removeFile(name)
      folder.removeFolder(name)
      removed += 1
    }
    return removed
  }

  /// Makes something under a temporary name and locks it, so that nobody takes it for a stale one.
  ///
  /// - Parameter make: makes it under the name given and returns its descriptor.
  func makeLocked(
    action: String, _ make: (_ name: FilePath.Component) throws(FileError) -> Int32
  ) throws(FileError) -> (name: FilePath.Component, descriptor: Int32) {
    // Between making and locking, another process may take it for stale and remove it: then once more.
    for _ in 0..<16 {
      let name = try temporaryName(action: action)
      let descriptor = try make(name)
      if flock(descriptor, LOCK_EX | LOCK_NB) == 0, folder.holds(name, as: descriptor) { return (name, descriptor) }
      let number = errno
      _ = Glibc.close(descriptor)
      if number == ENOLCK || number == EOPNOTSUPP {
        folder.removeFile(name)
        folder.removeFolder(name)
        throw FileError(action, target, .other("its file system cannot lock files"))
      }
    }
    throw FileError(action, target, .other("other processes keep removing the temporary file"))
  }
}
