import NextcloudStorage
import SystemPackage
import Testing

@testable import Recoverability

@Suite struct FileFindingsTests {
  private func tally(_ files: [(owner: String, status: ContentStatus)]) -> FileTally {
    var tally = FileTally(.init(hasSnapshot: true, usesObjectStorage: false, supportsLegacyFormats: true))
    for (index, file) in files.enumerated() {
      let row = FileRow(
        fileID: Int64(index) + 1, storage: 1, path: "files/\(index).txt", size: 100, unencryptedSize: 0, encrypted: 1,
        modified: 1, checksum: nil, isFolder: false)
      var result = ContentResult(file.status)
      result.format = "AES-256-CTR, binary, signed"
      if case .verified = file.status { result.keyID = "master_1" }
      tally.add(
        ContentFile(
          path: "f", kind: .file, place: .home(file.owner), owner: file.owner, logicalPath: "\(index).txt", size: 8388,
          modified: 2, isThere: true, row: row, keyPlaces: []),
        result, index: index, isDrawn: index % 2 == 0)
    }
    return tally
  }

  private func findings(_ tally: FileTally, openKeys: Int = 1) -> [Finding] {
    FileFindings(tally: tally, openKeys: openKeys, writesRepairs: false).findings
  }

  @Test func theCommonestFailureInPlainWords() throws {
    let older = (owner: "alice", status: ContentStatus.otherVersion(found: 2, expected: 1))
    let finding = try #require(findings(tally(Array(repeating: older, count: 14))).first)
    #expect(finding.what == "the snapshot is older than 14 of the files checked")
    #expect(finding.hint?.hasPrefix("take it after, not before, the file copy") == true)
    #expect(finding.group == .snapshot && finding.verdict.word == "fails" && finding.count == 14)
    #expect(finding.examples.count == Finding.exampleLimit && finding.examples[0] == "alice: 0.txt")
  }

  @Test func causesAreToldApart() throws {
    let lost = (owner: "bob", status: ContentStatus.noKey(because: "none fits"))
    let none = try #require(findings(tally([lost, lost]), openKeys: 0).first)
    #expect(none.verdict.because == "no private key opens with what was sealed")
    let foreign = try #require(findings(tally([lost, lost])).first)
    #expect(foreign.what.hasPrefix("none of the 2 encrypted files tested opens"))
    #expect(foreign.hint?.contains("another instance") == true)
    let some = try #require(findings(tally([lost, lost, (owner: "alice", status: .verified)])).first)
    #expect(some.what == "no key opens 2 files of bob")
  }

  @Test func theWorstComeFirstAndNothingIsCountedTwice() {
    let tally = tally([
      ("a", .verified), ("a", .locked(users: ["a"])), ("a", .badBlocks(first: [3], count: 1)), ("a", .plain),
      ("a", .lostZeroByte),
    ])
    #expect(tally.worstProblems.map(\.verdict) == ["fails", "unknown", "holds"])
    #expect(tally.failures == 1 && tally.unknown == 1 && tally.tested == 5)
    #expect(tally.drawnFailures == 1 && tally.drawnUnknown == 0)
    #expect(findings(tally).map(\.id) == ["blocks-damaged", "file-locked", "files-whole", "server-lost-zero-byte"])
    #expect(findings(tally)[2].what.hasPrefix("2 of 5 files tested decrypt"))
  }

  @Test func oneIsNotWrittenAsMany() {
    for status in [
      ContentStatus.badBlocks(first: [1], count: 1), .garbled(because: "x"), .truncated(plain: 1, expected: 2),
      .missing,
      .unexpectedlyPlain, .noRow(version: 1), .wrongSize(plain: 1, expected: 2), .unsigned, .lostZeroByte,
      .plainCopyOfServer, .locked(users: ["a"]), .unreadable(because: "x"),
    ] {
      for finding in findings(tally([("a", status)])) {
        #expect(!finding.what.contains("1 files") && !finding.what.contains("1 older versions"))
        #expect(!finding.what.contains("\n") && !finding.what.hasSuffix("."))
        if finding.verdict.word != "holds" { #expect(finding.hint?.isEmpty == false) }
      }
    }
  }

  @Test func problemsAreBounded() {
    let damaged = (owner: "a", status: ContentStatus.badBlocks(first: [1], count: 1))
    let tally = tally(Array(repeating: damaged, count: DrillReport.Files.problemLimit + 7))
    #expect(tally.worstProblems.count == DrillReport.Files.problemLimit && tally.problemsLeftOut == 7)
  }
}
