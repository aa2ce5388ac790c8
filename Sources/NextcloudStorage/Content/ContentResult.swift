/// What examining one file of a backup gave.
package enum ContentStatus: Equatable, Sendable {
  /// Every block that was read has a signature that fits the version in the snapshot, and the plaintext is as expected.
  case verified
  /// All signatures fit, but a version other than the snapshot's: the snapshot and the file are not of the same time.
  case otherVersion(found: Int64, expected: Int64)
  /// Encrypted and whole, and there is no row to compare the version with.
  case noRow(version: Int64?)
  /// A format without signatures; the plaintext looks right.
  case unsigned
  /// Plain, as the snapshot says or as far as can be told without one.
  case plain
  /// Blocks whose signature fits no version, or that cannot be taken apart; the first ones by number.
  case badBlocks(first: [Int], count: Int)
  /// All signatures fit, but the plaintext is not what it should be: a damaged initialisation vector, for example.
  case garbled(because: String)
  /// Shorter than the snapshot says, or cut within a block.
  case truncated(plain: Int64, expected: Int64?)
  /// Nextcloud's own bug: a last block that is the single byte `0` was never written. The byte is known.
  case lostZeroByte
  /// Nextcloud's own bug: versions that a folder copy wrote in plaintext while the row says encrypted.
  case plainCopyOfServer
  /// The snapshot says encrypted, and the file is plain.
  case unexpectedlyPlain
  /// The file is encrypted while the snapshot says plain: Nextcloud would serve ciphertext.
  case unexpectedlyEncrypted(version: Int64?)
  /// Longer or shorter plaintext than the snapshot says, with every signature right: the row's size is wrong.
  case wrongSize(plain: Int64, expected: Int64)
  /// No key fits; why.
  case noKey(because: String)
  /// Only the password of one of these users, or the recovery password, opens it.
  case locked(users: [String])
  /// An encryption module or header that is not known.
  case unknownFormat(because: String)
  /// The content decrypts, and the header in front of it is damaged: Nextcloud would not read it.
  case damagedHeader(because: String)
  /// The bytes could not be read.
  case unreadable(because: String)
  /// The snapshot has a row, and the backup no file.
  case missing
}

/// Everything that is known about a file after it was examined.
package struct ContentResult: Equatable, Sendable {
  package var status: ContentStatus
  /// The decoded length in bytes, where it could be told.
  package var plainSize: Int64?
  /// How many blocks there are, and how many were decrypted and verified.
  package var blocks: Int = 0
  package var blocksRead: Int = 0
  /// What the header says, `AES-256-CTR, binary, signed`; nil for a plain file.
  package var format: String?
  /// The version that the signatures cover, and whether they are of the old style without separators.
  package var signatureVersion: Int64?
  package var hasOldSignatures = false
  /// The id of the key that opened it, `master_1d941d00` or a uid, and the folder of keys that fitted.
  package var keyID: String?
  package var keyFolder: String?
  /// What beyond the signatures was compared: `length`, `SHA1`, `type jpeg`.
  package var checks: [String] = []
  /// What is odd and harmless, one line each: header padding, a stale fileKey.
  package var notes: [String] = []
  /// Ids of keys besides `keyID` whose share keys of this file are damaged: it reads, but not for whom those are.
  package var damagedKeys: [String] = []
  /// SHA-256 of the plaintext in hexadecimal, where all of it was read.
  package var plainSHA256: String?

  package init(_ status: ContentStatus) { self.status = status }
}

extension ContentStatus {
  /// A fixed word for programs.
  package var word: String {
    switch self {
    case .verified: "verified"
    case .otherVersion(let found, let expected): found > expected ? "newer-than-snapshot" : "older-than-snapshot"
    case .noRow: "no-row"
    case .unsigned: "unsigned"
    case .plain: "plain"
    case .badBlocks: "bad-blocks"
    case .garbled: "garbled"
    case .truncated: "truncated"
    case .lostZeroByte: "lost-zero-byte"
    case .plainCopyOfServer: "plain-copy-of-server"
    case .unexpectedlyPlain: "unexpectedly-plain"
    case .unexpectedlyEncrypted: "unexpectedly-encrypted"
    case .wrongSize: "wrong-size"
    case .noKey: "no-key"
    case .locked: "locked"
    case .unknownFormat: "unknown-format"
    case .damagedHeader: "damaged-header"
    case .unreadable: "unreadable"
    case .missing: "missing"
    }
  }
}
