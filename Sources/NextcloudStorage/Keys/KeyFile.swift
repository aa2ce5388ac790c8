package import NextcloudKeys

/// A key file as it lies on disk, still wrapped and encrypted.
package struct KeyFile: Equatable, Sendable {
  /// Where it lies below the data folder, `/` between the names, or would lie if the keys were no objects.
  package let path: String
  package let bytes: [UInt8]

  package init(path: String, bytes: [UInt8]) {
    self.path = path
    self.bytes = bytes
  }

  /// What its path says about it; `nil` for a path at which no release keeps a key pair.
  package var place: KeyPlace? { KeyPlace(path: path) }
}

/// What the path of a key file says: whose key it is, which half, and of which layout.
package struct KeyPlace: Equatable, Sendable {
  /// The layouts of folders, oldest first. An upgrade can leave an old one below a new one.
  package enum Layout: Sendable {
    /// `public-keys/`, `owncloud_private_key/`, `<uid>/files_encryption/<uid>.private.key`.
    case ownCloud7
    /// `files_encryption/public_keys/`, `files_encryption/<id>.privateKey`, `<uid>/files_encryption/<uid>.privateKey`.
    case ownCloud80
    /// `…/files_encryption/OC_DEFAULT_MODULE/`, since ownCloud 8.1.
    case current
  }

  package let layout: Layout
  package let role: KeyRole
  /// The id of the pair, or the uid of a user, exactly as stored.
  package let id: String
  package let half: KeyHalf
  /// The folder of an earlier pair that a password reset kept: `passwordReset.OC_DEFAULT_MODULE.1700000000`.
  package let backupFolder: String?

  package init?(path: String) {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard let name = parts.last, !parts.contains("") else { return nil }
    func parent(_ distance: Int) -> String? {
      parts.count > distance ? parts[parts.count - 1 - distance] : nil
    }
    func stem(_ suffix: String) -> String? {
      name.hasSuffix(suffix) && name.utf8.count > suffix.utf8.count ? String(name.dropLast(suffix.count)) : nil
    }
    let id: String
    if let stem = stem(".privateKey") {
      (id, half) = (stem, .privateKey)
    } else if let stem = stem(".publicKey") {
      (id, half) = (stem, .publicKey)
    } else if let stem = stem(".private.key") {
      (id, half) = (stem, .privateKey)
    } else if let stem = stem(".public.key") {
      (id, half) = (stem, .publicKey)
    } else {
      return nil
    }
    self.id = id
    let isOwnCloud7 = name.hasSuffix(".key")

    // A uid may look like the id of a system key: what stands in a folder of that very name is the user's.
    func role(besideFolder folder: String?) -> KeyRole { folder == id ? .user : Self.systemRole(of: id) ?? .user }

    if isOwnCloud7 {
      (layout, backupFolder) = (.ownCloud7, nil)
      switch (parent(1), half) {
      case ("public-keys", .publicKey), ("owncloud_private_key", .privateKey): self.role = role(besideFolder: nil)
      case ("files_encryption", .privateKey): self.role = .user
      default: return nil
      }
    } else if parent(1) == "OC_DEFAULT_MODULE", parent(2) == "files_encryption" {
      (layout, backupFolder) = (.current, nil)
      self.role = role(besideFolder: parent(3))
    } else if parent(2) == "backup", parent(3) == "files_encryption", let folder = parent(1) {
      (layout, backupFolder) = (.current, folder)
      self.role = role(besideFolder: parent(4))
    } else if parent(1) == "public_keys", parent(2) == "files_encryption", half == .publicKey {
      (layout, backupFolder) = (.ownCloud80, nil)
      self.role = role(besideFolder: nil)
    } else if parent(1) == "files_encryption", half == .privateKey {
      (layout, backupFolder) = (.ownCloud80, nil)
      self.role = role(besideFolder: parent(2))
    } else {
      return nil
    }
  }

  private static func systemRole(of id: String) -> KeyRole? {
    // `recovery_` up to ownCloud 8.0, `recoveryKey_` since.
    let prefixes: [(String, KeyRole)] = [
      ("master_", .master), ("pubShare_", .publicShare), ("recoveryKey_", .recovery), ("recovery_", .recovery),
    ]
    for (prefix, role) in prefixes where id.hasPrefix(prefix) {
      let rest = id.dropFirst(prefix.count)
      if rest.utf8.count == 8, rest.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }) {
        return role
      }
    }
    return nil
  }

  /// Whether both are halves of one pair.
  func isOtherHalf(of other: KeyPlace) -> Bool {
    half != other.half && role == other.role && id == other.id && backupFolder == other.backupFolder
  }
}
