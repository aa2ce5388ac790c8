internal import DatabaseSnapshots

/// What the small tables of a database say; in memory, since it grows with the users and mounts, not with the files.
struct InstanceContents {
  struct Mount {
    var point: String
    var type: Int64
    var applicable: [(type: Int64, value: String?)] = []
    var options: [String: String] = [:]
    var folder: String?
    var storages: Set<Int64> = []
  }

  var counts: [InstanceTable: Int] = [:]
  /// All rows of `appconfig` that are no longer than `valueLimit`, but encrypted ones; by `app/key`.
  var appConfig: [String: String] = [:]
  var recoveryEnabled: Set<String> = []
  var storages: [Int64: String] = [:]
  var users: [String] = []
  var mounts: [Int64: Mount] = [:]
  var teamFolders: [TeamFolder] = []
  var members: [String: [String]] = [:]
  var folderTypes: Set<Int64> = []
  var samples: [EncryptedValue] = []
  var highestFileID: Int64?
  var highestVersion: Int64?
  /// Users in `mounts`, whose storages may stand under a digest since their ids are long.
  var usersOfLongIDs: Set<String> = []

  /// In bytes; the longest rows of `appconfig` are whole certificates and caches, which nobody here asks for.
  private static let valueLimit = 64 * 1024
  private static let sampleLimit = 50

  /// Takes rows of any table but `filecache`.
  mutating func take(_ table: InstanceTable, _ batch: RowBatch) {
    counts[table, default: 0] += batch.count
    for row in 0..<batch.count {
      switch table {
      case .appconfig: takeAppConfig(batch, row)
      case .preferences: takePreference(batch, row)
      case .storages:
        if let number = batch.integer(row, 0), let id = batch.text(row, 1) { storages[number] = id }
      case .users:
        if let user = batch.text(row, 0) { users.append(user) }
      case .mimetypes:
        if batch.text(row, 1) == "httpd/unix-directory", let number = batch.integer(row, 0) {
          folderTypes.insert(number)
        }
      case .mounts: takeMount(batch, row)
      case .externalMounts, .externalConfig, .externalOptions, .externalApplicable: takeExternal(table, batch, row)
      case .groupFolders:
        if let id = batch.integer(row, 0), let point = batch.text(row, 1) {
          teamFolders.append(TeamFolder(id: id, mountPoint: Self.trimmed(point)))
        }
      case .groupUser:
        if let group = batch.text(row, 0), let user = batch.text(row, 1) { members[group, default: []].append(user) }
      case .storagesCredentials:
        if let value = batch.text(row, 2) {
          sample("storages_credentials/\(batch.text(row, 1) ?? "")", value)
        }
      case .filecache: break
      }
    }
  }

  private mutating func takeAppConfig(_ batch: RowBatch, _ row: Int) {
    guard let app = batch.text(row, 0), let key = batch.text(row, 1) else { return }
    if let count = batch.range(row, 2)?.count, count > Self.valueLimit { return }
    let value = batch.text(row, 2) ?? ""
    if value.utf8.starts(with: EncryptedValue.appConfigMark.utf8) {
      sample("appconfig/\(app)/\(key)", String(value.dropFirst(EncryptedValue.appConfigMark.count)))
    } else {
      appConfig[app + "/" + key] = value
    }
  }

  private mutating func takePreference(_ batch: RowBatch, _ row: Int) {
    if let count = batch.range(row, 3)?.count, count > Self.valueLimit { return }
    guard let value = batch.data(row, 3), let user = batch.text(row, 0) else { return }
    if value.starts(with: EncryptedValue.preferenceMark.utf8) {
      let text = String(decoding: value.dropFirst(EncryptedValue.preferenceMark.utf8.count), as: UTF8.self)
      sample("preferences/\(batch.text(row, 1) ?? "")/\(batch.text(row, 2) ?? "") of \(user)", text)
    } else if value.elementsEqual([UInt8(ascii: "1")]), batch.text(row, 1) == "encryption",
      batch.text(row, 2) == "recoveryEnabled"
    {
      recoveryEnabled.insert(user)
    }
  }

