package import NextcloudKeys

#if canImport(FoundationEssentials)
  package import FoundationEssentials
#else
  package import Foundation
#endif

/// What `manifest.json` says: what is in the bundle, from where and when, and what else a restore needs.
///
/// Keys that this version does not know are passed over: schema 1 may grow by additions that an older reader can do
/// without. Whatever it could not do without gets a new schema.
package struct Manifest: Codable, Equatable, Sendable {
  /// What `schema` says in manifests of this form.
  package static let schema = "provenkey.bundle/1"
  /// The longest `manifest.json` that is read or written, in bytes.
  package static let limit = 16 << 20

  package private(set) var schema = Manifest.schema
  package var escrow: EscrowID
  /// 1 for the first sealing of an escrow, then 2, 3…
  package var revision: Int
  /// In whole seconds.
  package let sealedAt: Date
  /// The program and its version, `provenkey 1.0.0`.
  package var sealedBy: String
  /// The public signing key, as in the signer stanza, unpadded base64; `seal` fills it in.
  package internal(set) var signer: String = ""
  package var instance: InstanceIdentity
  package var keys: [KeyRecord]
  /// Every member but `manifest.json` and `manifest.sig`, in the order of the tar; `seal` fills it in.
  package internal(set) var members: [Member] = []
  package var snapshot: Snapshot?
  /// Where the encrypted files are, as the owner names the place.
  package var backup: String?
  /// Where copies of the escrow are kept.
  package var stores: [String]
  package var quorum: Quorum?
  /// What a restore needs and the bundle lacks.
  package var missing: [Missing]
  /// Where the members below `extra/` came from.
  package var included: [Included]

  /// A draft: `seal` adds the signer and the members.
  ///
  /// - Parameter sealedAt: parts of a second are dropped.
  package init(
    escrow: EscrowID, revision: Int, sealedAt: Date, sealedBy: String, instance: InstanceIdentity, keys: [KeyRecord],
    snapshot: Snapshot? = nil, backup: String? = nil, stores: [String] = [], quorum: Quorum? = nil,
    missing: [Missing] = [], included: [Included] = []
  ) {
    self.escrow = escrow
    self.revision = revision
    self.sealedAt = Date(timeIntervalSince1970: sealedAt.timeIntervalSince1970.rounded(.down))
    self.sealedBy = sealedBy
    self.instance = instance
    self.keys = keys
    self.snapshot = snapshot
    self.backup = backup
    self.stores = stores
    self.quorum = quorum
    self.missing = missing
    self.included = included
  }

  /// `sealedAt` in seconds since 1970; nil beyond the years 0 … 9999.
  package var sealedAtSeconds: Int? {
    let seconds = sealedAt.timeIntervalSince1970
    guard seconds.isFinite, abs(seconds) < 3e11 else { return nil }
    return Int(seconds)
  }

  private enum CodingKeys: String, CodingKey {
    case schema, escrow, revision, signer, instance, keys, members, snapshot, backup, stores, quorum, missing, included
    case sealedAt = "sealed_at"
    case sealedBy = "sealed_by"
  }
}

extension Manifest {
  /// One member of the bundle.
  package struct Member: Codable, Equatable, Sendable {
    package let path: MemberPath
    /// In bytes.
    package let size: Int
    /// 64 hexadecimal digits.
    package let sha256: String

    package init(path: MemberPath, size: Int, sha256: String) {
      self.path = path
      self.size = size
      self.sha256 = sha256
    }
  }

  /// The copy of the database that belongs to the keys: where it is, and what tells it from others.
  package struct Snapshot: Codable, Equatable, Sendable {
    /// Where it was when the escrow was sealed.
    package var place: String
    /// `sqlite`, `mysql`, `pgsql`, …
    package var engine: String
    /// In bytes.
    package var size: Int
    /// 64 hexadecimal digits.
    package var sha256: String
    package var takenAt: Date?
    /// The member that holds it; absent when it is not in the bundle.
    package var embedded: MemberPath?
    package var tablePrefix: String?
    package var nextcloudVersion: String?
    /// The number of rows of each table that a restore depends on.
    package var rows: [String: Int]
    package var highestFileID: Int?
    /// The highest version number that a block signature may cover.
    package var highestVersion: Int?

    package init(
      place: String, engine: String, size: Int, sha256: String, takenAt: Date? = nil, embedded: MemberPath? = nil,
      tablePrefix: String? = nil, nextcloudVersion: String? = nil, rows: [String: Int] = [:],
      highestFileID: Int? = nil, highestVersion: Int? = nil
    ) {
      self.place = place
      self.engine = engine
      self.size = size
      self.sha256 = sha256
      self.takenAt = takenAt.map { Date(timeIntervalSince1970: $0.timeIntervalSince1970.rounded(.down)) }
      self.embedded = embedded
      self.tablePrefix = tablePrefix
      self.nextcloudVersion = nextcloudVersion
      self.rows = rows
      self.highestFileID = highestFileID
      self.highestVersion = highestVersion
    }

    private enum CodingKeys: String, CodingKey {
      case place, engine, size, sha256, embedded, rows
      case takenAt = "taken_at"
      case tablePrefix = "table_prefix"
      case nextcloudVersion = "nextcloud_version"
      case highestFileID = "highest_file_id"
      case highestVersion = "highest_version"
    }
  }

  /// Who can recover the escrow identity: the shares that were issued, without their words.
  package struct Quorum: Codable, Equatable, Sendable {
    package var needed: Int
    package var issued: Int
    /// What all shares of one splitting have in common.
    package var set: String?
    package var shares: [Share]

    package init(needed: Int, issued: Int, set: String? = nil, shares: [Share]) {
      self.needed = needed
      self.issued = issued
      self.set = set
      self.shares = shares
    }

    /// A commitment to one share: HMAC-SHA256 with the salt as key, over the share's bytes.
    package struct Share: Codable, Equatable, Sendable {
      /// 1 … issued.
      package var number: Int
      /// 32 bytes, 64 hexadecimal digits.
      package var salt: String
      /// 32 bytes, 64 hexadecimal digits.
      package var commitment: String

      package init(number: Int, salt: String, commitment: String) {
        self.number = number
        self.salt = salt
        self.commitment = commitment
      }
    }
  }

  /// Something that a restore needs and the bundle lacks.
  package struct Missing: Codable, Equatable, Sendable {
    /// A fixed word for the kind: `snapshot`, `secret`, …
    package var id: String
    package var what: String
    package var hint: String

    package init(id: String, what: String, hint: String) {
      self.id = id
      self.what = what
      self.hint = hint
    }
  }

  /// A file that the owner asked to put in.
  package struct Included: Codable, Equatable, Sendable {
    package var path: MemberPath
    /// Its path on the server.
    package var from: String

    package init(path: MemberPath, from: String) {
      self.path = path
      self.from = from
    }
  }
}
