internal import SecretMemory

/// The key of one age file, 16 random bytes; every stanza wraps it, and all other keys come from it.
public struct FileKey: ~Copyable {
  /// The length in bytes.
  public static let count = 16

  let secret: SecretBytes

  /// A new key. A key must not be used for two files (age, "File key").
  public static func random() throws(AgeError) -> FileKey {
    FileKey(unchecked: try guarded { () throws(SecretMemoryError) in try SecretBytes.random(count: Self.count) })
  }

  /// A copy of a key that already stands elsewhere; wiping that other place is its owner's business.
  ///
  /// - Throws: `AgeError.key` unless there are 16 bytes.
  public init(copying bytes: RawSpan) throws(AgeError) {
    guard bytes.byteCount == Self.count else {
      throw .key("a file key has \(Self.count) bytes, not \(bytes.byteCount)")
    }
    self.secret = try guarded { () throws(SecretMemoryError) in try SecretBytes(copying: bytes) }
  }

  /// - Parameter secret: 16 bytes.
  init(unchecked secret: consuming SecretBytes) {
    self.secret = secret
  }

  /// Lends the 16 bytes.
  public func withBytes<Result: ~Copyable, Failure: Error>(
    _ body: (RawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try secret.withBytes(body)
  }

  /// The authentication code of a header (age, "Header MAC").
  func mac(over bytes: [UInt8]) throws(AgeError) -> [UInt8] {
    try DerivedKey(from: secret, salt: [], info: "header").mac(over: bytes)
  }

  /// The key of the chunks (age, "Payload").
  func payloadKey(nonce: [UInt8]) throws(AgeError) -> DerivedKey {
    try DerivedKey(from: secret, salt: nonce, info: "payload")
  }
}
