internal import DatabaseSnapshots

/// The tables of Nextcloud's database that matter, and their columns (Nextcloud 32; older and newer orders beside them).
enum InstanceTable: String, CaseIterable {
  case appconfig
  case externalApplicable = "external_applicable"
  case externalConfig = "external_config"
  case externalMounts = "external_mounts"
  case externalOptions = "external_options"
  case filecache
  case groupFolders = "group_folders"
  case groupUser = "group_user"
  case mimetypes
  case mounts
  case preferences
  case storages
  case storagesCredentials = "storages_credentials"
  case users

  /// Without these a database is no Nextcloud's.
  static let required: [InstanceTable] = [.filecache, .storages, .appconfig]

  /// The values that are read, by their place in a row.
  var columns: [String] {
    switch self {
    case .appconfig: ["appid", "configkey", "configvalue"]
    case .externalApplicable: ["mount_id", "type", "value"]
    case .externalConfig, .externalOptions: ["mount_id", "key", "value"]
    case .externalMounts: ["mount_id", "mount_point", "type"]
    case .filecache: FileColumn.allCases.map(\.name)
    case .groupFolders: ["folder_id", "mount_point"]
    case .groupUser: ["gid", "uid"]
    case .mimetypes: ["id", "mimetype"]
    case .mounts: ["storage_id", "user_id", "mount_id", "mount_provider_class"]
    case .preferences: ["userid", "appid", "configkey", "configvalue"]
    case .storages: ["numeric_id", "id"]
    case .storagesCredentials: ["user", "identifier", "credentials"]
    case .users: ["uid"]
    }
  }

  /// The orders in which Nextcloud's migrations leave the columns, for dumps that do not say; each of another length.
  private var knownOrders: [[String]] {
    switch self {
    case .appconfig: Self.growing(["appid", "configkey", "configvalue", "type", "lazy"], from: 3)
    case .externalApplicable: [["applicable_id", "mount_id", "type", "value"]]
    case .externalConfig: [["config_id", "mount_id", "key", "value"]]
    case .externalOptions: [["option_id", "mount_id", "key", "value"]]
    case .externalMounts: [["mount_id", "mount_point", "storage_backend", "auth_backend", "priority", "type"]]
    case .filecache:
      Self.growing(
        [
          "fileid", "storage", "path", "path_hash", "parent", "name", "mimetype", "mimepart", "size", "mtime",
          "storage_mtime", "encrypted", "unencrypted_size", "etag", "permissions", "checksum",
        ], from: 15)
    case .groupFolders:
      Self.growing(
        ["folder_id", "mount_point", "quota", "acl", "acl_default_no_permission", "storage_id", "root_id", "options"],
        from: 2)
    case .groupUser: [["gid", "uid"]]
    case .mimetypes: [["id", "mimetype"]]
    case .mounts:
      Self.growing(
        ["id", "storage_id", "root_id", "user_id", "mount_point", "mount_id", "mount_provider_class"], from: 5)
    case .preferences:
      Self.growing(["userid", "appid", "configkey", "configvalue", "lazy", "type", "flags", "indexed"], from: 4)
    case .storages: Self.growing(["numeric_id", "id", "available", "last_checked"], from: 3)
    case .storagesCredentials: [["id", "user", "identifier", "credentials"], ["user", "identifier", "credentials"]]
    case .users: Self.growing(["uid", "displayname", "password", "uid_lower"], from: 3)
    }
  }

  /// Columns that were added at the end, one after the other.
  private static func growing(_ columns: [String], from count: Int) -> [[String]] {
    (count...columns.count).map { Array(columns.prefix($0)) }
  }

  var wanted: WantedTable { WantedTable(columns: columns, knownOrders: knownOrders) }
}

/// The columns of `filecache` that the index is made of, by their place in a row.
enum FileColumn: Int, CaseIterable {
  case fileID
  case storage
  case path
  case pathHash
  case size
  case modified
  case encrypted
  case unencryptedSize
  case mimeType
  case checksum
  case lastName

  var name: String {
    switch self {
    case .fileID: "fileid"
    case .storage: "storage"
    case .path: "path"
    case .pathHash: "path_hash"
    case .size: "size"
    case .modified: "mtime"
    case .encrypted: "encrypted"
    case .unencryptedSize: "unencrypted_size"
    case .mimeType: "mimetype"
    case .checksum: "checksum"
    case .lastName: "name"
    }
  }
}