  private mutating func takeMount(_ batch: RowBatch, _ row: Int) {
    if let user = batch.text(row, 1), user.utf8.count > 64 - "object::user:".utf8.count { usersOfLongIDs.insert(user) }
    guard let storage = batch.integer(row, 0), let id = batch.integer(row, 2) else { return }
    // Older releases did not keep which provider a mount is of.
    let provider = batch.text(row, 3) ?? "Files_External"
    guard provider.contains("Files_External") else { return }
    mounts[id, default: Mount(point: "", type: 0)].storages.insert(storage)
  }

  private mutating func takeExternal(_ table: InstanceTable, _ batch: RowBatch, _ row: Int) {
    guard let id = batch.integer(row, 0) else { return }
    var mount = mounts[id] ?? Mount(point: "", type: 0)
    switch table {
    case .externalMounts:
      mount.point = Self.trimmed(batch.text(row, 1) ?? "")
      mount.type = batch.integer(row, 2) ?? 1
    case .externalApplicable:
      mount.applicable.append((batch.integer(row, 1) ?? 0, batch.text(row, 2)))
    case .externalOptions:
      if let key = batch.text(row, 1) { mount.options[key] = batch.text(row, 2) }
    default:
      if batch.text(row, 1) == "datadir" {
        mount.folder = batch.text(row, 2)
      } else if let value = batch.text(row, 2) {
        sample("external_config/\(batch.text(row, 1) ?? "") of mount \(id)", value)
      }
    }
    mounts[id] = mount
  }

  private mutating func sample(_ place: String, _ value: String) {
    guard samples.count < Self.sampleLimit, value.utf8.count <= Self.valueLimit,
      unsafe ICryptoText([UInt8](value.utf8).span.bytes) != nil
    else { return }
    samples.append(EncryptedValue(place: place, text: value))
  }

  private static func trimmed(_ path: String) -> String {
    path.split(separator: "/", omittingEmptySubsequences: true).joined(separator: "/")
  }

  /// The external storages, by their numbers.
  func externalMounts() throws(LibCrypto.Unavailable) -> [ExternalMount] {
    var numbers: [String: Int64] = [:]
    for (number, id) in storages { numbers[id] = number }
    var result: [ExternalMount] = []
    // A number that only `mounts` has is that of another kind of mount, or of one that was taken away.
    for (id, mount) in mounts.sorted(by: { $0.key < $1.key }) where mount.type != 0 {
      var serving = mount.storages
      if let folder = mount.folder {
        let name = "local::" + (folder.hasSuffix("/") ? folder : folder + "/")
        if let number = numbers[name] { serving.insert(number) }
        if name.utf8.count > 64, let number = numbers[try LibCrypto.md5Hex(name)] { serving.insert(number) }
      }
      result.append(
        ExternalMount(
          id: id, mountPoint: mount.point, isPersonal: mount.type == 2, users: users(of: mount),
          encrypts: mount.options["encrypt"] != "false", localFolder: mount.folder, storages: serving.sorted()))
    }
    return result
  }

  /// Sorted; empty for all, and where a group has members that the database does not know.
  private func users(of mount: Mount) -> [String] {
    var users: Set<String> = []
    for (type, value) in mount.applicable {
      switch (type, value) {
      case (3, let user?): users.insert(user)
      case (2, let group?):
        guard let members = members[group] else { return [] }
        users.formUnion(members)
      default: return []
      }
    }
    return users.sorted()
  }
}

/// A value of the database that the instance's `secret` encrypts: it proves or disproves a secret.
package struct EncryptedValue: Equatable, Sendable {
  /// `appconfig/user_ldap/s01ldap_agent_password`.
  package let place: String
  /// The ICrypto string, without Nextcloud's mark before it.
  package let text: String

  static let appConfigMark = "$AppConfigEncryption$"
  static let preferenceMark = "$UserConfigEncryption$"
}
