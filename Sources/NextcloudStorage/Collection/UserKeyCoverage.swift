package import SystemPackage

/// How many of a user's files the recovery key opens, besides the user: with a key for each user, whatever it does not
/// open only the user's own password does, or that of somebody the file is shared with.
package struct UserKeyCoverage: Equatable, Sendable {
  package let user: String
  /// Files with share keys: current ones and those in the trash.
  package let files: Int
  /// Those with a share key of the recovery key.
  package let withRecoveryKey: Int
  /// Files that only passwords of users open, even if the recovery password is known.
  package var withoutRecoveryKey: Int { files - withRecoveryKey }

  /// Walks over the keys of every user's files; sorted by user.
  ///
  /// - Parameters:
  ///   - keyRoot: as in `KeyCollection.keyRoot`.
  ///   - recoveryKeyID: the id in the database; `nil` accepts any recovery key.
  /// - Throws: `CollectionError` when a folder cannot be looked at.
  package static func measure(
    dataFolder: FilePath, keyRoot: String, recoveryKeyID: String?
  ) throws(CollectionError) -> [UserKeyCoverage] {
    let root = keyRoot.isEmpty ? dataFolder : dataFolder.appending(keyRoot)
    var result: [UserKeyCoverage] = []
    for entry in try FolderListing.entries(of: root) {
      guard try FolderListing.kind(of: entry.path, followingLinks: true) == .folder,
        try FolderListing.kind(of: entry.path.appending("files_encryption")) != nil
      else { continue }
      guard let user = entry.text else { throw .name(Printable.name(entry.name), root) }
      var walk = CoverageWalk(user: user, recoveryKeyID: recoveryKeyID)
      let encryption = entry.path.appending("files_encryption")
      let trash = entry.path.appending("files_trashbin")
      for folder in [
        encryption.appending("keys"), encryption.appending("share-keys"), trash.appending("keys"),
        trash.appending("share-keys"),
      ]
      where try FolderListing.kind(of: folder) != nil {
        try walk.visit(folder, depth: 0)
      }
      if walk.files > 0 {
        result.append(UserKeyCoverage(user: user, files: walk.files, withRecoveryKey: walk.withRecoveryKey))
      }
    }
    return result
  }
}

private struct CoverageWalk {
  let user: String
  let recoveryKeyID: String?
  var files = 0
  var withRecoveryKey = 0

  init(user: String, recoveryKeyID: String?) {
    self.user = user
    self.recoveryKeyID = recoveryKeyID
  }

  mutating func visit(_ folder: FilePath, depth: Int) throws(CollectionError) {
    // Deeper than any path that a file system takes.
    guard depth < 4096 else { throw .notRegular(folder, "nested too deeply") }
    guard try FolderListing.hasFolder(folder) else { return }
    var shareKeys: [String] = []
    for entry in try FolderListing.entries(of: folder) {
      // Names of other bytes are no share keys of anybody; as folders they are walked like all others.
      if let name = entry.text, name.hasSuffix(".shareKey"), try FolderListing.kind(of: entry.path) == .file {
        shareKeys.append(String(name.dropLast(".shareKey".count)))
        continue
      }
      // Trash of ownCloud 7 adds the time of deletion to the name.
      switch try FolderListing.kind(of: entry.path) {
      case .folder: try visit(entry.path, depth: depth + 1)
      case .link: throw .notRegular(entry.path, EntryKind.link.name)
      default: continue
      }
    }
    count(shareKeys)
  }

  private mutating func count(_ shareKeys: [String]) {
    guard !shareKeys.isEmpty else { return }
    // Since ownCloud 8.0 each file has a folder of share keys, named by key alone.
    if shareKeys.contains(where: {
      $0 == user || isRecovery($0) || $0.hasPrefix("pubShare_") || $0.hasPrefix("master_")
    }) {
      files += 1
      if shareKeys.contains(where: isRecovery) { withRecoveryKey += 1 }
      return
    }
    // ownCloud 7: `<file>.<key id>.shareKey`, many files in one folder.
    let owned = shareKeys.filter { $0.hasSuffix("." + user) }.map { String($0.dropLast(user.count + 1)) }
    guard !owned.isEmpty else {
      // Share keys of others only: still a file, and the recovery key does not open it.
      files += 1
      return
    }
    let recovered = Set(
      shareKeys.compactMap { key in key.lastIndex(of: ".").map { (key[..<$0], key[key.index(after: $0)...]) } }
        .filter { isRecovery(String($0.1)) }.map { String($0.0) })
    files += owned.count
    withRecoveryKey += owned.filter { recovered.contains($0) }.count
  }

  private func isRecovery(_ id: String) -> Bool {
    if let recoveryKeyID { return id == recoveryKeyID }
    return id.hasPrefix("recoveryKey_") || id.hasPrefix("recovery_")
  }
}
