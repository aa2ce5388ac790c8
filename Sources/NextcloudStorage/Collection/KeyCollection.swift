internal import DurableFiles
package import SystemPackage

/// Every key file of an instance that a restore needs, read and not yet tried; without the keys of single files, which
/// lie with the backup.
package struct KeyCollection: Equatable, Sendable {
  /// Sorted by path.
  package internal(set) var files: [KeyFile] = []
  /// Where the keys lie below the data folder; empty for its root.
  package internal(set) var keyRoot = ""
  /// `.oc_key_storage` of a key root that was moved; Nextcloud refuses such a root without it.
  package internal(set) var keyRootMarker: KeyFile?
  /// `oneTimeEncryptionPasswords.csv`, which `occ encryption:encrypt-all` writes: passwords of users' keys, so a secret.
  package internal(set) var oneTimePasswords: KeyFile?
  /// Whether there are keys of single files: files were encrypted once.
  package internal(set) var hasFileKeys = false
  /// What was seen and is not understood, as paths below the data folder: files among the keys that are none.
  package internal(set) var unrecognised: [String] = []

  /// In bytes; the largest key file seen is 10 KB.
  package static let fileLimit = 64 * 1024

  package init() {}

  /// What was collected before and sealed.
  package init(sealed files: [KeyFile], keyRoot: String, keyRootMarker: KeyFile?) {
    self.files = files
    self.keyRoot = keyRoot
    self.keyRootMarker = keyRootMarker
  }

  /// Collects from a data folder.
  ///
  /// A user's folder may be a link, as it may be for Nextcloud; below it and among the keys links are refused.
  ///
  /// - Parameter keyRoot: `encryption_key_storage_root` of the database; `nil` when there is no snapshot to tell, then a
  ///   root that was moved is found by its marker.
  /// - Throws: `CollectionError`, also when anything that matters cannot be looked at.
  package static func collect(dataFolder: FilePath, keyRoot: String?) throws(CollectionError) -> KeyCollection {
    var reader = KeyCollector(data: dataFolder)
    try reader.scan(root: "")
    if let keyRoot {
      let root = try KeyCollector.normalised(keyRoot)
      if !root.isEmpty {
        guard try FolderListing.hasFolder(dataFolder.appending(root)) else {
          throw .noKeyRoot(dataFolder.appending(root))
        }
        try reader.scan(root: root)
      }
      reader.collection.keyRoot = root
    } else if !reader.hasSystemKeys(below: "") {
      for root in try reader.markedRoots() {
        try reader.scan(root: root)
        if reader.hasSystemKeys(below: root) {
          reader.collection.keyRoot = root
          break
        }
      }
    }
    if !reader.collection.keyRoot.isEmpty {
      reader.collection.keyRootMarker = try reader.file(at: [reader.collection.keyRoot, ".oc_key_storage"])
    }
    reader.collection.oneTimePasswords = try reader.file(
      at: ["oneTimeEncryptionPasswords.csv"], limit: 16 * 1024 * 1024)
    return reader.finished()
  }
}

/// Walks over the folders that keys can lie in.
private struct KeyCollector {
  let data: FilePath
  var collection = KeyCollection()
  private var seen: Set<String> = []

  init(data: FilePath) { self.data = data }

  /// A key root as the names of folders below the data folder, or an error when it leaves it.
  static func normalised(_ root: String) throws(CollectionError) -> String {
    let parts = root.split(separator: "/").map(String.init).filter { $0 != "." }
    guard !parts.contains(".."), !parts.contains(where: { $0.utf8.contains(0) }) else { throw .keyRootOutside(root) }
    return parts.joined(separator: "/")
  }

