import Glibc
import NextcloudStorage
import SystemPackage

@testable import DatabaseSnapshots

/// Snapshots of any engine, from a file, since nothing else is read.
enum SnapshotInput {
  /// A file in a folder of this process, written anew for each input.
  private static let file: FilePath? = {
    let parent = unsafe getenv("TMPDIR").flatMap { unsafe String(validatingCString: $0) } ?? "/tmp"
    var template = Array("\(parent)/provenkey-fuzzing-XXXXXX".utf8CString)
    let made = unsafe template.withUnsafeMutableBufferPointer { buffer -> FilePath? in
      guard let start = buffer.baseAddress, unsafe mkdtemp(start) != nil else { return nil }
      return unsafe FilePath(platformString: start)
    }
    return made?.appending("snapshot")
  }()

  private static func write(_ bytes: [UInt8]) throws -> FilePath {
    guard let file else { throw Errno.noSuchFileOrDirectory }
    let descriptor = try FileDescriptor.open(
      file, .writeOnly, options: [.create, .truncate], permissions: [.ownerReadWrite])
    try descriptor.closeAfter { _ = try descriptor.writeAll(bytes) }
    return file
  }

  /// Told what it is, and read by the reader of its engine.
  static func read(_ bytes: [UInt8]) -> (objection: String?, summary: String) {
    var rows = RowSummary()
    do {
      let reader = try SnapshotReader(try write(bytes))
      let kind = "\(reader.file.engine.map(\.rawValue) ?? "none") \(reader.file.compression)\u{1}"
      switch reader.file.engine {
      case .postgresqlCustom, .postgresqlTar, .postgresqlDirectory:
        // A program of its own reads these: what it writes is text, which `DumpInput` covers.
        return (nil, kind)
      case .sqlite, .mysql, .mariadb, .postgresqlPlain, .sqliteDump, nil: break
      }
      let outcome = try reader.read(wanted: { RowSummary.wanted(table: $0) }, rows: { try rows.add($0) })
      return (nil, kind + rows.text + RowSummary.text(of: outcome))
    } catch let error as SnapshotError {
      return (StatedProblem.objection(error.problem, error.hint), rows.text + error.problem)
    } catch let error as RowSummary.Objection {
      return (error.what, "")
    } catch {
      return ("an error of no module: \(error)", "")
    }
  }

  /// In an order of its own, since a dictionary has none.
  private static func summary(of facts: SnapshotFacts?) -> String {
    guard let facts else { return "none" }
    let lists = facts.rowCounts.map { "\($0)=\($1)" }.sorted() + facts.appConfig.map { "\($0)=\($1)" }.sorted()
    return "\(lists) \(facts.highestFileID ?? -1) \(facts.highestVersion ?? -1) \(facts.localStorages.sorted())"
      + "\(facts.recoveryEnabledUsers.sorted())"
  }

  /// What Nextcloud's tables say, put into the temporary index.
  static func readInstance(_ bytes: [UInt8]) -> (objection: String?, summary: String) {
    do {
      let file = try write(bytes)
      switch try SnapshotFile.recognise(file).engine {
      case .postgresqlCustom, .postgresqlTar, .postgresqlDirectory: return (nil, "")
      case .sqlite, .mysql, .mariadb, .postgresqlPlain, .sqliteDump, nil: break
      }
      let database = try InstanceDatabase.read(file, tablePrefix: "oc_")
      var files = 0
      try database.forEachFile { row in
        files += 1
        _ = try database.row(storage: row.storage, path: row.path)
      }
      for storage in database.storages { _ = try database.storage(id: storage.id) }
      let parts: [String] =
        ["\(files)", "\(database.selfTest)", summary(of: database.facts)]
        + database.storages.map { "\($0)" } + database.externalMounts.map { "\($0)" }
        + database.teamFolders.map { "\($0)" } + database.users + database.appConfig.map { "\($0)=\($1)" }.sorted()
        + database.faults.map { "\($0)" }
      return (nil, parts.joined(separator: "\u{1}"))
    } catch let error as SnapshotError {
      return (StatedProblem.objection(error.problem, error.hint), error.problem)
    } catch let error as CollectionError {
      return (StatedProblem.objection(error.problem, error.hint), error.problem)
    } catch {
      return ("an error of no module: \(error)", "")
    }
  }
}
