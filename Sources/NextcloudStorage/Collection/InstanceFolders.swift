package import SystemPackage

/// Where an instance lies on this machine.
package struct InstanceFolders: Equatable, Sendable {
  /// The folder with `config.php`.
  package let configuration: FilePath
  package let data: FilePath
  /// Why this data folder was chosen, as half a sentence: "named on the command line".
  package let dataReason: String

  /// The folder with `config.php`: the instance's `config`, the instance itself, or, below a snap's or another
  /// distribution's folder, `nextcloud/config` or `www/nextcloud/config`.
  package static func configuration(of instance: FilePath) throws(CollectionError) -> FilePath {
    for place in ["config", "", "nextcloud/config", "www/nextcloud/config"] {
      let folder = place.isEmpty ? instance : instance.appending(place)
      if try FolderListing.kind(of: folder.appending("config.php"), followingLinks: true) == .file { return folder }
    }
    throw .noConfiguration(instance)
  }

  /// Both folders of an instance.
  ///
  /// - Parameters:
  ///   - instance: what a person named.
  ///   - data: the data folder that a person named, which is then the one.
  ///   - configured: `datadirectory` of config.php. It is where the server sees the folder, which on another machine or
  ///     outside of a container may not exist; then the instance's own `data` is taken.
  package static func discover(
    instance: FilePath, data: FilePath?, configured: String?
  ) throws(CollectionError) -> InstanceFolders {
    let configuration = try configuration(of: instance)
    var candidates: [(FilePath, String)] = []
    if let data {
      candidates = [(data, "named on the command line")]
    } else {
      if let configured, !configured.isEmpty {
        // A relative one is meant from the folder above config.
        let path = FilePath(configured)
        candidates.append(
          (path.isAbsolute ? path : configuration.removingLastComponent().pushing(path), "datadirectory of config.php"))
      }
      let why = configured == nil ? "beside config.php" : "beside config.php; its datadirectory is not on this machine"
      for folder in [instance.appending("data"), configuration.removingLastComponent().appending("data")]
      where !candidates.contains(where: { $0.0 == folder }) {
        candidates.append((folder, why))
      }
    }
    for (folder, reason) in candidates {
      // The data folder itself may well be a link to a larger disk.
      if try FolderListing.kind(of: folder, followingLinks: true) == .folder {
        return InstanceFolders(configuration: configuration, data: folder, dataReason: reason)
      }
    }
    throw .noDataFolder(candidates.map(\.0))
  }

  /// The instance ids that the names of `appdata_…` folders in the data folder tell, sorted.
  package static func instanceIDs(inDataFolder data: FilePath) throws(CollectionError) -> [String] {
    var ids: [String] = []
    for entry in try FolderListing.entries(of: data) {
      guard let name = entry.text, name.hasPrefix("appdata_"), name.utf8.count > 8 else { continue }
      ids.append(String(name.dropFirst(8)))
    }
    return ids
  }
}
