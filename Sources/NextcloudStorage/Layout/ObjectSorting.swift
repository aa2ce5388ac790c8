internal import FoundationEssentials
internal import GRDB
package import SystemPackage

/// What an object without a row is, as far as its first bytes tell.
package enum ObjectClass: Int, Sendable, CaseIterable {
  /// Encrypted content.
  case content = 1
  /// The share key of one file, wrapped or raw.
  case shareKey
  /// Half of a key pair, or the file key of the older envelope.
  case otherKey
  /// Plain content, previews and anything else.
  case other

  /// How much of an object has to be known to tell.
  package static let headCount = 64

  /// - Parameters:
  ///   - head: the first `headCount` bytes, or all there are.
  ///   - size: of the object, in bytes.
  package init(head: [UInt8], size: Int64) {
    if head.hasPrefix("HBEGIN:oc_encryption_module") || head.hasPrefix("HBEGIN:") && size >= 8192 {
      // A private key begins with HBEGIN too, and is shorter than a header.
      self = .content
    } else if head.hasPrefix("HBEGIN:") || head.hasPrefix("-----BEGIN") {
      self = .otherKey
    } else if [256, 384, 512, 1024].contains(size), !head.allSatisfy({ (0x20...0x7e).contains($0) }) {
      self = .shareKey
    } else if Self.looksWrapped(head) {
      // The text is twice as long as its JSON, in which 512 bytes are 684 characters; 2048-bit keys have half of that.
      self = (1000...1800).contains(size) || (620...960).contains(size) ? .shareKey : .otherKey
    } else {
      self = .other
    }
  }

  /// An ICrypto string begins with hexadecimal digits.
  private static func looksWrapped(_ head: [UInt8]) -> Bool {
    let text = head.hasPrefix("v2|") ? head.dropFirst(3) : head[...]
    return text.count >= 60 && text.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
  }
}

extension BackupLayout {
  /// Sorts the objects that no row names by their first bytes, for a backup without a snapshot. Afterwards only those with
  /// encrypted content are walked over, and they have share keys as candidates.
  ///
  /// - Parameter head: the first `ObjectClass.headCount` bytes of an object.
  /// - Returns: how many there are of each class.
  /// - Throws: `LayoutError`, and what `head` throws.
  @discardableResult
  package func sortUnknownObjects(_ head: (FilePath) throws -> [UInt8]) throws -> [ObjectClass: Int] {
    var counts: [ObjectClass: Int] = [:]
    var last: Int64 = .min
    while true {
      let start = last
      let page = try store.read { db in
        try Row.fetchAll(
          db,
          sql: """
            SELECT o.fileid, o.path, e.size FROM backup_object o JOIN backup_entry e ON e.path = o.path
            WHERE o.fileid > ? AND NOT EXISTS (SELECT 1 FROM files f WHERE f.fileid = o.fileid)
            ORDER BY o.fileid LIMIT 500
            """, arguments: [start]
        ).map { (fileID: $0[0] as Int64, path: PathBytes($0[1] as Data), size: $0[2] as Int64) }
      }
      let sorted = try page.map { object in
        (object.fileID, object.path, ObjectClass(head: try head(object.path.filePath), size: object.size))
      }
      try store.write { db in
        for (fileID, path, kind) in sorted {
          counts[kind, default: 0] += 1
          try db.execute(
            sql: "UPDATE backup_object SET class = ? WHERE fileid = ?", arguments: [kind.rawValue, fileID])
          if kind != .content {
            try db.execute(
              sql: "DELETE FROM backup_content WHERE path = ? AND kind = ?",
              arguments: [path.blob, LayoutBuilder.number(.unknownObject)])
          }
        }
      }
      guard page.count == 500, let end = page.last else { return counts }
      last = end.fileID
    }
  }

  /// The share keys whose numbers are nearest to an object's: the server writes keys just before the content.
  func shareKeys(near path: PathBytes, _ db: Database) throws -> [KeyPlaceOfFile] {
    guard
      let fileID = try Int64.fetchOne(
        db, sql: "SELECT fileid FROM backup_object WHERE path = ?", arguments: [path.blob])
        ?? Int64(String(path.lastName.text.reversed().prefix { $0.isNumber }.reversed()))
    else { return [] }
    let rows = try Row.fetchAll(
      db,
      sql: """
        SELECT fileid, path FROM (
          SELECT * FROM (SELECT * FROM backup_object WHERE class = 2 AND fileid < ?1 ORDER BY fileid DESC LIMIT ?2)
          UNION ALL SELECT * FROM (SELECT * FROM backup_object WHERE class = 2 AND fileid > ?1 ORDER BY fileid LIMIT ?2))
        ORDER BY abs(fileid - ?1), fileid LIMIT ?2
        """, arguments: [fileID, 2 * KeyLookup.candidateLimit])
    return rows.map { row in
      let path = PathBytes(row[1] as Data)
      return KeyPlaceOfFile(
        name: path.text, shareKeys: [.init(keyID: "", path: path.filePath)], fileKey: nil)
    }
  }
}
