internal import CSodium

/// libsodium, started once.
public enum SodiumLibrary {
  private static let isStarted: Bool = sodium_init() >= 0

  /// Starts libsodium if that has not happened yet; cheap afterwards and safe from any thread.
  public static func start() throws(SecretMemoryError) {
    guard isStarted else { throw .libraryUnavailable }
  }
}

/// Random bytes that are no secret: salts, nonces, identifiers.
public enum Randomness {
  /// `count` bytes of the system's randomness.
  public static func bytes(count: Int) throws(SecretMemoryError) -> [UInt8] {
    try SodiumLibrary.start()
    var bytes = [UInt8](repeating: 0, count: count)
    unsafe bytes.withUnsafeMutableBytes { unsafe randombytes_buf($0.baseAddress!, $0.count) }
    return bytes
  }

  /// A number in `0 ..< bound`, each equally likely.
  public static func uniform(below bound: UInt32) throws(SecretMemoryError) -> UInt32 {
    try SodiumLibrary.start()
    return randombytes_uniform(bound)
  }
}

/// Comparison in a time that does not depend on where two values differ.
public enum ConstantTime {
  /// Whether both have the same length and the same bytes; only the length shows in the time taken.
  public static func equal(_ left: RawSpan, _ right: RawSpan) -> Bool {
    guard left.byteCount == right.byteCount else { return false }
    guard left.byteCount > 0 else { return true }
    return unsafe left.withUnsafeBytes { leftBytes in
      unsafe right.withUnsafeBytes { rightBytes in
        unsafe sodium_memcmp(leftBytes.baseAddress!, rightBytes.baseAddress!, leftBytes.count) == 0
      }
    }
  }

  /// Whether both have the same length and the same bytes; only the length shows in the time taken.
  public static func equal(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    unsafe equal(left.span.bytes, right.span.bytes)
  }
}

/// Wipes memory that a library of somebody else filled with a secret, in a way that the compiler does not leave out.
public func wipe(_ bytes: UnsafeMutableRawBufferPointer) {
  guard let start = bytes.baseAddress else { return }
  unsafe sodium_memzero(start, bytes.count)
}
