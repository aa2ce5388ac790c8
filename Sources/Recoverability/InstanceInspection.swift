internal import DurableFiles
package import NextcloudKeys
internal import NextcloudStorage
package import SystemPackage

/// What a Nextcloud folder is, as far as can be said without showing a secret: read, not judged.
package struct InstanceInspection: Encodable, Equatable, Sendable {
  package let identity: InstanceIdentity
  package let configurationFiles: [String]
  /// Where the data folder was found and why there; nil when it is not on this machine.
  package let dataFolder: String?
  package let dataReason: String?
  /// Each key file, tried with the configuration beside it.
  package let keys: [KeyRecord]
  /// What a restore of this instance would lack, as far as can be seen without a snapshot.
  package let missing: [MissingPart]

  /// - Returns: nil when the folder is no instance.
  /// - Throws: `ConfigurationError`, `CollectionError` when it is one and cannot be read.
  package static func inspect(_ folder: FilePath) throws -> InstanceInspection? {
    let configurationFolder: FilePath
    do throws(CollectionError) {
      configurationFolder = try InstanceFolders.configuration(of: folder)
    } catch {
      if case .noConfiguration = error { return nil }
      throw error
    }
    let configuration = try Configuration.load(folder: configurationFolder)
    let folders: InstanceFolders?
    do throws(CollectionError) {
      folders = try InstanceFolders.discover(
        instance: folder, data: nil, configured: try? configuration.string("datadirectory"))
    } catch {
      guard case .noDataFolder = error else { throw error }
      folders = nil
    }
    var collection = KeyCollection()
    if let folders { collection = try KeyCollection.collect(dataFolder: folders.data, keyRoot: nil) }
    var material = KeyMaterial()
    if let secret = try configuration.secret("secret") { material.add(secret: secret) }
    let id = try configuration.string("instanceid") ?? ""
    material.add(instanceID: id)
    let records = KeyProof.prove(collection.files, with: material)
    let mode = EncryptionMode.detect(usesMasterKey: nil, files: collection.files)
    let usesObjectStorage = configuration.contains("objectstore") || configuration.contains("objectstore_multibucket")
    let missing = MissingParts.find(
      .init(
        mode: mode, hasSecret: material.secretCount > 0, hasInstanceID: !id.isEmpty, collection: collection,
        records: records, snapshot: nil))
    return InstanceInspection(
      identity: InstanceIdentity(
        instanceID: id, nextcloudVersion: try configuration.string("version"), encryptionMode: mode,
        keyIDs: Set(records.filter { $0.role != .user && !$0.isBackup }.map(\.id)).sorted(),
        keyRoot: collection.keyRoot, databaseType: try configuration.string("dbtype"),
        tablePrefix: try configuration.string("dbtableprefix") ?? "oc_",
        dataFolder: try configuration.string("datadirectory") ?? "", usesObjectStorage: usesObjectStorage),
      configurationFiles: configuration.files, dataFolder: folders?.data.string, dataReason: folders?.dataReason,
      keys: records, missing: usesObjectStorage ? [] : missing)
  }

  private enum CodingKeys: String, CodingKey {
    case identity = "instance"
    case keys, missing
    case configurationFiles = "configuration_files"
    case dataFolder = "data_folder_here"
    case dataReason = "data_folder_reason"
  }
}
