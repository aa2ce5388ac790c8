internal import SystemPackage

#if canImport(Glibc)
  internal import Glibc
#endif

/// A dump in PostgreSQL's directory format: a folder with `toc.dat` and a file for each table.
enum PostgresFolder {
  /// - Returns: nil when it is no folder, or one without `toc.dat`.
  static func recognise(_ path: FilePath) throws(SnapshotError) -> SnapshotFile? {
    var status = Glibc.stat()
    guard unsafe path.withPlatformString({ unsafe stat($0, &status) }) == 0, status.st_mode & S_IFMT == S_IFDIR,
      let contents = try? FileBytes(path.appending("toc.dat")),
      try contents.bytes(at: 0, count: 5) == Array("PGDMP".utf8)
    else { return nil }
    return SnapshotFile(
      path: path, engine: .postgresqlDirectory, compression: .none, size: size(of: path), modified: contents.modified,
      isComplete: nil, sidecars: [])
  }

  /// Of all files in it, in bytes.
  private static func size(of path: FilePath) -> Int64 {
    guard let stream = unsafe path.withPlatformString({ unsafe opendir($0) }) else { return 0 }
    defer { unsafe closedir(stream) }
    var size: Int64 = 0
    while let entry = unsafe readdir(stream) {
      var status = Glibc.stat()
      let isFile = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { name in
          unsafe fstatat(dirfd(stream), name, &status, AT_SYMLINK_NOFOLLOW) == 0 && status.st_mode & S_IFMT == S_IFREG
        }
      }
      if isFile { size += Int64(status.st_size) }
    }
    return size
  }
}
