package import SystemPackage

/// Reads the rows of a snapshot of any engine, once, from its beginning to its end; the memory needed depends neither on
/// its size nor on that of a line.
package struct SnapshotReader {
  /// What the reading showed besides rows.
  package struct Outcome: Sendable {
    /// The tables that are there, without their schemas, sorted; a dump without definitions shows no empty ones.
    package var tables: [String] = []
    /// What is wrong; empty for a whole snapshot.
    package var faults: [SnapshotFault] = []
    /// Whether the end that its writer puts there was seen; nil where it puts none.
    package var hasEnd: Bool?

    /// Whether everything was there.
    package var isComplete: Bool { !faults.contains(where: \.isLoss) }
  }

  package typealias Progress = (_ bytesDone: Int64, _ bytesTotal: Int64) throws -> Void

  package let file: SnapshotFile

  /// One value of a row may be so long, in bytes.
  package static let valueLimit = 64 << 20

  /// - Throws: `SnapshotError`, as `SnapshotFile.recognise`.
  package init(_ path: FilePath) throws(SnapshotError) {
    file = try SnapshotFile.recognise(path)
  }

  /// Delivers the rows of the tables that are wanted.
  ///
  /// - Parameters:
  ///   - wanted: is asked for each table by its name without schema; nil for one that nobody needs.
  ///   - progress: is called now and then, in bytes of the file; what it throws ends the reading.
  ///   - rows: what it throws ends the reading.
  /// - Throws: `SnapshotError` when nothing can be read, or a value is too long; else what the closures throw. What is
  ///   cut off or damaged on the way is no error: it stands in the outcome, and the rows before it have been delivered.
  package func read(
    wanted: (_ table: String) -> WantedTable?, progress: Progress = { _, _ in }, rows: (RowBatch) throws -> Void
  ) throws -> Outcome {
    switch file.engine {
    case .sqlite:
      let snapshot = try SQLiteSnapshot(file)
      return try snapshot.read(wanted: wanted, progress: progress, rows: rows)
    case .mysql, .mariadb: return try dump(.mysql, try stream(), wanted, progress, rows)
    case .postgresqlPlain: return try dump(.postgresql, try stream(), wanted, progress, rows)
    case .sqliteDump: return try dump(.sqlite, try stream(), wanted, progress, rows)
    case .postgresqlCustom, .postgresqlTar, .postgresqlDirectory: return try archive(wanted, progress, rows)
    case nil: throw SnapshotError.notASnapshot(file.path)
    }
  }

  private func stream() throws -> any DumpSource {
    file.compression == .none ? PlainSource(try FileBytes(file.path)) : try DecompressingSource(file.path)
  }

  /// pg_restore needs a file of its own below a compression.
  private func archive(
    _ wanted: (String) -> WantedTable?, _ progress: Progress, _ rows: (RowBatch) throws -> Void
  ) throws -> Outcome {
    guard file.compression != .none else {
      return try dump(.postgresql, try RestoreProgram(file.path, size: file.size), wanted, progress, rows)
    }
    let source = try DecompressingSource(file.path)
    let copy = try PrivateCopy(of: file.path, source)
    var outcome = try withExtendedLifetime(copy) {
      try dump(.postgresql, try RestoreProgram(copy.file, size: file.size), wanted, progress, rows)
    }
    if let fault = source.fault { outcome.faults.insert(fault, at: 0) }
    return outcome
  }

  private func dump(
    _ family: DumpDialect.Family, _ source: any DumpSource, _ wanted: (String) -> WantedTable?, _ progress: Progress,
    _ rows: (RowBatch) throws -> Void
  ) throws -> Outcome {
    let path = file.path
    return try withoutActuallyEscaping(wanted) { wanted in
      try withoutActuallyEscaping(progress) { progress in
        try withoutActuallyEscaping(rows) { rows in
          let window = DumpWindow(source, step: progress) { .valueTooLong(path, limit: Self.valueLimit) }
          var reader = DumpReader(window, family, wanted: wanted, rows: rows)
          return try reader.run()
        }
      }
    }
  }

  /// The names of the tables, sorted.
  package func tables(progress: Progress = { _, _ in }) throws -> Outcome {
    try read(wanted: { _ in nil }, progress: progress, rows: { _ in })
  }
}
