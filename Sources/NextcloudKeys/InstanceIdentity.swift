/// What names an instance and says how it encrypts; nothing in it is secret.
package struct InstanceIdentity: Codable, Equatable, Sendable {
  /// `instanceid` of config.php, an opaque string such as `ocve73qtyh4k`.
  package var instanceID: String
  /// `version` of config.php, `32.0.1.2`.
  package var nextcloudVersion: String?
  package var encryptionMode: EncryptionMode
  /// The ids in use: `master_…`, `pubShare_…`, `recoveryKey_…`; from the database where it was read, else from the files.
  package var keyIDs: [String]
  /// Where the keys lie below the data folder; empty for its root (`core/encryption_key_storage_root`).
  package var keyRoot: String
  /// `dbtype` of config.php: `sqlite3`, `mysql`, `pgsql` or `oci`.
  package var databaseType: String?
  /// `dbtableprefix` of config.php, `oc_` unless set.
  package var tablePrefix: String
  /// `datadirectory` of config.php, as the server sees it.
  package var dataFolder: String
  /// Whether files, and the keys beside them, are objects in a bucket (`objectstore`).
  package var usesObjectStorage: Bool

  package init(
    instanceID: String, nextcloudVersion: String?, encryptionMode: EncryptionMode, keyIDs: [String], keyRoot: String,
    databaseType: String?, tablePrefix: String, dataFolder: String, usesObjectStorage: Bool
  ) {
    self.instanceID = instanceID
    self.nextcloudVersion = nextcloudVersion
    self.encryptionMode = encryptionMode
    self.keyIDs = keyIDs
    self.keyRoot = keyRoot
    self.databaseType = databaseType
    self.tablePrefix = tablePrefix
    self.dataFolder = dataFolder
    self.usesObjectStorage = usesObjectStorage
  }

  private enum CodingKeys: String, CodingKey {
    case instanceID = "instance_id"
    case nextcloudVersion = "nextcloud_version"
    case encryptionMode = "encryption_mode"
    case keyIDs = "key_ids"
    case keyRoot = "key_root"
    case databaseType = "database_type"
    case tablePrefix = "table_prefix"
    case dataFolder = "data_folder"
    case usesObjectStorage = "uses_object_storage"
  }
}
