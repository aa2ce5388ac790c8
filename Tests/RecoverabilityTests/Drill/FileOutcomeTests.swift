import NextcloudStorage
import SystemPackage
import Testing

@testable import Recoverability

@Suite struct FileOutcomeTests {
  private let here = FileOutcome.Circumstances(
    hasSnapshot: true, usesObjectStorage: false, supportsLegacyFormats: true, highestFileID: 100,
    masterKeyID: "master_11111111")

  private func row(encrypted: Int64 = 1, size: Int64 = 100, modified: Int64 = 1000) -> FileRow {
    FileRow(
      fileID: 7, storage: 1, path: "files/a.txt", size: size, unencryptedSize: 0, encrypted: encrypted,
      modified: modified, checksum: nil, isFolder: false)
  }

  private func file(
    _ kind: ContentFile.Kind = .file, row: FileRow?, size: Int64 = 8388, modified: Int64 = 2000, path: FilePath = "a",
    absence: ContentFile.Absence? = nil, keyPlaces: [KeyPlaceOfFile] = []
  ) -> ContentFile {
    ContentFile(
      path: path, kind: kind, place: .home("alice"), owner: "alice", logicalPath: "a.txt", size: size,
      modified: modified, isThere: absence == nil, row: row, keyPlaces: keyPlaces, absence: absence)
  }

  private func outcome(
    _ file: ContentFile, _ status: ContentStatus, plain: Int64 = 100,
    in circumstances: FileOutcome.Circumstances? = nil,
    _ change: (inout ContentResult) -> Void = { _ in }
  ) -> FileOutcome {
    var result = ContentResult(status)
    result.plainSize = plain
    result.format = "AES-256-CTR, binary, signed"
    change(&result)
    return FileOutcome(file, result, in: circumstances ?? here)
  }

  @Test func theSideOfTheSnapshotIsTold() {
    #expect(outcome(file(row: row()), .otherVersion(found: 5, expected: 1)) == .newerThanSnapshot)
    #expect(outcome(file(row: row(encrypted: 5)), .otherVersion(found: 1, expected: 5)) == .olderThanSnapshot)
    // The same time and size: the number alone is wrong.
    #expect(
      outcome(file(row: row(), modified: 1000), .otherVersion(found: 5, expected: 1)) == .rowVersionWrong)
  }

  @Test func onlyVersionsInObjectStorageMayBeOneTooLow() {
    var objects = here
    objects.usesObjectStorage = true
    let status = ContentStatus.otherVersion(found: 2, expected: 1)
    #expect(outcome(file(.version, row: row(size: 8388)), status, in: objects) == .copiedVersionNumber)
    #expect(outcome(file(.version, row: row(size: 8388)), status) == .newerThanSnapshot)
    #expect(outcome(file(.file, row: row(size: 8388)), status, in: objects) == .newerThanSnapshot)
    #expect(
      outcome(file(.version, row: row(size: 8388)), .otherVersion(found: 3, expected: 1), in: objects)
        == .newerThanSnapshot)
  }

  @Test func aRowWithoutFileMeansLossUnlessItIsKnownNotTo() {
    #expect(outcome(file(row: row(), absence: .missing), .missing) == .missing)
    #expect(outcome(file(.version, row: row(), absence: .restoredVersion), .missing) == .restoredVersion)
    #expect(FileOutcome.missing.fails && !FileOutcome.restoredVersion.fails)
  }

  @Test func aFileWithoutRowFailsOnlyBesideASnapshot() {
    #expect(outcome(file(row: nil), .noRow(version: 1)) == .noRow)
    var blind = here
    blind.hasSnapshot = false
    #expect(outcome(file(row: nil), .noRow(version: 1), in: blind) == .notCompared)
    #expect(outcome(file(.unknownObject, row: nil, path: "urn:oid:99"), .noRow(version: 1)) == .objectWithoutRow)
    // Beyond the highest number of the snapshot: it is older than the bucket.
    #expect(outcome(file(.unknownObject, row: nil, path: "urn:oid:101"), .noRow(version: 1)) == .noRow)
  }

  @Test func theLengthOfTheEncryptedFileTellsADamagedHeaderFromAPlainFile() {
    let status = ContentStatus.unexpectedlyPlain
    #expect(outcome(file(row: row(size: 100), size: 8192 + 96 + 100), status) == .headerDamaged)
    #expect(outcome(file(row: row(size: 8096), size: 16384), status) == .headerDamaged)
    #expect(outcome(file(row: row(size: 100), size: 100), status) == .unexpectedlyPlain)
  }

  @Test func whatFilesScanLeavesIsTold() {
    let status = ContentStatus.unexpectedlyEncrypted(version: 4)
    #expect(outcome(file(row: row(encrypted: 0, size: 8388)), status) == .rescanned)
    #expect(outcome(file(row: row(encrypted: 0)), status) == .rowSaysPlain)
  }

  @Test func aKeyThatNextcloudDoesNotAskForFails() {
    #expect(outcome(file(row: row()), .verified) { $0.keyID = "master_22222222" } == .otherMasterKey)
    #expect(outcome(file(row: row()), .verified) { $0.keyID = "master_11111111" } == .whole)
    #expect(outcome(file(row: row()), .verified) { $0.keyID = "alice" } == .whole)
  }

  @Test func keysWhereNextcloudDoesNotLookFail() {
    let places = [
      KeyPlaceOfFile(name: "here", shareKeys: [], fileKey: nil),
      KeyPlaceOfFile(name: "there", shareKeys: [], fileKey: nil, isExpected: false),
    ]
    let file = file(row: row(), keyPlaces: places)
    #expect(outcome(file, .verified) { $0.keyFolder = "here" } == .whole)
    #expect(outcome(file, .verified) { $0.keyFolder = "there" } == .keyElsewhere)
    // Damage is worse than where the keys lie.
    #expect(outcome(file, .badBlocks(first: [1], count: 1)) { $0.keyFolder = "there" } == .damaged)
  }

  @Test func oldFormatsNeedTheirSetting() {
    #expect(outcome(file(row: row()), .unsigned) == .unsigned)
    var strict = here
    strict.supportsLegacyFormats = false
    #expect(outcome(file(row: row()), .unsigned, in: strict) == .legacyRefused)
  }

  @Test func everyOutcomeHasOneVerdictAndAnIDOfItsOwn() {
    #expect(Set(FileOutcome.allCases.map(\.rawValue)).count == FileOutcome.allCases.count)
    for outcome in FileOutcome.allCases { #expect(["fails", "unknown", "holds"].contains(outcome.word)) }
    #expect(FileOutcome.allCases.filter(\.isUnknown) == [.unknownFormat, .unreadable, .locked, .notCompared])
  }
}
