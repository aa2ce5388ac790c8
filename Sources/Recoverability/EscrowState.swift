package import AgeFormat
package import EscrowBundle
package import FoundationEssentials

/// What the server keeps to seal the next revision; nothing in it opens an escrow.
///
/// It is `escrow.json` of the state folder. The signing key is a file of its own beside it.
package struct EscrowState: Codable, Equatable, Sendable {
  /// The schema that this version writes and reads.
  package static let schema = "provenkey.state/1"

  package var schema = EscrowState.schema
  /// The id that all revisions of one escrow share: 32 hexadecimal digits.
  package var escrow: EscrowID
  /// The escrow identity's public half, `age1pq1…`.
  package var recipient: String
  /// The `provenkey/argon2id` stanza, copied unchanged into each revision.
  package var passphraseStanza: StoredStanza?
  /// The `provenkey/signer` stanza.
  package var signerStanza: StoredStanza
  /// Native age recipients, `age1…`, who can open every revision besides.
  package var furtherRecipients: [String]
  /// Where everything that is sealed comes from, so that `refresh` needs to be told nothing.
  package var sources: SealingSources
  /// The last revision that stands at the output path.
  package var last: SealedRevision?
  /// A revision that was about to be put there. It counts if the file at the output path has its digest.
  package var pending: SealedRevision?

  package init(
    escrow: EscrowID, recipient: String, passphraseStanza: StoredStanza?, signerStanza: StoredStanza,
    furtherRecipients: [String], sources: SealingSources
  ) {
    self.escrow = escrow
    self.recipient = recipient
    self.passphraseStanza = passphraseStanza
    self.signerStanza = signerStanza
    self.furtherRecipients = furtherRecipients
    self.sources = sources
  }

  /// The number of the revision to seal next. Numbers only grow; one whose sealing was cut off is not used again.
  package var nextRevision: Int { max(last?.number ?? 0, pending?.number ?? 0) + 1 }

  /// Whether the revisions' numbers are such as `nextRevision` can go on from: 1 … 2⁵³ − 2 (format 1, section 4).
  var hasUsableNumbers: Bool {
    [last, pending].allSatisfy { revision in revision.map { (1..<(1 << 53) - 1).contains($0.number) } ?? true }
  }

  enum CodingKeys: String, CodingKey {
    case schema, escrow, recipient
    case passphraseStanza = "passphrase_stanza"
    case signerStanza = "signer_stanza"
    case furtherRecipients = "further_recipients"
    case sources, last, pending
  }
}

/// One sealing, as the state remembers it.
package struct SealedRevision: Codable, Equatable, Sendable {
  package var number: Int
  /// SHA-256 of the escrow file, in hexadecimal.
  package var sha256: String
  /// The length of the escrow file in bytes.
  package var size: Int
  package var sealedAt: Date

  enum CodingKeys: String, CodingKey {
    case number, sha256, size
    case sealedAt = "sealed_at"
  }
}

/// A stanza of an age header, in JSON.
package struct StoredStanza: Codable, Equatable, Sendable {
  private let type: String
  private let arguments: [String]
  /// Base64 in JSON.
  private let body: Data

  package init(_ stanza: Stanza) {
    type = stanza.type
    arguments = stanza.arguments
    body = Data(stanza.body)
  }

  /// The stanza; a state file that was tampered with may not hold one.
  package func stanza() throws(AgeError) -> Stanza {
    try Stanza(type: type, arguments: arguments, body: [UInt8](body))
  }
}

/// Where everything that is sealed comes from: paths, never contents.
package struct SealingSources: Codable, Equatable, Sendable {
  /// The folder of the instance, with `config/` in it.
  package var instance: String
  /// The data folder, where it is not the one that config.php names.
  package var data: String?
  /// A folder that holds the objects of primary object storage.
  package var objects: String?
  package var databaseSnapshot: String?
  package var embedsDatabase: Bool
  /// Files that a restore needs besides.
  package var includes: [String]
  /// A file with the password of the recovery key (per-user keys).
  package var recoveryPasswordFile: String?
  /// Whether a bundle is sealed although a part that a restore needs is missing.
  package var allowsIncomplete: Bool
  /// The path of the escrow file.
  package var output: String
  package var isArmored: Bool

  package init(
    instance: String, data: String?, objects: String?, databaseSnapshot: String?, embedsDatabase: Bool,
    includes: [String], recoveryPasswordFile: String?, allowsIncomplete: Bool, output: String, isArmored: Bool
  ) {
    self.instance = instance
    self.data = data
    self.objects = objects
    self.databaseSnapshot = databaseSnapshot
    self.embedsDatabase = embedsDatabase
    self.includes = includes
    self.recoveryPasswordFile = recoveryPasswordFile
    self.allowsIncomplete = allowsIncomplete
    self.output = output
    self.isArmored = isArmored
  }

  enum CodingKeys: String, CodingKey {
    case instance, data, objects
    case databaseSnapshot = "database_snapshot"
    case embedsDatabase = "embeds_database"
    case includes
    case recoveryPasswordFile = "recovery_password_file"
    case allowsIncomplete = "allows_incomplete"
    case output
    case isArmored = "is_armored"
  }
}
