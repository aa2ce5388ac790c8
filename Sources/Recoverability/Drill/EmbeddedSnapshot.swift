internal import DatabaseSnapshots
internal import DurableFiles
internal import EscrowBundle
package import SystemPackage

/// A database snapshot that was in the bundle, with its log beside it, as private files; gone when nobody holds them any
/// more, and cleared away by the next run where the process was killed.
package final class EmbeddedSnapshot {
  /// Its name in the bundle.
  package let name: String
  package var file: FilePath { copy.file }
  private let copy: PrivateCopy

  init(name: String) throws {
    self.name = name
    copy = try PrivateCopy(for: FilePath(name))
  }

  /// Takes the snapshot, or its log; nil for anything else.
  func sink(
    for member: String, progress: @escaping () throws(EscrowError) -> Void
  ) throws(EscrowError) -> (any MemberSink)? {
    guard member.hasPrefix(name) else { return nil }
    let suffix = member.dropFirst(name.count)
    guard ["", "-wal", "-journal"].contains(suffix) else { return nil }
    let path = FilePath(file.string + suffix)
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
