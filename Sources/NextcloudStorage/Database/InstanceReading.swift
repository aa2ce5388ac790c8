package import DatabaseSnapshots
internal import GRDB
package import SystemPackage

extension InstanceDatabase {
  /// Reads a snapshot of any engine, compressed or not, once from its beginning to its end.
  ///
  /// - Parameters:
  ///   - tablePrefix: `dbtableprefix` of config.php.
  ///   - keepingFiles: whether rows of `filecache` go into the index; without, they are counted and tested only.
  ///   - progress: is called now and then, in bytes of the file; what it throws ends the reading.
  /// - Throws: `CollectionError.tablePrefix`, with the prefixes that are there, when it is not this one, `.noIndex` when
  ///   the temporary index has no room; a `SnapshotError` when the file cannot be read at all. A snapshot that is cut off
  ///   or damaged is read as far as it goes: see `faults`.
  package static func read(
    _ snapshot: FilePath, tablePrefix: String, keepingFiles: Bool = true,
    progress: SnapshotReader.Progress = { _, _ in }
  ) throws -> InstanceDatabase {
    let reader = try SnapshotReader(snapshot)
    do {
      return try InstanceReading(tablePrefix: tablePrefix, keepsFiles: keepingFiles).read(reader, progress)
    } catch let error as DatabaseError {
      throw CollectionError.noIndex(error.message ?? "\(error.resultCode)")
    }
  }

  /// The prefixes under which a snapshot has a Nextcloud's tables, sorted.
  package static func tablePrefixes(of outcome: SnapshotReader.Outcome) -> [String] {
    InstanceReading.prefixes(of: outcome.tables)
  }
}

/// Sorts what a snapshot delivers: files to the index, all else to memory.
struct InstanceReading {
  private let tablePrefix: String
  private let keepsFiles: Bool
  private let channel = BatchChannel()
  private let hasher: PathHasher
  private var contents = InstanceContents()
  private var selfTest = PathSelfTest()
  private var unreadable = 0

  init(tablePrefix: String, keepsFiles: Bool) throws {
    self.tablePrefix = tablePrefix
    self.keepsFiles = keepsFiles
    hasher = try PathHasher()
  }

  consuming func read(_ reader: SnapshotReader, _ progress: SnapshotReader.Progress) throws -> InstanceDatabase {
    let queue = try FileIndex.open()
    FileIndex.fill(queue, from: channel)
    let prefix = tablePrefix
    var outcome: SnapshotReader.Outcome
    do {
      outcome = try reader.read(
        wanted: { name in Self.table(name, prefix)?.wanted }, progress: progress, rows: { try take($0) })
    } catch {
      // The thread must end before the index is closed; the first error counts.
      try? channel.finish()
      throw error
    }
    try channel.finish()
    if unreadable > 0 { outcome.faults.append(.unreadable(table: prefix + "filecache", count: unreadable)) }
    try requireTables(outcome)
    let facts = SnapshotFacts(contents, tablePrefix: prefix, tables: Set(outcome.tables))
    return try InstanceDatabase(
      queue: queue, facts: facts, contents: contents, selfTest: selfTest, faults: outcome.faults)
  }

  /// Without one of these the prefix is wrong, or else the snapshot ends before them.
  private func requireTables(_ outcome: SnapshotReader.Outcome) throws {
    let tables = Set(outcome.tables)
    if InstanceTable.required.allSatisfy({ tables.contains(tablePrefix + $0.rawValue) }) { return }
    let hasSome = InstanceTable.allCases.contains { tables.contains(tablePrefix + $0.rawValue) }
    let present = Self.prefixes(of: outcome.tables)
    if outcome.isComplete || (!hasSome && !present.isEmpty) {
      throw CollectionError.tablePrefix(tablePrefix, present: present)
    }
  }

  static func prefixes(of tables: [String]) -> [String] {
    let tables = Set(tables)
    return tables.filter { $0.hasSuffix("filecache") }.map { String($0.dropLast("filecache".count)) }
      .filter { prefix in InstanceTable.required.allSatisfy { tables.contains(prefix + $0.rawValue) } }.sorted()
  }

  private static func table(_ name: String, _ prefix: String) -> InstanceTable? {
    guard name.hasPrefix(prefix) else { return nil }
    return InstanceTable(rawValue: String(name.dropFirst(prefix.count)))
  }

  private mutating func take(_ batch: RowBatch) throws {
    guard let table = Self.table(batch.table, tablePrefix) else { return }
    guard table == .filecache else { return contents.take(table, batch) }
    contents.counts[.filecache, default: 0] += batch.count
    var mended: [Int: [UInt8]] = [:]
    unsafe batch.withUnsafeBytes { bytes in
      for row in 0..<batch.count {
        guard let fileID = batch.integer(row, FileColumn.fileID), batch.integer(row, FileColumn.storage) != nil else {
          unreadable += 1
          continue
        }
        if fileID > contents.highestFileID ?? .min { contents.highestFileID = fileID }
        if let version = batch.integer(row, FileColumn.encrypted), version > contents.highestVersion ?? .min {
          contents.highestVersion = version
        }
        guard let path = batch.range(row, FileColumn.path.rawValue),
          let hash = batch.range(row, FileColumn.pathHash.rawValue)
        else { continue }
        selfTest.checked += 1
        if let name = batch.range(row, FileColumn.lastName.rawValue),
          unsafe !Self.ends(UnsafeRawBufferPointer(rebasing: bytes[path]), with: bytes[name])
        {
          selfTest.misnamed += 1
          if selfTest.misnamedExamples.count < PathSelfTest.exampleLimit {
            selfTest.misnamedExamples.append(batch.text(row, FileColumn.path.rawValue) ?? "")
          }
        }
        switch unsafe hasher.compare(
          UnsafeRawBufferPointer(rebasing: bytes[path]), with: UnsafeRawBufferPointer(rebasing: bytes[hash]))
        {
        case .fits: continue
        case .doubleEncoded(let path):
          selfTest.doubleEncoded += 1
          mended[row] = path
        case .composed: selfTest.composed += 1
        case .differs: break
        }
        selfTest.mismatches += 1
        if selfTest.examples.count < PathSelfTest.exampleLimit {
          selfTest.examples.append(batch.text(row, FileColumn.path.rawValue) ?? "")
        }
      }
    }
    if keepsFiles { try channel.send(FileBatch(rows: batch, mended: mended)) }
  }

  /// Whether a name is the last part of a path.
  private static func ends(_ path: UnsafeRawBufferPointer, with name: Slice<UnsafeRawBufferPointer>) -> Bool {
    let start = unsafe path.count - name.count
    guard start >= 0, unsafe path[start...].elementsEqual(name) else { return false }
    return unsafe (start == 0 || path[start - 1] == UInt8(ascii: "/")) && !name.contains(UInt8(ascii: "/"))
  }
}
