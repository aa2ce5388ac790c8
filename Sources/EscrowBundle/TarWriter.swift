internal import AgeFormat
internal import CArchive
internal import SecretMemory

/// Writes a POSIX pax tar of regular files, the same bytes for the same input.
///
/// libarchive gets the caller's memory and hands it on: it keeps no copy of content (bytes per block 0).
@safe
final class TarWriter {
  /// What the C callback gets.
  private final class Output {
    let sink: any ByteSink
    var error: EscrowError?

    init(_ sink: any ByteSink) {
      self.sink = sink
    }
  }

  private static let regularFile: UInt32 = 0o100000

  private let archive: OpaquePointer
  private let output: Output
  private let modified: Int

  /// - Parameter modified: seconds since 1970, the time of change of every member.
  init(_ sink: any ByteSink, modified: Int) throws(EscrowError) {
    guard let archive = unsafe archive_write_new() else { throw .memory(.outOfMemory(bytes: 1)) }
    unsafe self.archive = archive
    self.output = Output(sink)
    self.modified = modified
    unsafe archive_write_set_format_pax_restricted(archive)
    unsafe archive_write_add_filter_none(archive)
    unsafe archive_write_set_bytes_per_block(archive, 0)
    let context = unsafe Unmanaged.passUnretained(output).toOpaque()
    let status = unsafe archive_write_open(
      archive, context, nil,
      { _, context, bytes, count in
        guard let context = unsafe context, let bytes = unsafe bytes else { return -1 }
        let output = unsafe Unmanaged<Output>.fromOpaque(context).takeUnretainedValue()
        do {
          try output.sink.write(unsafe RawSpan(_unsafeStart: bytes, byteCount: count))
          return count
        } catch {
          output.error = EscrowError(error)
          return -1
        }
      }, nil)
    try check(status)
  }

  deinit {
    // Without this, freeing an archive that was not finished writes its end to the sink.
    unsafe archive_write_fail(archive)
    unsafe archive_write_free(archive)
  }

  /// Begins a member; exactly `size` bytes are to be written to it.
  func begin(_ path: MemberPath, size: Int) throws(EscrowError) {
    guard let entry = unsafe archive_entry_new() else { throw .memory(.outOfMemory(bytes: 1)) }
    defer { unsafe archive_entry_free(entry) }
    unsafe archive_entry_set_pathname_utf8(entry, path.text)
    unsafe archive_entry_set_filetype(entry, Self.regularFile)
    unsafe archive_entry_set_perm(entry, 0o600)
    unsafe archive_entry_set_size(entry, Int64(size))
    unsafe archive_entry_set_mtime(entry, modified, 0)
    let status = unsafe archive_write_header(archive, entry)
    try check(status)
  }

  /// Writes bytes of the member that was begun.
  func write(_ bytes: RawSpan) throws(EscrowError) {
    guard bytes.byteCount > 0 else { return }
    let written = unsafe bytes.withUnsafeBytes { unsafe archive_write_data(archive, $0.baseAddress, $0.count) }
    if let error = output.error { throw error }
    guard written == bytes.byteCount else {
      throw .refused("a member is longer than its header says", hint: "this is a mistake of the calling program")
    }
  }

  /// Writes the end of the archive.
  func finish() throws(EscrowError) {
    let status = unsafe archive_write_close(archive)
    try check(status)
  }

  private func check(_ status: Int32) throws(EscrowError) {
    if let error = output.error { throw error }
    guard status == ARCHIVE_OK else {
      throw .refused(
        "the tar cannot be written: \(unsafe EscrowError.archiveProblem(archive))", hint: "nothing was sealed")
    }
  }
}
