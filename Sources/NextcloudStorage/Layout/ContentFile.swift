package import SystemPackage

/// One file of the backup that holds, or should hold, content of a user: not a key, not a preview, not a log.
package struct ContentFile: Equatable, Sendable {
  /// What it is to a person.
  package enum Kind: String, Sendable, CaseIterable {
    case file
    case version
    case trash
    case trashVersion = "trash-version"
    /// An object that no row names.
    case unknownObject = "unknown-object"
  }

  /// Which storage it belongs to.
  package enum Place: Hashable, Sendable {
    /// A user's home, on disk or in objects.
    case home(String)
    /// An external storage by its mount point; with the user for a personal one.
    case external(mount: String, user: String?)
    /// A team folder by its mount point.
    case teamFolder(String)
    case unknown

    /// `home of alice`, `external storage labext`.
    package var name: String {
      switch self {
      case .home(let user): "home of \(user)"
      case .external(let mount, let user?): "external storage \(mount) of \(user)"
      case .external(let mount, nil): "external storage \(mount)"
      case .teamFolder(let name): "team folder \(name)"
      case .unknown: "unknown"
      }
    }
  }

  /// Why a row may have no file.
  package enum Absence: String, Sendable, CaseIterable {
    /// The file is missing in the backup.
    case missing
    /// The server left the row of a version behind when that version was restored; nothing is lost.
    case restoredVersion = "restored-version"
    /// The row of an upload that did not come to its end, or another temporary name; nothing is lost.
    case unfinished
    /// The row belongs to an earlier name of the same storage (the data folder was moved); nothing is lost.
    case superseded
  }

  /// In the backup; the name of the object in object storage. For a row without a file, where it should be.
  package let path: FilePath
  package let kind: Kind
  package let place: Place
  /// Whose tree it is in; nil for what is everybody's.
  package let owner: String?
  /// Its path as its owner knows it, without version and trash suffixes: `Photos/Nut.jpg`.
  package let logicalPath: String
  /// Of the encrypted file, in bytes; 0 when it is missing.
  package let size: Int64
  /// In seconds since 1970, of the file, else of the row.
  package let modified: Int64?
  /// Whether the backup has it; false for a row whose file is not there.
  package let isThere: Bool
  /// What a row without a file means; nil for a file that is there.
  package let absence: Absence?
  package let row: FileRow?
  /// Where its keys may lie, the likeliest first.
  package let keyPlaces: [KeyPlaceOfFile]

  package init(
    path: FilePath, kind: Kind, place: Place, owner: String?, logicalPath: String, size: Int64, modified: Int64?,
    isThere: Bool, row: FileRow?, keyPlaces: [KeyPlaceOfFile], absence: Absence? = nil
  ) {
    self.path = path
    self.kind = kind
    self.place = place
    self.owner = owner
    self.logicalPath = logicalPath
    self.size = size
    self.modified = modified
    self.isThere = isThere
    self.row = row
    self.keyPlaces = keyPlaces
    self.absence = isThere ? nil : absence ?? .missing
  }

  /// The same file with other places of keys.
  package func with(_ keyPlaces: [KeyPlaceOfFile]) -> ContentFile {
    ContentFile(
      path: path, kind: kind, place: place, owner: owner, logicalPath: logicalPath, size: size, modified: modified,
      isThere: isThere, row: row, keyPlaces: keyPlaces, absence: absence)
  }
}

/// The key files of one content file in one folder of keys: what lies beside each other and belongs together.
package struct KeyPlaceOfFile: Equatable, Sendable {
  /// What a person finds it by: the folder, below the data folder.
  package let name: String
  /// Key ids (`master_1d941d00`, a uid) with the share key's path in the backup.
  package let shareKeys: [ShareKeyFile]
  /// The RC4-encrypted file key of the older envelope, its path in the backup.
  package let fileKey: FilePath?
  /// Whether it is where Nextcloud looks; false for what a crash, a rename or an older release left elsewhere.
  package let isExpected: Bool

  package struct ShareKeyFile: Equatable, Sendable {
    /// Empty where nothing tells it, as for objects without a snapshot: any private key may be the one.
    package let keyID: String
    package let path: FilePath

    package init(keyID: String, path: FilePath) {
      self.keyID = keyID
      self.path = path
    }
  }

  package init(name: String, shareKeys: [ShareKeyFile], fileKey: FilePath?, isExpected: Bool = true) {
    self.name = name
    self.shareKeys = shareKeys
    self.fileKey = fileKey
    self.isExpected = isExpected
  }
}
