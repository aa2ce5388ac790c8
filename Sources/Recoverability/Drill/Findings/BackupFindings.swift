internal import NextcloudKeys
internal import NextcloudStorage
internal import SystemPackage

/// What lies in the backup besides the files that were examined.
struct BackupFindings {
  let inventory: BackupInventory
  /// What could not be listed, with why.
  let skipped: SkippedEntries
  let orphans: OrphanKeys
  let sealed: SealedMaterial
  let population: Int

  var findings: [Finding] {
    [
      empty, skippedEntries, keyRoot, homes, externals, keysBeside, leftovers, unknownKeys, orphanKeys, names, cases,
      notUnderstood,
      flags,
    ].compactMap(\.self)
  }

  /// What no drill of this backup can have tested, one line each.
  var notTested: [String] {
    var lines: [String] = []
    for mount in inventory.externalNotInBackup {
      lines.append("the external storage \(mount.mountPoint): it is not in the backup")
    }
    for folder in inventory.teamFoldersWithoutFiles {
      lines.append("the team folder \(folder.mountPoint): it has no file in the backup")
    }
    let plain = inventory.neverEncrypted.values.reduce(0) { $0 + $1.count }
    if plain > 0 { lines.append("\(Quantity.files(plain)) that Nextcloud never encrypts (previews, uploads, logs)") }
    return lines
  }

  private var empty: Finding? {
    guard population == 0 else { return nil }
    return Finding(
      "backup-empty", .backup, .fails(because: "neither a file of a user nor a row for one was found"),
      "there is nothing to test in the backup",
      hint: "name the folder that holds the data folder; its users' folders stand directly in it")
  }

  private var skippedEntries: Finding? {
    guard skipped.count > 0 else { return nil }
    return Finding(
      "backup-not-listed", .backup, .unknown(because: skipped.first.first ?? ""),
      "\(Quantity.grouped(skipped.count)) \(skipped.count == 1 ? "entry" : "entries") of the backup could not be looked at",
      hint: "links and devices are not followed; check the permissions of folders", count: skipped.count,
      examples: skipped.first)
  }

  private var keyRoot: Finding? {
    guard inventory.keyRootIsMissing else { return nil }
    return Finding(
      "key-root-missing", .backup,
      .fails(
        because:
          "the database says that keys lie below another folder, and it or its .oc_key_storage is not in the backup"),
      "the folder with the keys of the files is missing", hint: "back up the whole data folder, the key root included")
  }

  private var homes: Finding? {
    let missing = inventory.missingHomes
    guard missing.count > 0 else { return nil }
    return Finding(
      "home-missing", .backup,
      .fails(
        because:
          "the database has files of \(missing.count == 1 ? "a user" : "users") whose folder is not in the backup"),
      "the \(missing.count == 1 ? "folder of 1 user is" : "folders of \(missing.count) users are") not in the backup",
      hint: "back up the whole data folder; homes that lie elsewhere have to be in the backup too",
      count: missing.count,
      examples: missing.first.map { "\($0.user): \(Quantity.files($0.rows))" })
  }

  private var externals: Finding? {
    let missing = inventory.externalNotInBackup
    guard !missing.isEmpty else { return nil }
    return Finding(
      "external-not-in-backup", .backup,
      .unknown(because: "nothing of \(missing.count == 1 ? "it" : "them") was tested"),
      "\(missing.count == 1 ? "1 external storage is" : "\(missing.count) external storages are") not in the backup",
      hint: "say where they lie in the backup with --external NAME=FOLDER", count: missing.count,
      examples: missing.map(\.mountPoint))
  }

  private var keysBeside: Finding? {
    guard inventory.configurations.count > 0 || inventory.oneTimePasswords.count > 0 else { return nil }
    let what = inventory.configurations.first + inventory.oneTimePasswords.first + inventory.privateKeys.first
    return Finding(
      "keys-beside-backup", .backup, .holds, "the backup holds the secret that opens it",
      hint: "whoever has the backup can read it: leave config.php and the private keys out, now that they are sealed",
      examples: what.map(\.string))
  }

