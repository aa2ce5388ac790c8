internal import COpenSSL
internal import SecretMemory

/// The secrets of an instance, ready to unwrap thousands of share keys: what ICrypto derives from a secret is derived
/// once, since 1,000 rounds of PBKDF2 for each file would cost a tenth of its RSA operation.
///
/// What comes out of it is not guarded: a share key is RSA ciphertext, and a `fileKey` is RC4 ciphertext.
final class WrappingSecrets: Sendable {
  /// Why a key file of a content file cannot be used, in plain words.
  struct Failure: Error {
    let because: String
  }

  /// Where the keys derived from one input lie in `derived`: 128 bytes of MAC key, then 16 of AES key.
  private struct Pair: Sendable {
    let macKey: Int
    let aesKey: Int
  }

  private static let macCount = 128
  private static let aesCount = 16
  private static let step = macCount + aesCount
  /// More layers than any migration leaves are refused, so that a crafted file costs little.
  private static let deepest = 4

  /// Everything derived, one after the other; written in `init` only.
  private let derived: HeldForReading
  private let older: [Pair]
  private let newer: [Pair]
  private let empty: Pair
  /// How many secrets there are.
  let count: Int

  init(_ material: borrowing KeyMaterial) throws(LibCrypto.Unavailable) {
    count = material.secretCount
    var all = try LibCrypto.memory((2 * material.secretCount + 1) * Self.step)
    var used = 0
    var older: [Pair] = []
    var newer: [Pair] = []
    for held in material.secrets {
      older.append(try Self.add(held.bytes, held.bytes, to: &all, at: &used))
      let both = try LibCrypto.hkdf64(held.bytes)
      let (aesInput, macInput) = try both.withBytes { (both) throws(LibCrypto.Unavailable) in
        (Held(try LibCrypto.copy(both.extracting(0..<32))), Held(try LibCrypto.copy(both.extracting(32..<64))))
      }
      newer.append(try Self.add(macInput.bytes, aesInput.bytes, to: &all, at: &used))
    }
    let nothing = try LibCrypto.memory(0)
    empty = try Self.add(nothing, nothing, to: &all, at: &used)
    self.older = older
    self.newer = newer
    derived = HeldForReading(all)
  }

  private static func add(
    _ macInput: borrowing SecretBytes, _ aesInput: borrowing SecretBytes, to all: inout SecretBytes, at used: inout Int
  ) throws(LibCrypto.Unavailable) -> Pair {
    let mac = try ICryptoText.macKey(macInput)
    let aes = try ICryptoText.aesKey(aesInput)
    let offset = used
    all.withMutableBytes { all in
      mac.withBytes { mac in
        for index in 0..<macCount {
          all.storeBytes(of: mac.byte(index), toByteOffset: offset + index, as: UInt8.self)
        }
      }
      aes.withBytes { aes in
        for index in 0..<aesCount {
          all.storeBytes(of: aes.byte(index), toByteOffset: offset + macCount + index, as: UInt8.self)
        }
      }
    }
    used += step
    return Pair(macKey: offset, aesKey: offset + macCount)
  }

  /// A share key or `fileKey` without its wrapping, and which secret unwrapped it; nil for a raw file.
  ///
  /// - Parameter rawCounts: the lengths that a raw file can have; one of another length is damaged.
  func unwrap(_ bytes: [UInt8], rawCounts: [Int]) throws(Failure) -> (content: [UInt8], secretIndex: Int?) {
    guard !bytes.isEmpty else { throw Failure(because: "the key file is empty") }
    var content = bytes
    var secretIndex: Int?
    for _ in 0...Self.deepest {
      // A raw share key can contain the separators of a wrapped one by chance; only the whole pattern counts.
      guard let text = unsafe ICryptoText(content.span.bytes) else {
        if rawCounts.contains(content.count) { return (content, secretIndex) }
        let isCut = unsafe ICryptoText.looksTruncated(content.span.bytes)
        throw Failure(
          because: secretIndex != nil
            ? "what is wrapped in the key file is no key"
            : isCut ? "the key file is truncated or damaged" : "the key file is damaged: it has \(bytes.count) bytes")
      }
      let (plaintext, index) = try open(text)
      secretIndex = max(secretIndex ?? 0, index)
      content = plaintext
    }
    throw Failure(because: "the key file is wrapped more than \(Self.deepest) times")
  }

  private func open(_ text: ICryptoText) throws(Failure) -> (content: [UInt8], secretIndex: Int) {
    var macFits = false
    let isOlder = text.version == .version1 || text.version == .version2
    for index in 0..<count {
      let pair = isOlder ? older[index] : newer[index]
      // What was written while there was no secret is encrypted under "", with the MAC under the secret or under "".
      let ways = isOlder ? [(pair, pair), (pair, empty), (empty, empty)] : [(pair, pair)]
      for (mac, aes) in ways {
        guard fits(text, mac) else { continue }
        macFits = true
        if let content = decrypt(text, aes) { return (content, index) }
      }
    }
    throw Failure(
      because: macFits
        ? "what is wrapped in the key file is damaged"
        : count == 0
          ? "the key file is wrapped with the instance's secret, and there is none"
          : count == 1 ? "the secret does not unwrap the key file" : "none of the \(count) secrets unwraps the key file"
    )
  }

  private func fits(_ text: ICryptoText, _ pair: Pair) -> Bool {
    derived.withBytes { derived in
      text.macFits(key: derived.extracting(pair.macKey..<(pair.macKey + Self.macCount)))
    }
  }

  private func decrypt(_ text: ICryptoText, _ pair: Pair) -> [UInt8]? {
    let plaintext = derived.withBytes { derived in
      text.decryptUnguarded(key: derived.extracting(pair.aesKey..<(pair.aesKey + Self.aesCount)))
    }
    guard let plaintext else { return nil }
    return unsafe WrappedKeyRecord.unguardedKey(in: plaintext.span.bytes)
  }
}

/// Secret bytes that are only read once they stand here, which any number of tasks can do at once.
final class HeldForReading: Sendable {
  // Nothing changes it after `init`, and lending for reading touches nothing but the bytes.
  nonisolated(unsafe) private let bytes: SecretBytes

  init(_ bytes: consuming SecretBytes) { unsafe self.bytes = bytes }

  func withBytes<Result>(_ body: (RawSpan) -> Result) -> Result { unsafe bytes.withBytes(body) }
}
