internal import COpenSSL
internal import SecretMemory

/// The buffers and contexts of libcrypto that one worker decrypts with, used again for every block and file.
///
/// All unsafe code of decrypting is here. It is safe because every offset is compared with the size of what it points
/// into before it is used, and nothing of the buffers is lent for longer than a closure runs. What is not possible
/// gives `false` or `nil`, never a trap.
///
/// The digests are libcrypto's low-level ones and HMAC is composed of them: the key of the HMAC is new for every block,
/// and setting up a context for each costs more than a tenth of the block.
@safe
final class BlockEngine {
  /// In bytes; a multiple of a block. Small enough to stay in the cache of a core between reading and decrypting, and
  /// large enough that what a system call costs beside copying does not matter: half of it takes a tenth longer to read.
  static let inputCount = 64 * ContentBlock.count
  /// The longest file key; longer ones were never written.
  static let longestKey = 64
  private static let slotLimit = 32

  /// Where things lie in `secrets`; multiples of 64, so that everything is aligned.
  private enum Place {
    static let slots = 0
    static let message = slots + slotLimit * longestKey
    static let signatureKey = message + 192
    static let pad = signatureKey + 64
    static let digest = pad + 64
    static let sha256 = digest + 64
    static let sha512 = sha256 + 128
    static let rc4 = sha512 + 256
    static let encoded = rc4 + 256
    static let unpadded = encoded + modulusLimit
    static let end = unpadded + modulusLimit
  }

  /// In bytes; 16,384 bits.
  private static let modulusLimit = 2048

  /// File keys, signature keys and digest states: guarded and wiped.
  private let secrets: SecretBytes
  private let base: UnsafeMutableRawPointer
  private let input: UnsafeMutableRawBufferPointer
  private let plain: UnsafeMutableRawBufferPointer
  private let cipherContext: OpaquePointer
  private var ciphers: [LibCrypto.Cipher: Algorithm] = [:]
  private var keyContexts: [ObjectIdentifier: KeyContext] = [:]
  private var slotCounts: [Int] = []
  private var messageKeyCount = 0

  /// How many bytes of `input` hold what was read, and from which offset of the file.
  private(set) var loaded = 0
  private var loadedOffset: Int64 = 0

  init() throws(ContentError) {
    guard let context = unsafe EVP_CIPHER_CTX_new() else { throw .unavailable("libcrypto has no memory") }
    var secrets: SecretBytes
    do throws(LibCrypto.Unavailable) { secrets = try LibCrypto.memory(Place.end) } catch {
      unsafe EVP_CIPHER_CTX_free(context)
      throw .unavailable(error.problem)
    }
    // The allocation does not move while `secrets` lives, and `self` owns it.
    guard let base = unsafe secrets.withUnsafeMutableBytes({ $0.baseAddress }) else {
      unsafe EVP_CIPHER_CTX_free(context)
      throw .unavailable("there is no guarded memory")
    }
    unsafe self.base = base
    self.secrets = secrets
    unsafe cipherContext = context
    unsafe input = .allocate(byteCount: Self.inputCount, alignment: 64)
    unsafe plain = .allocate(byteCount: ContentBlock.count, alignment: 64)
  }

  deinit {
    unsafe EVP_CIPHER_CTX_free(cipherContext)
    unsafe input.deallocate()
    unsafe plain.deallocate()
  }

  // MARK: Reading

  /// Fills the input with up to `count` bytes from an offset of the file.
  func load(_ source: any ContentSource, at offset: Int64, count: Int = inputCount) throws -> Int {
    loaded = 0
    loadedOffset = offset
    let target = unsafe UnsafeMutableRawBufferPointer(rebasing: input[0..<min(max(count, 0), Self.inputCount)])
    guard target.count > 0 else { return 0 }
    loaded = unsafe min(max(try source.read(at: offset, into: target), 0), target.count)
    return loaded
  }

  /// Where a range of the file lies in the input; `nil` when not all of it is there.
  func place(of offset: Int64, count: Int) -> Int? {
    let (distance, overflow) = offset.subtractingReportingOverflow(loadedOffset)
    guard !overflow, distance >= 0, count >= 0, distance <= Int64(loaded - min(count, loaded)), count <= loaded else {
      return nil
    }
    return Int(distance)
  }

  /// Lends a part of what was read; an empty span where the range is not all there.
  func withInput<Result>(_ range: Range<Int>, _ body: (RawSpan) throws -> Result) rethrows -> Result {
    let isThere = range.lowerBound >= 0 && range.upperBound <= loaded
    let part =
      unsafe isThere ? UnsafeRawBufferPointer(rebasing: input[range]) : UnsafeRawBufferPointer(start: nil, count: 0)
    return try unsafe body(part.bytes)
  }

