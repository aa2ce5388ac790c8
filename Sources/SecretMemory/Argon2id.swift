internal import CSodium

/// Argon2id version 1.3 (RFC 9106), by libsodium, with one lane.
public enum Argon2id {
  /// The cost of one derivation.
  public struct Parameters: Equatable, Sendable {
    /// The number of passes over the memory, 1 … 32.
    public let passes: Int
    /// The memory in KiB, 8 … 4,194,304 (4 GiB).
    public let memoryKiB: Int

    /// What provenkey uses unless a person asks for more: 3 passes over 256 MiB.
    public static let standard = Parameters(unchecked: 3, memoryKiB: 262_144)

    /// More than this is refused before any work: a hostile file must not take the machine's memory.
    public static let limits = (passes: 32, memoryKiB: 4 * 1024 * 1024)

    private init(unchecked passes: Int, memoryKiB: Int) {
      self.passes = passes
      self.memoryKiB = memoryKiB
    }

    /// - Throws: `SecretMemoryError.parameters` when a value is outside its range.
    public init(passes: Int, memoryKiB: Int) throws(SecretMemoryError) {
      guard passes >= 1, memoryKiB >= 8 else {
        throw .parameters("Argon2id needs at least 1 pass and 8 KiB of memory")
      }
      guard passes <= Self.limits.passes else {
        throw .parameters("Argon2id with \(passes) passes; at most \(Self.limits.passes) are accepted")
      }
      guard memoryKiB <= Self.limits.memoryKiB else {
        throw .parameters("Argon2id with \(memoryKiB / 1024) MiB of memory; at most 4 GiB are accepted")
      }
      self.init(unchecked: passes, memoryKiB: memoryKiB)
    }
  }

  /// The length of a salt in bytes.
  public static let saltCount = 16

  /// Derives a key from a passphrase.
  ///
  /// - Parameters:
  ///   - passphrase: the bytes to hash, 0 or more.
  ///   - salt: exactly 16 bytes.
  ///   - count: the length of the key in bytes, 16 or more.
  /// - Throws: `SecretMemoryError.parameters` for a salt of another length,
  ///   `SecretMemoryError.outOfMemory` when the memory cannot be had.
  public static func derive(
    passphrase: borrowing SecretBytes, salt: [UInt8], parameters: Parameters, count: Int = 32
  ) throws(SecretMemoryError) -> SecretBytes {
    guard salt.count == saltCount else {
      throw .parameters("an Argon2id salt of \(salt.count) bytes; \(saltCount) are needed")
    }
    try SodiumLibrary.start()
    var key = try SecretBytes(zeroed: count)
    try unsafe key.withUnsafeMutableBytes { (key) throws(SecretMemoryError) in
      try unsafe passphrase.withUnsafeBytes { (passphrase) throws(SecretMemoryError) in
        try unsafe salt.span.withUnsafeBytes { (salt) throws(SecretMemoryError) in
          var work = unsafe Work(key: key, passphrase: passphrase, salt: salt, parameters: parameters)
          // libsodium leaves the passphrase in the state of BLAKE2b, on the stack, as long as it works.
          try unsafe withUnsafeMutablePointer(to: &work) { (work) throws(SecretMemoryError) in
            try unsafe GuardedStack.run({ unsafe Work.run($0) }, work)
          }
          guard unsafe work.isDone else { throw .outOfMemory(bytes: parameters.memoryKiB * 1024) }
        }
      }
    }
    return key
  }

  /// One derivation, as it is handed to another thread.
  @unsafe
  private struct Work {
    let key: UnsafeMutableRawBufferPointer
    let passphrase: UnsafeRawBufferPointer
    let salt: UnsafeRawBufferPointer
    let parameters: Parameters
    var isDone = false

    init(
      key: UnsafeMutableRawBufferPointer, passphrase: UnsafeRawBufferPointer, salt: UnsafeRawBufferPointer,
      parameters: Parameters
    ) {
      unsafe self.key = key
      unsafe self.passphrase = passphrase
      unsafe self.salt = salt
      unsafe self.parameters = parameters
    }

    static func run(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
      guard let work = unsafe argument?.assumingMemoryBound(to: Work.self) else { return nil }
      let status = unsafe crypto_pwhash(
        work.pointee.key.baseAddress!.assumingMemoryBound(to: UInt8.self), UInt64(work.pointee.key.count),
        work.pointee.passphrase.baseAddress!.assumingMemoryBound(to: CChar.self),
        UInt64(work.pointee.passphrase.count),
        work.pointee.salt.baseAddress!.assumingMemoryBound(to: UInt8.self), UInt64(work.pointee.parameters.passes),
        work.pointee.parameters.memoryKiB * 1024, crypto_pwhash_ALG_ARGON2ID13)
      unsafe work.pointee.isDone = status == 0
      return nil
    }
  }
}
