package import DatabaseSnapshots
internal import DurableFiles
package import SystemPackage

/// Keys of an instance whose primary storage is objects: only the database says which object is which key.
package enum ObjectKeys {
  /// The same as `KeyCollection.collect`, with paths as they would stand below a data folder.
  ///
  /// System keys are rows of the storage `object::store:…`, those of a user of `object::user:<uid>`; an object's name is
  /// the prefix and the row's `fileid`.
  ///
  /// - Parameters:
  ///   - snapshot: of the same time as the objects.
  ///   - objects: the folder that holds the objects, each a file with the object's name.
  ///   - prefix: `objectPrefix` of the configuration; `urn:oid:` unless set.
  /// - Throws: `CollectionError`; a `SnapshotError` when the snapshot cannot be read.
  package static func collect(
    snapshot: SQLiteSnapshot, facts: SnapshotFacts, objects: FilePath, prefix: String = "urn:oid:"
  ) throws -> KeyCollection {
    let userPrefix = "object::user:"
    var folders: [Int64: String] = [:]
    // Ids of more than 64 characters are stored as their MD5.
    var hashed: [String: Int64] = [:]
    try snapshot.rows(of: facts.tablePrefix + "storages", columns: ["numeric_id", "id"]) { row in
      guard let number = row[0].integer, let id = row[1].text else { return true }
      if id.hasPrefix("object::store:") {
        folders[number] = ""
      } else if id.hasPrefix(userPrefix), id.utf8.count > userPrefix.utf8.count {
        folders[number] = String(id.dropFirst(userPrefix.count)) + "/"
      } else if id.utf8.count == 32 {
        hashed[id] = number
      }
      return true
    }
    if !hashed.isEmpty {
      try snapshot.rows(of: facts.tablePrefix + "mounts", columns: ["user_id"]) { row in
        guard let user = row[0].text, !user.isEmpty, (userPrefix + user).utf8.count > 64 else { return true }
        if let number = hashed[try LibCrypto.md5Hex(userPrefix + user)] { folders[number] = user + "/" }
        return true
      }
    }
    let root = facts.keyRoot.split(separator: "/").joined(separator: "/")
    var found: [(path: String, fileID: Int64)] = []
    var collection = KeyCollection()
    collection.keyRoot = root
    var marker: Int64?
    var oneTimePasswords: Int64?
    try snapshot.rows(of: facts.tablePrefix + "filecache", columns: ["fileid", "storage", "path"]) { row in
      guard let fileID = row[0].integer, let storage = row[1].integer, let path = row[2].text,
        let folder = folders[storage]
      else { return true }
      let full = folder + path
      if folder.isEmpty, !root.isEmpty, path == root + "/.oc_key_storage" { marker = fileID }
      if folder.isEmpty, path == "oneTimeEncryptionPasswords.csv" { oneTimePasswords = fileID }
      guard path.contains("files_encryption/") else { return true }
      if path.contains("files_encryption/keys/") {
        collection.hasFileKeys = true
      } else if KeyPlace(path: full) != nil, !full.hasPrefix("/"), !full.split(separator: "/").contains("..") {
        found.append((full, fileID))
      }
      return true
    }
    var seen: Set<String> = []
    for (path, fileID) in found where seen.insert(path).inserted {
      collection.files.append(try object(fileID, for: path, in: objects, prefix: prefix, KeyCollection.fileLimit))
    }
    collection.files.sort { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
    if let marker {
      collection.keyRootMarker = try object(
        marker, for: root + "/.oc_key_storage", in: objects, prefix: prefix, KeyCollection.fileLimit)
    }
    if let oneTimePasswords {
      collection.oneTimePasswords = try object(
        oneTimePasswords, for: "oneTimeEncryptionPasswords.csv", in: objects, prefix: prefix, 16 * 1024 * 1024)
    }
    return collection
  }

  private static func object(
    _ fileID: Int64, for path: String, in objects: FilePath, prefix: String, _ limit: Int
  ) throws(CollectionError) -> KeyFile {
    let key = prefix + String(fileID)
    let place = objects.appending(key)
    switch try FolderListing.kind(of: place) {
    case nil: throw .objectMissing(FilePath(path), key: key)
    case .file: break
    case let other?: throw .notRegular(place, other.name)
    }
    do {
      return KeyFile(path: path, bytes: try BoundedReading.bytes(of: place, limit: limit))
    } catch {
      if case .longerThan(let limit) = error.cause { throw .tooLong(place, limit: limit) }
      throw .file(error)
    }
  }
}
