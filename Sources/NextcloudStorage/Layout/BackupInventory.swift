package import SystemPackage

/// What was found in a backup, and what was not understood.
package struct BackupInventory: Equatable, Sendable {
  /// A number of things with the first ten of them.
  package struct Examples<Item: Equatable & Sendable>: Equatable, Sendable {
    package private(set) var count = 0
    package private(set) var first: [Item] = []

    package init() {}

    package mutating func add(_ item: Item) {
      count += 1
      if first.count < 10 { first.append(item) }
    }

    /// Counts more things that need no example.
    package mutating func add(count more: Int) { count += more }
  }

  /// A folder of the backup whose purpose was recognised.
  package struct RecognisedFolder: Equatable, Sendable {
    package enum Role: Equatable, Sendable {
      case data
      case objects
      /// An external storage, by its mount point.
      case external(String)
    }

    package let role: Role
    /// Empty for the backup's top.
    package let path: FilePath
    /// Half a sentence: "it holds .ncdata".
    package let why: String
  }

  /// Files of one kind that the server never encrypts.
  package struct NeverEncrypted: Equatable, Sendable {
    package var count = 0
    /// In bytes.
    package var size: Int64 = 0
  }

  /// A user of whom the database has rows of files, but the backup no folder.
  package struct MissingHome: Equatable, Sendable {
    package let user: String
    /// Rows of files, versions and trash.
    package let rows: Int
    /// Those of them that are encrypted.
    package let encryptedRows: Int
  }

  /// All files that were listed, keys and everything else included.
  package internal(set) var entries = 0
  /// Their size in bytes.
  package internal(set) var size: Int64 = 0
  package internal(set) var recognised: [RecognisedFolder] = []
  /// Where keys lie below the data folder: "" and a root that was moved, as it was found or as the database says.
  package internal(set) var keyRoots: [String] = []
  /// The root that the database names has no keys or no marker (`.oc_key_storage`) in the backup.
  package internal(set) var keyRootIsMissing = false

  /// Files that are there, by kind.
  package internal(set) var content: [ContentFile.Kind: Int] = [:]
  /// Files that have a row.
  package internal(set) var contentWithRow = 0
  /// Rows without a file, by what that means.
  package internal(set) var absent: [ContentFile.Absence: Int] = [:]

  /// Users whose folder is in the backup.
  package internal(set) var homes = Examples<String>()
  /// Users whose folder is in the backup, with content, and of whom the database has no storage.
  package internal(set) var homesWithoutStorage = Examples<String>()
  package internal(set) var missingHomes = Examples<MissingHome>()
  /// External storages of the database whose files are not in the backup: nothing of them was tested.
  package internal(set) var externalNotInBackup: [ExternalMount] = []
  /// Team folders of the database without any file in the backup.
  package internal(set) var teamFoldersWithoutFiles: [TeamFolder] = []
  /// Names below the system's `keys/files` that no mount or team folder has: they were renamed or removed.
  package internal(set) var unknownKeyNames = Examples<String>()

  /// What the server never encrypts (E.7), by kind: `appdata`, `uploads`, `cache`, `thumbnails`, `logs`, `database`.
  package internal(set) var neverEncrypted: [String: NeverEncrypted] = [:]
  /// Files that are neither content nor keys nor anything known; folders at the top are named once with a `/`.
  package internal(set) var notUnderstood = Examples<FilePath>()
  /// Temporary names among the content: `.part`, `.ocTransferId…`, `.encrypted.…` and the like.
  package internal(set) var leftovers = Examples<FilePath>()
  /// Names that stand in the backup in another Unicode form than in the database, as macOS writes them.
  package internal(set) var otherUnicodeForm = Examples<FilePath>()
  /// Names that stand in the backup in other upper and lower case than in the database.
  package internal(set) var otherCase = Examples<FilePath>()
  /// Objects that no row names.
  package internal(set) var unknownObjects = 0

  /// Instance ids that the names of `appdata_…` folders tell, sorted.
  package internal(set) var instanceIDs: [String] = []
  /// Copies of config.php and other `*.config.php`: with the secret in them, the backup can open itself.
  package internal(set) var configurations = Examples<FilePath>()
  /// Private keys of the instance and of users that lie in the backup.
  package internal(set) var privateKeys = Examples<FilePath>()
  /// `oneTimeEncryptionPasswords.csv`, with users' passwords in it.
  package internal(set) var oneTimePasswords = Examples<FilePath>()
  /// Files that look like a database snapshot.
  package internal(set) var databases = Examples<FilePath>()
}

/// What is known of an instance before its backup is looked at.
package struct LayoutFacts: Equatable, Sendable {
  /// `datadirectory` of config.php, as the server sees it.
  package var dataFolder: String?
  /// `core/encryption_key_storage_root`; nil when no snapshot tells, then a root that was moved is found by its marker.
  package var keyRoot: String?
  /// `objectPrefix` of the object store's configuration.
  package var objectPrefix = "urn:oid:"
  /// Whether config.php has an object store; nil when it was not read.
  package var usesObjectStorage: Bool?
  /// Where external storages lie in the backup, by mount point, or by `user/mount point` for a personal one.
  package var externalFolders: [String: FilePath] = [:]

  package init() {}
}
