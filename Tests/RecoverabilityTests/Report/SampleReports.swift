import Foundation
import NextcloudKeys
import SystemPackage

@testable import Recoverability

/// Reports as a drill would make them, the good, the bad and the hostile.
enum SampleReports {
  static let all: [(name: String, report: DrillReport)] = [
    ("holds", holds), ("fails", fails), ("unknown", unknown), ("all-files", allFiles), ("hostile", hostile),
    ("nothing", nothing),
  ]

  static var holds: DrillReport {
    report([
      Finding("escrow-opens", .escrow, .holds, "the escrow opens, and its signature fits"),
      Finding("keys-unlock", .keys, .holds, "all 4 key files unlock with what is sealed", count: 4),
      Finding("secret", .secret, .holds, "the sealed secret opens every key"),
      Finding("snapshot-complete", .snapshot, .holds, "the snapshot is whole: 18,212 rows"),
      Finding("files-hold", .files, .holds, "every file that was tested decrypts to what it should be", count: 309),
    ])
  }

  static var fails: DrillReport {
    var report = report([
      Finding("escrow-opens", .escrow, .holds, "the escrow opens, and its signature fits"),
      Finding("keys-unlock", .keys, .holds, "all 4 key files unlock with what is sealed", count: 4),
      Finding(
        "key-orphan", .keys, .holds, "1 key file belongs to no file", hint: "nothing depends on it; it may stay",
        count: 1, examples: ["alice: files/old.txt"]),
      Finding("secret", .secret, .holds, "the sealed secret opens every key"),
      Finding(
        "snapshot-older", .snapshot,
        .fails(because: "the blocks of these files are signed with versions that the snapshot does not know yet"),
        "the snapshot is older than 14 of the files checked: take it after, not before, the file copy",
        hint: "take the snapshot after the file copy, then run the drill again", count: 14,
        examples: [
          "alice: Documents/Letters/2026/draft of the long letter to the tax office.docx", "bob: notes.txt",
          "carol: Photos/IMG_20260101_101010.jpg", "alice: a.txt", "alice: b.txt",
        ]),
      Finding(
        "file-damaged", .files, .fails(because: "bits changed since they were written"),
        "3 files have blocks that were changed", hint: "copy these files again from the server", count: 3,
        examples: ["alice: Photos/Nut.jpg", "alice: big.bin"]),
      Finding(
        "file-locked", .files, .unknown(because: "only the user's password opens them"),
        "2 files can only be opened with carol's password", hint: "name the passwords with --user-passwords", count: 2,
        examples: ["carol: diary.txt"]),
    ])
    report.files.failed = 17
    report.files.unknown = 2
    report.files.held = report.files.tested - 19
    report.files.byStatus = ["verified": 284, "newer-than-snapshot": 14, "bad-blocks": 3, "locked": 2, "plain": 6]
    report.files.strata[0].failed = 15
    report.files.strata[1].failed = 2
    report.files.strata[2].unknown = 2
    report.files.problems = (0..<14).map { number in
      .init(
        path: "alice/files/Documents/Letters/2026/draft \(number).docx",
        name: "alice: Documents/Letters/2026/draft \(number).docx",
        verdict: "fails", status: "newer-than-snapshot", detail: "signed as version 4, the snapshot says 3")
    }
    report.files.problems.append(
      .init(
        path: "carol/files/diary.txt", name: "carol: diary.txt", verdict: "unknown", status: "locked",
        detail: "only carol's password opens it"))
    report.sample = SampleReports.draw(failures: 15, unknown: 1)
    return report
  }

  static var unknown: DrillReport {
    var report = report([
      Finding("escrow-opens", .escrow, .holds, "the escrow opens, and its signature fits"),
      Finding("keys-unlock", .keys, .holds, "all 4 key files unlock with what is sealed", count: 4),
      Finding(
        "snapshot-missing", .snapshot, .unknown(because: "without one the versions cannot be compared"),
        "there is no snapshot to compare with", hint: "name the database snapshot with --database-snapshot"),
    ])
    report.snapshot = nil
    return report
  }

  static var allFiles: DrillReport {
    var report = holds
    report.level = 3
    report.files.population = 309
    report.sample = {
      var plan = SamplePlan(count: .all, seed: SampleSeed(text: "x"))
      for index in 0..<309 { plan.add(item(index)) }
      return plan.draw().sample(failures: 0, unknown: 0)
    }()
    report.notTested = []
    return report
  }

