package import SystemPackage

/// What keeps a backup's listing from being understood, in the words of a person.
package enum LayoutError: Error, Equatable {
  /// The temporary index cannot be written or read, for this reason.
  case index(String)
  /// A source gave a path that leads out of the backup or names no file.
  case path(FilePath)
  /// A folder that was named for an external storage holds nothing in the backup: mount point, folder.
  case noExternalFolder(String, FilePath)

  /// What happened, on one line.
  package var problem: String {
    switch self {
    case .index(let why): "the temporary index of the backup cannot be used: \(why)"
    case .path(let path): "\(Printable.text(path.string)) is no path of a file in a backup"
    case .noExternalFolder(let mount, let path):
      "there is nothing at \(Printable.text(path.string)) in the backup for the external storage "
        + Printable.text(mount)
    }
  }

  /// What a person can do about it, on one line.
  package var hint: String {
    switch self {
    case .index: "make room on the disk of TMPDIR, or set TMPDIR to one with more room"
    case .path: "this is an error in the program that lists the backup; please report it"
    case .noExternalFolder: "name the folder as it stands in the backup, relative to its top"
    }
  }
}
