internal import SecretMemory

/// Reads an age file: first the header, then, once the file key is known, the plaintext.
///
/// ```swift
/// let reader = AgeReader(source)
/// try reader.open(with: identity)
/// while case let count = try reader.read(into: buffer), count > 0 { … }
/// ```
///
/// Every byte that comes out was authenticated, but only an end without an error says that the file was whole: a caller
/// that acts on plaintext earlier must be able to take it back. Memory is bounded by one chunk of 64 KiB and the limit
/// of the header. After an error, other than `AgeError.noMatch` and `AgeError.misuse`, each later call throws the same one.
public final class AgeReader: ByteSource {
  /// How the file is written.
  public enum Encoding: Sendable {
    /// Bytes as they are.
    case binary
    /// ASCII armor.
    case armored
    /// Armor if the first character that is no white space is a dash, bytes as they are otherwise.
    case detected
  }

  private enum State {
    case start
    case header(Header, BufferedSource)
    case payload(PayloadReader)
    case failed(any Error)
  }

  /// The longest header that is accepted unless asked otherwise: 1 MiB, some 600 hybrid recipients.
  public static let headerLimit = 1 << 20

  private let source: any ByteSource
  private let encoding: Encoding
  private let headerLimit: Int
  private var state = State.start

  /// Reads nothing yet.
  ///
  /// - Parameters:
  ///   - source: the file from its first byte.
  ///   - headerLimit: how long the header may be, in bytes.
  public init(
    _ source: any ByteSource, encoding: Encoding = .detected, headerLimit: Int = AgeReader.headerLimit
  ) {
    self.source = source
    self.encoding = encoding
    self.headerLimit = headerLimit
  }

  /// The header, before anything vouches for it: the code over it is checked by `open(with:)`.
  ///
  /// May be called again until the file is open.
  ///
  /// - Throws: `AgeError.header`, `AgeError.armor`, `AgeError.misuse` once the file is open, or what the source throws.
  public func readHeader() throws -> Header {
    try parsedHeader().header
  }

  /// Checks the header's authentication code and reads the nonce, so that `read(into:)` gives plaintext.
  ///
  /// - Throws: `AgeError.headerMAC` for a wrong key or a changed header, and what `readHeader()` throws.
  public func open(with fileKey: consuming FileKey) throws {
    let (header, input) = try parsedHeader()
    let payload = try failingForGood {
      let mac = try fileKey.mac(over: Header.authenticatedBytes(of: header.stanzas))
      guard ConstantTime.equal(mac, header.mac) else { throw AgeError.headerMAC }
      var nonce = [UInt8](repeating: 0, count: ChunkCounter.payloadNonceCount)
      let count = try unsafe nonce.withUnsafeMutableBytes { try unsafe input.fill($0) }
      guard count == nonce.count else { throw AgeError.header("the nonce behind it is cut short") }
      return try PayloadReader(input, key: try fileKey.payloadKey(nonce: nonce))
    }
    state = .payload(payload)
  }

  /// Finds the file key with an identity, and opens the file.
  ///
  /// - Throws: `AgeError.noMatch` when no stanza is for this identity, after which another may be tried; and what
  ///   `readHeader()` and `open(with:)` for a file key throw.
  public func open(with identity: borrowing some Identity & ~Copyable) throws {
    let stanzas = try parsedHeader().header.stanzas
    guard let fileKey = try failingForGood({ try identity.unwrap(stanzas) }) else { throw AgeError.noMatch }
    try open(with: fileKey)
  }

  /// The next bytes of plaintext; 0 at the end of a file that is whole.
  ///
  /// - Throws: `AgeError.payload` or `AgeError.armor` where the file is damaged, `AgeError.misuse` before it is open, or
  ///   what the source throws.
  public func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    switch state {
    case .start, .header: throw AgeError.misuse("the age file is read before it is open")
    case .payload(let payload): return try failingForGood { try unsafe payload.read(into: buffer) }
    case .failed(let error): throw error
    }
  }

  private func parsedHeader() throws -> (header: Header, input: BufferedSource) {
    switch state {
    case .start:
      return try failingForGood {
        let input = try dearmoredSource()
        var parser = HeaderParser(input, limit: headerLimit)
        let header = try parser.parse()
        state = .header(header, input)
        return (header, input)
      }
    case .header(let header, let input): return (header, input)
    case .payload: throw AgeError.misuse("the age file is open already")
    case .failed(let error): throw error
    }
  }

  private func dearmoredSource() throws -> BufferedSource {
    let input = BufferedSource(source)
    switch encoding {
    case .binary: return input
    case .armored: return BufferedSource(ArmorReader(input))
    case .detected:
      return try input.peekPastWhitespace() == UInt8(ascii: "-") ? BufferedSource(ArmorReader(input)) : input
    }
  }

  private func failingForGood<Result: ~Copyable>(_ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch {
      state = .failed(error)
      throw error
    }
  }
}
