package import NextcloudKeys
internal import SecretMemory

/// A private key that opened, and how.
package struct KeyUnlocking: ~Copyable {
  package let key: UnlockedKey
  package let wrapping: KeyWrapping
  /// `AES-256-CTR, hash2, binary`.
  package let format: String
  /// Which secret or instance id fitted, when it was not the configured one.
  package let note: String?

  /// Opens a private key file. The same code serves a live instance before sealing and an opened bundle.
  ///
  /// The order is Nextcloud's: the secret unwraps the file and its MAC is checked before anything is decrypted; the key
  /// of the blob is derived and its signature checked, where it has one; what comes out must be an RSA private key.
  ///
  /// - Throws: `KeyFailure`; with `isLocked` when only a password is missing.
  package init(_ file: KeyFile, with material: borrowing KeyMaterial) throws(KeyFailure) {
    guard let place = file.place, place.half == .privateKey else {
      throw KeyFailure(.unreadable, "by its name it is no private key file")
    }
    let unwrapped = try UnwrappedKey(file.bytes, at: place, with: material)
    let wrapping = unwrapped.wrapping
    let blob: PrivateKeyBlob
    switch unwrapped.content.withBytes({ content in
      Result { () throws(PrivateKeyBlob.Malformed) in try PrivateKeyBlob(content) }
    }) {
    case .success(let parsed): blob = parsed
    case .failure(let malformed): throw KeyFailure(wrapping, malformed.why)
    }
    let opened = try Self.open(blob, at: place, wrapping, with: material)
    var notes: [String] = []
    if let index = unwrapped.secretIndex, index > 0 {
      notes.append("secret \(index + 1) of \(material.secretCount) unwraps it, not the one in config.php")
    }
    if let note = opened.note { notes.append(note) }
    self.key = opened.key
    self.wrapping = wrapping
    self.format = blob.formatName
    self.note = notes.isEmpty ? nil : notes.joined(separator: "; ")
  }

  private struct Opened: ~Copyable {
    let key: UnlockedKey
    let note: String?
  }

  /// One way in which the key of a blob may have been derived.
  private struct Candidate {
    let password: Held
    let secret: Held
    let secretIndex: Int
    let instanceID: String
    let instanceIndex: Int
  }

  private static func open(
    _ blob: PrivateKeyBlob, at place: KeyPlace, _ wrapping: KeyWrapping, with material: borrowing KeyMaterial
  ) throws(KeyFailure) -> Opened {
    let format = blob.formatName
    do {
      guard try blob.looksWhole() else {
        throw KeyFailure(wrapping, format: format, "truncated: it is too short for a private key, or no base64 text")
      }
      for candidate in try candidates(blob, at: place, wrapping, with: material) {
        guard let key = try unlock(blob, at: place, wrapping, candidate) else { continue }
        var notes: [String] = []
        if candidate.instanceIndex > 0 {
          notes.append(
            "it opens with the instanceid \(Printable.text(candidate.instanceID)), not with the configured one")
        }
        if candidate.secretIndex > 0 {
          notes.append("it opens with secret \(candidate.secretIndex + 1), not with the one in config.php")
        }
        return Opened(key: key, note: notes.isEmpty ? nil : notes.joined(separator: "; "))
      }
    } catch let failure as KeyFailure {
      throw failure
    } catch let unavailable as LibCrypto.Unavailable {
      throw KeyFailure(wrapping, format: format, unavailable)
    } catch {
      throw KeyFailure(wrapping, format: format, "it could not be tried: \(error)")
    }
    throw KeyFailure(wrapping, format: format, whyNothingFits(blob, at: place, wrapping))
  }

  /// The key, or `nil` when it does not open this way.
  private static func unlock(
    _ blob: PrivateKeyBlob, at place: KeyPlace, _ wrapping: KeyWrapping, _ candidate: Candidate
  ) throws -> UnlockedKey? {
    let key = try blob.deriveKey(
      password: candidate.password.bytes, saltID: saltID(of: place), instanceID: candidate.instanceID,
      secret: candidate.secret.bytes)
    let signatureFits = try blob.signatureFits(key)
    if signatureFits == false { return nil }
    guard let pem = try blob.decrypt(key) else { return nil }
    let isAuthentic = signatureFits == true
    let unlocked = try pem.withBytes { (pem) throws(LibCrypto.Unavailable) in
      try UnlockedKey(pem: pem, isAuthentic: isAuthentic)
    }
    guard let unlocked else {
      // The signature does not cover the initialisation vector.
      guard !isAuthentic else {
        throw KeyFailure(
          wrapping, format: blob.formatName, "damaged: its signature holds, but it decrypts to no RSA private key")
      }
      return nil
    }
    return unlocked
  }

  /// Only master and user keys put an id into the salt.
  private static func saltID(of place: KeyPlace) -> String {
    switch place.role {
    case .master, .user: place.id
    case .publicShare, .recovery: ""
    }
  }

  private static func candidates(
    _ blob: PrivateKeyBlob, at place: KeyPlace, _ wrapping: KeyWrapping, with material: borrowing KeyMaterial
  ) throws -> [Candidate] {
    let nothing = Held(try LibCrypto.memory(0))
    let passwords: [Held]?
    switch place.role {
    case .master:
      guard material.secretCount > 0 else {
        throw KeyFailure(
          wrapping, format: blob.formatName, "the secret of config.php is its password, and there is none")
      }
      passwords = nil
    case .publicShare: passwords = [nothing]
    case .recovery: passwords = material.recoveryPasswords
    case .user: passwords = material.userPasswords[place.id] ?? []
    }
    if let passwords, passwords.isEmpty {
      throw KeyFailure(
        wrapping, format: blob.formatName, isLocked: true,
        place.role == .recovery ? "only the recovery password opens it" : "only the user's password opens it")
    }
    if blob.keyFormat == .password {
      // No salt: nothing but the password matters.
      return (passwords ?? material.secrets).enumerated().map { index, password in
        Candidate(
          password: password, secret: nothing, secretIndex: passwords == nil ? index : 0, instanceID: "",
          instanceIndex: 0)
      }
    }
    guard material.instanceIDCount > 0 else {
      throw KeyFailure(
        wrapping, format: blob.formatName, "its password is salted with the instanceid, and there is none")
    }
    var candidates: [Candidate] = []
    for (secretIndex, secret) in (material.secretCount > 0 ? material.secrets : [nothing]).enumerated() {
      for (instanceIndex, instanceID) in material.instanceIDs.enumerated() {
        for password in passwords ?? [secret] {
          candidates.append(
            Candidate(
              password: password, secret: secret, secretIndex: secretIndex, instanceID: instanceID,
              instanceIndex: instanceIndex))
        }
      }
    }
    return candidates
  }

  private static func whyNothingFits(_ blob: PrivateKeyBlob, at place: KeyPlace, _ wrapping: KeyWrapping) -> String {
    // What is wrapped was vouched for by a MAC; a raw file may simply be damaged.
    let damaged = wrapping == .raw ? ", or the file is damaged" : ""
    let salted = blob.keyFormat == .password ? "" : ", or instanceid or secret changed since it was written"
    return switch place.role {
    case .master: "the private key does not open: instanceid or secret changed since it was written\(damaged)"
    case .publicShare where blob.keyFormat == .password: "the private key does not open\(damaged)"
    case .publicShare: "the private key does not open: instanceid or secret changed since it was written\(damaged)"
    case .recovery: "the recovery password given does not open it\(salted)\(damaged)"
    case .user: "the password given for the user does not open it\(salted)\(damaged)"
    }
  }
}