  func finished() -> KeyCollection {
    var result = collection
    result.files.sort { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
    result.unrecognised.sort()
    return result
  }

  func hasSystemKeys(below root: String) -> Bool {
    let start = root.isEmpty ? "files_encryption/" : root + "/files_encryption/"
    return collection.files.contains { $0.path.hasPrefix(start) || $0.path.hasPrefix("owncloud_private_key/") }
  }

  /// Everything below one root: the system's keys, and those of each folder that can be a user's.
  mutating func scan(root: String) throws(CollectionError) {
    let prefix = root.isEmpty ? [] : [root]
    try scanKeys(prefix + ["files_encryption"])
    for folder in ["public-keys", "owncloud_private_key"] { try takeAll(prefix + [folder]) }
    for entry in try FolderListing.entries(of: path(prefix)) {
      let kind = try FolderListing.kind(of: entry.path)
      guard kind == .folder || kind == .link else { continue }
      if kind == .link {
        guard let target = try FolderListing.kind(of: entry.path, followingLinks: true) else {
          throw .notRegular(entry.path, "a link that leads nowhere")
        }
        guard target == .folder else { continue }
      }
      let keys = entry.path.appending("files_encryption")
      guard let inside = try FolderListing.kind(of: keys) else { continue }
      guard inside == .folder else { throw .notRegular(keys, inside.name) }
      guard let name = entry.text else { throw .name(Printable.name(entry.name), path(prefix)) }
      try scanKeys(prefix + [name, "files_encryption"])
    }
  }

  /// One `files_encryption` folder of any layout.
  private mutating func scanKeys(_ parts: [String]) throws(CollectionError) {
    guard try FolderListing.hasFolder(path(parts)) else { return }
    for entry in try FolderListing.entries(of: path(parts)) {
      let name = try text(entry, in: parts)
      switch name {
      case "OC_DEFAULT_MODULE", "public_keys": try takeAll(parts + [name])
      case "keys", "keyfiles", "share-keys":
        if try FolderListing.hasFolder(entry.path), try !FolderListing.entries(of: entry.path).isEmpty {
          collection.hasFileKeys = true
        }
      case "backup":
        guard try FolderListing.hasFolder(entry.path) else { continue }
        for folder in try FolderListing.entries(of: entry.path) {
          try takeAll(parts + [name, try text(folder, in: parts + [name])])
        }
      default: try take(parts + [name])
      }
    }
  }

  /// Every file of a folder.
  private mutating func takeAll(_ parts: [String]) throws(CollectionError) {
    guard try FolderListing.hasFolder(path(parts)) else { return }
    for entry in try FolderListing.entries(of: path(parts)) { try take(parts + [try text(entry, in: parts)]) }
  }

  private mutating func take(_ parts: [String]) throws(CollectionError) {
    let joined = parts.joined(separator: "/")
    guard KeyPlace(path: joined) != nil else {
      if seen.insert(joined).inserted { collection.unrecognised.append(joined) }
      return
    }
    guard !seen.contains(joined) else { return }
    guard let file = try file(at: parts) else { return }
    seen.insert(joined)
    collection.files.append(file)
  }

  /// A file, or `nil` when there is none.
  func file(at parts: [String], limit: Int = KeyCollection.fileLimit) throws(CollectionError) -> KeyFile? {
    let place = path(parts)
    guard let kind = try FolderListing.kind(of: place) else { return nil }
    guard kind == .file else { throw .notRegular(place, kind.name) }
    do {
      return KeyFile(path: parts.joined(separator: "/"), bytes: try BoundedReading.bytes(of: place, limit: limit))
    } catch {
      if case .longerThan(let limit) = error.cause { throw .tooLong(place, limit: limit) }
      throw .file(error)
    }
  }

  /// The folders with a key root's marker, at most two levels down.
  func markedRoots() throws(CollectionError) -> [String] {
    var roots: [String] = []
    var level: [String] = [""]
    for _ in 0..<2 {
      var next: [String] = []
      for parent in level {
        for entry in try FolderListing.entries(of: parent.isEmpty ? data : data.appending(parent)) {
          guard let name = entry.text, try FolderListing.kind(of: entry.path) == .folder else { continue }
          let folder = parent.isEmpty ? name : parent + "/" + name
          if try FolderListing.kind(of: entry.path.appending(".oc_key_storage")) != nil { roots.append(folder) }
          next.append(folder)
        }
      }
      level = next
    }
    return roots
  }

  private func text(_ entry: FolderEntry, in parts: [String]) throws(CollectionError) -> String {
    guard let name = entry.text else { throw .name(Printable.name(entry.name), path(parts)) }
    return name
  }

  private func path(_ parts: [String]) -> FilePath {
    parts.reduce(data) { $0.appending($1) }
  }
}
