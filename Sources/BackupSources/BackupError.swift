package import SystemPackage

/// What keeps a backup from being read, in the words of a person.
package enum BackupError: Error, Equatable {
  /// There is nothing at the place that was named.
  case notThere(String)
  /// What is there is not what was expected; what it is.
  case notABackup(String, String)
  /// A file or folder cannot be read, for this reason.
  case unreadable(FilePath, String)
  /// A file changed while it was read.
  case changedWhileReading(FilePath)

  /// What happened, on one line.
  package var problem: String {
    switch self {
    case .notThere(let place): "there is no backup at \(place)"
    case .notABackup(let place, let what): "\(place) is no backup that can be read: \(what)"
    case .unreadable(let path, let why): "cannot read \(path) in the backup: \(why)"
    case .changedWhileReading(let path): "\(path) changed while it was read"
    }
  }

  /// What a person can do about it, on one line.
  package var hint: String {
    switch self {
    case .notThere: "check the path, and whether the disk or share is mounted"
    case .notABackup: "name the folder that holds the data folder as it was backed up"
    case .unreadable: "check the permissions; run it as the user who may read the backup"
    case .changedWhileReading: "run it again when nothing writes to the backup"
    }
  }
}
