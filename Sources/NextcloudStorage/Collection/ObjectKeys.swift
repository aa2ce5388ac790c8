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
  ///   - database: read from a snapshot of the same time as the objects.
  ///   - objects: the folder that holds the objects, each a file with the object's name.
  ///   - prefix: `objectPrefix` of the configuration; `urn:oid:` unless set.
  /// - Throws: `CollectionError`.
  package static func collect(
    database: InstanceDatabase, objects: FilePath, prefix: String = "urn:oid:"
  ) throws -> KeyCollection {
    let userPrefix = "object::user:"
    var folders: [Int64: String] = [:]
    for storage in database.storages {
      if storage.id.hasPrefix("object::store:") {
        folders[storage.number] = ""
      } else if storage.id.hasPrefix(userPrefix), storage.id.utf8.count > userPrefix.utf8.count {
        folders[storage.number] = String(storage.id.dropFirst(userPrefix.count)) + "/"
      }
    }
    for user in database.usersOfLongIDs {
      if let storage = try database.storage(id: userPrefix + user) { folders[storage.number] = user + "/" }
    }
    let root = (database.facts?.keyRoot ?? "").split(separator: "/").joined(separator: "/")
    var found: [(path: String, fileID: Int64)] = []
    var collection = KeyCollection()
    collection.keyRoot = root
    collection.hasFileKeys = try database.hasRow(containing: "files_encryption/keys/")
    try database.forEachRow(containing: "files_encryption/", without: "files_encryption/keys/") { row in
      guard let folder = folders[row.storage] else { return }
      let full = folder + row.path
      if KeyPlace(path: full) != nil, !full.hasPrefix("/"), !full.split(separator: "/").contains("..") {
        found.append((full, row.fileID))
      }
    }
    var marker: Int64?
    var oneTimePasswords: Int64?
    for (number, folder) in folders.sorted(by: { $0.key < $1.key }) where folder.isEmpty {
      if !root.isEmpty, let row = try database.row(storage: number, path: root + "/.oc_key_storage") {
        marker = row.fileID
      }
      if let row = try database.row(storage: number, path: "oneTimeEncryptionPasswords.csv") {
        oneTimePasswords = row.fileID
      }
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
