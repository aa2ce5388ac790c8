internal import CSodium
public import SecretMemory

/// The work factors of scrypt stanzas: the base-two logarithm of scrypt's N.
///
/// With r = 8, as age has it, 18 takes 256 MiB and about a second, 22 takes 4 GiB.
public enum ScryptWorkFactor {
  /// What is written unless asked otherwise, as age does.
  public static let standard = 18
  /// What is read at most unless asked otherwise, as age does.
  public static let limit = 22
  /// What can be asked for at all.
  public static let range = 1...30
}

/// Encrypts a file to a passphrase. Its stanza must be the only one of the file.
public struct ScryptRecipient: ~Copyable, Recipient {
  private let passphrase: Passphrase
  private let workFactor: Int

  /// - Parameters:
  ///   - passphrase: the bytes as they are, one or more; age normalises nothing.
  ///   - workFactor: 1 … 30; other implementations refuse more than 22.
  /// - Throws: `AgeError.misuse` for an empty passphrase or a work factor out of range.
  public init(passphrase: borrowing SecretBytes, workFactor: Int = ScryptWorkFactor.standard) throws(AgeError) {
    let own = try Passphrase(passphrase, workFactor: workFactor)
    self.passphrase = own
    self.workFactor = workFactor
  }

  public borrowing func wrap(_ fileKey: borrowing FileKey) throws(AgeError) -> [Stanza] {
    let salt = try guarded { () throws(SecretMemoryError) in try Randomness.bytes(count: Passphrase.saltCount) }
    let body = try passphrase.wrapKey(salt: salt, workFactor: workFactor).wrap(fileKey)
    let arguments = [String(decoding: Base64.encode(salt), as: UTF8.self), String(workFactor)]
    return [try Stanza(type: Passphrase.stanzaType, arguments: arguments, body: body)]
  }
}

/// Opens a file with a passphrase.
public struct ScryptIdentity: ~Copyable, Identity {
  private let passphrase: Passphrase
  private let workFactorLimit: Int

  /// - Parameters:
  ///   - passphrase: the bytes as they are, one or more.
  ///   - workFactorLimit: 1 … 30; a file that asks for more work is refused before any.
  /// - Throws: `AgeError.misuse` for an empty passphrase or a limit out of range.
  public init(passphrase: borrowing SecretBytes, workFactorLimit: Int = ScryptWorkFactor.limit) throws(AgeError) {
    let own = try Passphrase(passphrase, workFactor: workFactorLimit)
    self.passphrase = own
    self.workFactorLimit = workFactorLimit
  }

  public borrowing func unwrap(_ stanzas: [Stanza]) throws(AgeError) -> FileKey? {
    guard let stanza = stanzas.first(where: { $0.type == Passphrase.stanzaType }) else { return nil }
    // Whoever knows the passphrase made the file: no second stanza may weaken that (age, "scrypt recipient stanza").
    guard stanzas.count == 1 else { throw .header("a scrypt stanza must be the only one") }
    try stanza.check(arguments: 2)
    let salt = try stanza.decodedArgument(0, count: Passphrase.saltCount)
    let workFactor = try workFactor(stanza.arguments[1])
    return try passphrase.wrapKey(salt: salt, workFactor: workFactor).unwrap(stanza.body)
  }

  /// `[1-9][0-9]*`, up to the limit.
  private borrowing func workFactor(_ text: String) throws(AgeError) -> Int {
    let digits = text.utf8
    guard digits.allSatisfy({ (0x30...0x39).contains($0) }), digits.first != 0x30 else {
      throw .header("the work factor of the scrypt stanza is no decimal number")
    }
    // A number too long for an Int is above any limit.
    guard let workFactor = Int(text), workFactor <= workFactorLimit else {
      throw .header("the scrypt stanza asks for more work than the accepted 2^\(workFactorLimit)")
    }
    return workFactor
  }
}

extension Header {
  /// Whether a scrypt stanza stands beside another.
  static func mixesPassphrase(_ stanzas: [Stanza]) -> Bool {
    stanzas.count > 1 && stanzas.contains { $0.type == Passphrase.stanzaType }
  }
}

/// A passphrase, and the keys that scrypt derives from it.
private struct Passphrase: ~Copyable {
  static let stanzaType = "scrypt"
  static let saltCount = 16

  private let bytes: SecretBytes

  init(_ passphrase: borrowing SecretBytes, workFactor: Int) throws(AgeError) {
    guard passphrase.count > 0 else { throw .misuse("the passphrase is empty") }
    guard ScryptWorkFactor.range.contains(workFactor) else {
      throw .misuse("a scrypt work factor of \(workFactor); 1 to 30 are possible")
    }
    self.bytes = try passphrase.duplicated()
  }

  /// scrypt (RFC 7914) with r = 8 and p = 1.
  ///
  /// - Parameter workFactor: 1 … 30.
  borrowing func wrapKey(salt: [UInt8], workFactor: Int) throws(AgeError) -> DerivedKey {
    let labelledSalt = Array("age-encryption.org/v1/scrypt".utf8) + salt
    var key = try guarded { () throws(SecretMemoryError) in try SecretBytes(zeroed: DerivedKey.count) }
    let status = unsafe key.withMutableAddress { key in
      unsafe bytes.withAddress { passphrase in
        unsafe crypto_pwhash_scryptsalsa208sha256_ll(
          passphrase, bytes.count, labelledSalt, labelledSalt.count, 1 << UInt64(workFactor), 8, 1, key,
          DerivedKey.count)
      }
    }
    guard status == 0 else { throw .memory(.outOfMemory(bytes: 1 << (workFactor + 10))) }
    return DerivedKey(unchecked: key)
  }
}
