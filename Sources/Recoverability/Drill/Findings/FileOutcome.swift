package import NextcloudStorage
internal import SystemPackage

/// What the examination of one file means for a restore; each that occurs becomes one finding.
///
/// The raw values are the findings' ids (docs/drill.md); they do not change between releases.
package enum FileOutcome: String, Sendable, CaseIterable {
  // Fails, the worst first.
  case damaged = "blocks-damaged"
  case garbled = "content-garbled"
  case truncated = "file-truncated"
  case headerDamaged = "header-damaged"
  case missing = "file-missing"
  case noKey = "file-key-missing"
  case newerThanSnapshot = "snapshot-older"
  case olderThanSnapshot = "snapshot-newer"
  case noRow = "row-missing"
  case plainSizeDiffers = "plain-size-differs"
  case rescanned = "scanned-instead-of-restored"
  case rowSaysPlain = "row-says-plain"
  case unexpectedlyPlain = "row-says-encrypted"
  case rowVersionWrong = "row-version-wrong"
  case sizeWrong = "row-size-wrong"
  case keyElsewhere = "file-key-elsewhere"
  case otherMasterKey = "opens-with-other-master-key"
  case legacyRefused = "legacy-format-off"
  case shareKeyDamaged = "share-key-damaged"

  // Unknown.
  case unknownFormat = "format-unknown"
  case unreadable = "file-unreadable"
  case locked = "file-locked"
  case notCompared = "not-compared"

  // Holds, with a note.
  case lostZeroByte = "server-lost-zero-byte"
  case plainVersion = "server-plain-version"
  case copiedVersionNumber = "server-version-number"
  case restoredVersion = "server-restored-version"
  case unfinished = "unfinished-upload"
  case superseded = "superseded-row"
  case objectWithoutRow = "object-without-row"
  case unsigned = "unsigned-format"
  case odd = "odd-but-whole"

  /// Holds, and nothing is to be said.
  case whole = "files-whole"

  /// What is known besides the file and its examination.
  package struct Circumstances: Sendable {
    /// Whether there was a snapshot to compare with.
    package var hasSnapshot: Bool
    package var usesObjectStorage: Bool
    /// `encryption.legacy_format_support`; without it Nextcloud refuses blocks without signatures.
    package var supportsLegacyFormats: Bool
    package var highestFileID: Int64?
    /// `masterKeyId` of the database: Nextcloud asks for no other master key.
    package var masterKeyID: String?

    package init(
      hasSnapshot: Bool, usesObjectStorage: Bool, supportsLegacyFormats: Bool, highestFileID: Int64? = nil,
      masterKeyID: String? = nil
    ) {
      self.hasSnapshot = hasSnapshot
      self.usesObjectStorage = usesObjectStorage
      self.supportsLegacyFormats = supportsLegacyFormats
      self.highestFileID = highestFileID
      self.masterKeyID = masterKeyID
    }
  }

  package init(_ file: ContentFile, _ result: ContentResult, in circumstances: Circumstances) {
    let isVersion = file.kind == .version || file.kind == .trashVersion
    if let key = result.keyID, key.hasPrefix("master_"), let master = circumstances.masterKeyID, key != master,
      !result.status.isBroken
    {
      self = .otherMasterKey
      return
    }
    if let folder = result.keyFolder, !result.status.isBroken,
      file.keyPlaces.first(where: { $0.name == folder })?.isExpected == false
    {
      self = .keyElsewhere
      return
    }
    self =
      switch result.status {
      case .verified where !result.damagedKeys.isEmpty: .shareKeyDamaged
      case .verified, .plain: result.notes.isEmpty ? .whole : .odd
      case .unsigned: circumstances.supportsLegacyFormats ? .unsigned : .legacyRefused
      case .otherVersion(let found, let expected):
        if isVersion, circumstances.usesObjectStorage, expected < Int64.max, found == expected + 1,
          file.row.map({ $0.size == file.size || result.fits($0) }) == true
        {
          // Seen where a folder copy ran on object storage: written once more than counted.
          .copiedVersionNumber
        } else if file.isTheOneMeant(result) {
          .rowVersionWrong
        } else {
          found > expected ? .newerThanSnapshot : .olderThanSnapshot
        }
      case .noRow:
        if !circumstances.hasSnapshot {
          .notCompared
        } else if file.kind == .unknownObject, !file.isNewer(than: circumstances.highestFileID) {
          .objectWithoutRow
        } else {
          .noRow
        }
      case .badBlocks: .damaged
      case .garbled: .garbled
      case .truncated: .truncated
      case .lostZeroByte: .lostZeroByte
      case .plainCopyOfServer: .plainVersion
      case .unexpectedlyPlain: file.hasEncryptedLength ? .headerDamaged : .unexpectedlyPlain
      case .unexpectedlyEncrypted:
        if let row = file.row, row.size == file.size {
          .rescanned
        } else {
          .rowSaysPlain
        }
      case .wrongSize: result.format == nil ? .plainSizeDiffers : .sizeWrong
      case .noKey: .noKey
      case .locked: .locked
      case .unknownFormat: .unknownFormat
      case .damagedHeader: .headerDamaged
      case .unreadable: .unreadable
      case .missing:
        switch file.absence {
        case .restoredVersion: .restoredVersion
        case .unfinished: .unfinished
        case .superseded: .superseded
        case .missing, nil: .missing
        }
      }
  }

  /// What it means for the verdict.
  package var word: String {
    switch self {
    case .damaged, .garbled, .truncated, .headerDamaged, .missing, .noKey, .unexpectedlyPlain, .rescanned,
      .rowSaysPlain, .newerThanSnapshot, .olderThanSnapshot, .rowVersionWrong, .noRow, .plainSizeDiffers, .sizeWrong,
      .keyElsewhere, .otherMasterKey, .legacyRefused, .shareKeyDamaged:
      "fails"
    case .unknownFormat, .unreadable, .locked, .notCompared: "unknown"
    case .lostZeroByte, .plainVersion, .copiedVersionNumber, .restoredVersion, .unfinished,
      .superseded, .objectWithoutRow, .unsigned, .odd,
      .whole:
      "holds"
    }
  }

  package var fails: Bool { word == "fails" }
  package var isUnknown: Bool { word == "unknown" }

  /// Whether the file's content is all right and only the database has to be mended.
  package var isMendedInDatabase: Bool {
    switch self {
    case .unexpectedlyPlain, .plainSizeDiffers, .rescanned, .rowSaysPlain, .newerThanSnapshot, .olderThanSnapshot,
      .rowVersionWrong,
      .sizeWrong, .plainVersion, .copiedVersionNumber:
      true
    default: false
    }
  }
}

