import SystemPackage

@testable import DatabaseSnapshots

/// Dumps as text: the first byte says of which family, the rest is the dump.
enum DumpInput {
  static func read(_ bytes: [UInt8]) -> (objection: String?, summary: String) {
    guard let first = bytes.first else { return (nil, "") }
    let family: DumpDialect.Family =
      switch first & 0x3 {
      case 0: .mysql
      case 1: .postgresql
      default: .sqlite
      }
    let text = bytes[1...]
    // Where a piece of the file ends must not matter.
    let whole = read(text, family, piece: 1 << 14)
    if whole.objection != nil { return whole }
    let inPieces = read(text, family, piece: 16 + Int(first >> 2))
    guard inPieces.summary == whole.summary else {
      return ("read in pieces it is \(inPieces.summary.debugDescription), else \(whole.summary.debugDescription)", "")
    }
    return whole
  }

  private static func read(
    _ text: ArraySlice<UInt8>, _ family: DumpDialect.Family, piece: Int
  ) -> (objection: String?, summary: String) {
    let source = ArraySource(text)
    var rows = RowSummary()
    do {
      let window = DumpWindow(
        source, piece: piece, step: { _, _ in },
        tooLong: { .valueTooLong("fuzzing", limit: SnapshotReader.valueLimit) })
      var reader = DumpReader(
        window, family, wanted: { RowSummary.wanted(table: $0) }, rows: { try rows.add($0) })
      let outcome = try reader.run()
      return (nil, rows.text + RowSummary.text(of: outcome))
    } catch let error as SnapshotError {
      return (StatedProblem.objection(error.problem, error.hint), rows.text + error.problem)
    } catch let error as RowSummary.Objection {
      return (error.what, "")
    } catch {
      return ("an error of no module: \(error)", "")
    }
  }

  /// Bytes in memory, given out a few at a time.
  private final class ArraySource: DumpSource {
    private let bytes: ArraySlice<UInt8>
    private var position: Int
    let fault: SnapshotFault? = nil

    var bytesDone: Int64 { Int64(position - bytes.startIndex) }
    var bytesTotal: Int64 { Int64(bytes.count) }

    init(_ bytes: ArraySlice<UInt8>) {
      self.bytes = bytes
      position = bytes.startIndex
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
      let part = bytes[position..<min(bytes.endIndex, position + buffer.count)]
      unsafe buffer.copyBytes(from: part)
      position += part.count
      return part.count
    }
  }
}

/// What rows said, in so few bytes that two readings can be compared.
struct RowSummary {
  struct Objection: Error {
    let what: String
  }

  /// How many rows each table had, and a digest of them.
  private var tables: [String: (rows: Int, digest: UInt64)] = [:]

  var text: String {
    tables.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value.rows) \($0.value.digest)\u{1}" }.joined()
  }

  static func text(of outcome: SnapshotReader.Outcome) -> String {
    let parts = outcome.tables + outcome.faults.map { "\($0)" } + ["\(String(describing: outcome.hasEnd))"]
    return parts.joined(separator: "\u{1}")
  }

  static func wanted(table: String) -> WantedTable? {
    switch table {
    case "oc_filecache":
      WantedTable(
        columns: ["fileid", "storage", "path", "path_hash", "name", "size", "encrypted", "checksum", "nothing"],
        knownOrders: [
          [
            "fileid", "storage", "path", "path_hash", "parent", "name", "mimetype", "mimepart", "size", "mtime",
            "storage_mtime", "encrypted", "unencrypted_size", "etag", "permissions", "checksum",
          ]
        ])
    case "oc_storages": WantedTable(columns: ["numeric_id", "id"], knownOrders: [["id", "numeric_id"]])
    case "oc_appconfig": WantedTable(columns: ["appid", "configkey", "configvalue"])
    default: nil
    }
  }

  mutating func add(_ batch: RowBatch) throws {
    var (rows, digest) = tables[batch.table] ?? (0, 0xcbf2_9ce4_8422_2325)
    for row in 0..<batch.count {
      for column in 0..<batch.width {
        let text = batch.text(row, column)
        if batch.isNull(row, column) != (text == nil) { throw Objection(what: "a value is NULL and has a text") }
        if batch.range(row, column)?.count != batch.data(row, column)?.count {
          throw Objection(what: "a value has two lengths")
        }
        if let number = batch.integer(row, column) { digest ^= UInt64(bitPattern: number) }
        for byte in (text ?? "-").utf8 { digest = (digest ^ UInt64(byte)) &* 0x100_0000_01b3 }
      }
    }
    rows += batch.count
    tables[batch.table] = (rows, digest)
  }
}
