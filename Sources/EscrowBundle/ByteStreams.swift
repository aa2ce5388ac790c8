internal import AgeFormat
internal import Crypto
package import DurableFiles
package import SystemPackage

#if canImport(Glibc)
  internal import Glibc
#endif

/// A regular file, to read from.
package final class FileSource: ByteSource {
  private let path: FilePath
  private let descriptor: FileDescriptor
  /// The length when it was opened, in bytes.
  package let size: Int

  /// - Throws: `EscrowError.file`, also for a folder or device.
  package init(_ path: FilePath) throws(EscrowError) {
    do {
      // Without waiting: a pipe that nobody writes to must not hang whoever expects a regular file.
      let descriptor = try FileDescriptor.open(path, .readOnly, options: [.closeOnExec, .nonBlocking])
      var status = Glibc.stat()
      let isRegular = unsafe fstat(descriptor.rawValue, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
      guard isRegular else {
        let isFolder = status.st_mode & S_IFMT == S_IFDIR
        try descriptor.close()
        throw FileError("cannot read", path, .notRegular(isFolder ? "a folder" : "neither a file nor a folder"))
      }
      self.path = path
      self.descriptor = descriptor
      self.size = Int(status.st_size)
    } catch let error as FileError {
      throw .file(error)
    } catch {
      throw .file(FileError("cannot read", path, .system(error as? Errno ?? .ioError)))
    }
  }

  deinit { try? descriptor.close() }

  package func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    do {
      return try unsafe descriptor.read(into: buffer)
    } catch {
      throw FileError("cannot read", path, .system(error as? Errno ?? .ioError))
    }
  }
}

/// A file being written whole or not at all, as a place for bytes.
package final class FileSink: ByteSink {
  private let file: AtomicFile

  package init(_ file: AtomicFile) {
    self.file = file
  }

  package func write(_ bytes: RawSpan) throws {
    try file.write(bytes)
  }
}

/// Passes bytes on and keeps their count and SHA-256.
final class DigestingSink: ByteSink {
  private let next: (any ByteSink)?
  private var digest = RunningDigest()

  init(_ next: (any ByteSink)?) {
    self.next = next
  }

  var count: Int { digest.count }
  /// SHA-256 of what was written so far, in hexadecimal.
  var sha256: String { digest.sha256 }

  func write(_ bytes: RawSpan) throws {
    digest.update(bytes)
    try next?.write(bytes)
  }
}

/// Passes bytes on and keeps their count and SHA-256.
final class DigestingSource: ByteSource {
  private let next: any ByteSource
  private var digest = RunningDigest()
  /// The first byte that is no white space, once it was read.
  private(set) var firstByte: UInt8?

  init(_ next: any ByteSource) {
    self.next = next
  }

  var count: Int { digest.count }
  /// SHA-256 of what was read so far, in hexadecimal.
  var sha256: String { digest.sha256 }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    let count = try unsafe next.read(into: buffer)
    guard count >= 0, count <= buffer.count else {
      throw EscrowError.refused("a source gave more than was asked for", hint: "this is a mistake of the program")
    }
    let read = unsafe UnsafeRawBufferPointer(rebasing: buffer[..<count])
    unsafe digest.update(read.bytes)
    if firstByte == nil { firstByte = unsafe read.first { ![0x09, 0x0A, 0x0D, 0x20].contains($0) } }
    return count
  }
}

/// Is called with the bytes done so far and those that there are; what it throws ends the work.
package typealias EscrowProgress = (_ done: Int, _ size: Int) throws(EscrowError) -> Void

extension Escrow {
  /// SHA-256 of a regular file of any length, in hexadecimal.
  ///
  package static func digest(of path: FilePath) throws(EscrowError) -> String {
    var digest = RunningDigest()
    try pieces(of: FileSource(path)) { digest.update($0) }
    return digest.sha256
  }
}

/// The count and SHA-256 of bytes that come in pieces.
struct RunningDigest {
  private var hash = SHA256()
  private(set) var count = 0

  mutating func update(_ bytes: RawSpan) {
    unsafe bytes.withUnsafeBytes { unsafe hash.update(bufferPointer: $0) }
    count += bytes.byteCount
  }

  /// In hexadecimal.
  var sha256: String { CanonicalText.hexadecimal(hash.finalize()) }

  static func sha256(of bytes: [UInt8]) -> String {
    CanonicalText.hexadecimal(SHA256.hash(data: bytes))
  }
}
