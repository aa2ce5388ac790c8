package import NextcloudKeys

extension EncryptionMode {
  /// The mode of an instance: what the database says, else what the key files show.
  ///
  /// - Parameter usesMasterKey: `useMasterKey` of the database; `nil` when the row, or the snapshot, is missing.
  package static func detect(usesMasterKey: Bool?, files: [KeyFile]) -> EncryptionMode {
    if let usesMasterKey { return usesMasterKey ? .masterKey : .userKeys }
    let places = files.compactMap(\.place).filter { $0.backupFolder == nil }
    if places.contains(where: { $0.role == .master }) { return .masterKey }
    return places.contains { $0.role == .user } ? .userKeys : .masterKey
  }
}

/// What a restore needs and does not find, before anything is sealed.
package struct MissingParts {
  /// What is known of an instance.
  package struct Situation {
    package var mode: EncryptionMode
    package var hasSecret: Bool
    package var hasInstanceID: Bool
    package var collection: KeyCollection
    /// What `KeyProof` found, in any order.
    package var records: [KeyRecord]
    /// What the database says, if a snapshot was read.
    package var snapshot: SnapshotFacts?

    package init(
      mode: EncryptionMode, hasSecret: Bool, hasInstanceID: Bool, collection: KeyCollection, records: [KeyRecord],
      snapshot: SnapshotFacts?
    ) {
      self.mode = mode
      self.hasSecret = hasSecret
      self.hasInstanceID = hasInstanceID
      self.collection = collection
      self.records = records
      self.snapshot = snapshot
    }
  }

  private let situation: Situation
  private var parts: [MissingPart] = []

  /// All that is missing or does not fit, what prevents a restore first.
  package static func find(_ situation: Situation) -> [MissingPart] {
    var missing = MissingParts(situation: situation)
    missing.lookAtConfiguration()
    missing.lookAtSystemKeys()
    missing.lookAtFailures()
    missing.lookAtTheRest()
    return missing.parts.filter(\.preventsRestore) + missing.parts.filter { !$0.preventsRestore }
  }

  private init(situation: Situation) { self.situation = situation }

  private mutating func add(_ id: String, _ what: String, hint: String, prevents: Bool) {
    parts.append(MissingPart(id: id, what: what, hint: hint, preventsRestore: prevents))
  }

  private func has(_ role: KeyRole, _ half: KeyHalf, id: String? = nil) -> Bool {
    situation.records.contains { $0.role == role && $0.half == half && !$0.isBackup && (id == nil || $0.id == id) }
  }

  private mutating func lookAtConfiguration() {
    if !situation.hasSecret {
      add(
        "secret", "config.php has no secret, which every key file is wrapped with",
        hint: "take secret from a backup of config.php; a new one does not fit", prevents: true)
    }
    if !situation.hasInstanceID {
      add(
        "instance-id", "config.php has no instanceid, which the private keys are salted with",
        hint: "take instanceid from a backup of config.php or from the name of the appdata_ folder", prevents: true)
    }
  }

  private mutating func lookAtSystemKeys() {
    guard !situation.records.filter({ !$0.isBackup }).isEmpty else {
      add(
        "keys", "there are no key files at all",
        hint: "is this the right data folder, and is encryption on? with objects as storage, name their folder",
        prevents: true)
      return
    }
    switch situation.mode {
    case .masterKey: lookAtMasterKey()
    case .userKeys:
      if !has(.user, .privateKey) {
        add(
          "user-keys", "every user has a key of their own, and not one private key is there",
          hint: "is this the data folder with the users' folders?", prevents: true)
      }
      if let snapshot = situation.snapshot, snapshot.recoveryIsEnabled, !has(.recovery, .privateKey) {
        add(
          "recovery-private", "the recovery key is on in the database, and its private half is missing",
          hint: "without it only the users' own passwords open their files", prevents: false)
      }
    }
    lookAtPublicShareKey()
  }

  private mutating func lookAtMasterKey() {
    let id = situation.snapshot?.masterKeyID
    let name = id.map { "the master key \(Printable.text($0)) of the database" } ?? "the master key"
    if !has(.master, .privateKey, id: id) {
      let others = situation.records.filter { $0.role == .master && $0.half == .privateKey }.map(\.id)
      let seen = others.isEmpty ? "" : "; there is \(others.map(Printable.text).joined(separator: ", "))"
      add(
        "master-private", "the private half of \(name) is missing\(seen)",
        hint: others.isEmpty
          ? "no file opens without it: look for master_….privateKey in older backups"
          : "snapshot and data folder are of different times or instances, or the database lost masterKeyId",
        prevents: true)
    } else if !has(.master, .publicKey, id: id) {
      add(
        "master-public", "the public half of \(name) is missing",
        hint: "files still open; Nextcloud needs it to write", prevents: false)
    }
  }

  private mutating func lookAtPublicShareKey() {
    let id = situation.snapshot?.publicShareKeyID
    if !has(.publicShare, .privateKey, id: id) || !has(.publicShare, .publicKey, id: id) {
      add(
        "public-share-key", "the key for public links is missing\(id.map { ": \(Printable.text($0))" } ?? "")",
        hint: "Nextcloud makes a new one; owners still open their files", prevents: false)
    }
  }

  private mutating func lookAtFailures() {
    for record in situation.records {
      let path = Printable.text(record.path)
      switch record.state {
      case .unlocks, .locked: break
      case .fails(let because):
        let prevents = preventsRestore(record)
        add(
          "key-fails", "\(path): \(because)",
          hint: prevents
            ? "find an older copy of this file, or the config.php of its time" : "no restore depends on this file",
          prevents: prevents)
      }
      if let note = record.note {
        add(
          "key-differs", "\(path): \(note)", hint: "a restored Nextcloud needs these values in its config.php",
          prevents: false)
      }
    }
    if situation.mode == .userKeys,
      situation.records.contains(where: { $0.role == .recovery && $0.half == .privateKey && $0.state == .locked })
    {
      add(
        "recovery-password", "the recovery key was not tried, since its password was not given",
        hint: "name it with --recovery-password-file to prove it and to seal it", prevents: false)
    }
  }

  /// Whether files are lost, or Nextcloud does not start, with this file as it is.
  private func preventsRestore(_ record: KeyRecord) -> Bool {
    if record.isBackup { return false }
    let hasBetter = situation.records.contains {
      guard !$0.isBackup, $0.role == record.role, $0.id == record.id, $0.half == record.half else { return false }
      if case .fails = $0.state { return false }
      return true
    }
    if hasBetter { return false }
    switch record.role {
    case .master:
      guard situation.mode == .masterKey else { return false }
      return situation.snapshot?.masterKeyID.map { $0 == record.id } ?? true
    case .publicShare:
      // Nextcloud makes a missing one anew, but stops at one that it cannot unwrap.
      return situation.snapshot?.publicShareKeyID.map { $0 == record.id } ?? true
    case .recovery, .user: return situation.mode == .userKeys
    }
  }

  private mutating func lookAtTheRest() {
    let collection = situation.collection
    if !collection.keyRoot.isEmpty, collection.keyRootMarker == nil {
      add(
        "key-root-marker", "the key root \(Printable.text(collection.keyRoot)) has no .oc_key_storage",
        hint: "Nextcloud refuses the root without it: make an empty file of that name when restoring", prevents: false)
    }
    if let snapshot = situation.snapshot, snapshot.encryptionIsEnabled == false {
      add(
        "encryption-off", "encryption is switched off in the database",
        hint: "files written since then are plain; those from before still need the keys", prevents: false)
    }
  }
}