extension ContentStatus {
  /// Whether the content itself is lost or damaged.
  var isBroken: Bool {
    switch self {
    case .badBlocks, .garbled, .truncated, .noKey, .locked, .unknownFormat, .damagedHeader, .unreadable, .missing: true
    default: false
    }
  }
}

extension ContentResult {
  /// Whether the plaintext has a length that the row says.
  func fits(_ row: FileRow) -> Bool {
    guard let plainSize else { return false }
    return plainSize == row.size || plainSize == row.unencryptedSize
  }
}

extension ContentFile {
  /// Whether the row means this very file, as its time and length say, although its number is another.
  func isTheOneMeant(_ result: ContentResult) -> Bool {
    guard let row, let modified, modified == row.modified else { return false }
    return result.fits(row)
  }

  /// Whether an object's number is beyond those of the snapshot.
  func isNewer(than highest: Int64?) -> Bool {
    guard let highest, let number = objectNumber else { return false }
    return number > highest
  }

  /// The file id that the name of an object ends with.
  private var objectNumber: Int64? {
    guard let name = path.lastComponent?.string, let digits = name.split(separator: ":").last else { return nil }
    return Int64(digits)
  }

  /// Whether its length is just that of what the row describes, encrypted: then it is no plain file, but one whose
  /// header is damaged.
  var hasEncryptedLength: Bool {
    guard let row, row.encrypted > 0 else { return false }
    let lengths = [row.size, row.unencryptedSize ?? 0].filter { $0 > 0 }
    guard size >= 8192, !lengths.contains(size) || row.unencryptedSize ?? 0 > 0 else { return false }
    for plain in lengths {
      // Signed and binary, and in base64: 8096 and 6072 bytes of plaintext in blocks of 8192, 96 bytes of trailer each.
      let (blocks, rest) = plain.quotientAndRemainder(dividingBy: 8096)
      if size == 8192 + blocks * 8192 + (rest > 0 ? rest + 96 : 0) { return true }
      let (blocks64, rest64) = plain.quotientAndRemainder(dividingBy: 6072)
      if size == 8192 + blocks64 * 8192 + (rest64 > 0 ? (rest64 + 2) / 3 * 4 + 96 : 0) { return true }
    }
    return false
  }
}
