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
    private let stop = Atomic(false)
    private let bytes = Atomic<Int64>(0)

    package init(backup: any BackupSource, ring: KeyRing, highestVersion: Int64?) {
      self.backup = backup
      self.ring = ring
      // Rows that were lost or are stale are rarely further off than what the database has seen elsewhere.
      self.highestVersion = min(max(200, (highestVersion ?? 0).addingReportingOverflow(100).partialValue), 100_000)
    }

    /// Lets the files that are being examined end soon, as unreadable.
    package func cancel() { stop.store(true, ordering: .relaxed) }

    /// How many bytes were read so far.
    package var bytesRead: Int64 { bytes.load(ordering: .relaxed) }

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
  package func examine(_ file: ContentFile, extent: ContentExtent = .whole) -> ContentResult {
    guard file.isThere else { return ContentResult(.missing) }
    let source: Source
    do throws(BackupError) {
      source = Source(try shared.backup.open(file.path), shared)
    } catch {
      return ContentResult(.unreadable(because: error.problem))
    }
    return examiner.examine(source, expecting: file.expectation(shared.highestVersion), keys: keys(of: file), extent: extent)
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
  func expectation(_ highestVersion: Int64) -> ContentExpectation {
    let name = logicalPath.split(separator: "/").last.map(String.init) ?? logicalPath
    let isVersion = kind == .version || kind == .trashVersion
    guard let row else {
      return ContentExpectation(name: name, isVersion: isVersion, highestVersion: highestVersion)
    }
    var sizes = [row.size]
    // Object storage keeps the object's length in `size`.
    if row.encrypted != 0, let plain = row.unencryptedSize, plain > 0 { sizes = [plain, row.size] }
    return ContentExpectation(
      version: row.encrypted, plainSizes: sizes.filter { $0 >= 0 }, checksum: row.checksum, name: name,
      isVersion: isVersion, highestVersion: highestVersion)
  }
}

extension BackupExaminer {
  /// What the header of a file says about its format; nil for a plain file, and one that cannot be read.
  package static func format(of file: ContentFile, _ shared: Shared) -> String? { nil }
}
