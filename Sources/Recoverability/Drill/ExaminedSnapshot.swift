internal import DatabaseSnapshots
internal import NextcloudStorage
internal import SystemPackage

/// The snapshot that a run compares with, and what reading it gave.
struct ExaminedSnapshot {
  /// Why nothing of it can be used.
  struct Fault {
    let id: String
    let problem: String
    let hint: String
  }

  private(set) var file: FilePath?
  /// What a person calls it: its path, or that it is in the escrow.
  private(set) var place = ""
  private(set) var engine: SnapshotEngine?
  private(set) var size: Int64 = 0
  private(set) var modified: Int64?
  private(set) var sha256: String?
  private(set) var hasLog = false
  private(set) var database: InstanceDatabase?
  private(set) var fault: Fault?

  /// No snapshot.
  init() {}

  /// Reads a snapshot; one that is damaged is no error, but a fault or part of the database's.
  ///
  /// - Parameters:
  ///   - progress: in bytes; each snapshot is read twice, for its rows and for its digest.
  /// - Throws: when the file or the temporary index cannot be opened, and what `progress` throws.
  init(
    _ path: FilePath, place: String, tablePrefix: String, progress: (_ done: Int64, _ total: Int64) throws -> Void
  ) throws {
    file = path
    self.place = place
    do {
      // First, so that a report on a damaged one says which it was.
      sha256 = try Self.digest(of: path) { done, total in
        size = Int64(total)
        try progress(Int64(done / 2), Int64(total))
      }
      let recognised = try SnapshotFile.recognise(path)
      engine = recognised.engine
      size = recognised.size
      modified = recognised.modified
      hasLog = !recognised.sidecars.isEmpty
      database = try InstanceDatabase.read(path, tablePrefix: tablePrefix) { done, total in
        try progress(total / 2 + done / 2, total)
      }
    } catch let error as SnapshotError {
      switch error {
      case .unreadable, .noPrivateCopy, .changedWhileReading: throw error
      default: fault = Fault(id: "snapshot-damaged", problem: error.problem, hint: error.hint)
      }
    } catch let error as CollectionError {
      guard case .tablePrefix = error else { throw error }
      fault = Fault(id: "snapshot-foreign", problem: error.problem, hint: error.hint)
    }
  }

  /// Of the file; of a folder that pg_dump wrote, its table of contents, which says when it was written.
  private static func digest(of path: FilePath, progress: (Int, Int) throws -> Void) throws -> String {
    do {
      return try SnapshotFile.sha256(of: path, progress: progress)
    } catch SnapshotError.isFolder {
      return try SnapshotFile.sha256(of: path.appending("toc.dat"), progress: progress)
    }
  }
}