  /// Lends the plaintext of the block that was decrypted last.
  func withPlain<Result>(_ count: Int, _ body: (RawSpan) throws -> Result) rethrows -> Result {
    try unsafe body(UnsafeRawBufferPointer(rebasing: plain[0..<min(max(count, 0), plain.count)]).bytes)
  }

  // MARK: File keys

  /// Forgets the file keys of the last file.
  func forgetKeys() {
    unsafe wipe(base, Place.rc4 + 256)
    slotCounts.removeAll(keepingCapacity: true)
  }

  private func wipe(_ start: UnsafeMutableRawPointer, _ count: Int) {
    unsafe OPENSSL_cleanse(start, count)
  }

  /// Decrypts a share key and adds the file keys that it can stand for: by OAEP, and by PKCS#1 v1.5 and RC4.
  ///
  /// One RSA operation without padding serves both, and the paddings are looked at here: newer versions of OpenSSL
  /// answer a wrong PKCS#1 v1.5 padding with random bytes. A padding that fits proves nothing; the caller asks a signature.
  ///
  /// - Parameter includingKnown: whether to return also the slots of keys that were there before.
  /// - Returns: the slots of the keys.
  func addKeys(
    from key: KeyRing.HeldKey, shareKey: [UInt8], fileKey: [UInt8]?, includingKnown: Bool = false
  ) -> [Int] {
    let modulus = key.key.modulusCount
    guard modulus > 0, modulus <= Self.modulusLimit, shareKey.count == modulus,
      let context = keyContext(of: key)
    else { return [] }
    defer {
      unsafe wipe(base + Place.encoded, 2 * Self.modulusLimit)
      ERR_clear_error()
    }
    let encoded = unsafe (base + Place.encoded).assumingMemoryBound(to: UInt8.self)
    let unpadded = unsafe (base + Place.unpadded).assumingMemoryBound(to: UInt8.self)
    var count = Self.modulusLimit
    guard unsafe EVP_PKEY_decrypt(context.pointer, encoded, &count, shareKey, shareKey.count) == 1, count == modulus
    else {
      return []
    }
    let size = Int32(clamping: modulus)
    var added: [Int] = []
    let oaep = Int(unsafe RSA_padding_check_PKCS1_OAEP(unpadded, size, encoded, size, size, nil, 0))
    if (16...Self.longestKey).contains(oaep),
      let slot = unsafe add(UnsafeRawPointer(unpadded), oaep, orKnown: includingKnown)
    {
      added.append(slot)
    }
    if let fileKey, (16...Self.longestKey).contains(fileKey.count) {
      // OpenSSL's envelope with RC4 has a key of 16 bytes.
      let envelope = Int(unsafe RSA_padding_check_PKCS1_type_2(unpadded, size, encoded, size, size))
      if envelope == 16 {
        let state = unsafe (base + Place.rc4).assumingMemoryBound(to: UInt8.self)
        unsafe RC4.apply(key: unpadded, keyCount: 16, fileKey, state: state, into: unpadded + 64)
        if let slot = unsafe add(UnsafeRawPointer(unpadded + 64), fileKey.count, orKnown: includingKnown) {
          added.append(slot)
        }
      }
    }
    return added
  }

  private func keyContext(of key: KeyRing.HeldKey) -> KeyContext? {
    if let known = keyContexts[ObjectIdentifier(key)] { return known }
    if keyContexts.count >= 64 { keyContexts.removeAll() }
    let context = KeyContext(key)
    keyContexts[ObjectIdentifier(key)] = context
    return context
  }

  private func add(_ key: UnsafeRawPointer, _ count: Int, orKnown: Bool = false) -> Int? {
    for slot in slotCounts.indices where slotCounts[slot] == count {
      let known = unsafe base + Place.slots + slot * Self.longestKey
      if unsafe CRYPTO_memcmp(known, key, count) == 0 { return orKnown ? slot : nil }
    }
    guard slotCounts.count < Self.slotLimit else { return nil }
    let slot = unsafe base + Place.slots + slotCounts.count * Self.longestKey
    unsafe slot.copyMemory(from: key, byteCount: count)
    slotCounts.append(count)
    return slotCounts.count - 1
  }

