internal import SecretMemory

/// What ICrypto wraps since Nextcloud 20: `{"key":"<base64 of the key file>","uid":null}`.
///
/// A reader of its own, since a general one leaves copies of the key in memory that nobody wipes. It takes exactly these
/// two members, in any order and once each; PHP writes `/` as `\/`.
struct WrappedKeyRecord: ~Copyable {
  /// Who may read the key, as the record says; Nextcloud refuses a record that names another.
  enum Owner: Equatable {
    /// The record names nobody at all, as per-file keys do and as a faulty migration left it.
    case absent
    /// `null`: the instance itself.
    case system
    case user(String)
  }

  /// The key file as it was before it was wrapped.
  let key: SecretBytes
  let owner: Owner

  /// The parts of a record, or `nil` when the bytes are no such record.
  init?(_ text: RawSpan) throws(LibCrypto.Unavailable) {
    guard let parts = Self.parts(of: text), let key = try Self.decodeKey(text.extracting(parts.key)) else { return nil }
    self.key = key
    owner = parts.owner
  }

  /// The key of a record that is no secret as it stands, such as a share key; what is no record is the key itself.
  /// `nil` for a damaged record.
  static func unguardedKey(in text: RawSpan) -> [UInt8]? {
    guard text.starts(with: "{\"") else { return text.array() }
    guard let parts = parts(of: text) else { return nil }
    let escaped = text.extracting(parts.key)
    var plain: [UInt8] = []
    plain.reserveCapacity(escaped.byteCount)
    var index = 0
    while index < escaped.byteCount {
      if escaped.byte(index) == 0x5c {
        index += 1
        guard index < escaped.byteCount, escaped.byte(index) == 0x2f else { return nil }
      }
      plain.append(escaped.byte(index))
      index += 1
    }
    return Base64Text.decode(plain)
  }

  /// Where the key's base64 text stands in a record, and whose it is.
  private static func parts(of text: RawSpan) -> (key: Range<Int>, owner: Owner)? {
    var reader = RecordReader(count: text.byteCount)
    var key: Range<Int>?
    var owner: Owner?
    guard reader.take(0x7b, in: text) else { return nil }
    repeat {
      guard let name = reader.string(in: text), reader.take(0x3a, in: text) else { return nil }
      switch text.extracting(name).text() {
      case "key":
        guard key == nil, let value = reader.string(in: text) else { return nil }
        key = value
      case "uid":
        guard owner == nil, let value = reader.owner(in: text) else { return nil }
        owner = value
      default:
        return nil
      }
    } while reader.take(0x2c, in: text)
    guard reader.take(0x7d, in: text), reader.isAtEnd(of: text), let key else { return nil }
    return (key, owner ?? .absent)
  }

  /// The base64 text without the backslashes that PHP puts before `/`, decoded.
  private static func decodeKey(_ escaped: RawSpan) throws(LibCrypto.Unavailable) -> SecretBytes? {
    var plain = try LibCrypto.memory(escaped.byteCount)
    let count = plain.withMutableBytes { plain -> Int? in
      var written = 0
      var index = 0
      while index < escaped.byteCount {
        if escaped.byte(index) == 0x5c {
          index += 1
          guard index < escaped.byteCount, escaped.byte(index) == 0x2f else { return nil }
        }
        plain.storeBytes(of: escaped.byte(index), toByteOffset: written, as: UInt8.self)
        written += 1
        index += 1
      }
      return written
    }
    guard let count else { return nil }
    plain.truncate(to: count)
    return try plain.withBytes { (text) throws(LibCrypto.Unavailable) in try SecretBase64.decode(text) }
  }
}

/// Walks over the tokens of a record without copying them.
private struct RecordReader {
  private var position = 0
  private let count: Int

  init(count: Int) { self.count = count }

  mutating func skipBlanks(_ text: RawSpan) {
    while position < count, [0x20, 0x09, 0x0a, 0x0d].contains(text.byte(position)) { position += 1 }
  }

  mutating func take(_ byte: UInt8, in text: RawSpan) -> Bool {
    skipBlanks(text)
    guard position < count, text.byte(position) == byte else { return false }
    position += 1
    return true
  }

  mutating func isAtEnd(of text: RawSpan) -> Bool {
    skipBlanks(text)
    return position == count
  }

  /// The place of a string's characters between its quotes, escapes unresolved.
  mutating func string(in text: RawSpan) -> Range<Int>? {
    guard take(0x22, in: text) else { return nil }
    let start = position
    while position < count {
      switch text.byte(position) {
      case 0x22:
        position += 1
        return start..<(position - 1)
      case 0x5c: position += 2
      case 0..<0x20: return nil
      default: position += 1
      }
    }
    return nil
  }

  mutating func owner(in text: RawSpan) -> WrappedKeyRecord.Owner? {
    skipBlanks(text)
    if text.starts(with: "null", at: position) {
      position += 4
      return .system
    }
    if position < count, text.byte(position) == 0x22 {
      guard let range = string(in: text), let uid = Self.unescape(text.extracting(range)) else { return nil }
      return .user(uid)
    }
    // PHP turns array keys such as "42" into numbers, and such a uid into one without quotes.
    let start = position
    while position < count, (0x30...0x39).contains(text.byte(position)) { position += 1 }
    guard position > start, position - start <= 20, let digits = text.extracting(start..<position).text() else {
      return nil
    }
    return .user(digits)
  }

  /// A string's value (RFC 8259 §7); a uid is no secret.
  private static func unescape(_ text: RawSpan) -> String? {
    var units: [UInt8] = []
    var index = 0
    var highSurrogate: UInt32?
    while index < text.byteCount {
      let byte = text.byte(index)
      index += 1
      if byte != 0x5c {
        guard highSurrogate == nil else { return nil }
        units.append(byte)
        continue
      }
      guard index < text.byteCount else { return nil }
      let escape = text.byte(index)
      index += 1
      if escape == 0x75 {
        guard text.byteCount - index >= 4, let digits = text.extracting(index..<(index + 4)).text(),
          digits.utf8.allSatisfy({ $0 != 0x2b && $0 != 0x2d }), let value = UInt32(digits, radix: 16)
        else { return nil }
        index += 4
        switch (highSurrogate, value) {
        case (nil, 0xd800...0xdbff): highSurrogate = value
        case (let high?, 0xdc00...0xdfff):
          guard let scalar = Unicode.Scalar(0x10000 + (high - 0xd800) << 10 + (value - 0xdc00)) else { return nil }
          units.append(contentsOf: String(scalar).utf8)
          highSurrogate = nil
        case (nil, _):
          guard let scalar = Unicode.Scalar(value) else { return nil }
          units.append(contentsOf: String(scalar).utf8)
        default: return nil
        }
        continue
      }
      guard highSurrogate == nil else { return nil }
      switch escape {
      case 0x22, 0x5c, 0x2f: units.append(escape)
      case 0x62: units.append(0x08)
      case 0x66: units.append(0x0c)
      case 0x6e: units.append(0x0a)
      case 0x72: units.append(0x0d)
      case 0x74: units.append(0x09)
      default: return nil
      }
    }
    guard highSurrogate == nil else { return nil }
    return String(validating: units, as: UTF8.self)
  }
}
