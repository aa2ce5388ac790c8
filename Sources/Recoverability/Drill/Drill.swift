package import BackupSources
package import EscrowBundle
internal import FoundationEssentials
internal import NextcloudKeys
internal import NextcloudStorage
package import SystemPackage

/// What a drill is asked to do.
package struct DrillRequest: Sendable {
  package var escrow: FilePath
  package var acceptUnprovenSigner = false
  package var backup: any BackupSource
  /// Nil for the one in the escrow, if there is one.
  package var snapshot: FilePath?
  package var count: SamplePlan.Count
  package var seed: SampleSeed
  package var confidence: Confidence
  package var passwords = SealedMaterial.Passwords()
  /// Where external storages lie in the backup, by mount point, or by `user/mount point` for a personal one.
  package var externalFolders: [String: FilePath] = [:]
  /// Whether the statements that mend the database are wanted.
  package var wantsRepairs = false
  /// How many threads examine files; one for each core is best.
  package var threads: Int

  package init(
    escrow: FilePath, backup: any BackupSource, snapshot: FilePath? = nil,
    count: SamplePlan.Count = .files(SamplePlan.usualCount), seed: SampleSeed = .random(),
    confidence: Confidence = .usual, threads: Int = ProcessInfo.processInfo.activeProcessorCount
  ) {
    self.escrow = escrow
    self.backup = backup
    self.snapshot = snapshot
    self.count = count
    self.seed = seed
    self.confidence = confidence
    self.threads = threads
  }
}

/// How far a drill has come.
package struct DrillProgress: Sendable {
  package enum Stage: String, Sendable, CaseIterable {
    case opening, keys, snapshot, listing, choosing, files
  }

  package enum Unit: Sendable { case bytes, files }

  package let stage: Stage
  package let unit: Unit
  package let done: Int
  /// Nil while nobody knows.
  package let total: Int?
}

/// What a drill ended with.
package struct DrillResult: Sendable {
  package let report: DrillReport
  package let verdict: Verdict
  /// The statements that would mend the database; nil when they were not asked for, or there is no snapshot.
  package let repairs: String?
}

