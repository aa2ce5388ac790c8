package import BackupSources
internal import DurableFiles
package import NextcloudStorage
internal import Synchronization
internal import SystemPackage

/// Examines files of a backup, one after the other; each thread has its own.
///
/// A drill and a recovery both go through it.
package final class BackupExaminer {
  /// What all examiners of a run share.
  package final class Shared: Sendable {
    let backup: any BackupSource
    let ring: KeyRing
    /// The highest version to try when the snapshot's does not fit.
    let highestVersion: Int64
    let usesObjectStorage: Bool
    /// Where else keys of a file may lie, when none fits where they should.
    let furtherKeyPlaces: @Sendable (ContentFile) -> [KeyPlaceOfFile]
    /// Each such file costs up to 32 RSA operations; when nothing opens, trying them all helps nobody.
    private let furtherLeft = Atomic(500)
    private let stop = Atomic(false)
    private let bytes = Atomic<Int64>(0)

    package init(
      backup: any BackupSource, ring: KeyRing, highestVersion: Int64?, usesObjectStorage: Bool,
      furtherKeyPlaces: @escaping @Sendable (ContentFile) -> [KeyPlaceOfFile]
    ) {
      self.backup = backup
      self.ring = ring
      self.usesObjectStorage = usesObjectStorage
      self.furtherKeyPlaces = furtherKeyPlaces
      // Rows that were lost or are stale are rarely further off than what the database has seen elsewhere.
      self.highestVersion = min(max(200, (highestVersion ?? 0).addingReportingOverflow(100).partialValue), 100_000)
    }

    /// Lets the files that are being examined end soon, as unreadable.
    package func cancel() { stop.store(true, ordering: .relaxed) }

    /// How many bytes were read so far.
    package var bytesRead: Int64 { bytes.load(ordering: .relaxed) }

    fileprivate func mayLookFurther() -> Bool {
      ring.count > 0 && furtherLeft.wrappingSubtract(1, ordering: .relaxed).newValue >= 0
    }

    fileprivate func count(_ count: Int) throws {
      bytes.wrappingAdd(Int64(count), ordering: .relaxed)
      if stop.load(ordering: .relaxed) { throw Cancelled() }
    }
  }

  private struct Cancelled: Error {}

  private let shared: Shared
  private let examiner: ContentExaminer

  package init(_ shared: Shared) throws(ContentError) {
    self.shared = shared
    examiner = try ContentExaminer(ring: shared.ring)
  }

  /// What a file is and whether it can be restored.
  ///
  /// - Returns: the file too, since its keys may have been found elsewhere.
  package func examine(_ file: ContentFile) -> (file: ContentFile, result: ContentResult) {
    var result = examineOnce(file)
    if let owner = Self.ownerWithoutKey(file, result) {
      result.damagedKeys.append(owner)
      result.notes.append("missing is the share key of its owner")
    }
    guard case .noKey = result.status, shared.mayLookFurther() else { return (file, result) }
    let places = shared.furtherKeyPlaces(file)
    guard !places.isEmpty else { return (file, result) }
    let further = file.with(places)
    let second = examineOnce(further)
    return second.keyID == nil ? (file, result) : (further, second)
  }

  /// The owner of a file, where everybody has a key of their own and the owner has none: another's key opened it, and
  /// after a restore its owner could not (docs/drill.md, H14).
  private static func ownerWithoutKey(_ file: ContentFile, _ result: ContentResult) -> String? {
    guard let owner = file.owner, let keyID = result.keyID, keyID != owner, !keyID.hasPrefix("master_"),
      let place = file.keyPlaces.first(where: { $0.name == result.keyFolder })
    else { return nil }
    let ids = place.shareKeys.map(\.keyID)
    return ids.contains { $0 == owner || $0.hasPrefix("master_") } ? nil : owner
  }

  private func examineOnce(_ file: ContentFile) -> ContentResult {
    guard file.isThere else { return ContentResult(.missing) }
    let source: Source
    do throws(BackupError) {
      source = Source(try shared.backup.open(file.path), shared)
    } catch {
      return ContentResult(.unreadable(because: error.problem))
    }
    return examiner.examine(
      source, expecting: file.expectation(isObject: shared.usesObjectStorage, shared.highestVersion),
      keys: keys(of: file))
  }

  /// The key files of a file, in the order of their likelihood.
  private func keys(of file: ContentFile) -> (Int) throws -> FileKeyFiles? {
    { [shared] index in
      guard file.keyPlaces.indices.contains(index) else { return nil }
      let place = file.keyPlaces[index]
      return FileKeyFiles(
        folder: place.name,
        shareKeys: try place.shareKeys.map { .init(keyID: $0.keyID, bytes: try Self.bytes(of: $0.path, shared)) },
        fileKey: try place.fileKey.map { try Self.bytes(of: $0, shared) })
    }
  }

  /// A key file, whole; one that is too long for a key is cut there, and fits nothing.
  private static func bytes(of path: FilePath, _ shared: Shared) throws -> [UInt8] {
    let file = try shared.backup.open(path)
    var bytes = [UInt8](repeating: 0, count: Int(min(max(file.size, 0), Int64(KeyCollection.fileLimit))))
    let count = try unsafe bytes.withUnsafeMutableBytes { try unsafe file.read(at: 0, into: $0) }
    bytes.removeLast(bytes.count - count)
    return bytes
  }

  /// A file of the backup that counts what is read of it, and can be told to stop.
  private struct Source: ContentSource {
    private let file: any BackupFile
    private let shared: Shared
    var size: Int64 { file.size }

    init(_ file: any BackupFile, _ shared: Shared) {
      self.file = file
      self.shared = shared
    }

    func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
      let count = try unsafe file.read(at: offset, into: buffer)
      try shared.count(count)
      return count
    }
  }
}

extension ContentFile {
  /// What the snapshot says about it, for who examines it.
  func expectation(isObject: Bool, _ highestVersion: Int64) -> ContentExpectation {
    let name = logicalPath.split(separator: "/").last.map(String.init) ?? logicalPath
    let isVersion = kind == .version || kind == .trashVersion
    guard let row else {
      return ContentExpectation(name: name, isVersion: isVersion, highestVersion: highestVersion)
    }
    return ContentExpectation(
      row: row, isObject: isObject, name: name, isVersion: isVersion, highestVersion: highestVersion)
  }
}

extension BackupExaminer {
  /// What the header of a file says about its format; nil for a plain file, and one that cannot be read.
  package static func format(of file: ContentFile, _ shared: Shared) -> String? {
    guard let source = try? shared.backup.open(file.path) else { return nil }
    var head = [UInt8](repeating: 0, count: ContentExaminer.headCount)
    let count = unsafe head.withUnsafeMutableBytes { try? unsafe source.read(at: 0, into: $0) }
    guard let count else { return nil }
    return ContentExaminer.format(ofHead: Array(head.prefix(count)))
  }
}
