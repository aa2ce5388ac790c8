internal import SystemPackage

#if canImport(Glibc)
  internal import Glibc
#endif

/// A copy of an SQLite file and its log in a folder that only this user may enter, gone when nobody holds it any more.
///
/// It stands in `TMPDIR`, or else in `/var/tmp`, which unlike `/tmp` is seldom in memory.
final class PrivateCopy {
  let file: FilePath
  private let folder: FilePath

  /// - Throws: `SnapshotError.noPrivateCopy`; nothing is left behind then.
  init(of path: FilePath, sidecars: [FilePath]) throws(SnapshotError) {
    let parent = unsafe getenv("TMPDIR").flatMap { unsafe String(validatingCString: $0) } ?? "/var/tmp"
    var template = unsafe FilePath(parent).appending("provenkey-XXXXXX").withPlatformString { start in
      unsafe Array(UnsafeBufferPointer(start: start, count: strlen(start) + 1))
    }
    let made = unsafe template.withUnsafeMutableBufferPointer { buffer -> FilePath? in
      guard let start = buffer.baseAddress, unsafe mkdtemp(start) != nil else { return nil }
      return unsafe FilePath(platformString: start)
    }
    guard let made else { throw .noPrivateCopy(path, "\(parent): \(Errno(rawValue: errno))") }
    folder = made
    file = made.appending("snapshot")
    try Self.copy(path, to: file)
    for sidecar in sidecars {
      let suffix = sidecar.string.hasSuffix("-wal") ? "-wal" : "-journal"
      try Self.copy(sidecar, to: made.appending("snapshot" + suffix))
    }
  }

  deinit {
    for name in ["snapshot", "snapshot-wal", "snapshot-shm", "snapshot-journal"] {
      _ = unsafe folder.appending(name).withPlatformString { unsafe unlink($0) }
    }
    _ = unsafe folder.withPlatformString { unsafe rmdir($0) }
  }

  private static func copy(_ source: FilePath, to target: FilePath) throws(SnapshotError) {
    let file = try FileBytes(source)
    do {
      let descriptor = try FileDescriptor.open(
        target, .writeOnly, options: [.create, .exclusiveCreate, .closeOnExec], permissions: [.ownerReadWrite])
      try descriptor.closeAfter {
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        var offset: Int64 = 0
        while true {
          let count = try file.read(into: &buffer, at: offset)
          try descriptor.writeAll(buffer[..<count])
          offset += Int64(count)
          if count < buffer.count { break }
        }
      }
    } catch let error as SnapshotError {
      throw error
    } catch {
      throw .noPrivateCopy(source, (error as? Errno)?.description ?? "\(error)")
    }
    try file.requireUnchanged()
  }
}
