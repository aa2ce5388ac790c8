import NextcloudStorage
import SystemPackage
import Testing

@testable import Recoverability

@Suite struct RepairStatementsTests {
  private func row(
    _ fileID: Int64 = 7, encrypted: Int64 = 1, size: Int64 = 100, unencrypted: Int64? = 0
  ) -> FileRow {
    FileRow(
      fileID: fileID, storage: 1, path: "files/notes.txt", size: size, unencryptedSize: unencrypted,
      encrypted: encrypted, modified: 1000, checksum: nil, isFolder: false)
  }

  private func file(_ row: FileRow?, size: Int64 = 8388, name: String = "notes.txt") -> ContentFile {
    ContentFile(
      path: "alice/files/notes.txt", kind: .file, place: .home("alice"), owner: "alice", logicalPath: name,
      size: size, modified: 2000, isThere: true, row: row, keyPlaces: [])
  }

  private func result(_ status: ContentStatus, plain: Int64 = 100) -> ContentResult {
    var result = ContentResult(status)
    result.plainSize = plain
    return result
  }

  @Test func theNumberThatWasFoundIsWritten() throws {
    let repair = try #require(
      RowRepair(
        file(row()), result(.otherVersion(found: 5, expected: 1)), .newerThanSnapshot, usesObjectStorage: false))
    #expect(repair.encrypted == 5)
    #expect(repair.size == nil && repair.unencryptedSize == nil)
    let text = RepairStatements(.sqlite, tablePrefix: "oc_").text([repair], facts: ["a fact"])
    #expect(text.contains("-- a fact\n"))
    #expect(text.contains("SET \"encrypted\" = 5\n"))
    #expect(
      text.contains("WHERE \"fileid\" = 7 AND \"encrypted\" = 1 AND \"size\" = 100 AND \"unencrypted_size\" = 0;\n"))
  }

  @Test func sizesAreThoseOfThePlaintextOnDiskAndOfTheObjectInABucket() throws {
    let status = ContentStatus.unexpectedlyEncrypted(version: 3)
    let onDisk = try #require(
      RowRepair(
        file(row(encrypted: 0, size: 8388)), result(status), .rescanned, usesObjectStorage: false))
    #expect(onDisk.encrypted == 3 && onDisk.size == 100 && onDisk.unencryptedSize == nil)
    let object = try #require(
      RowRepair(
        file(row(encrypted: 0, size: 8388)), result(status), .rescanned, usesObjectStorage: true))
    #expect(object.encrypted == 3 && object.size == nil && object.unencryptedSize == 100)
  }

  @Test func aColumnThatTheDatabaseLacksIsNotNamed() throws {
    let repair = try #require(
      RowRepair(
        file(row(unencrypted: nil)), result(.otherVersion(found: 5, expected: 1)), .newerThanSnapshot,
        usesObjectStorage: false))
    #expect(!RepairStatements(.mysql, tablePrefix: "oc_").text([repair], facts: []).contains("unencrypted_size"))
  }

  @Test(arguments: FileOutcome.allCases)
  func onlyRowsOfWholeContentAreMended(_ outcome: FileOutcome) {
    let repair = RowRepair(
      file(row()), result(.otherVersion(found: 5, expected: 1)), outcome, usesObjectStorage: false)
    #expect((repair != nil) == outcome.isMendedInDatabase)
    let damaged: Set<FileOutcome> = [
      .damaged, .garbled, .truncated, .headerDamaged, .missing, .noKey, .locked, .unreadable,
    ]
    #expect(!damaged.contains(outcome) || repair == nil)
  }

  @Test func nothingToMendSaysSo() {
    let text = RepairStatements(.postgresql, tablePrefix: "oc_").text([], facts: [])
    #expect(text.contains("-- Nothing is to be mended"))
    #expect(text.split(separator: "\n").allSatisfy { $0.hasPrefix("-- ") })
  }

  @Test(arguments: [
    "x\n; DROP TABLE oc_filecache; --", "\u{2028}\u{0085}\u{B}\u{C}\r", "*/ \\! id", "'\"`", "\u{202E}", "\u{0}",
  ])
  func namesCannotLeaveTheirComment(_ name: String) {
    let text = RepairStatements.comment(name)
    #expect(text.unicodeScalars.allSatisfy { !$0.properties.isWhitespace || $0 == " " })
    for mark in ["'", "\"", "`", ";", "\\", "*", "\u{202E}", "\u{0}"] { #expect(!text.contains(mark)) }
    #expect(RepairStatements.comment("Übersicht – Köln (1).txt") == "Übersicht <U+2013> Köln (1).txt")
  }

  @Test func aPrefixWithQuotesStaysAnIdentifier() {
    #expect(RepairStatements.Dialect.mysql.quoted("a`; DROP") == "`a``; DROP`")
    #expect(RepairStatements.Dialect.sqlite.quoted("a\"\u{301}b") == "\"a\"\"\u{301}b\"")
    #expect(RepairStatements.Dialect.mysql.quoted("`\u{301}").unicodeScalars.filter { $0 == "`" }.count == 4)
  }
}
