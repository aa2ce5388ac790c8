internal import NextcloudKeys

/// A file key in the engine's slot, and what shows that it is the right one.
struct FoundFileKey {
  let slot: Int
  let keyID: String
  let folder: String
  /// That the signatures cover; nil for unsigned content, and for a key that no signature has shown to be right.
  var version: Int64?
  var isOldStyle = false
  /// Whether a block's signature fitted, or for unsigned content its plaintext looks right.
  var isProven = false
}

/// What looking for a file key gave.
enum FileKeyOutcome {
  case found(FoundFileKey)
  case failed(ContentStatus)
}

/// Looks for the key of one file among all that its key folders offer.
struct FileKeySearch {
  let ring: KeyRing
  let engine: BlockEngine
  /// More folders of keys than a file can have.
  private static let folderLimit = 64

  init(ring: KeyRing, engine: BlockEngine) {
    self.ring = ring
    self.engine = engine
  }

  private var reasons: [String] = []
  private var lockedUsers: Set<String> = []
  private var closed: Set<String> = []
  private var unknown: Set<String> = []
  private var sawFolder = false
  private var sawShareKey = false
  /// The folders that were looked into, in order.
  private(set) var folders: [FileKeyFiles] = []
  /// What decrypted to something and was not shown to be right.
  private var unproven: [FoundFileKey] = []

  /// - Parameters:
  ///   - prove: whether the key in a slot is right, by a signature or by the plaintext; it fills in what it found.
  mutating func run(
    _ keys: (Int) throws -> FileKeyFiles?, prove: (inout FoundFileKey) throws -> Bool
  ) throws -> FileKeyOutcome {
    for index in 0..<Self.folderLimit {
      let files: FileKeyFiles?
      do { files = try keys(index) } catch {
        reasons.append("its key files cannot be read: \(error)")
        continue
      }
      guard let files else { break }
      sawFolder = true
      folders.append(files)
      if let found = try search(files, prove: prove) { return .found(found) }
    }
    // The file keys of ownCloud up to 8.0 are text, which no wrong key gives.
    if let likeliest = unproven.first(where: { engine.isTextKey($0.slot) }) ?? unproven.first {
      return .found(likeliest)
    }
    return .failed(whyNone)
  }

  /// Every key that a folder offers, right or wrong.
  func openAll(_ files: FileKeyFiles) -> [FoundFileKey] {
    var search = self
    do { _ = try search.search(files) { _ in false } } catch { return [] }
    return search.unproven
  }

  private mutating func search(
    _ files: FileKeyFiles, prove: (inout FoundFileKey) throws -> Bool
  ) throws -> FoundFileKey? {
    var fileKey: [UInt8]?
    if let bytes = files.fileKey, !bytes.isEmpty {
      do throws(WrappingSecrets.Failure) {
        fileKey = try ring.wrapping.unwrap(bytes, rawCounts: [32, 44]).content
      } catch {
        // It may be left over from before the share keys were written anew.
        reasons.append("fileKey: \(error.because)")
      }
    }
    for shareKey in files.shareKeys {
      sawShareKey = true
      let entries = ring.entries[shareKey.keyID] ?? []
      if entries.isEmpty {
        note(unopened: shareKey.keyID)
        continue
      }
      let raw: [UInt8]
      do throws(WrappingSecrets.Failure) {
        raw = try ring.wrapping.unwrap(shareKey.bytes, rawCounts: entries.map { $0.key.key.modulusCount }).content
      } catch {
        reasons.append("\(Printable.text(shareKey.keyID)).shareKey: \(error.because)")
        continue
      }
      for entry in entries {
        let slots = engine.addKeys(from: entry.key, shareKey: raw, fileKey: fileKey)
        if slots.isEmpty, unproven.isEmpty {
          reasons.append("\(Printable.text(shareKey.keyID)).shareKey holds no key that this private key opens")
        }
        for slot in slots {
          var found = FoundFileKey(slot: slot, keyID: entry.id, folder: files.folder)
          if try prove(&found) { return found }
          unproven.append(found)
        }
      }
    }
    return nil
  }

  private mutating func note(unopened id: String) {
    let records = ring.records.filter { $0.id == id && $0.half == .privateKey }
    if records.isEmpty {
      unknown.insert(id)
    } else if records.contains(where: { $0.role == .user }) {
      lockedUsers.insert(id)
    } else if records.contains(where: { $0.state == .locked }) {
      // The recovery key; which users it stands for is not for a file to say.
      closed.insert(id)
    } else {
      reasons.append("the private key \(Printable.text(id)) does not open")
    }
  }

  private var whyNone: ContentStatus {
    guard sawFolder else { return .noKey(because: reasons.first ?? "there is no folder with its keys") }
    guard sawShareKey else { return .noKey(because: reasons.first ?? "its folder of keys holds no share key") }
    if !lockedUsers.isEmpty || !closed.isEmpty, reasons.isEmpty { return .locked(users: lockedUsers.sorted()) }
    if let reason = reasons.first { return .noKey(because: reason) }
    let names = unknown.sorted().prefix(3).map { Printable.text($0) }.joined(separator: ", ")
    return .noKey(because: "it is encrypted for \(names), and no private key of that name is there")
  }
}