  /// Whether a file key is base64 text, as those of ownCloud 8.0 and before are.
  func isTextKey(_ slot: Int) -> Bool {
    guard slotCounts.indices.contains(slot), slotCounts[slot] == 44 else { return false }
    let key = unsafe (base + Place.slots + slot * Self.longestKey).assumingMemoryBound(to: UInt8.self)
    return (0..<44).allSatisfy { unsafe (0x2b...0x7a).contains(key[$0]) }
  }

  /// Takes a file key for the blocks that follow: its first bytes for the cipher, all of it for signatures.
  func select(_ slot: Int, _ cipher: LibCrypto.Cipher) -> Bool {
    guard slotCounts.indices.contains(slot), let algorithm = algorithm(cipher) else { return false }
    let count = slotCounts[slot]
    let key = unsafe base + Place.slots + slot * Self.longestKey
    unsafe (base + Place.message).copyMemory(from: key, byteCount: count)
    messageKeyCount = count
    // A key that is shorter than the cipher's is followed by zeros: slots are wiped as a whole.
    return unsafe EVP_DecryptInit_ex2(
      cipherContext, algorithm.pointer, key.assumingMemoryBound(to: UInt8.self), nil, nil) == 1
  }

  private func algorithm(_ cipher: LibCrypto.Cipher) -> Algorithm? {
    if let known = ciphers[cipher] { return known }
    let algorithm = Algorithm(cipher)
    ciphers[cipher] = algorithm
    return algorithm
  }

  /// Adds a file key that is known.
  func add(_ key: RawSpan) -> Int? {
    guard (1...Self.longestKey).contains(key.byteCount) else { return nil }
    return unsafe key.withUnsafeBytes { bytes in unsafe bytes.baseAddress.flatMap { unsafe add($0, bytes.count) } }
  }

  /// Takes a key that is in no slot for signatures only, to try many.
  func useForSignatures(_ key: RawSpan) -> Bool {
    guard (1...Self.longestKey).contains(key.byteCount) else { return false }
    unsafe key.withUnsafeBytes { bytes in
      if let start = bytes.baseAddress { unsafe (base + Place.message).copyMemory(from: start, byteCount: bytes.count) }
    }
    messageKeyCount = key.byteCount
    return true
  }

  /// Lends a file key.
  func withKey<Result>(_ slot: Int, _ body: (RawSpan) -> Result) -> Result? {
    guard slotCounts.indices.contains(slot) else { return nil }
    let key = unsafe UnsafeRawBufferPointer(
      start: base + Place.slots + slot * Self.longestKey, count: slotCounts[slot])
    return unsafe body(key.bytes)
  }

  // MARK: Blocks

  /// Whether the signature of a block in the input fits a version and a position.
  ///
  /// - Parameter offset: of the block in the input.
  func signatureFits(_ block: ContentBlock, at offset: Int, _ position: SignaturePosition) -> Bool {
    guard block.isSigned, offset >= 0, offset + block.count <= loaded, block.ciphertextCount > 0,
      position.index >= 0, position.version >= 0
    else { return false }
    let start = unsafe UnsafeRawPointer(input.baseAddress.unsafelyUnwrapped) + offset
    let message = unsafe (base + Place.message).assumingMemoryBound(to: UInt8.self)
    // key ‖ suffix ‖ "a": 64 + 1 + 19 + 1 + 19 + 3 + 1 bytes at most, and there is room for 192.
    var end = messageKeyCount
    func put(_ byte: UInt8) {
      unsafe message[end] = byte
      end += 1
    }
    func put(decimal value: UInt64) {
      var divisor: UInt64 = 1
      while value / divisor >= 10 { divisor *= 10 }
      while divisor > 0 {
        put(0x30 + UInt8(truncatingIfNeeded: value / divisor % 10))
        divisor /= 10
      }
    }
    if !position.isOldStyle { put(0x5f) }
    put(decimal: UInt64(position.version))
    if !position.isOldStyle { put(0x5f) }
    put(decimal: UInt64(position.index))
    if position.isEnd {
      put(0x65)
      put(0x6e)
      put(0x64)
    }
    put(0x61)

    let sha512 = unsafe (base + Place.sha512).assumingMemoryBound(to: SHA512_CTX.self)
    let sha256 = unsafe (base + Place.sha256).assumingMemoryBound(to: SHA256_CTX.self)
    let signatureKey = unsafe (base + Place.signatureKey).assumingMemoryBound(to: UInt64.self)
    let pad = unsafe (base + Place.pad).assumingMemoryBound(to: UInt64.self)
    let digest = unsafe (base + Place.digest).assumingMemoryBound(to: UInt8.self)
    unsafe SHA512_Init(sha512)
    unsafe SHA512_Update(sha512, message, end)
    unsafe SHA512_Final((base + Place.signatureKey).assumingMemoryBound(to: UInt8.self), sha512)
    // HMAC (RFC 2104): the key has exactly the 64 bytes of a block of SHA-256.
    for word in 0..<8 { unsafe pad[word] = signatureKey[word] ^ 0x3636_3636_3636_3636 }
    unsafe SHA256_Init(sha256)
    unsafe SHA256_Update(sha256, pad, 64)
    unsafe SHA256_Update(sha256, start, block.ciphertextCount)
    unsafe SHA256_Final(digest, sha256)
    for word in 0..<8 { unsafe pad[word] = signatureKey[word] ^ 0x5c5c_5c5c_5c5c_5c5c }
    unsafe SHA256_Init(sha256)
    unsafe SHA256_Update(sha256, pad, 64)
    unsafe SHA256_Update(sha256, digest, 32)
    unsafe SHA256_Final(digest, sha256)
    // Nextcloud compares texts, so a capital letter would not do.
    let written = unsafe (start + block.signatureOffset).assumingMemoryBound(to: UInt8.self)
    var difference: UInt8 = 0
    for index in 0..<32 {
      let byte = unsafe digest[index]
      unsafe difference |= Self.hexDigit(byte >> 4) ^ written[2 * index]
      unsafe difference |= Self.hexDigit(byte & 0xf) ^ written[2 * index + 1]
    }
    return difference == 0
  }

