internal import DurableFiles
package import SystemPackage

extension Escrow {
  /// Recovers a bundle into a folder that is new or empty; after any error nothing is there.
  ///
  /// Files have mode 0600, folders 0700, and all of them the time of sealing.
  ///
  /// - Parameter progress: is called with every piece that is written; what it throws ends the recovery.
  package static func recover(
    _ file: FilePath, with unlock: borrowing Unlock, acceptUnprovenSigner: Bool = false, into folder: FilePath,
    progress: @escaping () throws(EscrowError) -> Void = {}
  ) throws(EscrowError) -> Opened {
    // Before any passphrase is stretched; the folder itself is made only when the signature holds.
    do throws(FileError) { try AtomicFolder.checkTarget(folder) } catch { throw .file(error) }
    let visitor = RecoveringVisitor(folder, progress)
    let opened = try open(
      FileSource(file), with: unlock, acceptUnprovenSigner: acceptUnprovenSigner, visitor: visitor)
    try visitor.commit()
    return opened
  }
}

/// Writes the members below a folder.
private final class RecoveringVisitor: BundleVisitor {
  private let target: FilePath
  private let progress: () throws(EscrowError) -> Void
  private var folder: AtomicFolder?
  private var modified: Int?

  init(_ target: FilePath, _ progress: @escaping () throws(EscrowError) -> Void) {
    self.target = target
    self.progress = progress
  }

  func begin(_ manifest: Manifest, readme: [UInt8]) throws(EscrowError) {
    modified = manifest.sealedAtSeconds
    do throws(FileError) { folder = try AtomicFolder(at: target) } catch { throw .file(error) }
  }

  func member(_ path: MemberPath, size: Int) throws(EscrowError) -> (any MemberSink)? {
    do throws(FileError) {
      guard let file = try folder?.createFile(FilePath(path.text)) else { return nil }
      return RecoveredFile(file, modified: modified, progress)
    } catch {
      throw .file(error)
    }
  }

  func commit() throws(EscrowError) {
    do throws(FileError) { try folder?.commit(modified: modified) } catch { throw .file(error) }
  }
}

private final class RecoveredFile: MemberSink {
  private let file: FileInFolder
  private let modified: Int?
  private let progress: () throws(EscrowError) -> Void

  init(_ file: FileInFolder, modified: Int?, _ progress: @escaping () throws(EscrowError) -> Void) {
    self.progress = progress
    self.file = file
    self.modified = modified
  }

  func write(_ bytes: RawSpan) throws(EscrowError) {
    try progress()
    do throws(FileError) { try file.write(bytes) } catch { throw .file(error) }
  }

  func finish() throws(EscrowError) {
    do throws(FileError) { try file.finish(modified: modified) } catch { throw .file(error) }
  }
}
