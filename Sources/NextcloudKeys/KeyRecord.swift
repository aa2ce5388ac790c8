/// Who may decrypt what an instance encrypts: one key for the server, or a pair for each user.
package enum EncryptionMode: String, Codable, Sendable {
  /// One key pair for the whole instance, unlocked by `secret` of config.php; the default since ownCloud 9.
  case masterKey = "master-key"
  /// A pair for each user, unlocked by that user's password, with an optional recovery key.
  case userKeys = "user-keys"
}

/// What a key pair is for.
package enum KeyRole: String, Codable, Sendable, CaseIterable {
  case master
  case publicShare = "public-share"
  case recovery
  case user
}

/// Which half of a key pair a file holds.
package enum KeyHalf: String, Codable, Sendable {
  case privateKey = "private"
  case publicKey = "public"
}

/// How a key file is wrapped with the instance's `secret` (ICrypto), if it is.
package enum KeyWrapping: String, Codable, Sendable {
  case raw
  case version1 = "v1"
  case version2 = "v2"
  case version3 = "v3"
  case ownCloud2 = "owncloud-v2"
  /// Wrapped twice, as repeated migrations leave it.
  case double
  /// It looks wrapped or raw but can be read as neither.
  case unreadable
}

/// What trying a key file gave.
package enum KeyState: Equatable, Sendable {
  /// A private key that unlocks with what is sealed, or a public key that fits its private one.
  case unlocks
  /// A private key that only a password can unlock, which was not given, or the public half of one; as far as can be
  /// seen it is whole.
  case locked
  /// It cannot be used, for this reason.
  case fails(because: String)
}

/// One key file of an instance and what trying it gave; no key material.
package struct KeyRecord: Codable, Equatable, Sendable {
  /// Where it lies below the data folder: `files_encryption/OC_DEFAULT_MODULE/master_1d941d00.privateKey`.
  package let path: String
  package let role: KeyRole
  /// The id of the pair: `master_1d941d00`, `pubShare_…`, `recoveryKey_…`, or the uid of a user.
  package let id: String
  package let half: KeyHalf
  package let wrapping: KeyWrapping
  /// How a private key is encrypted below the wrapping, `AES-256-CTR, hash2, binary`; absent for public keys.
  package let format: String?
  /// Whether it is a user's earlier pair, kept by a password reset, which no restore depends on.
  package let isBackup: Bool
  package let state: KeyState
  /// What else is worth saying: which of several secrets or instance ids fitted, when it was not the configured one.
  package let note: String?

  package init(
    path: String, role: KeyRole, id: String, half: KeyHalf, wrapping: KeyWrapping, format: String?, isBackup: Bool,
    state: KeyState, note: String? = nil
  ) {
    self.path = path
    self.role = role
    self.id = id
    self.half = half
    self.wrapping = wrapping
    self.format = format
    self.isBackup = isBackup
    self.state = state
    self.note = note
  }

  private enum CodingKeys: String, CodingKey {
    case path, role, id, half, wrapping, format, state, note
    case isBackup = "is_backup"
  }
}

extension KeyState: Codable {
  private enum CodingKeys: String, CodingKey {
    case verdict
    case because
  }

  package init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    switch try values.decode(String.self, forKey: .verdict) {
    case "unlocks": self = .unlocks
    case "locked": self = .locked
    case "fails": self = .fails(because: try values.decode(String.self, forKey: .because))
    case let other:
      throw DecodingError.dataCorruptedError(
        forKey: .verdict, in: values, debugDescription: "\(other) is no verdict on a key")
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    switch self {
    case .unlocks: try values.encode("unlocks", forKey: .verdict)
    case .locked: try values.encode("locked", forKey: .verdict)
    case .fails(let because):
      try values.encode("fails", forKey: .verdict)
      try values.encode(because, forKey: .because)
    }
  }
}
