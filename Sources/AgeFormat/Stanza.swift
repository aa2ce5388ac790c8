/// One recipient stanza of an age header: the file key, wrapped for somebody.
///
/// A value of this type always fits the grammar of the age specification, "ABNF definition of file header".
public struct Stanza: Equatable, Sendable {
  /// The first argument, which says who is to understand the others: `X25519`, `scrypt`, `example.com/enigma`.
  public let type: String
  /// The arguments after the type.
  public let arguments: [String]
  /// The body, decoded.
  public let body: [UInt8]

  /// - Parameters:
  ///   - type: one visible ASCII character or more, without spaces.
  ///   - arguments: each of the same form as the type.
  ///   - body: any bytes.
  /// - Throws: `AgeError.header` for another form.
  public init(type: String, arguments: [String] = [], body: [UInt8] = []) throws(AgeError) {
    for argument in [type] + arguments {
      guard !argument.isEmpty else { throw .header("an argument of a stanza is empty") }
      guard argument.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
        throw .header("an argument of a stanza has a character that is not visible ASCII")
      }
    }
    self.type = type
    self.arguments = arguments
    self.body = body
  }

  /// The stanza as it stands in a header, last line feed included.
  var bytes: [UInt8] {
    var bytes = Array("->".utf8)
    for argument in [type] + arguments { bytes += Array(" \(argument)".utf8) }
    var rest = Base64.encode(body)[...]
    // The last line is always shorter than a full one, so a body that fills its lines is followed by an empty line.
    while rest.count >= Self.columns {
      bytes += [.lineFeed] + rest.prefix(Self.columns)
      rest = rest.dropFirst(Self.columns)
    }
    return bytes + [.lineFeed] + rest + [.lineFeed]
  }

  /// How many characters a full line of a body, and of the armor, has.
  static let columns = 64
}

extension Stanza {
  /// The sizes that the native types share.
  enum Size {
    /// A file key and its authentication tag. Checked before any decryption: a longer body could be made to open
    /// under several keys (a partitioning oracle).
    static let wrappedFileKey = FileKey.count + DerivedKey.tagCount
  }

  /// Checks what all native types have in common.
  ///
  /// - Throws: `AgeError.header` where the number of arguments or the size of the body is another one.
  func check(arguments count: Int) throws(AgeError) {
    guard arguments.count == count else {
      throw .header("the \(type) stanza has \(arguments.count) arguments after its type; \(count) are needed")
    }
    guard body.count == Size.wrappedFileKey else {
      throw .header("the \(type) stanza wraps a key of another size than \(FileKey.count) bytes")
    }
  }

  /// The bytes that an argument encodes.
  ///
  /// - Throws: `AgeError.header` unless it is the canonical text of exactly `count` bytes.
  func decodedArgument(_ index: Int, count: Int) throws(AgeError) -> [UInt8] {
    guard let bytes = Base64.decode(Array(arguments[index].utf8)) else {
      throw .header("an argument of the \(type) stanza is not canonical base64")
    }
    guard bytes.count == count else {
      throw .header("an argument of the \(type) stanza has \(bytes.count) bytes; \(count) are needed")
    }
    return bytes
  }
}

extension UInt8 {
  static let lineFeed = UInt8(ascii: "\n")
}
