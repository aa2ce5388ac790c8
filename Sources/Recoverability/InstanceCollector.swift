internal import DatabaseSnapshots
internal import DurableFiles
package import EscrowBundle
internal import FoundationEssentials
internal import NextcloudKeys
internal import NextcloudStorage
internal import SecretMemory
internal import SystemPackage

/// Collects what a restore of an instance needs, and tries all of it with what will be sealed.
package struct InstanceCollector {
  private let sources: SealingSources
  private let digesting: EscrowProgress

  private var members: [BundleMember] = []
  private var included: [Manifest.Included] = []
  private var warnings: [String] = []
  private var missing: [MissingPart] = []

  /// A configuration file, a password file: what may be in memory for secrets at once, in bytes.
  private static let secretLimit = 1 << 20

  /// - Parameters:
  ///   - sources: where everything is.
  ///   - digesting: is called while the database snapshot is digested; what it throws ends the collection.
  package init(
    _ sources: SealingSources, digesting: @escaping EscrowProgress = { _, _ in }
  ) {
    self.sources = sources
    self.digesting = digesting
  }

  /// Reads, tries and judges; nothing is written.
  ///
  /// - Throws: `ConfigurationError`, `CollectionError`, `SnapshotError`, `EscrowError` or `FileError` when something
  ///   cannot be read. What is there but would not restore is no error: it stands in `missing`.
  package consuming func collect() throws -> CollectedInstance {
    let configurationFolder = try InstanceFolders.configuration(of: FilePath(sources.instance))
    let configuration = try readConfiguration(configurationFolder)
    let folders = try InstanceFolders.discover(
      instance: FilePath(sources.instance), data: sources.data.map { FilePath($0) },
      configured: configuration.string("datadirectory"))
    let tablePrefix = try configuration.string("dbtableprefix") ?? "oc_"
    let snapshot = try readSnapshot(tablePrefix: tablePrefix, version: configuration.string("version"))
    let collection = try collectKeys(configuration, folders, snapshot)
    let material = try keyMaterial(configuration, folders)
    let records = KeyProof.prove(collection.files, with: material)
    let mode = EncryptionMode.detect(usesMasterKey: snapshot.facts?.usesMasterKey, files: collection.files)
    let instanceID = try configuration.string("instanceid") ?? ""
    missing =
      MissingParts.find(
        .init(
          mode: mode, hasSecret: material.secretCount > 0, hasInstanceID: !instanceID.isEmpty, collection: collection,
          records: records, snapshot: snapshot.facts)) + missing
    let identity = InstanceIdentity(
      instanceID: instanceID, nextcloudVersion: try configuration.string("version"), encryptionMode: mode,
      keyIDs: keyIDs(records, snapshot.facts), keyRoot: collection.keyRoot,
      databaseType: try configuration.string("dbtype"), tablePrefix: tablePrefix,
      dataFolder: try configuration.string("datadirectory") ?? folders.data.string,
      usesObjectStorage: configuration.contains("objectstore") || configuration.contains("objectstore_multibucket"))
    try addKeys(collection)
    try addIncludes()
    if let file = sources.recoveryPasswordFile,
      !records.contains(where: { $0.role == .recovery && $0.half == .privateKey })
    {
      throw RecoverabilityError.cannotCollect(
        problem: "there is no recovery key that the password in \(file) could open",
        hint: "leave --recovery-password-file out")
    }
    let hasRecoveryKey = records.contains { $0.role == .recovery && $0.half == .privateKey && $0.state == .unlocks }
    var coverage: [UserKeyCoverage] = []
    if mode == .userKeys, sources.objects == nil {
      coverage = try UserKeyCoverage.measure(
        dataFolder: folders.data, keyRoot: collection.keyRoot, recoveryKeyID: snapshot.facts?.recoveryKeyID)
    }
    return CollectedInstance(
      identity: identity, keys: records,
      missing: missing.filter(\.preventsRestore) + missing.filter { !$0.preventsRestore }, snapshot: snapshot.reference,
      included: included, warnings: warnings, folders: folders, coverage: coverage,
      isRecoveryKeyProven: hasRecoveryKey, members: members)
  }

  /// Reads each configuration file once: what is parsed is what is sealed.
  private mutating func readConfiguration(_ folder: FilePath) throws -> Configuration {
    let listing = try ConfigurationFolder(listing: folder)
    var reader = try ConfigurationReader()
    for name in listing.loaded {
      let bytes = try BoundedReading.secret(of: folder.appending(name), limit: ConfigurationReader.fileLimit)
      try reader.add(name, bytes)
      members.append(BundleMember(path: try MemberPath("config/\(name)"), content: .secret(bytes)))
    }
    let configuration = reader.finish()
    warnings += configuration.warnings + listing.warnings
    return configuration
  }

  private struct ReadSnapshot {
    var reference: Manifest.Snapshot?
    var database: InstanceDatabase?
    var facts: SnapshotFacts? { database?.facts }
  }

  private mutating func readSnapshot(tablePrefix: String, version: String?) throws -> ReadSnapshot {
    guard let place = sources.databaseSnapshot else {
      missing.append(
        MissingPart(
          id: "snapshot", what: "no database snapshot was named",
          hint: "name one with --database-snapshot: without it a restored Nextcloud refuses the files",
          preventsRestore: false))
      return ReadSnapshot()
    }
    let path = FilePath(place)
    do {
      return try read(try SnapshotFile.recognise(path), tablePrefix: tablePrefix, version: version)
    } catch let error as SnapshotError {
      if case .unreadable = error { throw error }
      missing.append(
        MissingPart(
          id: "snapshot", what: "the database snapshot would not restore: \(error.problem)", hint: error.hint,
          preventsRestore: true))
    } catch let error as CollectionError {
      missing.append(
        MissingPart(id: "snapshot", what: error.problem, hint: error.hint, preventsRestore: true))
    }
    return ReadSnapshot()
  }

  private mutating func read(
    _ file: SnapshotFile, tablePrefix: String, version: String?
  ) throws -> ReadSnapshot {
    // It is gone through twice, for its rows and for its digest.
    let database = try InstanceDatabase.read(
      file.path, tablePrefix: tablePrefix, keepingFiles: sources.objects != nil
    ) { done, total in try digesting(Int(done / 2), Int(total)) }
    if let fault = database.faults.first(where: \.isLoss) {
      missing.append(
        MissingPart(
          id: "snapshot", what: "the database snapshot \(file.path) would not restore: \(fault.problem)",
          hint: fault.hint, preventsRestore: true))
      return ReadSnapshot()
    }
    var result = ReadSnapshot()
    result.database = database
    var reference = Manifest.Snapshot(
      place: file.path.string, engine: file.engine?.rawValue ?? "unknown", size: Int(file.size),
      sha256: try SnapshotFile.sha256(of: file.path) { done, total in try digesting(total / 2 + done / 2, total) },
      takenAt: Date(timeIntervalSince1970: TimeInterval(file.modified)), tablePrefix: result.facts?.tablePrefix,
      nextcloudVersion: version, rows: result.facts?.rowCounts ?? [:],
      highestFileID: result.facts?.highestFileID.flatMap { Int(exactly: $0) },
      highestVersion: result.facts?.highestVersion.flatMap { Int(exactly: $0) })
    if sources.embedsDatabase {
      let member = try embed(file.path)
      for sidecar in file.sidecars { _ = try embed(sidecar) }
      reference.embedded = member
    }
    if !file.sidecars.isEmpty {
      let names = file.sidecars.map { $0.lastComponent?.string ?? $0.string }.joined(separator: " and ")
      missing.append(
        MissingPart(
          id: "snapshot-log", what: "the newest rows of the snapshot are not in it but in \(names) beside it (its log)",
          hint: "keep them together, or take the snapshot with: sqlite3 owncloud.db \".backup snapshot.db\"",
          preventsRestore: false))
    }
    result.reference = reference
    return result
  }

  private mutating func embed(_ path: FilePath) throws -> MemberPath {
    let member = try MemberPath("database/\(path.lastComponent?.string ?? "snapshot")")
    members.append(BundleMember(path: member, content: .file(path)))
    return member
  }

  private func collectKeys(
    _ configuration: borrowing Configuration, _ folders: InstanceFolders, _ snapshot: ReadSnapshot
  ) throws -> KeyCollection {
    guard let objects = sources.objects else {
      return try KeyCollection.collect(dataFolder: folders.data, keyRoot: snapshot.facts?.keyRoot)
    }
    guard let database = snapshot.database else {
      throw RecoverabilityError.cannotCollect(
        problem: "only a database snapshot says which objects are keys, and none was given that can be read",
        hint: "name a whole one with --database-snapshot")
    }
    let prefix = try configuration.string(["objectstore", "arguments", "objectPrefix"], orCopy: true) ?? "urn:oid:"
    return try ObjectKeys.collect(database: database, objects: FilePath(objects), prefix: prefix)
  }

  private mutating func keyMaterial(
    _ configuration: borrowing Configuration, _ folders: InstanceFolders
  ) throws -> KeyMaterial {
    var material = KeyMaterial()
    if let secret = try configuration.secret("secret") { material.add(secret: secret) }
    if let id = try configuration.string("instanceid") { material.add(instanceID: id) }
    for id in try InstanceFolders.instanceIDs(inDataFolder: folders.data) { material.add(instanceID: id) }
    if let file = sources.recoveryPasswordFile {
      let content = try BoundedReading.secret(of: FilePath(file), limit: Self.secretLimit)
      var password = try content.duplicate()
      let lineEnd = content.withBytes { content in
        content.trailingLineEnd
      }
      password.truncate(to: content.count - lineEnd)
      guard password.count > 0 else {
        throw RecoverabilityError.cannotCollect(
          problem: "the recovery password in \(file) is empty", hint: "put the password there; nothing was sealed")
      }
      material.add(recoveryPassword: password)
      members.append(BundleMember(path: try MemberPath(Self.recoveryPassword), content: .secret(content)))
      included.append(Manifest.Included(path: try MemberPath(Self.recoveryPassword), from: file))
    }
    return material
  }

  private static let recoveryPassword = "extra/recovery-password.txt"

  private func keyIDs(_ records: [KeyRecord], _ facts: SnapshotFacts?) -> [String] {
    let there = Set(records.filter { $0.role != .user && !$0.isBackup }.map(\.id))
    let named = Set([facts?.masterKeyID, facts?.publicShareKeyID, facts?.recoveryKeyID].compactMap(\.self))
    // What the database names without a file was never made (a master key with per-user keys), or is in `missing`.
    return (named.isEmpty ? there : named.intersection(there)).sorted()
  }

  private mutating func addKeys(_ collection: KeyCollection) throws {
    let others = [collection.keyRootMarker, collection.oneTimePasswords].compactMap(\.self)
    for file in collection.files + others {
      members.append(BundleMember(path: try MemberPath("keys/\(file.path)"), content: .bytes(file.bytes)))
    }
    if collection.oneTimePasswords != nil {
      warnings.append(
        "oneTimeEncryptionPasswords.csv lies in the data folder: users' passwords in the clear; it is sealed as well")
    }
    warnings += collection.unrecognised.map { "\($0) lies among the keys and is none; it is not sealed" }
  }

  private mutating func addIncludes() throws {
    for include in sources.includes {
      let path = FilePath(include)
      let member = try MemberPath("extra/\(path.lastComponent?.string ?? include)")
      guard !members.contains(where: { $0.path == member }) else { throw RecoverabilityError.sameName(member.text) }
      // Opened once now, so that a wrong path is said before anything is asked for.
      _ = try FileSource(path)
      members.append(BundleMember(path: member, content: .file(path)))
      included.append(Manifest.Included(path: member, from: include))
    }
  }
}

extension RawSpan {
  /// How many bytes of a line end, LF or CR LF, stand at the end.
  fileprivate var trailingLineEnd: Int {
    func byte(fromEnd index: Int) -> UInt8? {
      unsafe index <= byteCount ? unsafeLoadUnaligned(fromByteOffset: byteCount - index, as: UInt8.self) : nil
    }
    guard byte(fromEnd: 1) == UInt8(ascii: "\n") else { return 0 }
    return byte(fromEnd: 2) == UInt8(ascii: "\r") ? 2 : 1
  }
}
