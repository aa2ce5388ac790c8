package import SystemPackage

/// One file of a backup as it was listed.
package struct BackupEntry: Equatable, Sendable {
  /// Relative to the backup's top, with `/` between names and no `.` or `..`; any bytes but zero, since names need not be UTF-8.
  package let path: FilePath
  /// In bytes.
  package let size: Int64
  /// When it was last written, in seconds since 1970; nil where the source does not keep it.
  package let modified: Int64?

  package init(path: FilePath, size: Int64, modified: Int64?) {
    self.path = path
    self.size = size
    self.modified = modified
  }
}

/// A file of a backup, open for reading any range.
package protocol BackupFile {
  /// In bytes.
  var size: Int64 { get }

  /// Reads from an offset until the buffer is full or the file ends.
  ///
  /// - Returns: how many bytes were read; fewer than the buffer holds only at the end of the file.
  func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(BackupError) -> Int
}

/// Where the encrypted files of a backup are read from; nothing is ever written there.
package protocol BackupSource: Sendable {
  /// The place in the words of the person who named it.
  var name: String { get }

  /// Walks over all regular files in a fixed order (folder by folder, names by their bytes); memory does not depend on their number.
  ///
  /// What is no regular file and no folder (links, devices), and a folder that cannot be read, is given to `skipped`
  /// with why.
  func list(
    _ file: (BackupEntry) throws -> Void, skipped: (_ path: FilePath, _ why: String) throws -> Void
  ) throws

  /// Opens one file; may be called from several tasks at once.
  func open(_ path: FilePath) throws(BackupError) -> any BackupFile
}
