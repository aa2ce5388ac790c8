import Glibc
import SystemPackage

@testable import DatabaseSnapshots

/// Snapshots of any engine, from a file, since nothing else is read.
enum SnapshotInput {
  /// A file in a folder of this process, written anew for each input.
  private static let file: FilePath? = {
    let parent = getenv("TMPDIR").flatMap { String(validatingCString: $0) } ?? "/tmp"
    var template = Array("\(parent)/provenkey-fuzzing-XXXXXX".utf8CString)
    guard template.withUnsafeMutableBufferPointer({ $0.baseAddress.flatMap { mkdtemp($0) } }) != nil else { return nil }
    return FilePath(platformString: template).appending("snapshot")
  }()

  static func read(_ bytes: [UInt8]) -> (objection: String?, summary: String) {
    guard let file else { return ("there is no temporary folder", "") }
    do {
      let descriptor = try FileDescriptor.open(
        file, .writeOnly, options: [.create, .truncate], permissions: [.ownerReadWrite])
      try descriptor.closeAfter { _ = try descriptor.writeAll(bytes) }
    } catch {
      return ("the input cannot be written to a file: \(error)", "")
    }
    do {
      var summary: [String] = []
      let reader = try SnapshotReader(file)
      summary.append("\(reader.file.engine.map(\.rawValue) ?? "none") \(reader.file.compression)")
      let outcome = try reader.read(wanted: { wanted(table: $0) }) { batch in
        summary.append(try Self.summary(of: batch))
      }
      summary += outcome.tables
      summary += outcome.faults.map { "\($0)" }
      summary.append("\(outcome.hasEnd.map { "\($0)" } ?? "none") \(outcome.isComplete)")
      return (nil, summary.joined(separator: "\u{1}"))
    } catch let error as SnapshotError {
      return (StatedProblem.objection(error.problem, error.hint), error.problem)
    } catch let error as Objection {
      return (error.what, "")
    } catch {
      return ("an error of no module: \(error)", "")
    }
  }

  private struct Objection: Error {
    let what: String
  }

  private static func wanted(table: String) -> WantedTable? {
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
    case "oc_storages": WantedTable(columns: ["numeric_id", "id"])
    case "oc_appconfig": WantedTable(columns: ["appid", "configkey", "configvalue"])
    default: nil
    }
  }

  private static func summary(of batch: RowBatch) throws -> String {
    var digest: UInt64 = 0xcbf2_9ce4_8422_2325
    for row in 0..<batch.count {
      for column in 0..<batch.width {
        let text = batch.text(row, column)
        if batch.isNull(row, column) != (text == nil) { throw Objection(what: "a value is NULL and has a text") }
        if let range = batch.range(row, column), let data = batch.data(row, column), range.count != data.count {
          throw Objection(what: "a value has two lengths")
        }
        if let number = batch.integer(row, column) { digest ^= UInt64(bitPattern: number) }
        for byte in (text ?? "-").utf8 { digest = (digest ^ UInt64(byte)) &* 0x100_0000_01b3 }
      }
    }
    return "\(batch.table) \(batch.count) \(digest)"
  }
}
