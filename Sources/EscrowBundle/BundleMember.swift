package import SecretMemory
package import SystemPackage

/// A file that is to go into the bundle.
///
/// A class, since memory for secrets cannot be in an array but its owner can. Secrets cost three mappings each: hold
/// a few hundred that way at most, and hand in key files that are themselves encrypted as plain bytes.
package final class BundleMember {
  /// Where the content comes from.
  package enum Content: ~Copyable {
    case bytes([UInt8])
    case secret(SecretBytes)
    /// A regular file, read once to digest and once to seal it, piece by piece.
    case file(FilePath)
  }

  /// Where it will be in the bundle: below `config`, `keys`, `database` or `extra`.
  package let path: MemberPath
  private let content: Content

  package init(path: MemberPath, content: consuming Content) {
    self.path = path
    self.content = content
  }

  /// How many bytes there probably are; a file may change until it is read.
  var expectedSize: Int {
    get throws(EscrowError) {
      switch content {
      case .bytes(let bytes): bytes.count
      case .secret(let bytes): bytes.count
      case .file(let path): try FileSource(path).size
      }
    }
  }

  /// Lends all content, piece by piece.
  func read(_ body: (RawSpan) throws(EscrowError) -> Void) throws(EscrowError) {
    switch content {
    case .bytes(let bytes): try unsafe body(bytes.span.bytes)
    case .secret(let bytes): try bytes.withBytes(body)
    case .file(let path): try pieces(of: FileSource(path), body)
    }
  }
}

/// Lends what a file holds in pieces of 64 KiB, which stand in memory for secrets.
func pieces(of source: FileSource, _ body: (RawSpan) throws(EscrowError) -> Void) throws(EscrowError) {
  var buffer = try mappingErrors { try SecretBytes(zeroed: TarReader.pieceCount) }
  while true {
    let count = try unsafe buffer.withUnsafeMutableBytes { (room) throws(EscrowError) in
      do { return try unsafe source.read(into: room) } catch { throw EscrowError(error) }
    }
    if count == 0 { return }
    try buffer.withBytes { (bytes) throws(EscrowError) in try body(bytes.extracting(0..<count)) }
  }
}
