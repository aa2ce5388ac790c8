/// Where the parts of a block lie: ciphertext, then a trailer that is found from the end only, since the ciphertext may
/// contain anything.
/// ```
/// signed    ciphertext "00iv00" iv(16) "00sig00" signature(64) "xxx"   trailer of 96 bytes
/// unsigned  ciphertext "00iv00" iv(16) "xx"                            trailer of 24 bytes
/// ```
struct ContentBlock: Equatable {
  static let count = ContentHeader.blockCount
  static let signedTrailer = 96
  static let unsignedTrailer = 24

  /// Of the whole block, in bytes.
  let count: Int
  let isSigned: Bool
  /// The tag before the IV is not as written; no reader looks at it.
  let hasOddTag: Bool

  /// Of the ciphertext as stored, in bytes.
  var ciphertextCount: Int { count - (isSigned ? Self.signedTrailer : Self.unsignedTrailer) }
  /// From the start of the block.
  var ivOffset: Int { ciphertextCount + 6 }
  var signatureOffset: Int { ciphertextCount + 29 }

  /// The parts of a block, or `nil` when its end is not that of a block: cut off or damaged.
  init?(_ block: RawSpan) {
    count = block.byteCount
    let signed = count - Self.signedTrailer
    let unsigned = count - Self.unsignedTrailer
    // Nextcloud needs the signature's tag and the `xxx`; without either it does not read the block.
    if signed > 0, block.starts(with: "00sig00", at: signed + 22), block.starts(with: "xxx", at: count - 3) {
      isSigned = true
      hasOddTag = !block.starts(with: "00iv00", at: signed)
    } else if unsigned > 0, block.starts(with: "00iv00", at: unsigned), block.starts(with: "xx", at: count - 2) {
      isSigned = false
      hasOddTag = false
    } else {
      return nil
    }
  }

  /// How much plaintext a full block holds: 8096, 8168, 6072 or 6126 bytes.
  static func plainCount(isSigned: Bool, isBinary: Bool) -> Int {
    let ciphertext = count - (isSigned ? signedTrailer : unsignedTrailer)
    return isBinary ? ciphertext : ciphertext / 4 * 3
  }

  /// How many bytes base64 text stands for, by its length and its padding; `nil` for a length that no text has.
  static func decodedCount(_ text: RawSpan) -> Int? {
    guard text.byteCount % 4 == 0, text.byteCount > 0 else { return nil }
    var count = text.byteCount / 4 * 3
    if text.byte(text.byteCount - 1) == 0x3d { count -= 1 }
    if text.byte(text.byteCount - 2) == 0x3d { count -= 1 }
    return count
  }

  /// Whether the ciphertext can be base64 text; by chance a raw one of 64 bytes is with 1 : 2^120.
  func looksLikeBase64(_ block: RawSpan) -> Bool {
    let count = ciphertextCount
    guard count % 4 == 0 else { return false }
    for index in 0..<min(count, 256) {
      switch block.byte(index) {
      case 0x41...0x5a, 0x61...0x7a, 0x30...0x39, 0x2b, 0x2f, 0x3d: continue
      default: return false
      }
    }
    return true
  }
}

/// The text that a block's signature covers besides the ciphertext: version and position.
struct SignaturePosition: Equatable {
  var version: Int64
  /// Of the block, from 0.
  var index: Int
  /// Whether it was written when the file was closed, as a last block that is not full is.
  var isEnd: Bool
  /// Releases before 20 wrote no separators, so that version 1, block 11 and version 11, block 1 look the same.
  var isOldStyle: Bool
}
