/// What a snapshot of the database says about an instance, as far as a restore of its keys depends on it.
package struct SnapshotFacts: Equatable, Sendable {
  /// `dbtableprefix`, confirmed: the tables are there under it.
  package let tablePrefix: String
  /// The number of rows of `filecache`, `storages`, `users` and `appconfig`, by these names without the prefix; a table
  /// that is not there is left out.
  package let rowCounts: [String: Int]
  /// The highest `fileid` of `filecache`.
  package let highestFileID: Int64?
  /// The highest `encrypted` of `filecache`: the highest version that a file's signature covers.
  package let highestVersion: Int64?
  /// Rows of `appconfig` that matter for encryption, as `encryption/masterKeyId`; what is encrypted there is left out.
  package let appConfig: [String: String]
  /// Users who let the recovery key open their files, sorted.
  package let recoveryEnabledUsers: [String]
  /// Ids of storages that begin with `local::`, which tell old places of the data folder, sorted.
  package let localStorages: [String]

  package var masterKeyID: String? { named("encryption/masterKeyId") }
  package var publicShareKeyID: String? { named("encryption/publicShareKeyId") }
  package var recoveryKeyID: String? { named("encryption/recoveryKeyId") }
  /// `encryption_key_storage_root`; empty for the data folder's root, which is the default.
  package var keyRoot: String { appConfig["core/encryption_key_storage_root"] ?? "" }
  /// `nil` when the row is missing, as it is while the master key, the default, is in use.
  package var usesMasterKey: Bool? { appConfig["encryption/useMasterKey"].map { $0 == "1" } }
  package var recoveryIsEnabled: Bool { appConfig["encryption/recoveryAdminEnabled"] == "1" }
  /// `nil` when the row is missing.
  package var encryptionIsEnabled: Bool? { appConfig["core/encryption_enabled"].map { $0 == "yes" } }

  private func named(_ key: String) -> String? { appConfig[key].flatMap { $0.isEmpty ? nil : $0 } }

  private static let wanted: Set<String> = [
    "encryption/masterKeyId", "encryption/publicShareKeyId", "encryption/recoveryKeyId",
    "encryption/recoveryAdminEnabled", "encryption/useMasterKey", "encryption/encryptHomeStorage",
    "encryption/installed_version", "encryption/enabled", "core/encryption_enabled",
    "core/default_encryption_module", "core/encryption_key_storage_root", "groupfolders/enable_encryption",
  ]

  /// - Parameter tables: all that are there, with the prefix.
  init(_ contents: InstanceContents, tablePrefix: String, tables: Set<String>) {
    self.tablePrefix = tablePrefix
    var rowCounts: [String: Int] = [:]
    for table in [InstanceTable.filecache, .storages, .users, .appconfig]
    where tables.contains(tablePrefix + table.rawValue) {
      rowCounts[table.rawValue] = contents.counts[table] ?? 0
    }
    self.rowCounts = rowCounts
    highestFileID = contents.highestFileID
    highestVersion = contents.highestVersion
    appConfig = contents.appConfig.filter { Self.wanted.contains($0.key) }
    recoveryEnabledUsers = contents.recoveryEnabled.sorted()
    localStorages = contents.storages.values.filter { $0.hasPrefix("local::") }.sorted()
  }
}
