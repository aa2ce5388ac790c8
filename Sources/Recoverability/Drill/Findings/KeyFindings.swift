internal import EscrowBundle
internal import NextcloudKeys
internal import NextcloudStorage

/// What trying the sealed keys says.
struct KeyFindings {
  let sealed: SealedMaterial
  /// What trying each sealed key file gave.
  let records: [KeyRecord]
  let mode: EncryptionMode
  let snapshot: SnapshotFacts?
  /// An instance id that the backup's folders tell and that opens keys which the sealed one does not; nil otherwise.
  let otherInstanceID: String?
  /// Users whose private key is whole, and does not open with the password that was given.
  let wrongPasswords: [String]

  var findings: [Finding] {
    var findings = missing + userKeys
    if let other = otherInstanceID {
      findings.insert(
        Finding(
          "instance-id-changed", .secret,
          .fails(
            because: "the private keys open with the instanceid \(other), not with the one in the sealed config.php"),
          "the instanceid has changed since the keys were written",
          hint:
            "a restored Nextcloud needs 'instanceid' => '\(other)' in its config.php; the backup has appdata_\(other)"),
        at: 0)
    }
    let open = ids { $0 == .unlocks }
    if !open.isEmpty {
      findings.append(
        Finding(
          "keys-unlock", .keys, .holds,
          "\(open.count == 1 ? "1 key pair unlocks" : "\(Quantity.grouped(open.count)) key pairs unlock") with what was sealed",
          count: open.count, examples: open))
    }
    return findings + [secret].compactMap(\.self) + rawKeys + earlierPairs
  }

  /// What is wrapped shows whether the secret fits, also where a password is missing below the wrapping.
  private var secret: Finding? {
    let wrapped = records.filter { $0.wrapping != .raw && $0.wrapping != .unreadable }
    let fitting = wrapped.count {
      if case .fails = $0.state { return false }
      return true
    }
    guard fitting > 0 else { return nil }
    return Finding(
      "secret-fits", .secret, .holds,
      fitting == wrapped.count
        ? "the sealed secret unwraps \(fitting == 1 ? "the sealed key file" : "all \(Quantity.grouped(fitting)) sealed key files") that \(fitting == 1 ? "is" : "are") wrapped"
        : "the sealed secret unwraps \(Quantity.grouped(fitting)) of \(Quantity.grouped(wrapped.count)) sealed key files",
      count: fitting)
  }

  private func ids(_ state: (KeyState) -> Bool) -> [String] {
    var seen: Set<String> = []
    return records.filter { $0.half == .privateKey && !$0.isBackup && state($0.state) }.map(\.id)
      .filter { seen.insert($0).inserted }
  }

  /// What `create` looks for too, by the same code.
  private var missing: [Finding] {
    let marker = sealed.hasKeyRootMarker ? KeyFile(path: ".oc_key_storage", bytes: []) : nil
    let parts = MissingParts.find(
      .init(
        mode: mode, hasSecret: sealed.keyMaterial.secretCount > 0,
        hasInstanceID: (try? sealed.configuration.string("instanceid"))?.isEmpty == false,
        collection: KeyCollection(
          sealed: sealed.keyFiles, keyRoot: snapshot?.keyRoot ?? sealed.manifest.instance.keyRoot, keyRootMarker: marker
        ),
        records: records.filter { !isUserPassword($0) }, snapshot: snapshot))
    var findings: [Finding] = []
    for part in parts where part.id != "key-fails" && part.id != "recovery-password" {
      let group = ["secret", "instance-id"].contains(part.id) ? Finding.Group.secret : .keys
      findings.append(
        Finding(part.id, group, part.preventsRestore ? .fails(because: part.what) : .holds, part.what, hint: part.hint))
    }
    let failing = parts.filter { $0.id == "key-fails" && $0.preventsRestore }
    if let first = failing.first {
      findings.append(
        Finding(
          isSecretWrong ? "secret-wrong" : "key-fails", isSecretWrong ? .secret : .keys, .fails(because: first.what),
          isSecretWrong
            ? "the sealed secret does not unwrap the sealed keys"
            : failing.count == 1
              ? "1 sealed key file cannot be used" : "\(failing.count) sealed key files cannot be used",
          hint: isSecretWrong
            ? "find the config.php of the time of the keys, with its secret and instanceid, and seal that"
            : first.hint,
          count: failing.count, examples: failing.map(\.what)))
    }
    let harmless = parts.filter { $0.id == "key-fails" && !$0.preventsRestore }
    if !harmless.isEmpty {
      findings.append(
        Finding(
          "key-fails-harmless", .keys, .holds,
          "\(harmless.count == 1 ? "1 sealed key file fails" : "\(harmless.count) sealed key files fail") that no restore depends on",
          count: harmless.count, examples: harmless.map(\.what)))
    }
    return findings
  }

