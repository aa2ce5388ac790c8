internal import DatabaseSnapshots
internal import EscrowBundle
internal import FoundationEssentials
internal import NextcloudKeys
internal import NextcloudStorage

/// What the snapshot says by itself, and beside the escrow.
struct SnapshotFindings {
  let snapshot: ExaminedSnapshot
  let sealed: SealedMaterial
  /// Encrypted files were seen in the backup.
  let hasEncryptedFiles: Bool

  var findings: [Finding] {
    guard snapshot.file != nil else { return [absent] }
    if let fault = snapshot.fault {
      return [
        Finding(
          fault.id, .snapshot, .fails(because: fault.problem), "the snapshot \(snapshot.place) cannot be used",
          hint: fault.hint)
      ]
    }
    guard let database = snapshot.database else { return [absent] }
    return faults(database) + paths(database)
      + [comparison, instance(database), encryption(database)].compactMap(\.self)
      + secret(database) + [log, moved(database)].compactMap(\.self)
  }

  private var absent: Finding {
    let sealed = sealed.manifest.snapshot
    return Finding(
      "snapshot-absent", .snapshot,
      .unknown(because: "only the snapshot says which version of each file belongs to it, and how long it is"),
      "there is no database snapshot to compare with",
      hint: sealed.map { "name the one that was sealed, \($0.place), or a later one with --database-snapshot" }
        ?? "name one with --database-snapshot; without it a restored Nextcloud refuses the files")
  }

  private func faults(_ database: InstanceDatabase) -> [Finding] {
    database.faults.map { fault in
      Finding(
        fault.isLoss ? "snapshot-damaged" : "snapshot-several", .snapshot,
        fault.isLoss ? .fails(because: fault.problem) : .holds, fault.problem, hint: fault.hint)
    }
  }

  /// `md5(path) = path_hash` on every row.
  private func paths(_ database: InstanceDatabase) -> [Finding] {
    let test = database.selfTest
    var findings: [Finding] = []
    if test.doubleEncoded > 0 {
      findings.append(
        Finding(
          "snapshot-double-encoded", .snapshot,
          .fails(
            because: "characters beyond ASCII were encoded twice, so a restored Nextcloud would not find these files"),
          "\(Quantity.grouped(test.doubleEncoded)) paths of the snapshot are spelt wrong",
          hint: "take the dump again with --default-character-set=utf8mb4", count: test.doubleEncoded,
          examples: test.examples))
    }
    if test.unexplained > 0 {
      findings.append(
        Finding(
          "snapshot-paths-damaged", .snapshot, .fails(because: "a path and the hash beside it do not fit"),
          "\(Quantity.grouped(test.unexplained)) of \(Quantity.grouped(test.checked)) paths of the snapshot are damaged",
          hint: "take the snapshot again", count: test.unexplained, examples: test.examples))
    }
    if test.misnamed > 0 {
      findings.append(
        Finding(
          "snapshot-names-damaged", .snapshot,
          .fails(because: "a name is not the last part of its path: Nextcloud would list the file under another name"),
          "\(Quantity.grouped(test.misnamed)) names of the snapshot do not fit their paths",
          hint: "take the snapshot again", count: test.misnamed, examples: test.misnamedExamples))
    }
    if findings.isEmpty, database.isComplete {
      findings.append(
        Finding(
          "snapshot-whole", .snapshot, .holds,
          "the snapshot is whole: \(Quantity.grouped(test.checked)) paths fit their hashes", count: test.checked))
    }
    return findings
  }

  /// Whether it is the one that was sealed.
  private var comparison: Finding? {
    guard let reference = sealed.manifest.snapshot else { return nil }
    if snapshot.sha256 == reference.sha256 {
      return Finding("snapshot-sealed", .snapshot, .holds, "it is the snapshot that the escrow refers to")
    }
    let facts = snapshot.database?.facts
    var older = snapshot.modified.map { Double($0) < reference.takenAt?.timeIntervalSince1970 ?? 0 } ?? false
    if let mine = facts?.highestFileID, let theirs = reference.highestFileID, mine != Int64(theirs) {
      older = mine < Int64(theirs)
    }
    return Finding(
      older ? "snapshot-before-sealing" : "snapshot-other", .snapshot, .holds,
      "it is another snapshot than the escrow refers to, and \(older ? "older" : "newer") than that",
      hint: older ? "the sealed one is at \(reference.place)" : nil)
  }

