internal import CArchive
internal import SystemPackage

/// The beginning of what a file holds below gzip, zstd, xz or bzip2, by libarchive.
enum DecompressedHead {
  /// - Parameter count: in bytes; at most so many come.
  /// - Returns: nil when the file cannot be read or decompressed.
  static func bytes(of path: FilePath, count: Int) -> [UInt8]? {
    guard let archive = unsafe archive_read_new() else { return nil }
    defer { unsafe archive_read_free(archive) }
    unsafe archive_read_support_filter_gzip(archive)
    unsafe archive_read_support_filter_zstd(archive)
    unsafe archive_read_support_filter_xz(archive)
    unsafe archive_read_support_filter_bzip2(archive)
    unsafe archive_read_support_format_raw(archive)
    var entry: OpaquePointer?
    let opened = unsafe path.withPlatformString { unsafe archive_read_open_filename(archive, $0, 1 << 16) }
    guard opened == ARCHIVE_OK, unsafe archive_read_next_header(archive, &entry) == ARCHIVE_OK else { return nil }
    var bytes = [UInt8](repeating: 0, count: count)
    let filled = unsafe bytes.withUnsafeMutableBytes { unsafe archive_read_data(archive, $0.baseAddress, $0.count) }
    guard filled > 0 else { return nil }
    return Array(bytes.prefix(filled))
  }
}