  @inline(__always)
  private static func hexDigit(_ value: UInt8) -> UInt8 { value &+ (value < 10 ? 0x30 : 0x57) }

  /// Decrypts a block in the input with the selected key.
  ///
  /// - Returns: the length of the plaintext, which `withPlain` lends; `nil` where the ciphertext should be base64 text and
  ///   is none.
  func decrypt(_ block: ContentBlock, at offset: Int, isBinary: Bool) -> Int? {
    guard offset >= 0, block.count <= ContentBlock.count, offset + block.count <= loaded, block.ciphertextCount > 0
    else { return nil }
    let start = unsafe UnsafeRawPointer(input.baseAddress.unsafelyUnwrapped) + offset
    let iv = unsafe (start + block.ivOffset).assumingMemoryBound(to: UInt8.self)
    let output = unsafe plain.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: UInt8.self)
    var ciphertext = unsafe start.assumingMemoryBound(to: UInt8.self)
    var count = block.ciphertextCount
    if !isBinary {
      // In place: libcrypto decrypts from and to the same bytes.
      guard let decoded = unsafe Base64Text.decode(ciphertext, count, into: output) else { return nil }
      unsafe ciphertext = UnsafePointer(output)
      count = decoded
    }
    var written: Int32 = 0
    guard unsafe EVP_CipherInit_ex2(cipherContext, nil, nil, iv, -1, nil) == 1,
      unsafe EVP_DecryptUpdate(cipherContext, output, &written, ciphertext, Int32(truncatingIfNeeded: count)) == 1,
      Int(written) == count
    else { return nil }
    return count
  }
}

/// A context of libcrypto that decrypts with one private key and leaves the padding alone; one for each worker.
@safe
private final class KeyContext {
  let pointer: OpaquePointer
  /// A context does not keep its key.
  private let key: KeyRing.HeldKey

  init?(_ key: KeyRing.HeldKey) {
    let made = unsafe key.key.withPointer { pointer -> OpaquePointer? in
      guard let context = unsafe EVP_PKEY_CTX_new_from_pkey(nil, pointer, nil) else { return nil }
      guard unsafe EVP_PKEY_decrypt_init(context) == 1,
        unsafe EVP_PKEY_CTX_set_rsa_padding(context, RSA_NO_PADDING) == 1
      else {
        unsafe EVP_PKEY_CTX_free(context)
        return nil
      }
      return unsafe context
    }
    guard let made = unsafe made else { return nil }
    unsafe pointer = made
    self.key = key
  }

  deinit { unsafe EVP_PKEY_CTX_free(pointer) }
}

/// A cipher of libcrypto, fetched once: fetching takes longer than a small block.
@safe
private final class Algorithm {
  let pointer: OpaquePointer

  init?(_ cipher: LibCrypto.Cipher) {
    // A CFB without a number is CFB128 to OpenSSL too.
    guard let fetched = unsafe EVP_CIPHER_fetch(nil, cipher.rawValue, nil) else { return nil }
    unsafe pointer = fetched
  }

  deinit { unsafe EVP_CIPHER_free(pointer) }
}
