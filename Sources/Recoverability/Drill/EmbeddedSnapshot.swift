internal import DurableFiles
internal import EscrowBundle
package import SystemPackage

#if canImport(Glibc)
  internal import Glibc
#endif

/// A database snapshot that was in the bundle, with its log beside it, in a folder that only this user may enter; gone
/// when nobody holds it any more.
///
/// It stands in `TMPDIR`, or else in `/var/tmp`, which unlike `/tmp` is seldom in memory.
package final class EmbeddedSnapshot {
  package let file: FilePath
  private let folder: FilePath
  private var names: Set<String> = []

  /// - Parameter name: of the snapshot itself; what begins with it belongs to it.
  init(name: String) throws(EscrowError) {
    let parent = unsafe getenv("TMPDIR").flatMap { unsafe String(validatingCString: $0) } ?? "/var/tmp"
    var template = unsafe FilePath(parent).appending("provenkey-XXXXXX").withPlatformString { start in
      unsafe Array(UnsafeBufferPointer(start: start, count: strlen(start) + 1))
    }
    let made = unsafe template.withUnsafeMutableBufferPointer { buffer -> FilePath? in
      guard let start = buffer.baseAddress, unsafe mkdtemp(start) != nil else { return nil }
      return unsafe FilePath(platformString: start)
    }
    guard let made else {
      throw .file(FileError("cannot make a private folder in", FilePath(parent), .system(Errno(rawValue: errno))))
    }
    folder = made
    file = made.appending(name)
  }

  deinit {
    for name in names { _ = unsafe folder.appending(name).withPlatformString { unsafe unlink($0) } }
    for suffix in ["-shm", "-wal", "-journal"] {
      _ = unsafe FilePath(file.string + suffix).withPlatformString { unsafe unlink($0) }
    }
    _ = unsafe folder.withPlatformString { unsafe rmdir($0) }
  }

  /// Takes the snapshot, or its log; nil for anything else.
  func sink(
    for name: String, progress: @escaping () throws(EscrowError) -> Void
  ) throws(EscrowError) -> (any MemberSink)? {
    guard !name.contains("/"), let own = file.lastComponent?.string, name.hasPrefix(own) else { return nil }
    let path = folder.appending(name)
    names.insert(name)
    do {
      let descriptor = try FileDescriptor.open(
        path, .writeOnly, options: [.create, .exclusiveCreate, .closeOnExec, .noFollow], permissions: [.ownerReadWrite])
      return Sink(descriptor, path, progress)
    } catch {
      throw .file(FileError("cannot write", path, .system(error as? Errno ?? .ioError)))
    }
  }

  private final class Sink: MemberSink {
    private let descriptor: FileDescriptor
    private let path: FilePath
    private let progress: () throws(EscrowError) -> Void

    init(_ descriptor: FileDescriptor, _ path: FilePath, _ progress: @escaping () throws(EscrowError) -> Void) {
      self.descriptor = descriptor
      self.path = path
      self.progress = progress
    }

    deinit { try? descriptor.close() }

    func write(_ bytes: RawSpan) throws(EscrowError) {
      try progress()
      do {
        try unsafe bytes.withUnsafeBytes { _ = try unsafe descriptor.writeAll($0) }
      } catch {
        throw .file(FileError("cannot write", path, .system(error as? Errno ?? .ioError)))
      }
    }

    func finish() throws(EscrowError) {}
  }
}
