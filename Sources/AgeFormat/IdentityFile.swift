public import SecretMemory

/// An identity of any native kind.
public enum AnyIdentity: ~Copyable, Identity {
  case x25519(X25519Identity)
  case hybrid(HybridIdentity)
  case scrypt(ScryptIdentity)

  /// - Parameter encoded: the ASCII text `AGE-SECRET-KEY-1…` or `AGE-SECRET-KEY-PQ-1…`, and nothing around it.
  /// - Throws: `AgeError.key` for anything else.
  public init(encoded: borrowing SecretBytes) throws(AgeError) {
    if encoded.withBytes({ Bech32.hybridIdentity.claims($0) }) {
      self = .hybrid(try HybridIdentity(encoded: encoded))
    } else if encoded.withBytes({ Bech32.x25519Identity.claims($0) }) {
      self = .x25519(try X25519Identity(encoded: encoded))
    } else {
      throw .key("it begins with neither AGE-SECRET-KEY-1 nor AGE-SECRET-KEY-PQ-1")
    }
  }

  public borrowing func unwrap(_ stanzas: [Stanza]) throws(AgeError) -> FileKey? {
    switch self {
    case .x25519(let identity): try identity.unwrap(stanzas)
    case .hybrid(let identity): try identity.unwrap(stanzas)
    case .scrypt(let identity): try identity.unwrap(stanzas)
    }
  }
}

/// Several identities, any of which may open a file; they are tried in order.
public struct IdentityList: ~Copyable, Identity {
  /// An array cannot hold a value that cannot be copied, but it can hold the owner of one.
  private final class Owner {
    let identity: AnyIdentity

    init(_ identity: consuming AnyIdentity) {
      self.identity = identity
    }
  }

  private var owners: [Owner] = []

  /// An empty list, which opens nothing.
  public init() {}

  /// How many identities there are.
  public var count: Int { owners.count }

  public mutating func append(_ identity: consuming AnyIdentity) {
    owners.append(Owner(identity))
  }

  /// Lends each identity in turn.
  public borrowing func withEach<Failure: Error>(
    _ body: (borrowing AnyIdentity) throws(Failure) -> Void
  ) throws(Failure) {
    for owner in owners { try body(owner.identity) }
  }

  public borrowing func unwrap(_ stanzas: [Stanza]) throws(AgeError) -> FileKey? {
    for owner in owners {
      if let fileKey = try owner.identity.unwrap(stanzas) { return fileKey }
    }
    return nil
  }
}

/// age identity files: one identity a line; empty lines and lines that begin with `#` are passed over.
public enum IdentityFile {
  /// - Parameter text: the file's content. Lines end with LF or CR LF, the last need not.
  /// - Returns: one identity or more, in the order of the file.
  /// - Throws: `AgeError.key` that names the line.
  public static func parse(_ text: borrowing SecretBytes) throws(AgeError) -> IdentityList {
    var identities = IdentityList()
    for line in text.withBytes({ identityLines(of: $0) }) {
      do {
        let encoded = try text.withBytes { (text) throws(AgeError) in
          try guarded { () throws(SecretMemoryError) in try SecretBytes(copying: text.extracting(line.content)) }
        }
        identities.append(try AnyIdentity(encoded: encoded))
      } catch .key(let reason) {
        throw .key("line \(line.number): \(reason)")
      }
    }
    guard identities.count > 0 else { throw .key("the file has no identity") }
    return identities
  }

  /// Where the lines stand that are neither empty nor a comment, without their ends; numbered from 1.
  private static func identityLines(of text: RawSpan) -> [(number: Int, content: Range<Int>)] {
    unsafe text.withUnsafeBytes { text in
      var lines: [(number: Int, content: Range<Int>)] = []
      var number = 0
      var start = 0
      while start < text.count {
        let end = unsafe text[start...].firstIndex(of: .lineFeed) ?? text.count
        let hasReturn = unsafe end > start && text[end - 1] == UInt8(ascii: "\r")
        let content = start..<(hasReturn ? end - 1 : end)
        number += 1
        let isComment = unsafe text[start] == UInt8(ascii: "#")
        if !content.isEmpty, !isComment { lines.append((number, content)) }
        start = end + 1
      }
      return lines
    }
  }
}
