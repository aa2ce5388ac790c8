internal import SystemPackage

#if canImport(Glibc)
  internal import Glibc
#endif

/// A snapshot opened for reading; of any length, so it is never read whole.
struct FileBytes: ~Copyable {
  let path: FilePath
  private let descriptor: FileDescriptor
  let size: Int64
  /// Seconds since 1970.
  let modified: Int64
  private let changed: timespec

  init(_ path: FilePath) throws(SnapshotError) {
    let opened: FileDescriptor
    do {
      // Without waiting: a pipe that nobody writes to must not hang.
      opened = try FileDescriptor.open(path, .readOnly, options: [.closeOnExec, .nonBlocking])
    } catch {
      throw .unreadable(path, (error as? Errno)?.description ?? "\(error)")
    }
    var status = Glibc.stat()
    guard unsafe fstat(opened.rawValue, &status) == 0 else {
      let why = Errno(rawValue: errno).description
      try? opened.close()
      throw .unreadable(path, why)
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      try? opened.close()
      throw .unreadable(path, status.st_mode & S_IFMT == S_IFDIR ? "it is a folder" : "it is no regular file")
    }
    self.path = path
    descriptor = opened
    size = Int64(status.st_size)
    modified = Int64(status.st_mtim.tv_sec)
    changed = status.st_mtim
  }

  deinit { try? descriptor.close() }

  /// Up to `count` bytes from `offset`; fewer only at the end of the file.
  func bytes(at offset: Int64, count: Int) throws(SnapshotError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    let filled = try read(into: &bytes, at: offset)
    bytes.removeLast(count - filled)
    return bytes
  }

  /// Fills `buffer` from `offset`; returns how many bytes there were, fewer than asked for only at the end of the file.
  func read(into buffer: inout [UInt8], at offset: Int64) throws(SnapshotError) -> Int {
    var filled = 0
    while filled < buffer.count {
      let count: Int
      do {
        count = try unsafe buffer.withUnsafeMutableBytes {
          try unsafe descriptor.read(
            fromAbsoluteOffset: offset + Int64(filled), into: UnsafeMutableRawBufferPointer(rebasing: $0[filled...]))
        }
      } catch {
        throw .unreadable(path, (error as? Errno)?.description ?? "\(error)")
      }
      if count == 0 { break }
      filled += count
    }
    return filled
  }

  /// Fills a part of `buffer` from `offset`; returns how many bytes, 0 only at the end of the file.
  func read(intoSome buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(SnapshotError) -> Int {
    do {
      return try unsafe descriptor.read(fromAbsoluteOffset: offset, into: buffer)
    } catch {
      throw .unreadable(path, (error as? Errno)?.description ?? "\(error)")
    }
  }

  /// For a C library, while this lives.
  var handle: CInt { descriptor.rawValue }

  /// Refuses a file that was written to since it was opened.
  func requireUnchanged() throws(SnapshotError) {
    var status = Glibc.stat()
    guard unsafe fstat(descriptor.rawValue, &status) == 0, Int64(status.st_size) == size,
      status.st_mtim.tv_sec == changed.tv_sec, status.st_mtim.tv_nsec == changed.tv_nsec
    else { throw .changedWhileReading(path) }
  }
}
