package import DurableFiles
package import SystemPackage

/// Why an instance's keys cannot be collected, in the words of a person.
package enum CollectionError: Error, Equatable {
  /// There is no `config.php` at any of the usual places below this folder.
  case noConfiguration(FilePath)
  /// No data folder was found: what was looked at.
  case noDataFolder([FilePath])
  /// A folder cannot be listed, or what lies at a path cannot be told.
  case unreadable(FilePath, Errno)
  /// A key file cannot be read.
  case file(FileError)
  /// There is a link, a device or something else where a folder or a file should be.
  case notRegular(FilePath, String)
  /// A file too long for a key file; sizes in bytes.
  case tooLong(FilePath, limit: Int)
  /// A name that is no UTF-8, escaped; Nextcloud never makes one.
  case name(String, FilePath)
  /// The folder of the keys that the database names is not there.
  case noKeyRoot(FilePath)
  /// The path of the key root leaves the data folder.
  case keyRootOutside(String)
  /// The snapshot does not have the tables under this prefix; those that are there.
  case tablePrefix(String, present: [String])
  /// The temporary index of a snapshot cannot be made; SQLite's words.
  case noIndex(String)
  /// An object that the database names is not in the folder of objects.
  case objectMissing(FilePath, key: String)

  /// What happened, on one line.
  package var problem: String {
    switch self {
    case .noConfiguration(let path): "there is no config.php in \(path), nor in its config folder"
    case .noDataFolder(let paths): "no data folder found: looked at \(paths.map(\.description).joined(separator: ", "))"
    case .unreadable(let path, let errno): "cannot look at \(path): \(errno)"
    case .file(let error): error.problem
    case .notRegular(let path, let kind): "\(path) is \(kind)"
    case .tooLong(let path, let limit): "\(path) is longer than \(limit) bytes, too long for a key file"
    case .name(let name, let folder): "the name \"\(name)\" in \(folder) is not UTF-8"
    case .noKeyRoot(let path): "the database says that the keys are in \(path), which is not there"
    case .keyRootOutside(let root): "the key root \"\(Printable.text(root))\" leaves the data folder"
    case .tablePrefix(let prefix, let present):
      present.isEmpty
        ? "the snapshot has no tables of a Nextcloud at all"
        : "the snapshot has no tables with the prefix \"\(Printable.text(prefix))\", but with "
          + present.map { "\"\(Printable.text($0))\"" }.joined(separator: ", ")
    case .noIndex(let why): "cannot make the temporary index of the snapshot: \(why)"
    case .objectMissing(let path, let key):
      "the database says that \(Printable.text(path.description)) is the object \(key), which is not there"
    }
  }

  /// What a person can do about it, on one line.
  package var hint: String {
    switch self {
    case .noConfiguration: "name the folder of the Nextcloud installation, or its config folder"
    case .noDataFolder: "name it with --data"
    case .unreadable: "run as a user that may read it, usually root or the web server's"
    case .file(let error): error.hint
    case .notRegular: "put the real folder or file in its place; links below the data folder are not followed"
    case .tooLong: "look at what it is, and move it away if it is no key"
    case .name: "rename or remove it"
    case .noKeyRoot: "is the data folder the one that belongs to this snapshot?"
    case .keyRootOutside: "check encryption_key_storage_root in the database"
    case .tablePrefix: "check dbtableprefix in config.php, and that the snapshot is this instance's"
    case .noIndex: "make room, or set TMPDIR to a folder with room"
    case .objectMissing: "is the folder of objects complete, and as new as the snapshot?"
    }
  }
}
