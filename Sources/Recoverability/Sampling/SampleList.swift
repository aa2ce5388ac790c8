internal import Crypto
package import SystemPackage

/// One file of the population, as far as choosing needs to know it.
package struct SampleItem: Sendable {
  /// In the backup; the bytes as they are.
  package var path: FilePath
  /// The user whose tree it is in; nil for what is everybody's.
  package var user: String?
  /// `home of alice`, `external storage labext`.
  package var storage: String
  /// `file`, `version`, `trash`, …
  package var kind: String
  /// Of the encrypted file, in bytes.
  package var size: Int64
  /// In seconds since 1970.
  package var modified: Int64?
  /// False for a row of the snapshot whose file the backup lacks.
  package var isThere: Bool

  package init(
    path: FilePath, user: String?, storage: String, kind: String, size: Int64, modified: Int64?, isThere: Bool = true
  ) {
    self.path = path
    self.user = user
    self.storage = storage
    self.kind = kind
    self.size = size
    self.modified = modified
    self.isThere = isThere
  }
}

/// The digest over the population in its order: it says which list a draw was made from.
///
/// SHA-256 over one record for each file: the bytes of its path, a zero byte, its size in decimal digits or `missing`, a line
/// feed. A path has no zero byte in it, so no two lists give the same bytes.
struct SampleListDigest {
  private var hash = SHA256()

  mutating func add(_ item: SampleItem) {
    var record = item.path.platformBytes()
    record.append(0)
    record += Array((item.isThere ? String(item.size) : "missing").utf8)
    record.append(UInt8(ascii: "\n"))
    hash.update(data: record)
  }

  /// 32 bytes.
  func finished() -> [UInt8] { [UInt8](hash.finalize()) }
}

extension FilePath {
  /// The bytes of the path without the zero that ends it.
  fileprivate func platformBytes() -> [UInt8] {
    unsafe withPlatformString { start in
      unsafe Array(UnsafeBufferPointer(start: start, count: length)).map { UInt8(bitPattern: $0) }
    }
  }
}
