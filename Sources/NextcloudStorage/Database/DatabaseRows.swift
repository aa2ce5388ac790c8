/// A row of `filecache`: what the server knows about a file or folder.
package struct FileRow: Equatable, Sendable {
  package let fileID: Int64
  /// `storages.numeric_id`.
  package let storage: Int64
  /// Below the storage, without a leading slash; NFC.
  package let path: String
  /// As it stands: the plaintext's length on local storage, the object's in object storage.
  package let size: Int64
  /// 0 or nil where the server did not keep it.
  package let unencryptedSize: Int64?
  /// 0 for a plain file, else the version that the signatures cover.
  package let encrypted: Int64
  /// In seconds since 1970.
  package let modified: Int64
  /// `SHA1:… MD5:…`, as a client sent it; nil where there is none.
  package let checksum: String?
  package let isFolder: Bool

  package init(
    fileID: Int64, storage: Int64, path: String, size: Int64, unencryptedSize: Int64?, encrypted: Int64,
    modified: Int64, checksum: String?, isFolder: Bool
  ) {
    self.fileID = fileID
    self.storage = storage
    self.path = path
    self.size = size
    self.unencryptedSize = unencryptedSize
    self.encrypted = encrypted
    self.modified = modified
    self.checksum = checksum
    self.isFolder = isFolder
  }
}

/// A row of `storages`.
package struct StorageRow: Equatable, Sendable {
  package let number: Int64
  /// `home::alice`, `local::/path/`, `object::user:alice`; the MD5 of an id of more than 64 characters.
  package let id: String

  package init(number: Int64, id: String) {
    self.number = number
    self.id = id
  }
}

/// An external storage as an administrator or a user set it up (`external_mounts` and what belongs to it).
package struct ExternalMount: Equatable, Sendable {
  package let id: Int64
  /// Without slashes at its ends: `labext`, `Archive/2024`.
  package let mountPoint: String
  /// Set up by a user for themselves: its keys lie with the user's.
  package let isPersonal: Bool
  /// Users whom it is for; empty for all.
  package let users: [String]
  /// The mount option `encrypt`; off means that files on it are plain.
  package let encrypts: Bool
  /// `datadir` of a local one: where it lies on the server; nil for others.
  package let localFolder: String?
  /// The storages that serve it, from `mounts`, and for a local one from its folder; may be empty.
  package let storages: [Int64]

  package init(
    id: Int64, mountPoint: String, isPersonal: Bool, users: [String], encrypts: Bool, localFolder: String?,
    storages: [Int64]
  ) {
    self.id = id
    self.mountPoint = mountPoint
    self.isPersonal = isPersonal
    self.users = users
    self.encrypts = encrypts
    self.localFolder = localFolder
    self.storages = storages
  }
}

/// A team folder (app groupfolders).
package struct TeamFolder: Equatable, Sendable {
  package let id: Int64
  package let mountPoint: String

  package init(id: Int64, mountPoint: String) {
    self.id = id
    self.mountPoint = mountPoint
  }
}
