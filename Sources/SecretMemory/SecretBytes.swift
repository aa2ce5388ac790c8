internal import CSodium

/// Bytes that nobody else may see: one owner, lent for the length of a closure, wiped when the owner goes.
///
/// The memory is libsodium's guarded allocation (`sodium_malloc`): locked against swapping as far as
/// `RLIMIT_MEMLOCK` allows, left out of core dumps, between two guard pages, and wiped before it is freed.
/// There is no `Equatable`, `Codable` or readable description, on purpose. An allocation costs some 35 µs and three
/// mappings, so hold a few hundred, not thousands.
@safe
public struct SecretBytes: ~Copyable {
  private let storage: UnsafeMutableRawPointer

  /// The number of bytes in use, at most what was asked for at creation.
  public private(set) var count: Int

  /// `count` zero bytes.
  ///
  /// - Parameter count: 0 or more, in bytes.
  /// - Throws: `SecretMemoryError.outOfMemory` when the guarded memory cannot be had.
  public init(zeroed count: Int) throws(SecretMemoryError) {
    try SodiumLibrary.start()
    guard count >= 0, let storage = unsafe sodium_malloc(max(count, 1)) else { throw .outOfMemory(bytes: count) }
    unsafe sodium_memzero(storage, max(count, 1))
    unsafe self.storage = storage
    self.count = count
  }

  /// A copy of bytes that already stand elsewhere; wiping that other place is its owner's business.
  public init(copying source: RawSpan) throws(SecretMemoryError) {
    try self.init(zeroed: source.byteCount)
    guard source.byteCount > 0 else { return }
    unsafe source.withUnsafeBytes { unsafe storage.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
  }

  /// A copy of bytes that already stand elsewhere; wiping that other place is its owner's business.
  public init(copying source: [UInt8]) throws(SecretMemoryError) {
    try unsafe self.init(copying: source.span.bytes)
  }

  /// `count` bytes of the system's randomness.
  public static func random(count: Int) throws(SecretMemoryError) -> SecretBytes {
    let bytes = try SecretBytes(zeroed: count)
    unsafe randombytes_buf(bytes.storage, count)
    return bytes
  }

  deinit {
    unsafe sodium_free(storage)
  }

  /// Lends the bytes for reading.
  public func withBytes<Result: ~Copyable, Failure: Error>(
    _ body: (RawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let bytes = unsafe RawSpan(_unsafeStart: UnsafeRawPointer(storage), byteCount: count)
    return try body(bytes)
  }

  /// Lends the bytes for writing.
  public mutating func withMutableBytes<Result: ~Copyable, Failure: Error>(
    _ body: (inout MutableRawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    var bytes = unsafe MutableRawSpan(_unsafeStart: storage, byteCount: count)
    return try body(&bytes)
  }

  /// Lends the bytes to a C function.
  public func withUnsafeBytes<Result: ~Copyable, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try unsafe body(UnsafeRawBufferPointer(start: storage, count: count))
  }

  /// Lends the bytes to a C function that writes them.
  public mutating func withUnsafeMutableBytes<Result: ~Copyable, Failure: Error>(
    _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try unsafe body(UnsafeMutableRawBufferPointer(start: storage, count: count))
  }

  /// A second, independent owner of the same bytes.
  public func duplicate() throws(SecretMemoryError) -> SecretBytes {
    let copy = try SecretBytes(zeroed: count)
    if count > 0 { unsafe copy.storage.copyMemory(from: storage, byteCount: count) }
    return copy
  }

  /// Keeps the first `newCount` bytes and wipes the rest.
  ///
  /// - Precondition: `0 ≤ newCount ≤ count`.
  public mutating func truncate(to newCount: Int) {
    precondition(newCount >= 0 && newCount <= count, "truncate(to:) cannot lengthen")
    unsafe sodium_memzero(storage + newCount, count - newCount)
    count = newCount
  }
}
