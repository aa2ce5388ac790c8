internal import SystemPackage

/// What the names in a backup tell of where its data folder and its objects lie; kept while it is listed.
struct TopSigns {
  /// What was seen of one folder that may be the data folder.
  struct Candidate {
    /// A file or folder that only a data folder has; the first one that was seen.
    var sign: String?
    /// Users' files lie in it.
    var hasHomes = false
    /// It lies in what is itself a user's files: another instance that somebody backed up there.
    var isNested = true
  }

  private(set) var candidates: [PathBytes: Candidate] = [:]
  /// Folders with `.oc_key_storage`: key roots that were moved.
  private(set) var markedRoots: Set<PathBytes> = []
  /// How many objects lie in a folder.
  private(set) var objectFolders: [PathBytes: Int] = [:]
  private(set) var inventory = BackupInventory()
  private var ids: Set<String> = []
  private let objectPrefix: PathBytes

  /// Names at which a user's content begins.
  private static let contentNames: [PathBytes] = ["files", "files_versions", "files_trashbin"].map { Array($0.utf8) }
  /// A hostile listing must not fill the memory; a real one has a handful.
  private static let limit = 4096
  private static let deepest = 12

  init(objectPrefix: String) { self.objectPrefix = Array(objectPrefix.utf8) }

  mutating func add(_ path: PathBytes, size: Int64) {
    inventory.entries += 1
    inventory.size &+= max(0, size)
    let names = path.names
    guard let last = names.last else { return }
    var isNested = false
    for (index, name) in names.prefix(Self.deepest).enumerated() {
      let isLast = index == names.count - 1
      if !isLast, Self.contentNames.contains(where: { $0.elementsEqual(name) }) {
        // The data folder is the folder that the user's folder lies in.
        if index > 0 { note(names.prefix(index - 1), isNested, hasHomes: true, sign: nil) }
        isNested = true
        continue
      }
      switch name.first {
      case 0x2e where isLast:
        if name.elementsEqual(".ncdata".utf8) || name.elementsEqual(".ocdata".utf8) {
          note(names.prefix(index), isNested, hasHomes: false, sign: "it holds \(PathBytes(name).text)")
        } else if name.elementsEqual(".oc_key_storage".utf8), !isNested, markedRoots.count < Self.limit {
          markedRoots.insert(joined(names.prefix(index)))
        }
      case 0x61 where !isLast && name.starts(with: "appdata_".utf8):
        note(names.prefix(index), isNested, hasHomes: false, sign: "it holds \(PathBytes(name).text)")
        if !isNested, ids.count < 100, let id = String(validating: name.dropFirst(8), as: UTF8.self), !id.isEmpty {
          ids.insert(id)
          inventory.instanceIDs = ids.sorted()
        }
      case 0x5f where !isLast && name.elementsEqual("__groupfolders".utf8):
        note(names.prefix(index), isNested, hasHomes: true, sign: "it holds __groupfolders")
      case 0x66 where !isLast && name.elementsEqual("files_encryption".utf8):
        addKeys(names, at: index, isNested)
      case 0x70 where !isLast && name.elementsEqual("public-keys".utf8),
        0x6f where !isLast && name.elementsEqual("owncloud_private_key".utf8):
        note(names.prefix(index), isNested, hasHomes: false, sign: "it holds \(PathBytes(name).text)")
      default: break
      }
    }
    if !isNested { addFile(path, last, in: names) }
  }

  private mutating func addKeys(_ names: [PathBytes.SubSequence], at index: Int, _ isNested: Bool) {
    guard index + 1 < names.count, let last = names.last else { return }
    let next = names[index + 1]
    let isPair = PathBytes(last).hasSuffix(".privateKey") || PathBytes(last).hasSuffix(".publicKey")
    if next.elementsEqual("OC_DEFAULT_MODULE".utf8) || index + 2 == names.count, isPair {
      if index > 0, last.starts(with: names[index - 1] + [0x2e]) {
        note(names.prefix(index - 1), isNested, hasHomes: false, sign: "it holds the key of a user")
      } else if ["master_", "pubShare_", "recoveryKey_", "recovery_"].contains(where: { last.starts(with: $0.utf8) }) {
        note(names.prefix(index), isNested, hasHomes: false, sign: "it holds the system's keys")
      }
    } else if next.elementsEqual("public_keys".utf8) {
      note(names.prefix(index), isNested, hasHomes: false, sign: "it holds files_encryption/public_keys")
    }
  }

