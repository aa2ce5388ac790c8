internal import NextcloudKeys

/// The share keys of a file besides the one that opened it: those of other users, of public links, of the recovery key.
///
/// The file reads without them, and whoever they are for would not read it after a restore.
struct FurtherShareKeys {
  /// Ids of those that are damaged: what wraps them does not fit its own checksum, or is not there.
  private(set) var damaged: [String] = []
  /// Ids of those that open, and give another file key: they were put in the place of this file's.
  private(set) var ofAnotherFile: [String] = []
  /// Ids of those that are whole, and that no key of that id opens: damaged before they were wrapped, or from before
  /// that key pair was made new.
  private(set) var foreign: [String] = []

  /// - Parameter found: the key that opened the file; nil for an empty file, which no key is needed for.
  init(in files: FileKeyFiles, besides found: FoundFileKey?, ring: KeyRing, engine: BlockEngine) {
    let fileKey = files.fileKey.flatMap { bytes -> [UInt8]? in
      do { return try ring.wrapping.unwrap(bytes, rawCounts: [32, 44]).content } catch { return nil }
    }
    for shareKey in files.shareKeys where shareKey.keyID != found?.keyID {
      let entries = ring.entries[shareKey.keyID] ?? []
      let counts = entries.isEmpty ? Self.modulusCounts : entries.map { $0.key.key.modulusCount }
      let raw: [UInt8]
      do throws(WrappingSecrets.Failure) {
        raw = try ring.wrapping.unwrap(shareKey.bytes, rawCounts: counts).content
      } catch {
        damaged.append(shareKey.keyID)
        continue
      }
      guard !entries.isEmpty else { continue }
      let slots = entries.flatMap { entry in
        engine.addKeys(from: entry.key, shareKey: raw, fileKey: fileKey, includingKnown: true)
      }
      if slots.isEmpty {
        foreign.append(shareKey.keyID)
      } else if let found, !slots.contains(found.slot) {
        // A padding that fits by chance is as good as impossible with OAEP; the older envelope has no such check.
        if fileKey == nil { ofAnotherFile.append(shareKey.keyID) } else { foreign.append(shareKey.keyID) }
      }
    }
  }

  /// In bytes, of the keys that Nextcloud makes and of those that people ask it for.
  private static let modulusCounts = [512, 256, 384, 1024]

  /// Puts into a result what a person should know.
  func report(in result: inout ContentResult) {
    result.damagedKeys = damaged + ofAnotherFile
    if !damaged.isEmpty { result.notes.append("damaged is its share key for \(Self.names(damaged))") }
    if !ofAnotherFile.isEmpty {
      result.notes.append("of another file is its share key for \(Self.names(ofAnotherFile))")
    }
    if !foreign.isEmpty { result.notes.append("of no use is its share key for \(Self.names(foreign))") }
  }

  private static func names(_ ids: [String]) -> String {
    ids.prefix(3).map { Printable.text($0) }.joined(separator: ", ") + (ids.count > 3 ? " and others" : "")
  }
}
