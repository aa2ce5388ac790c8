internal import SecretMemory

/// Every file key of a backup, to find the one of a file whose key folder is not known by trying: objects without a
/// snapshot, files that were moved while their keys stayed.
///
/// Making it takes one RSA operation for each share key. It never changes then, so any number of tasks can use it.
package final class FileKeyTable: Sendable {
  struct Entry: Sendable {
    let offset: Int
    let count: Int
    let keyID: String
    let folder: String
  }

  /// Versions that are tried for every key; beyond them the search would take hours.
  static let highestVersion: Int64 = 8

  let entries: [Entry]
  private let bytes: HeldForReading

  package var count: Int { entries.count }

  /// - Parameter keys: the key files of each folder there is, by number, and nil after the last; what cannot be read or
  ///   opened is left out.
  package init(ring: KeyRing, keys: (Int) -> FileKeyFiles?) throws(ContentError) {
    let engine = try BlockEngine()
    var entries: [Entry] = []
    var memory = try Self.memory(64 * BlockEngine.longestKey)
    var used = 0
    var index = 0
    while let files = keys(index) {
      index += 1
      engine.forgetKeys()
      for found in FileKeySearch(ring: ring, engine: engine).openAll(files) {
        if memory.count - used < BlockEngine.longestKey {
          var larger = try Self.memory(memory.count * 2)
          memory.withBytes { old in larger.withMutableBytes { Self.copy(old, into: &$0, at: 0) } }
          memory = larger
        }
        let count = engine.withKey(found.slot) { key in
          memory.withMutableBytes { Self.copy(key, into: &$0, at: used) }
          return key.byteCount
        }
        guard let count else { continue }
        entries.append(Entry(offset: used, count: count, keyID: found.keyID, folder: found.folder))
        used += count
      }
    }
    engine.forgetKeys()
    self.entries = entries
    bytes = HeldForReading(memory)
  }

  private static func memory(_ count: Int) throws(ContentError) -> SecretBytes {
    do throws(LibCrypto.Unavailable) { return try LibCrypto.memory(count) } catch { throw .unavailable(error.problem) }
  }

  private static func copy(_ source: RawSpan, into target: inout MutableRawSpan, at offset: Int) {
    for index in 0..<source.byteCount {
      target.storeBytes(of: source.byte(index), toByteOffset: offset + index, as: UInt8.self)
    }
  }

  /// Lends a key.
  func withKey<Result>(_ entry: Entry, _ body: (RawSpan) -> Result) -> Result {
    bytes.withBytes { body($0.extracting(entry.offset..<(entry.offset + entry.count))) }
  }
}