/// A restore rehearsal: opens the escrow, unlocks the keys with what was sealed and nothing else, decrypts files of the
/// backup, and compares them with the snapshot.
package struct Drill {
  private let request: DrillRequest
  private let progress: (DrillProgress) throws -> Void

  /// - Parameter progress: is called often; what it throws ends the drill, and nothing is left behind.
  package init(_ request: DrillRequest, progress: @escaping (DrillProgress) throws -> Void = { _ in }) {
    self.request = request
    self.progress = progress
  }

  /// - Throws: when the drill could not run: the escrow does not open, the backup or the snapshot cannot be read at all.
  package func run(with unlock: borrowing Unlock) throws -> DrillResult {
    let startedAt = Date()
    let sealed = try open(unlock)
    var ring = try keyRing(sealed, sealed.keyMaterial)
    let snapshot = try examineSnapshot(sealed)
    let database = try snapshot.database ?? InstanceDatabase.empty()
    var skipped = SkippedEntries()
    let layout = try listBackup(database, facts(sealed, snapshot), &skipped)

    let otherInstanceID = try ringWithOtherID(sealed, layout.inventory, &ring)
    let circumstances = FileOutcome.Circumstances(
      hasSnapshot: snapshot.database?.isComplete == true,
      usesObjectStorage: sealed.manifest.instance.usesObjectStorage,
      supportsLegacyFormats: (try? sealed.configuration.bool("encryption.legacy_format_support")) ?? false == true,
      highestFileID: database.facts?.highestFileID,
      masterKeyID: database.facts?.usesMasterKey == false ? nil : database.facts?.masterKeyID)
    let filesStart = ContinuousClock.now
    let shared = BackupExaminer.Shared(
      backup: request.backup, ring: ring, highestVersion: database.facts?.highestVersion,
      usesObjectStorage: sealed.manifest.instance.usesObjectStorage,
      furtherKeyPlaces: { (try? layout.furtherKeyPlaces(for: $0)) ?? [] })
    var draw = try self.draw(layout)
    let tally = try examine(layout, &draw, shared, circumstances)
    let seconds = (ContinuousClock.now - filesStart).seconds

    let mode = EncryptionMode.detect(usesMasterKey: database.facts?.usesMasterKey, files: sealed.keyFiles)
    let backupFindings = BackupFindings(
      inventory: layout.inventory, skipped: skipped, orphans: try OrphanKeys(layout), sealed: sealed,
      population: draw.population)
    let findings: [Finding] =
      [EscrowFindings(sealed: sealed).opened]
      + KeyFindings(
        sealed: sealed, records: ring.records, mode: mode, snapshot: database.facts, otherInstanceID: otherInstanceID,
        wrongPasswords: sealed.wrongPasswords(in: ring.records)
      ).findings
      + SnapshotFindings(snapshot: snapshot, sealed: sealed, hasEncryptedFiles: tally.encrypted > 0).findings
      + FileFindings(tally: tally, openKeys: ring.openFileKeys, writesRepairs: request.wantsRepairs).findings
      + backupFindings.findings
    let assembly = DrillAssembly(
      request: request, sealed: sealed, snapshot: snapshot, inventory: layout.inventory, tally: tally, draw: draw,
      records: ring.records, findings: findings.inReadingOrder, notTested: backupFindings.notTested)
    return DrillResult(
      report: assembly.report(startedAt: startedAt, endedAt: Date(), seconds: seconds, bytesRead: shared.bytesRead),
      verdict: findings.reduce(.holds) { $0.worse($1.verdict) },
      repairs: request.wantsRepairs ? assembly.repairs : nil)
  }

  // MARK: - The steps

  private func report(_ stage: DrillProgress.Stage, _ unit: DrillProgress.Unit, _ done: Int, _ total: Int?) throws {
    try progress(DrillProgress(stage: stage, unit: unit, done: done, total: total))
  }

  private func open(_ unlock: borrowing Unlock) throws -> SealedMaterial {
    try SealedMaterial(
      opening: request.escrow, with: unlock, acceptUnprovenSigner: request.acceptUnprovenSigner,
      passwords: request.passwords, needsSnapshot: request.snapshot == nil
    ) { (done, total) throws(EscrowError) in
      do { try report(.opening, .bytes, done, total) } catch { throw error as? EscrowError ?? .interrupted }
    }
  }

  private func keyRing(_ sealed: SealedMaterial, _ material: borrowing KeyMaterial) throws -> KeyRing {
    var wish: (any Error)?
    let ring = try KeyRing(sealed.keyFiles, with: material) { done in
      // A key takes half a second; the wish to stop is granted after it.
      if wish == nil {
        do { try report(.keys, .files, done, sealed.keyFiles.count) } catch { wish = error }
      }
    }
    if let wish { throw wish }
    return ring
  }

  private func examineSnapshot(_ sealed: SealedMaterial) throws -> ExaminedSnapshot {
    let place: (FilePath, String)? =
      request.snapshot.map { ($0, $0.description) }
      ?? sealed.embeddedSnapshot.map { ($0.file, "\($0.name), from the escrow") }
    guard let (path, name) = place else { return ExaminedSnapshot() }
    return try ExaminedSnapshot(path, place: name, tablePrefix: sealed.manifest.instance.tablePrefix) { done, total in
      try report(.snapshot, .bytes, Int(done), Int(total))
    }
  }

  private func facts(_ sealed: SealedMaterial, _ snapshot: ExaminedSnapshot) -> LayoutFacts {
    var facts = LayoutFacts()
    facts.dataFolder = sealed.manifest.instance.dataFolder
    facts.keyRoot = snapshot.database?.facts?.keyRoot
    facts.usesObjectStorage = sealed.manifest.instance.usesObjectStorage
    if let prefix = try? sealed.configuration.string(["objectstore", "arguments", "objectPrefix"], orCopy: true) {
      facts.objectPrefix = prefix
    }
    facts.externalFolders = request.externalFolders
    return facts
  }

  /// Tries again with the instance ids that the backup's folders tell, where private keys fail with the sealed one.
  ///
  /// - Returns: the one that opens them.
  private func ringWithOtherID(
    _ sealed: SealedMaterial, _ inventory: BackupInventory, _ ring: inout KeyRing
  ) throws -> String? {
    let sealedID = sealed.manifest.instance.instanceID
    let others = inventory.instanceIDs.filter { $0 != sealedID }
    func failing(_ ring: KeyRing) -> Int {
      ring.records.count { record in
        guard record.half == .privateKey, !record.isBackup, case .fails = record.state else { return false }
        return true
      }
    }
    guard !others.isEmpty, failing(ring) > 0 else { return nil }
    for other in others.prefix(3) {
      let second = try keyRing(sealed, sealed.keyMaterial.adding(instanceID: other))
      if failing(second) < failing(ring) {
        ring = second
        return other
      }
    }
    return nil
  }

  private func listBackup(
    _ database: InstanceDatabase, _ facts: LayoutFacts, _ skipped: inout SkippedEntries
  ) throws -> BackupLayout {
    let listing = try BackupListing(database: database, facts: facts)
    var count = 0
    try request.backup.list(
      { entry in
        try listing.add(path: entry.path, size: entry.size, modified: entry.modified)
        count += 1
        if count % 256 == 0 { try report(.listing, .files, count, nil) }
      }, skipped: { path, why in skipped.add(path, why) })
    try report(.listing, .files, count, nil)
    let layout = try listing.layout()
    if layout.inventory.unknownObjects > 0 {
      try layout.sortUnknownObjects { path in try head(of: path) }
    }
    return layout
  }

  /// The first bytes of an object; none of one that cannot be read, which is then nothing that is known.
  private func head(of path: FilePath) throws -> [UInt8] {
    guard let file = try? request.backup.open(path) else { return [] }
    var head = [UInt8](repeating: 0, count: ObjectClass.headCount)
    let count = try unsafe head.withUnsafeMutableBytes { try unsafe file.read(at: 0, into: $0) }
    return Array(head.prefix(count))
  }

  private func draw(_ layout: BackupLayout) throws -> SampleDraw {
    var plan = SamplePlan(count: request.count, seed: request.seed, confidence: request.confidence)
    try layout.forEachContentFile(withKeys: false) { file in
      plan.add(file)
      if plan.population % 1000 == 0 { try report(.choosing, .files, plan.population, nil) }
    }
    return plan.draw()
  }

  private struct Job: Sendable {
    let index: Int
    let file: ContentFile
  }

  private struct Examined: Sendable {
    let index: Int
    let file: ContentFile
    let result: ContentResult
  }

  private func examine(
    _ layout: BackupLayout, _ draw: inout SampleDraw, _ shared: BackupExaminer.Shared,
    _ circumstances: FileOutcome.Circumstances
  ) throws -> FileTally {
    try probeHeaders(layout, &draw, shared)
    let sample = draw
    var tally = FileTally(circumstances)
    let total = sample.testedCount
    let work = OrderedWork<Job, Examined>(
      threads: request.threads,
      makeWorker: {
        let examiner = try BackupExaminer(shared)
        return { job in
          let (file, result) = examiner.examine(job.file)
          return Examined(index: job.index, file: file, result: result)
        }
      },
      tick: { try report(.files, .files, tally.tested, total) },
      take: { examined in
        tally.add(
          examined.file, examined.result, index: examined.index, isDrawn: sample.isDrawn(examined.index))
      })
    do {
      var index = 0
      try layout.forEachContentFile(withKeys: sample.isAll) { file in
        defer { index += 1 }
        guard sample.isTested(index) else { return }
        try work.add(Job(index: index, file: sample.isAll ? file : try layout.withKeys(file)))
      }
      try work.finish()
    } catch {
      shared.cancel()
      throw error
    }
    return tally
  }

  /// Looks at the headers of some files, so that one of each format is tested.
  private func probeHeaders(
    _ layout: BackupLayout, _ draw: inout SampleDraw, _ shared: BackupExaminer.Shared
  ) throws {
    let probes = Set(draw.headerProbes)
    guard !probes.isEmpty else { return }
    var index = 0
    var done = 0
    var found: [(String, Int)] = []
    try layout.forEachContentFile(withKeys: false) { file in
      defer { index += 1 }
      guard probes.contains(index), file.isThere, file.size > 0 else { return }
      if let format = BackupExaminer.format(of: file, shared) { found.append((format, index)) }
      done += 1
      try report(.choosing, .files, done, probes.count)
    }
    for (format, index) in found { draw.found(format: format, of: index) }
  }
}

extension KeyRing {
  /// How many private keys opened that files can depend on: the one of public links opens nothing alone with a master key.
  var openFileKeys: Int {
    records.count { $0.half == .privateKey && $0.state == .unlocks && $0.role != .publicShare }
  }
}

extension Duration {
  var seconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
