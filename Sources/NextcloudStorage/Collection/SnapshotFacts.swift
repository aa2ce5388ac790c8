package import DatabaseSnapshots

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

  /// Reads the facts of an SQLite snapshot.
  ///
  /// - Parameter tablePrefix: `dbtableprefix` of config.php.
  /// - Throws: `CollectionError.tablePrefix`, with the prefixes that are there, when it is not this one; a
  ///   `SnapshotError` when the file cannot be read.
  package init(_ snapshot: SQLiteSnapshot, tablePrefix: String) throws {
    let tables = Set(try snapshot.tables())
    guard ["filecache", "storages", "appconfig"].allSatisfy({ tables.contains(tablePrefix + $0) }) else {
      let present = tables.filter { $0.hasSuffix("filecache") }.map { String($0.dropLast("filecache".count)) }
        .filter { tables.contains($0 + "storages") && tables.contains($0 + "appconfig") }
      throw CollectionError.tablePrefix(tablePrefix, present: present.sorted())
    }
    self.tablePrefix = tablePrefix
    var rowCounts: [String: Int] = [:]
    for table in ["filecache", "storages", "users", "appconfig"] where tables.contains(tablePrefix + table) {
      rowCounts[table] = try snapshot.count(of: tablePrefix + table)
    }
    self.rowCounts = rowCounts
    highestFileID = try snapshot.maximum(of: "fileid", in: tablePrefix + "filecache")
    highestVersion = try snapshot.maximum(of: "encrypted", in: tablePrefix + "filecache")

    var appConfig: [String: String] = [:]
    try snapshot.rows(of: tablePrefix + "appconfig", columns: ["appid", "configkey", "configvalue"]) { row in
      guard let app = row[0].text, let key = row[1].text else { return true }
      if Self.wanted.contains(app + "/" + key) { appConfig[app + "/" + key] = row[2].text ?? "" }
      return true
    }
    self.appConfig = appConfig

    var users: Set<String> = []
    if tables.contains(tablePrefix + "preferences") {
      try snapshot.rows(
        of: tablePrefix + "preferences", columns: ["userid", "appid", "configkey", "configvalue"]
      ) { row in
        if row[1].text == "encryption", row[2].text == "recoveryEnabled", row[3].text == "1", let user = row[0].text {
          users.insert(user)
        }
        return true
      }
    }
    recoveryEnabledUsers = users.sorted()

    var storages: [String] = []
    try snapshot.rows(of: tablePrefix + "storages", columns: ["id"]) { row in
      if let id = row[0].text, id.hasPrefix("local::") { storages.append(id) }
      return true
    }
    localStorages = storages.sorted()
  }
}