  /// Whose it is.
  private func instance(_ database: InstanceDatabase) -> Finding? {
    let identity = sealed.manifest.instance
    guard !identity.instanceID.isEmpty else { return nil }
    for storage in database.storages where storage.id.hasPrefix("local::") || storage.id.hasPrefix("object::store:") {
      var found: Set<String> = []
      try? database.forEachFile(storage: storage.number, pathPrefix: "appdata_") { row in
        if let name = row.path.split(separator: "/").first { found.insert(String(name.dropFirst("appdata_".count))) }
        if found.contains(identity.instanceID) || found.count > 3 { throw Enough() }
      }
      if !found.isEmpty, !found.contains(identity.instanceID) {
        let id = found.sorted()[0]
        return Finding(
          "snapshot-foreign", .snapshot,
          .fails(because: "its files belong to the instance \(id); the escrow is of \(identity.instanceID)"),
          "the snapshot is of another instance", hint: "name a snapshot of the instance \(identity.instanceID)")
      }
    }
    return nil
  }

  private struct Enough: Error {}

  private func encryption(_ database: InstanceDatabase) -> Finding? {
    guard hasEncryptedFiles, let state = database.appConfig["encryption/enabled"], state == "no" else { return nil }
    return Finding(
      "encryption-app-off", .snapshot, .fails(because: "Nextcloud cannot read an encrypted file without the app"),
      "the app for encryption is switched off in the database", hint: "after the restore: occ app:enable encryption")
  }

  /// What the instance encrypted for itself with its secret.
  private func secret(_ database: InstanceDatabase) -> [Finding] {
    let values = database.sampleEncryptedValues
    guard !values.isEmpty, sealed.keyMaterial.secretCount > 0 else { return [] }
    let failing = values.filter { sealed.keyMaterial.secretIndex(unwrapping: $0.text) == nil }
    if failing.isEmpty {
      return [
        Finding(
          "secret-unwraps", .secret, .holds,
          "the sealed secret unwraps \(values.count == 1 ? "the value" : "all \(values.count) values") in the database that were tried",
          count: values.count)
      ]
    }
    if failing.count == values.count {
      return [
        Finding(
          "secret-other", .secret, .fails(because: "no value that the instance encrypted for itself unwraps with it"),
          "the sealed secret is not the one that the snapshot was written with",
          hint: "the secret in config.php was changed, or the snapshot is of another instance", count: failing.count,
          examples: failing.map(\.place))
      ]
    }
    return [
      Finding(
        "two-secrets", .secret, .holds,
        "\(failing.count) of \(values.count) values in the database were encrypted with another secret than the sealed one",
        hint: "the instance has had two secrets: those passwords have to be entered anew, files are not concerned",
        count: failing.count, examples: failing.map(\.place))
    ]
  }

  private var log: Finding? {
    guard snapshot.hasLog else { return nil }
    return Finding(
      "snapshot-log", .snapshot, .holds, "the newest rows of the snapshot stand in the log beside it, and were read",
      hint: "keep both together, or take it with: sqlite3 owncloud.db \".backup snapshot.db\"")
  }

  private func moved(_ database: InstanceDatabase) -> Finding? {
    let identity = sealed.manifest.instance
    guard !identity.usesObjectStorage, let facts = database.facts, !facts.localStorages.isEmpty else { return nil }
    let folder = identity.dataFolder.hasSuffix("/") ? identity.dataFolder : identity.dataFolder + "/"
    guard (try? database.storage(id: "local::\(folder)")) ?? nil == nil else { return nil }
    return Finding(
      "data-folder-moved", .snapshot, .holds,
      "the database does not know the data folder under the path in config.php",
      hint: "users' files are not concerned; team folders and previews are indexed anew", examples: facts.localStorages)
  }
}
