package import SecretMemory
package import SystemPackage

#if canImport(Glibc)
  internal import Glibc
#endif

/// Reading a file whole, never more of it than the reader says it can use.
package enum BoundedReading {
  /// The bytes of a regular file.
  ///
  /// - Parameter limit: in bytes; a longer file is refused with `FileError.Cause.longerThan` after reading `limit + 1`.
  package static func bytes(of path: FilePath, limit: Int) throws(FileError) -> [UInt8] {
    try withDescriptor(of: path) { (descriptor, size) throws(FileError) in
      var bytes = [UInt8](repeating: 0, count: min(size, limit) + 1)
      var filled = 0
      while true {
        if filled == bytes.count { bytes.append(contentsOf: repeatElement(0, count: max(bytes.count, 4096))) }
        let count: Int
        do {
          count = try unsafe bytes.withUnsafeMutableBytes {
            try unsafe read(descriptor, into: UnsafeMutableRawBufferPointer(rebasing: $0[filled...]), path)
          }
        } catch let error as FileError {
          throw error
        } catch {
          throw FileError("cannot read", path, .other("\(error)"))
        }
        filled += count
        guard filled <= limit else { throw FileError("cannot read", path, .longerThan(limit: limit)) }
        if count == 0 { break }
      }
      bytes.removeLast(bytes.count - filled)
      return bytes
    }
  }

  /// The bytes of a regular file or of a pipe, read straight into memory for secrets.
  ///
  /// - Parameter limit: in bytes; a longer file is refused with `FileError.Cause.longerThan`.
  package static func secret(of path: FilePath, limit: Int) throws(FileError) -> SecretBytes {
    try withDescriptor(of: path, pipesToo: true) { (descriptor, size) throws(FileError) in
      try secret(from: descriptor, limit: limit, expected: size, name: path)
    }
  }

  /// All that a descriptor gives until its end, read straight into memory for secrets.
  ///
  /// - Parameters:
  ///   - limit: in bytes; more is refused with `FileError.Cause.longerThan`.
  ///   - expected: the number of bytes that will probably come; only the first allocation depends on it.
  ///   - name: stands in errors.
  package static func secret(
    from descriptor: FileDescriptor, limit: Int, expected: Int = 4096, name: FilePath
  ) throws(FileError) -> SecretBytes {
    var bytes = try secretMemory(min(max(expected, 1), limit) + 1, name)
    var filled = 0
    while true {
      if filled == bytes.count {
        var longer = try secretMemory(min(bytes.count * 2, limit + 1), name)
        unsafe longer.withUnsafeMutableBytes { longer in
          unsafe bytes.withUnsafeBytes { unsafe longer.copyMemory(from: $0) }
        }
        bytes = longer
      }
      let count = try unsafe bytes.withUnsafeMutableBytes { (buffer) throws(FileError) in
        try unsafe read(descriptor, into: UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]), name)
      }
      filled += count
      guard filled <= limit else { throw FileError("cannot read", name, .longerThan(limit: limit)) }
      if count == 0 { break }
    }
    bytes.truncate(to: filled)
    return bytes
  }

  private static func secretMemory(_ count: Int, _ path: FilePath) throws(FileError) -> SecretBytes {
    do { return try SecretBytes(zeroed: count) } catch { throw FileError("cannot read", path, .other("\(error)")) }
  }

  private static func read(
    _ descriptor: FileDescriptor, into buffer: UnsafeMutableRawBufferPointer, _ path: FilePath
  ) throws(FileError) -> Int {
    do {
      return try unsafe descriptor.read(into: buffer)
    } catch {
      throw FileError("cannot read", path, .system(error as? Errno ?? .ioError))
    }
  }

  private static func withDescriptor<Result: ~Copyable>(
    of path: FilePath, pipesToo: Bool = false,
    _ body: (FileDescriptor, _ size: Int) throws(FileError) -> Result
  ) throws(FileError) -> Result {
    let descriptor: FileDescriptor
    let status: Glibc.stat
    do {
      // Without waiting: a pipe that nobody writes to must not hang whoever expects a regular file.
      descriptor = try FileDescriptor.open(
        path, .readOnly, options: pipesToo ? [.closeOnExec] : [.closeOnExec, .nonBlocking])
      status = try fileStatus(descriptor)
    } catch {
      throw FileError("cannot read", path, .system(error as? Errno ?? .ioError))
    }
    defer { try? descriptor.close() }
    switch status.st_mode & S_IFMT {
    case S_IFREG: break
    case S_IFIFO where pipesToo: break
    case S_IFDIR: throw FileError("cannot read", path, .notRegular("a folder"))
    case S_IFIFO: throw FileError("cannot read", path, .notRegular("a pipe"))
    default: throw FileError("cannot read", path, .notRegular("neither a file nor a folder"))
    }
    return try body(descriptor, Int(status.st_size))
  }

  private static func fileStatus(_ descriptor: FileDescriptor) throws -> Glibc.stat {
    var status = Glibc.stat()
    guard unsafe fstat(descriptor.rawValue, &status) == 0 else { throw Errno(rawValue: errno) }
    return status
  }
}
