package import SecretMemory

/// A secret with several readers: what cannot be copied cannot stand in a list either, so each stands in one of these.
final class Held {
  let bytes: SecretBytes

  init(_ bytes: consuming SecretBytes) { self.bytes = bytes }
}

/// What key files are tried with: secrets and instance ids, the configured one first, and the passwords that are known.
package struct KeyMaterial: ~Copyable {
  private(set) var secrets: [Held] = []
  private(set) var instanceIDs: [String] = []
  private(set) var recoveryPasswords: [Held] = []
  private(set) var userPasswords: [String: [Held]] = [:]

  package init() {}

  /// How many secrets and instance ids there are.
  package var secretCount: Int { secrets.count }
  package var instanceIDCount: Int { instanceIDs.count }
  package var hasRecoveryPassword: Bool { !recoveryPasswords.isEmpty }

  /// Adds a `secret` of config.php; the first one added counts as the configured one. An empty one is no secret.
  package mutating func add(secret: consuming SecretBytes) {
    if secret.count > 0 { secrets.append(Held(secret)) }
  }

  /// Adds an `instanceid`; the first one added counts as the configured one, further ones come from the names of
  /// `appdata_…` folders. Empty and repeated ones are left out.
  package mutating func add(instanceID: String) {
    if !instanceID.isEmpty, !instanceIDs.contains(instanceID) { instanceIDs.append(instanceID) }
  }

  /// Adds a password that the recovery key may open with.
  package mutating func add(recoveryPassword: consuming SecretBytes) {
    recoveryPasswords.append(Held(recoveryPassword))
  }

  /// Adds a password that a user's private key may open with.
  package mutating func add(password: consuming SecretBytes, ofUser uid: String) {
    userPasswords[uid, default: []].append(Held(password))
  }

  /// The same secrets and passwords, with one more instance id.
  package borrowing func adding(instanceID: String) -> KeyMaterial {
    var copy = withoutPasswords()
    copy.recoveryPasswords = recoveryPasswords
    copy.userPasswords = userPasswords
    copy.add(instanceID: instanceID)
    return copy
  }

  /// The same secrets and instance ids: what needs a password is locked with it, and what fails is damaged.
  package borrowing func withoutPasswords() -> KeyMaterial {
    var copy = KeyMaterial()
    copy.secrets = secrets
    copy.instanceIDs = instanceIDs
    return copy
  }
}
