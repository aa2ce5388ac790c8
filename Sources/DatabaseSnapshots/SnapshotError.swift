package import SystemPackage

/// What is wrong with a database snapshot, in the words of a person.
package enum SnapshotError: Error, Equatable {
  /// The file cannot be read, for this reason.
  case unreadable(FilePath, String)
  /// It is neither an SQLite file nor a dump of a known kind.
  case notASnapshot(FilePath)
  /// It is shorter than its own header says; sizes in bytes.
  case truncated(FilePath, size: Int64, expected: Int64)
  /// SQLite finds it damaged; its own words.
  case damaged(FilePath, String)
  /// It changed while it was read: the database is in use.
  case changedWhileReading(FilePath)
  /// A table or column that was asked for is not in it.
  case noSuchTable(FilePath, String)
  /// One row needs more memory than anything of Nextcloud's does; the limit for a value in bytes.
  case valueTooLong(FilePath, limit: Int)
  /// The program pg_restore, without which this cannot be read, is missing, too old, or cannot be started.
  case restoreProgram(FilePath, String)
  /// A dump in PostgreSQL's directory format where a file is needed.
  case isFolder(FilePath)
  /// A private copy that has to be made cannot be made.
  case noPrivateCopy(FilePath, String)

  /// What happened, on one line.
  package var problem: String {
    switch self {
    case .unreadable(let path, let why): "cannot read \(path): \(why)"
    case .notASnapshot(let path): "\(path) is no database snapshot: neither an SQLite file nor a dump"
    case .truncated(let path, let size, let expected):
      "\(path) is cut off: \(size) bytes, while its header says \(expected)"
    case .damaged(let path, let why): "\(path) is damaged: \(why)"
    case .changedWhileReading(let path): "\(path) changed while it was read"
    case .noSuchTable(let path, let what): "\(path) has no \(what)"
    case .valueTooLong(let path, let limit): "\(path) has a value of more than \(limit >> 20) MiB"
    case .restoreProgram(let path, let why): "cannot read \(path): \(why)"
    case .isFolder(let path): "\(path) is a dump in directory format, and a snapshot that is sealed must be one file"
    case .noPrivateCopy(let path, let why): "cannot copy \(path) to read it: \(why)"
    }
  }

  /// What a person can do about it, on one line.
  package var hint: String {
    switch self {
    case .unreadable: "check the path and its permissions"
    case .notASnapshot: "name an SQLite file, or what mysqldump, mariadb-dump or pg_dump wrote"
    case .truncated, .damaged: "take the snapshot again; a restore from this one would fail"
    case .changedWhileReading: "make a copy with `sqlite3 FILE \".backup COPY\"` or a dump, and name that"
    case .noSuchTable: "is it a snapshot of this instance?"
    case .valueTooLong: "is it a dump of a Nextcloud's database?"
    case .restoreProgram:
      "install Debian's postgresql-client, release 12 or newer; or take the dump with pg_dump --format=plain"
    case .isFolder: "take it with pg_dump --format=custom"
    case .noPrivateCopy:
      "make room, or set TMPDIR to a folder with room; or take the snapshot with `sqlite3 FILE .backup`"
    }
  }
}