  /// Whether every wrapped key file fails: then it is not the files.
  private var isSecretWrong: Bool {
    let wrapped = records.filter { $0.wrapping != .raw && $0.wrapping != .unreadable && !$0.isBackup }
    return wrapped.count > 1
      && wrapped.allSatisfy {
        if case .fails = $0.state { return true }
        return false
      }
  }

  /// A user's key pair that does not open because the password given is not its password.
  private func isUserPassword(_ record: KeyRecord) -> Bool {
    guard record.role == .user, !record.isBackup, case .fails = record.state else { return false }
    return wrongPasswords.contains(record.id)
  }

  private var userKeys: [Finding] {
    var findings: [Finding] = []
    if !wrongPasswords.isEmpty {
      findings.append(
        Finding(
          "user-password-wrong", .keys,
          .unknown(because: "the private key is whole, and has another password than the one given"),
          "the \(wrongPasswords.count == 1 ? "password given for 1 user does" : "passwords given for \(wrongPasswords.count) users do")"
            + " not open the key",
          hint: "a password that an administrator reset does not change the key's: ask for the one before",
          count: wrongPasswords.count, examples: wrongPasswords))
    }
    let locked = ids { $0 == .locked }
    let users = locked.filter { id in records.contains { $0.id == id && $0.role == .user } }
    let recovery = locked.filter { id in records.contains { $0.id == id && $0.role == .recovery } }
    if mode == .userKeys, !users.isEmpty {
      findings.append(
        Finding(
          "user-keys-locked", .keys, .unknown(because: "only the user's own password opens the key"),
          "the \(users.count == 1 ? "key of 1 user was" : "keys of \(Quantity.grouped(users.count)) users were") not tried",
          hint: "give their passwords with --user-passwords; what the recovery key opens was tested with it",
          count: users.count, examples: users))
    }
    if mode == .userKeys, !recovery.isEmpty {
      findings.append(
        Finding(
          "recovery-key-locked", .keys, .unknown(because: "its password was neither sealed nor given"),
          "the recovery key was not tried", hint: "give --recovery-password-file, or seal the password with it",
          count: recovery.count, examples: recovery))
    }
    return findings
  }

  /// Nextcloud reads key files without their wrapping only while it is told that they were not yet migrated.
  private var rawKeys: [Finding] {
    let raw = records.filter { $0.wrapping == .raw && !$0.isBackup && $0.state == .unlocks }
    guard !raw.isEmpty, (try? sealed.configuration.bool("encryption.key_storage_migrated")) ?? true, wrapsKeys else {
      return []
    }
    return [
      Finding(
        "keys-not-migrated", .keys,
        .fails(because: "Nextcloud expects every key file to be wrapped with the secret, and refuses these"),
        "\(raw.count == 1 ? "1 sealed key file is" : "\(raw.count) sealed key files are") not wrapped",
        hint:
          "set 'encryption.key_storage_migrated' => false in config.php, and run occ encryption:migrate-key-storage-format",
        count: raw.count, examples: raw.map(\.path))
    ]
  }

  /// Since 20.0.1 key files are wrapped.
  private var wrapsKeys: Bool {
    let version = sealed.manifest.instance.nextcloudVersion ?? ""
    let parts = version.split(separator: ".").map { Int($0) ?? 0 }
    return parts.lexicographicallyPrecedes([20, 0, 0, 2]) == false
  }

  private var earlierPairs: [Finding] {
    let pairs = records.filter { $0.isBackup && $0.half == .privateKey }
    guard !pairs.isEmpty else { return [] }
    return [
      Finding(
        "earlier-key-pairs", .keys, .holds,
        "\(pairs.count == 1 ? "1 earlier key pair was" : "\(pairs.count) earlier key pairs were") kept when a password was reset",
        hint: "files from before may depend on \(pairs.count == 1 ? "it" : "them")", count: pairs.count,
        examples: pairs.map(\.path))
    ]
  }
}
