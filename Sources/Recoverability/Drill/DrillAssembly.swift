internal import BackupSources
internal import DatabaseSnapshots
internal import EscrowBundle
internal import FoundationEssentials
internal import NextcloudKeys
internal import NextcloudStorage
internal import SystemPackage

/// Puts together what a run found, for people and programs.
struct DrillAssembly {
  let request: DrillRequest
  let sealed: SealedMaterial
  let snapshot: ExaminedSnapshot
  let inventory: BackupInventory
  let tally: FileTally
  let draw: SampleDraw
  let records: [KeyRecord]
  let findings: [Finding]
  let notTested: [String]

  func report(startedAt: Date, endedAt: Date, seconds: Double, bytesRead: Int64) -> DrillReport {
    let verdict = findings.reduce(Verdict.holds) { $0.worse($1.verdict) }
    let manifest = sealed.manifest
    return DrillReport(
      program: "provenkey \(Release.version)", startedAt: Self.whole(startedAt), endedAt: Self.whole(endedAt),
      level: records.contains { $0.state == .unlocks && $0.half == .privateKey && $0.role != .publicShare } ? 2 : nil,
      verdict: verdict.word,
      summary: DrillReport.summary(of: findings),
      escrow: .init(
        id: manifest.escrow.description, revision: manifest.revision, sealedAt: Int64(manifest.sealedAtSeconds ?? 0),
        sha256: sealed.opened.sha256),
      instance: manifest.instance, snapshot: snapshotPart,
      backup: .init(
        place: request.backup.name, files: inventory.entries, bytes: inventory.size, newest: tally.newest),
      keys: records, findings: findings, files: files(seconds: seconds, bytesRead: bytesRead),
      sample: draw.sample(
        failures: tally.drawnFailures, unknown: tally.drawnUnknown, files: draw.isAll ? [] : tally.drawnFiles),
      notTested: notTested + untestedParts)
  }

  /// The statements that would mend the database; nil without a snapshot.
  var repairs: String? {
    guard let database = snapshot.database, let facts = database.facts, let engine = snapshot.engine else { return nil }
    let dialect: RepairStatements.Dialect =
      switch engine {
      case .sqlite, .sqliteDump: .sqlite
      case .mysql, .mariadb: .mysql
      case .postgresqlPlain, .postgresqlCustom, .postgresqlTar, .postgresqlDirectory: .postgresql
      }
    return RepairStatements(dialect, tablePrefix: facts.tablePrefix).text(
      tally.repairs,
      facts: [
        "Snapshot: \(snapshot.place), SHA-256 \(snapshot.sha256 ?? "")", "Backup: \(request.backup.name)",
        "Escrow: \(sealed.manifest.escrow.description), revision \(sealed.manifest.revision)",
      ])
  }

  private var snapshotPart: DrillReport.Snapshot? {
    guard snapshot.file != nil else { return nil }
    let facts = snapshot.database?.facts
    return .init(
      place: snapshot.place, engine: snapshot.engine?.rawValue ?? "unknown", size: snapshot.size,
      sha256: snapshot.sha256 ?? "", takenAt: snapshot.modified ?? 0,
      isTheSealedOne: sealed.manifest.snapshot.map { $0.sha256 == snapshot.sha256 },
      rows: facts?.rowCounts["filecache"] ?? 0, highestFileID: facts?.highestFileID,
      highestVersion: facts?.highestVersion)
  }

  private func files(seconds: Double, bytesRead: Int64) -> DrillReport.Files {
    let failed = tally.failures
    let unknown = tally.unknown
    var strata = draw.allStrata.map { stratum in
      let numbers = tally.strata[stratum]
      return DrillReport.Stratum(
        dimension: stratum.dimension.rawValue, name: stratum.name, population: draw.population(of: stratum) ?? 0,
        tested: numbers?.tested ?? 0, failed: numbers?.failed ?? 0, unknown: numbers?.unknown ?? 0)
    }
    // How many files there are of a format is known only when all were looked at.
    for (stratum, numbers) in tally.strata.sorted(by: { $0.key < $1.key }) where stratum.dimension == .format {
      strata.append(
        DrillReport.Stratum(
          dimension: stratum.dimension.rawValue, name: stratum.name, population: draw.isAll ? numbers.tested : nil,
          tested: numbers.tested, failed: numbers.failed, unknown: numbers.unknown))
    }
    return .init(
      population: draw.population, tested: tally.tested, held: tally.tested - failed - unknown, failed: failed,
      unknown: unknown, bytesRead: bytesRead, seconds: seconds, byStatus: tally.byStatus, strata: strata,
      problems: tally.worstProblems, problemsLeftOut: tally.problemsLeftOut)
  }

  private var untestedParts: [String] {
    var lines: [String] = []
    if draw.population > tally.tested {
      lines.append("\(Quantity.files(draw.population - tally.tested)) that were not chosen: --all tests every file")
    }
    lines.append("whether this program, the escrow and this report can be had on the day: copy them off the server")
    return lines
  }

  private static func whole(_ time: Date) -> Int64 { Int64(time.timeIntervalSince1970.rounded(.down)) }
}