  /// What matters about a file wherever it lies outside of users' files.
  private mutating func addFile(_ path: PathBytes, _ last: PathBytes.SubSequence, in names: [PathBytes.SubSequence]) {
    let name = PathBytes(last)
    if name.count > objectPrefix.count, name.starts(with: objectPrefix),
      name.dropFirst(objectPrefix.count).allSatisfy({ (0x30...0x39).contains($0) })
    {
      let folder = joined(names.dropLast())
      if objectFolders[folder] != nil || objectFolders.count < Self.limit { objectFolders[folder, default: 0] += 1 }
    } else if name.hasSuffix(".php") {
      if name == Array("config.php".utf8) || name.hasSuffix(".config.php") {
        inventory.configurations.add(path.filePath)
      }
    } else if name.hasSuffix(".privateKey") || name.hasSuffix(".private.key") {
      inventory.privateKeys.add(path.filePath)
    } else if name == Array("oneTimeEncryptionPasswords.csv".utf8) {
      inventory.oneTimePasswords.add(path.filePath)
    } else if [".db", ".sqlite", ".sqlite3", ".sql", ".dump"].contains(where: { name.hasSuffix($0) })
      || [".sql.gz", ".sql.zst", ".sql.xz", ".sql.bz2"].contains(where: { name.hasSuffix($0) })
    {
      inventory.databases.add(path.filePath)
    }
  }

  private mutating func note(
    _ names: ArraySlice<PathBytes.SubSequence>, _ isNested: Bool, hasHomes: Bool, sign: String?
  ) {
    let folder = joined(names)
    guard candidates[folder] != nil || candidates.count < Self.limit else { return }
    var candidate = candidates[folder] ?? Candidate()
    candidate.sign = candidate.sign ?? sign
    candidate.hasHomes = candidate.hasHomes || hasHomes
    candidate.isNested = candidate.isNested && isNested
    candidates[folder] = candidate
  }

  /// A folder as the beginning of the paths in it: empty, or with a slash at its end.
  private func joined(_ names: some Collection<PathBytes.SubSequence>) -> PathBytes {
    names.reduce(into: []) { result, name in
      result.append(contentsOf: name)
      result.append(0x2f)
    }
  }

  /// The data folder as the beginning of the paths in it, and why; nil when nothing looks like one.
  ///
  /// - Parameters:
  ///   - keyRoot: as the database has it, so that a moved key root is not taken for the data folder.
  ///   - configured: `datadirectory`; where the backup has a whole end of it, that is the one.
  ///   - hasHomes: whether users' files lie in it; where they are objects, folders of users are something else.
  func dataFolder(
    keyRoot: String?, configured: String?, hasHomes: Bool = true
  ) -> (prefix: PathBytes, why: String)? {
    var candidates = candidates.filter { !markedRoots.contains($0.key) && (hasHomes || $0.value.sign != nil) }
    if let keyRoot, !keyRoot.isEmpty {
      let ending = Array((keyRoot + "/").utf8)
      for key in candidates.keys where key.count >= ending.count && key.suffix(ending.count).elementsEqual(ending) {
        let parent = Array(key.dropLast(ending.count))
        guard parent.isEmpty || parent.last == 0x2f else { continue }
        if let moved = candidates.removeValue(forKey: key), candidates[parent] == nil {
          candidates[parent] = Candidate(sign: "its \(keyRoot) holds keys", hasHomes: false, isNested: moved.isNested)
        }
      }
    }
    let expected = configured.map { Array($0.split(separator: "/").joined(separator: "/").utf8) + [0x2f] } ?? []
    func rank(_ entry: (key: PathBytes, value: Candidate)) -> [Int] {
      let depth = entry.key.count { $0 == 0x2f }
      let isEnd = depth > 0 && ([0x2f] + expected).suffix(entry.key.count + 1).elementsEqual([0x2f] + entry.key)
      return [
        isEnd && depth > 1 ? -depth : 0, entry.value.isNested ? 1 : 0, entry.value.hasHomes ? 0 : 1,
        entry.value.sign == nil ? 1 : 0, isEnd ? 0 : 1, depth,
      ]
    }
    let best = candidates.min {
      let (a, b) = (rank($0), rank($1))
      return a == b ? $0.key.lexicographicallyPrecedes($1.key) : a.lexicographicallyPrecedes(b)
    }
    guard let best else { return nil }
    return (best.key, best.value.sign ?? "folders of users with their files lie in it")
  }
}
