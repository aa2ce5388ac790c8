package import NextcloudKeys
internal import SecretMemory

/// Every private key that opens with what is known, and the secrets that unwrap share keys: all that decrypting needs.
///
/// It never changes after it was made, so any number of tasks can use it at once.
package final class KeyRing: Sendable {
  /// A private key that opened.
  struct Entry: Sendable {
    let id: String
    let role: KeyRole
    /// Of the private key file, below the data folder.
    let path: String
    let isBackup: Bool
    let key: HeldKey
  }

  /// What cannot be copied cannot stand in a list either.
  final class HeldKey: Sendable {
    let key: UnlockedKey

    init(_ key: consuming UnlockedKey) { self.key = key }
  }

  /// What trying each key file gave, in the order given, as `KeyProof` says it.
  package let records: [KeyRecord]
  /// The users with a private key of which none opened: their password is missing or wrong. Sorted.
  package let lockedUsers: [String]
  /// The ids of pairs of which a private key opened. Sorted.
  package let openIDs: [String]
  /// By id; the current pair before those that a password reset kept.
  let entries: [String: [Entry]]
  let wrapping: WrappingSecrets

  /// Opens what opens, which takes up to half a second for each private key.
  ///
  /// - Parameters:
  ///   - files: key pairs, not share keys; those in `files_encryption/backup` too, since files can depend on them.
  ///   - progress: called after each file with the number of files done.
  package init(
    _ files: [KeyFile], with material: borrowing KeyMaterial, progress: (Int) -> Void = { _ in }
  ) throws(ContentError) {
    var entries: [String: [Entry]] = [:]
    records = KeyProof.prove(files, with: material, progress: progress) { key, file, place in
      let entry = Entry(
        id: place.id, role: place.role, path: file.path, isBackup: place.backupFolder != nil, key: HeldKey(key))
      entries[place.id, default: []].append(entry)
    }
    self.entries = entries.mapValues { entries in entries.filter { !$0.isBackup } + entries.filter(\.isBackup) }
    openIDs = entries.keys.sorted()
    lockedUsers = Set(
      records.filter { $0.role == .user && $0.half == .privateKey && entries[$0.id] == nil }.map(\.id)
    ).sorted()
    do throws(LibCrypto.Unavailable) { wrapping = try WrappingSecrets(material) } catch {
      throw .unavailable(error.problem)
    }
  }

  /// How many private keys opened.
  package var count: Int { entries.values.reduce(0) { $0 + $1.count } }
}

/// The key files of one content file in one folder of keys, as they were read.
package struct FileKeyFiles: Sendable {
  /// What a person finds it by; see `KeyPlaceOfFile.name`.
  package let folder: String
  package let shareKeys: [ShareKey]
  /// The RC4-encrypted file key of the older envelope; may be there and stale.
  package let fileKey: [UInt8]?

  package struct ShareKey: Sendable {
    /// `master_1d941d00`, a uid.
    package let keyID: String
    package let bytes: [UInt8]

    package init(keyID: String, bytes: [UInt8]) {
      self.keyID = keyID
      self.bytes = bytes
    }
  }

  package init(folder: String, shareKeys: [ShareKey], fileKey: [UInt8]?) {
    self.folder = folder
    self.shareKeys = shareKeys
    self.fileKey = fileKey
  }
}
