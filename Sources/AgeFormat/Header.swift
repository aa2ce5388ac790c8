/// The header of an age file: stanzas, and a code over them that only the file key can make.
public struct Header: Equatable, Sendable {
  /// The recipient stanzas in the order of the file, known and unknown; one or more.
  public let stanzas: [Stanza]
  /// HMAC-SHA-256 over what stands before it, 32 bytes. Not checked until the file key is known.
  public let mac: [UInt8]

  /// The header as it stands in the file, to the last line feed. What was read is written back bit for bit.
  public var bytes: [UInt8] {
    Self.authenticatedBytes(of: stanzas) + [UInt8(ascii: " ")] + Base64.encode(mac) + [.lineFeed]
  }

  /// What the code covers: everything up to and including the dashes of the last line.
  static func authenticatedBytes(of stanzas: [Stanza]) -> [UInt8] {
    versionLine + [.lineFeed] + stanzas.flatMap(\.bytes) + macMark
  }

  init(stanzas: [Stanza], mac: [UInt8]) {
    self.stanzas = stanzas
    self.mac = mac
  }

  /// The header for these stanzas, with the code that `fileKey` gives.
  init(stanzas: [Stanza], authenticatedBy fileKey: borrowing FileKey) throws(AgeError) {
    self.init(stanzas: stanzas, mac: try fileKey.mac(over: Self.authenticatedBytes(of: stanzas)))
  }

  static let macCount = 32
  fileprivate static let versionLine = Array("age-encryption.org/v1".utf8)
  fileprivate static let versionPrefix = Array("age-encryption.org/".utf8)
  fileprivate static let macMark = Array("---".utf8)
  fileprivate static let stanzaMark = Array("->".utf8)
}

/// Reads a header, line by line, and stops behind it.
///
/// The grammar has one text for each header, so that whatever is accepted here equals `Header.bytes`.
struct HeaderParser {
  private let source: BufferedSource
  private var remaining: Int

  /// - Parameter limit: how long the header may be in all, in bytes.
  init(_ source: BufferedSource, limit: Int) {
    self.source = source
    self.remaining = limit
  }

  /// - Throws: `AgeError.header`, or what the source throws.
  mutating func parse() throws -> Header {
    let version = try nextLine()
    guard version == Header.versionLine else {
      throw version.starts(with: Header.versionPrefix)
        ? AgeError.header("its version is not v1") : AgeError.header("it does not begin with the line of age v1")
    }
    var stanzas: [Stanza] = []
    while true {
      let line = try nextLine()
      if line.starts(with: Header.macMark) {
        guard !stanzas.isEmpty else { throw AgeError.header("it has no stanza") }
        return Header(stanzas: stanzas, mac: try Self.mac(in: line))
      }
      stanzas.append(try stanza(after: line))
    }
  }

  private static func mac(in line: [UInt8]) throws(AgeError) -> [UInt8] {
    guard line.starts(with: Header.macMark + [UInt8(ascii: " ")]),
      let mac = Base64.decode(line.dropFirst(Header.macMark.count + 1)), mac.count == Header.macCount
    else { throw .header("its last line holds no authentication code") }
    return mac
  }

  private mutating func stanza(after line: [UInt8]) throws -> Stanza {
    let words = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
    guard let mark = words.first, Array(mark) == Header.stanzaMark, words.count > 1 else {
      throw AgeError.header("a line is neither a stanza nor the end of the header")
    }
    // Bytes that are no UTF-8 become U+FFFD here, which the grammar then refuses.
    let arguments = words.dropFirst().map { String(decoding: $0, as: UTF8.self) }
    return try Stanza(type: arguments[0], arguments: Array(arguments.dropFirst()), body: try body())
  }

  private mutating func body() throws -> [UInt8] {
    var body: [UInt8] = []
    while true {
      let line = try nextLine()
      guard line.count <= Stanza.columns, let bytes = Base64.decode(line) else {
        throw AgeError.header("a line of a stanza's body is not canonical base64 of at most \(Stanza.columns) columns")
      }
      body += bytes
      if line.count < Stanza.columns { return body }
    }
  }

  private mutating func nextLine() throws -> [UInt8] {
    switch try source.readLine(limit: remaining) {
    case .complete(let line):
      remaining -= line.count + 1
      return line
    case .tooLong: throw AgeError.header("it is longer than any that is accepted")
    case .unterminated, .end: throw AgeError.header("it ends too early")
    }
  }
}