  private var leftovers: Finding? {
    guard inventory.leftovers.count > 0 else { return nil }
    return Finding(
      "leftovers", .backup, .holds,
      "\(Quantity.files(inventory.leftovers.count)) with a temporary name lie among the others",
      hint: "an upload, or encrypt-all or decrypt-all, was interrupted there", count: inventory.leftovers.count,
      examples: inventory.leftovers.first.map(\.string))
  }

  private var unknownKeys: Finding? {
    guard inventory.unknownKeyNames.count > 0 else { return nil }
    return Finding(
      "keys-of-unknown-mounts", .backup, .holds,
      "keys lie under \(inventory.unknownKeyNames.count == 1 ? "a name" : "names") that no external storage or team folder has",
      hint: "one was renamed or removed; if its files do not open, move the keys to the new name",
      count: inventory.unknownKeyNames.count, examples: inventory.unknownKeyNames.first)
  }

  private var orphanKeys: Finding? {
    guard orphans.count > 0 else { return nil }
    return Finding(
      "orphan-keys", .backup, .holds,
      "\(orphans.count == 1 ? "1 folder of keys belongs" : "\(Quantity.grouped(orphans.count)) folders of keys belong") to no file",
      hint: "left over, or their files were moved or are missing; nothing depends on them", count: orphans.count,
      examples: orphans.first)
  }

  private var names: Finding? {
    guard inventory.otherUnicodeForm.count > 0 else { return nil }
    return Finding(
      "names-decomposed", .backup, .holds,
      "\(Quantity.files(inventory.otherUnicodeForm.count)) have names in another Unicode form than the database",
      hint: "a Mac wrote them so; rename them to the composed form (convmv --nfc) when restoring",
      count: inventory.otherUnicodeForm.count, examples: inventory.otherUnicodeForm.first.map(\.string))
  }

  private var cases: Finding? {
    guard inventory.otherCase.count > 0 else { return nil }
    return Finding(
      "names-case", .backup, .holds,
      "\(Quantity.files(inventory.otherCase.count)) have names in other upper and lower case than the database",
      hint: "the backup's file system does not keep it; rename them when restoring", count: inventory.otherCase.count,
      examples: inventory.otherCase.first.map(\.string))
  }

  private var notUnderstood: Finding? {
    guard inventory.notUnderstood.count > 0 else { return nil }
    return Finding(
      "not-understood", .backup, .holds,
      "\(inventory.notUnderstood.count == 1 ? "1 thing" : "\(Quantity.grouped(inventory.notUnderstood.count)) things") in the backup"
        + " were not understood, and not tested",
      count: inventory.notUnderstood.count, examples: inventory.notUnderstood.first.map(\.string))
  }

  /// What the sealed configuration says that weakens what Nextcloud itself checks.
  private var flags: Finding? {
    guard (try? sealed.configuration.bool("encryption_skip_signature_check")) == true else { return nil }
    return Finding(
      "signature-check-off", .backup, .holds, "Nextcloud is told not to check signatures: damage goes unnoticed there",
      hint: "remove encryption_skip_signature_check from config.php; this drill checks them all the same")
  }
}

/// What a listing passed over: a number, and the first ones.
package struct SkippedEntries: Sendable {
  package private(set) var count = 0
  package private(set) var first: [String] = []

  package init() {}

  mutating func add(_ path: FilePath, _ why: String) {
    count += 1
    if first.count < Finding.exampleLimit { first.append("\(path): \(why)") }
  }
}

/// Keys that belong to no file: a number, and the first ones.
struct OrphanKeys {
  private(set) var count = 0
  private(set) var first: [String] = []

  init(_ layout: BackupLayout) throws {
    var (count, first) = (0, [String]())
    try layout.forEachOrphanKey { key in
      // That a whole storage is not in the backup, or has another name, is said on its own.
      guard key.reason == .noFile || key.reason == .leftover else { return }
      count += 1
      if first.count < Finding.exampleLimit { first.append(key.name) }
    }
    (self.count, self.first) = (count, first)
  }
}
