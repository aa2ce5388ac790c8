package import NextcloudKeys
internal import SecretMemory

/// Why a key file cannot be used, or not without a password.
package struct KeyFailure: Error, Equatable {
  package let wrapping: KeyWrapping
  /// How it is encrypted below the wrapping, as far as that could be read.
  package let format: String?
  /// Whether all that is wrong is that its password was not given.
  package let isLocked: Bool
  /// The reason, in plain words.
  package let because: String

  init(_ wrapping: KeyWrapping, format: String? = nil, isLocked: Bool = false, _ because: String) {
    self.wrapping = wrapping
    self.format = format
    self.isLocked = isLocked
    self.because = because
  }

  init(_ wrapping: KeyWrapping, format: String? = nil, _ unavailable: LibCrypto.Unavailable) {
    self.init(wrapping, format: format, "it could not be tried: \(unavailable.problem)")
  }
}

/// A key file without its ICrypto wrapping.
struct UnwrappedKey: ~Copyable {
  /// An encrypted private key, or a public key as PEM.
  let content: SecretBytes
  let wrapping: KeyWrapping
  /// Which of the secrets unwrapped it; 0 is the configured one. Absent for a raw file.
  let secretIndex: Int?

  /// More layers than any migration leaves are refused, so that a crafted file costs little.
  private static let deepest = 4

  /// - Parameters:
  ///   - bytes: as on disk.
  ///   - place: whose key it should be; a record that names another owner is refused, as Nextcloud refuses it.
  init(
    _ bytes: [UInt8], at place: KeyPlace, with material: borrowing KeyMaterial
  ) throws(KeyFailure) {
    guard !bytes.isEmpty else { throw KeyFailure(.raw, "the file is empty") }
    var content: SecretBytes
    do { content = try unsafe LibCrypto.copy(bytes.span.bytes) } catch { throw KeyFailure(.unreadable, error) }
    var wrapping = KeyWrapping.raw
    var secretIndex: Int?
    var depth = 0
    while let text = content.withBytes({ ICryptoText($0) }) {
      depth += 1
      wrapping = depth == 1 ? text.version.wrapping : .double
      guard depth <= Self.deepest else { throw KeyFailure(.double, "it is wrapped more than \(Self.deepest) times") }
      let (plaintext, index) = try Self.open(text, wrapping, with: material)
      secretIndex = max(secretIndex ?? 0, index)
      content = try Self.key(in: plaintext.bytes, wrapping, at: place)
    }
    guard content.count > 0 else { throw KeyFailure(wrapping, "what is wrapped in it is empty") }
    let isWrapped = wrapping != .raw
    let isTruncated = content.withBytes { ICryptoText.looksTruncated($0) && !PrivateKeyBlob.canBeHeaderless($0) }
    if isTruncated {
      throw KeyFailure(.unreadable, "truncated: it begins like a wrapped key, and its end is missing or damaged")
    }
    let isKey = content.withBytes {
      $0.starts(with: "HBEGIN:") || $0.starts(with: "-----BEGIN ") || PrivateKeyBlob.canBeHeaderless($0)
    }
    guard isKey else {
      throw KeyFailure(
        isWrapped ? wrapping : .unreadable,
        isWrapped
          ? "what is wrapped in it is no key" : "damaged: it is neither wrapped with the secret nor a key as it is")
    }
    self.content = content
    self.wrapping = wrapping
    self.secretIndex = secretIndex
  }

  private static func open(
    _ text: ICryptoText, _ wrapping: KeyWrapping, with material: borrowing KeyMaterial
  ) throws(KeyFailure) -> (plaintext: Held, secretIndex: Int) {
    guard material.secretCount > 0 else {
      throw KeyFailure(wrapping, "it is wrapped with the instance's secret, and config.php has none")
    }
    var contentFailed = false
    for index in 0..<material.secretCount {
      do {
        let plaintext = try text.open(secret: material.secrets[index].bytes) {
          $0.starts(with: "{\"") || $0.starts(with: "HBEGIN:") || $0.starts(with: "-----BEGIN ")
            || ICryptoText($0) != nil
        }
        return (Held(plaintext), index)
      } catch {
        switch error {
        case .mac: continue
        case .content: contentFailed = true
        case .unavailable(let unavailable): throw KeyFailure(wrapping, unavailable)
        }
      }
    }
    if contentFailed { throw KeyFailure(wrapping, "the secret unwraps it, but what is in it is no key") }
    throw KeyFailure(
      wrapping,
      material.secretCount == 1
        ? "the secret in config.php does not unwrap it" : "none of the \(material.secretCount) secrets unwraps it")
  }

  private static func key(
    in plaintext: borrowing SecretBytes, _ wrapping: KeyWrapping, at place: KeyPlace
  ) throws(KeyFailure) -> SecretBytes {
    do {
      return try plaintext.withBytes { (plaintext) throws in
        guard plaintext.starts(with: "{") else { return try LibCrypto.copy(plaintext) }
        guard let record = try WrappedKeyRecord(plaintext) else {
          throw KeyFailure(wrapping, "what is wrapped in it is damaged")
        }
        if let reason = wrongOwner(record.owner, at: place) { throw KeyFailure(wrapping, reason) }
        return try record.key.withBytes { (key) throws in try LibCrypto.copy(key) }
      }
    } catch let failure as KeyFailure {
      throw failure
    } catch let unavailable as LibCrypto.Unavailable {
      throw KeyFailure(wrapping, unavailable)
    } catch {
      throw KeyFailure(wrapping, "it could not be tried: \(error)")
    }
  }

  /// Nextcloud: "Key has been modified".
  private static func wrongOwner(_ owner: WrappedKeyRecord.Owner, at place: KeyPlace) -> String? {
    switch (owner, place.role) {
    case (.system, .master), (.system, .publicShare), (.system, .recovery): nil
    case (.user(let uid), .user) where uid == place.id: nil
    case (.absent, _): "it names no owner, and Nextcloud refuses it as modified; an unfinished migration leaves it so"
    case (.user(let uid), _): "it was written for the user \"\(Printable.text(uid))\", and Nextcloud refuses it here"
    case (.system, .user): "it was written for the instance itself, and Nextcloud refuses it as a user's key"
    }
  }
}
