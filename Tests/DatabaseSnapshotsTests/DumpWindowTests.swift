import SystemPackage
import Testing

@testable import DatabaseSnapshots

/// Dumps that are made to take for ever, or all memory.
@Suite struct DumpWindowTests {
  /// Gives few bytes at once, as a program or a decompressor does.
  private final class SlowSource: DumpSource {
    private let bytes: [UInt8]
    private let most: Int
    private var position = 0
    var bytesDone: Int64 { Int64(position) }
    var bytesTotal: Int64 { Int64(bytes.count) }
    let fault: SnapshotFault? = nil

    init(_ bytes: [UInt8], atMost most: Int) {
      self.bytes = bytes
      self.most = most
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
      let part = bytes[position...].prefix(min(most, buffer.count))
      unsafe buffer.copyBytes(from: part)
      position += part.count
      return part.count
    }
  }

  private static func window(_ bytes: [UInt8], atMost most: Int, piece: Int) -> DumpWindow {
    DumpWindow(
      SlowSource(bytes, atMost: most), piece: piece, step: { _, _ in },
      tooLong: { .valueTooLong("dump.sql", limit: SnapshotReader.valueLimit) })
  }

  /// A row that is not whole yet is looked at from its beginning after each `more`, so there must be few of them: with one
  /// for each 1,024 bytes, a row of 128 MiB would be looked at 131,072 times.
  @Test(arguments: [(1024, 1024), (1024, 1 << 16), (7, 1024)]) func aLongRowIsLookedAtAFewTimes(most: Int, piece: Int)
    throws
  {
    var window = Self.window([UInt8](repeating: 0x31, count: 1 << 20), atMost: most, piece: piece)
    var looks = 0
    while try window.more() { looks += 1 }
    #expect(window.end - window.position == 1 << 20)
    #expect(looks <= 20)
  }

  @Test(arguments: [1, 3, 16, 1 << 10]) func whatIsReadDoesNotDependOnThePieces(piece: Int) throws {
    let dump = Array("CREATE TABLE t (a int, b text);\nINSERT INTO t VALUES (1,'it''s'),(2,NULL);\n".utf8)
    var rows: [[String?]] = []
    var reader = DumpReader(
      Self.window(dump, atMost: piece, piece: piece), .mysql,
      wanted: { $0 == "t" ? WantedTable(columns: ["a", "b"]) : nil },
      rows: { batch in
        for row in 0..<batch.count { rows.append((0..<batch.width).map { batch.text(row, $0) }) }
      })
    let outcome = try reader.run()
    #expect(outcome.isComplete)
    #expect(rows == [["1", "it's"], ["2", nil]])
  }

  /// Names would fill the memory, each many times its length.
  @Test func aStatementThatNamesColumnsForEverIsPassedOver() throws {
    let remark = String(repeating: "x", count: 1 << 20)
    let columns = Array(repeating: "`a` int COMMENT '\(remark)'", count: 6).joined(separator: ",")
    let dump = Array("CREATE TABLE `other` (\(columns));\nINSERT INTO t VALUES (1);\n".utf8)
    var rows = 0
    var reader = DumpReader(
      Self.window(dump, atMost: .max, piece: 5 << 20), .mysql,
      wanted: { $0 == "t" ? WantedTable(columns: ["a"], knownOrders: [["a"]]) : nil }, rows: { rows += $0.count })
    let outcome = try reader.run()
    #expect(rows == 1)
    #expect(outcome.faults == [.damaged("a statement names more than a server can")])
  }
}
