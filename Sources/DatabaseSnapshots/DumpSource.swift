internal import CArchive
internal import SystemPackage

/// Where the bytes of a dump come from: a file as it is, one that is decompressed, or a program.
protocol DumpSource: AnyObject {
  /// How many bytes of the file were read so far, and how many there are.
  var bytesDone: Int64 { get }
  var bytesTotal: Int64 { get }
  /// What ended the bytes too early, once they have ended.
  var fault: SnapshotFault? { get }

  /// Fills a part of the buffer.
  ///
  /// - Returns: how many bytes; 0 at the end.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws(SnapshotError) -> Int
}

/// The bytes of a file as they are.
final class PlainSource: DumpSource {
  private let file: FileBytes
  private(set) var bytesDone: Int64 = 0
  let bytesTotal: Int64
  let fault: SnapshotFault? = nil

  init(_ file: consuming FileBytes) {
    bytesTotal = file.size
    self.file = file
  }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws(SnapshotError) -> Int {
    let count = try unsafe file.read(intoSome: buffer, at: bytesDone)
    if count == 0 { try file.requireUnchanged() }
    bytesDone += Int64(count)
    return count
  }
}

/// What is below gzip, zstd, xz or bzip2, by libarchive.
@safe final class DecompressingSource: DumpSource {
  private let file: FileBytes
  private let archive: OpaquePointer
  private(set) var fault: SnapshotFault?
  private var hasEnded = false
  /// What libarchive has decompressed and not handed on; its own memory, until it is asked for more.
  private var block = unsafe UnsafeRawBufferPointer(start: nil, count: 0)

  var bytesTotal: Int64 { file.size }
  var bytesDone: Int64 { unsafe min(archive_filter_bytes(archive, -1), file.size) }

  init(_ path: FilePath) throws(SnapshotError) {
    file = try FileBytes(path)
    guard let archive = unsafe archive_read_new() else { throw .unreadable(path, "no memory") }
    unsafe self.archive = unsafe archive
    unsafe archive_read_support_filter_gzip(archive)
    unsafe archive_read_support_filter_zstd(archive)
    unsafe archive_read_support_filter_xz(archive)
    unsafe archive_read_support_filter_bzip2(archive)
    unsafe archive_read_support_format_raw(archive)
    var entry: OpaquePointer?
    guard unsafe archive_read_open_fd(archive, file.handle, 1 << 18) == ARCHIVE_OK,
      unsafe archive_read_next_header(archive, &entry) == ARCHIVE_OK
    else {
      // A stream that ends within its first block has no bytes at all.
      end()
      return
    }
  }

  deinit { unsafe archive_read_free(archive) }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws(SnapshotError) -> Int {
    // Block by block: `archive_read_data` would keep what it has got when the stream breaks off.
    while unsafe block.isEmpty {
      if hasEnded { return 0 }
      var start: UnsafeRawPointer?
      var count = 0
      var offset: Int64 = 0
      let code = unsafe archive_read_data_block(archive, &start, &count, &offset)
      if code == ARCHIVE_OK || code == ARCHIVE_WARN {
        unsafe block = UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : count)
      } else if code != ARCHIVE_RETRY {
        if code != ARCHIVE_EOF { end() }
        hasEnded = true
        try file.requireUnchanged()
      }
    }
    let count = unsafe min(block.count, buffer.count)
    unsafe buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: block[..<count]))
    unsafe block = UnsafeRawBufferPointer(rebasing: block[count...])
    return count
  }

  private func end() {
    hasEnded = true
    let words = unsafe archive_error_string(archive).flatMap { unsafe String(validatingCString: $0) }
    fault = bytesDone >= file.size ? .cut("its compressed data") : .damaged(words ?? "it cannot be decompressed")
  }
}
