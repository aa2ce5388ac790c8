internal import AgeFormat
internal import CArchive
internal import SecretMemory

/// Reads a tar as `TarWriter` writes it, and refuses everything else: only regular files with safe names, and nothing
/// behind the end.
///
/// libarchive reads straight from memory for secrets, into which the source writes.
@safe
final class TarReader {
  /// A member's header.
  struct Entry {
    let path: MemberPath
    /// In bytes.
    let size: Int
  }

  /// What the C callback reads from.
  private final class Input {
    let source: any ByteSource
    var buffer: SecretBytes
    var error: EscrowError?
    /// How many bytes the source has given, those in the buffer included.
    var count = 0
    /// How many of them are in the buffer.
    var filled = 0
    /// How many bytes up to and including the last that is not zero.
    var countToLastNonzero = 0
    var isAtEnd = false

    init(_ source: any ByteSource, buffer: consuming SecretBytes) {
      self.source = source
      self.buffer = buffer
    }

    /// Fills the buffer as far as the source goes: blocks of 512 bytes then never lie across two fillings, which
    /// libarchive would have to copy elsewhere.
    func fill() throws -> Int {
      let source = self.source
      let (filled, nonzero) = try unsafe buffer.withUnsafeMutableBytes { buffer in
        var filled = 0
        while filled < buffer.count {
          let count = try unsafe source.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]))
          guard count > 0 else { break }
          filled += count
        }
        let nonzero = unsafe buffer[..<filled].lastIndex { $0 != 0 }
        return (filled, nonzero)
      }
      if let nonzero { countToLastNonzero = count + nonzero + 1 }
      count += filled
      self.filled = filled
      isAtEnd = filled == 0
      return filled
    }

    /// Whether the block that ends at a position in the tar is the header of a regular file as POSIX has it: libarchive
    /// also takes other types for one, and does not tell.
    func isPlainHeader(endingAt end: Int) -> Bool {
      let start = end - TarReader.block - (count - filled)
      guard start >= 0, start + TarReader.block <= filled else { return false }
      return unsafe buffer.withUnsafeBytes { buffer in
        let header = unsafe buffer[start..<start + TarReader.block]
        return unsafe header[start + 156] == UInt8(ascii: "0")
          && header[(start + 257)...].starts(with: Array("ustar\0".utf8))
      }
    }
  }

  static let pieceCount = 64 << 10
  static let memberLimit = 1_000_000
  private static let regularFile: UInt32 = 0o100000
  private static let block = 512

  private let archive: OpaquePointer
  private let input: Input
  private var members = 0
  private var remaining = 0

  init(_ source: any ByteSource) throws(EscrowError) {
    let buffer: SecretBytes
    do throws(SecretMemoryError) { buffer = try SecretBytes(zeroed: Self.pieceCount) } catch { throw .memory(error) }
    guard let archive = unsafe archive_read_new() else { throw .memory(.outOfMemory(bytes: 1)) }
    unsafe self.archive = archive
    self.input = Input(source, buffer: buffer)
    // No filters at all: nothing in a bundle is compressed, and what is not read cannot be attacked.
    unsafe archive_read_support_format_tar(archive)
    let context = unsafe Unmanaged.passUnretained(input).toOpaque()
    let status = unsafe archive_read_open(
      archive, context, nil,
      { _, context, start in
        guard let context = unsafe context, let start = unsafe start else { return -1 }
        let input = unsafe Unmanaged<Input>.fromOpaque(context).takeUnretainedValue()
        do {
          let count = try input.fill()
          unsafe input.buffer.withUnsafeBytes { unsafe start.pointee = $0.baseAddress }
          return count
        } catch {
          input.error = EscrowError(error)
          return -1
        }
      }, nil)
    try check(status)
  }

  deinit { unsafe archive_read_free(archive) }

  /// The next member, nil at an end that is as it should be.
  func next() throws(EscrowError) -> Entry? {
    let contentEnd = unsafe Int(archive_filter_bytes(archive, 0))
    var entry: OpaquePointer?
    let status = unsafe archive_read_next_header(archive, &entry)
    if let error = input.error { throw error }
    if status == ARCHIVE_EOF {
      try checkEnd(contentEnd: members == 0 ? 0 : contentEnd)
      return nil
    }
    try check(status)
    guard let entry = unsafe entry else { throw .damaged("its tar cannot be read") }
    members += 1
    guard members <= Self.memberLimit else { throw .forged("its tar has more than \(Self.memberLimit) members") }
    let path = try unsafe path(of: entry)
    guard unsafe isPlainFile(entry), input.isPlainHeader(endingAt: unsafe Int(archive_filter_bytes(archive, 0))) else {
      throw .forged("\(path) is a link, folder, device or sparse file")
    }
    let size = unsafe archive_entry_size(entry)
    guard unsafe archive_entry_size_is_set(entry) != 0, size >= 0 else { throw .damaged("\(path) has no size") }
    remaining = Int(size)
    return Entry(path: path, size: Int(size))
  }

  /// Lends all content of the member, piece by piece.
  func readContent(_ body: (RawSpan) throws(EscrowError) -> Void) throws(EscrowError) {
    var position = 0
    while true {
      var start: UnsafeRawPointer?
      var count = 0
      var offset: Int64 = 0
      let status = unsafe archive_read_data_block(archive, &start, &count, &offset)
      if let error = input.error { throw error }
      if status == ARCHIVE_EOF { break }
      try check(status)
      guard offset == position, count <= remaining else { throw .damaged("a member of its tar is not whole") }
      if let start = unsafe start, count > 0 { try body(unsafe RawSpan(_unsafeStart: start, byteCount: count)) }
      position += count
      remaining -= count
    }
    guard remaining == 0 else { throw .damaged("a member of its tar is not whole") }
  }

  /// The content of a small member.
  func content(of entry: Entry, limit: Int) throws(EscrowError) -> [UInt8] {
    guard entry.size <= limit else { throw .forged("\(entry.path) is longer than \(limit) bytes") }
    var content: [UInt8] = []
    content.reserveCapacity(entry.size)
    try readContent { piece in unsafe piece.withUnsafeBytes { unsafe content.append(contentsOf: $0) } }
    return content
  }

  private func path(of entry: OpaquePointer) throws(EscrowError) -> MemberPath {
    guard let text = unsafe archive_entry_pathname_utf8(entry) else {
      throw .forged("the path of a member is not UTF-8")
    }
    guard let text = unsafe String(validatingCString: text) else { throw .forged("the path of a member is not UTF-8") }
    return try MemberPath(text)
  }

  private func isPlainFile(_ entry: OpaquePointer) -> Bool {
    unsafe archive_entry_filetype(entry) == Self.regularFile
      && archive_entry_hardlink(entry) == nil && archive_entry_hardlink_utf8(entry) == nil
      && archive_entry_symlink(entry) == nil && archive_entry_symlink_utf8(entry) == nil
      && archive_entry_sparse_count(entry) == 0
  }

  /// The end of a tar is two blocks of zeros; what follows may only be more of them.
  private func checkEnd(contentEnd: Int) throws(EscrowError) {
    let end = unsafe Int(archive_filter_bytes(archive, 0))
    let padded = (contentEnd + Self.block - 1) / Self.block * Self.block
    do {
      while !input.isAtEnd { _ = try input.fill() }
    } catch {
      throw EscrowError(error)
    }
    guard end >= padded + 2 * Self.block else { throw .damaged("its tar is cut short") }
    guard input.countToLastNonzero <= end else { throw .damaged("something follows the end of its tar") }
  }

  private func check(_ status: Int32) throws(EscrowError) {
    if let error = input.error { throw error }
    guard status == ARCHIVE_OK else {
      throw .damaged("its tar cannot be read (\(unsafe EscrowError.archiveProblem(archive)))")
    }
  }
}