  /// Names that try to get out of where they are shown.
  static var hostile: DrillReport {
    let name =
      "<script>alert(1)</script>\u{1B}[2J\"' onload='x'><img src=x onerror=alert(2)>\u{202E}gnp.exe\n&amp;\u{0}"
    let long = String(repeating: "W", count: 4000)
    var report = report([
      Finding(name, .files, .fails(because: name), name, hint: name, count: 7, examples: [name, long]),
      Finding("x", .backup, .unknown(because: long), long, hint: long, examples: [long]),
    ])
    report.instance.instanceID = name
    report.instance.nextcloudVersion = name
    report.program = name
    report.escrow.id = name
    report.backup.place = long
    report.snapshot?.place = name
    report.snapshot?.engine = name
    report.files.byStatus = [name: 3, long: 4]
    report.files.strata = SampleReports.dimensions.flatMap { dimension in
      [name, long].map { .init(dimension: dimension, name: $0, population: 3, tested: 2, failed: 1, unknown: 1) }
    }
    report.files.problems = [
      .init(path: name, name: name, verdict: name, status: name, detail: name),
      .init(path: long, name: long, verdict: "fails", status: "garbled", detail: long),
    ]
    report.files.problemsLeftOut = 12_345
    report.notTested = [name, long]
    report.keys = [
      KeyRecord(
        path: name, role: .user, id: name, half: .privateKey, wrapping: .raw, format: nil, isBackup: false,
        state: .fails(because: name), note: name)
    ]
    return report
  }

  /// A backup without any file.
  static var nothing: DrillReport {
    var report = report([])
    report.level = nil
    report.verdict = "unknown"
    report.files = .init(
      population: 0, tested: 0, held: 0, failed: 0, unknown: 0, bytesRead: 0, seconds: 0, byStatus: [:], strata: [],
      problems: [], problemsLeftOut: 0)
    report.sample = SamplePlan(count: .all, seed: SampleSeed(text: "x")).draw().sample(failures: 0, unknown: 0)
    report.keys = []
    report.snapshot = nil
    report.notTested = []
    return report
  }

  static let dimensions = ["user", "storage", "kind", "format"]

  private static func item(_ index: Int) -> SampleItem {
    SampleItem(path: "f", user: "alice", storage: "home of alice", kind: "file", size: Int64(index), modified: nil)
  }

  private static let drawn: SampleDraw = {
    var plan = SamplePlan(count: .files(300), seed: SampleSeed(text: "x"))
    for index in 0..<12_345 { plan.add(item(index)) }
    return plan.draw()
  }()

  private static func draw(failures: Int, unknown: Int) -> DrillReport.Sample {
    let files = (0..<12_345).filter(drawn.isDrawn).map {
      DrillReport.DrawnFile(index: $0, path: "f", status: "verified")
    }
    return drawn.sample(failures: failures, unknown: unknown, files: files)
  }

  private static func report(_ findings: [Finding]) -> DrillReport {
    let digest = String(repeating: "5ca1ab1e", count: 8)
    return DrillReport(
      program: "provenkey 0.1.0", startedAt: 1_795_442_270, endedAt: 1_795_442_284, level: 2,
      verdict: findings.reduce(Verdict.holds) { $0.worse($1.verdict) }.word, summary: DrillReport.summary(of: findings),
      escrow: .init(id: "8d0f5c1e-6a0b-4d2c-9f44-0d7c2f6a9b11", revision: 12, sealedAt: 1_795_400_000, sha256: digest),
      instance: InstanceIdentity(
        instanceID: "ocve73qtyh4k", nextcloudVersion: "32.0.1.2", encryptionMode: .masterKey,
        keyIDs: ["master_1d941d00"], keyRoot: "", databaseType: "mysql", tablePrefix: "oc_",
        dataFolder: "/var/www/html/data", usesObjectStorage: false),
      snapshot: .init(
        place: "/backup/db.sql.gz", engine: "mariadb", size: 48_213_112, sha256: digest, takenAt: 1_795_399_000,
        isTheSealedOne: true, rows: 18_212, highestFileID: 20_113, highestVersion: 7),
      backup: .init(place: "/backup/nextcloud", files: 31_204, bytes: 84_213_000_111, newest: 1_795_398_000),
      keys: ["master_1d941d00", "pubShare_1d941d00"].flatMap { id in
        [KeyHalf.privateKey, .publicKey].map {
          KeyRecord(
            path: "files_encryption/OC_DEFAULT_MODULE/\(id).\($0.rawValue)Key", role: .master, id: id, half: $0,
            wrapping: .version3, format: nil, isBackup: false, state: .unlocks)
        }
      },
      findings: findings,
      files: .init(
        population: 12_345, tested: 309, held: 309, failed: 0, unknown: 0, bytesRead: 1_203_442_112, seconds: 14.2,
        byStatus: ["verified": 303, "plain": 6],
        strata: ([
          ("user", "alice", 8_000, 210), ("user", "bob", 4_300, 97), ("user", "carol", 45, 2),
          ("storage", "home of alice", 8_000, 210), ("storage", "home of bob", 4_300, 97),
          ("storage", "team folder Büro", 45, 2),
          ("kind", "file", 9_000, 260), ("kind", "version", 3_000, 41), ("kind", "trash", 345, 8),
          ("format", "AES-256-CTR, binary, signed", nil, 303), ("format", "AES-256-CFB, base64, signed", nil, 6),
        ] as [(String, String, Int?, Int)]).map {
          .init(dimension: $0.0, name: $0.1, population: $0.2, tested: $0.3, failed: 0, unknown: 0)
        },
        problems: [], problemsLeftOut: 0),
      sample: draw(failures: 0, unknown: 0),
      notTested: ["12,036 of 12,345 files", "whether Nextcloud starts with what is restored"])
  }
}
