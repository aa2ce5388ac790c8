internal import SecretMemory

/// Users with their passwords, one a line: `uid,password` or `uid<tab>password`, as in Nextcloud's
/// oneTimeEncryptionPasswords.csv.
///
/// Either may stand in double quotes, with a quote in it written twice (RFC 4180), which PHP's `fputcsv` does where it
/// has to. Without quotes a password goes on to the end of the line, commas and blanks included. Empty lines, and lines
/// that begin with `#` and have no separator, are passed over.
struct PasswordList {
  /// One line. A class, since memory for secrets cannot be in an array but its owner can.
  final class Entry {
    let user: String
    let password: SecretBytes

    init(user: String, password: consuming SecretBytes) {
      self.user = user
      self.password = password
    }
  }

  struct Malformed: Error, Equatable {
    /// Counted from 1; nil where the file as a whole is meant.
    let line: Int?
    let why: String
  }

  let entries: [Entry]

  /// Each costs three mappings, of which a process has 65,530.
  static let limit = 5000

  init(_ content: borrowing SecretBytes) throws(Malformed) {
    entries = try content.withBytes { (text) throws(Malformed) in
      var reader = LineReader(text.byteCount, start: Self.hasMark(text) ? 3 : 0)
      var entries: [Entry] = []
      while let entry = try reader.next(in: text) {
        guard entries.count < Self.limit else {
          throw Malformed(line: reader.line, why: "there are more than \(Self.limit) passwords")
        }
        entries.append(entry)
      }
      return entries
    }
  }

  /// The byte order mark that some editors write.
  private static func hasMark(_ text: RawSpan) -> Bool {
    text.byteCount >= 3 && text.at(0) == 0xEF && text.at(1) == 0xBB && text.at(2) == 0xBF
  }
}

private struct LineReader {
  private(set) var line = 0
  private var position: Int
  private let count: Int

  init(_ count: Int, start: Int) {
    self.count = count
    position = start
  }

  mutating func next(in text: RawSpan) throws(PasswordList.Malformed) -> PasswordList.Entry? {
    while position < count {
      line += 1
      let end = lineEnd(from: position, in: text)
      let visible = end > position && text.at(end - 1) == 0x0D ? end - 1 : end
      if visible == position || (text.at(position) == UInt8(ascii: "#") && !hasSeparator(position..<visible, text)) {
        position = min(end + 1, count)
        continue
      }
      return try entry(position..<visible, next: min(end + 1, count), text)
    }
    return nil
  }

  private mutating func entry(
    _ range: Range<Int>, next: Int, _ text: RawSpan
  ) throws(PasswordList.Malformed) -> PasswordList.Entry {
    position = range.lowerBound
    let uid = try field(upTo: range.upperBound, isLast: false, text)
    guard position < range.upperBound, isSeparator(text.at(position)) else {
      throw fault("there is neither a comma nor a tab behind the uid")
    }
    position += 1
    let password = try field(upTo: range.upperBound, isLast: true, text)
    guard position == range.upperBound else { throw fault("something follows the password's closing quote") }
    position = next
    let user = uid.withBytes { unsafe $0.withUnsafeBytes { unsafe String(validating: $0, as: UTF8.self) } }
    guard let user, !user.isEmpty else { throw fault("the uid is empty or no text") }
    guard password.count > 0 else { throw fault("the password is empty") }
    return PasswordList.Entry(user: user, password: password)
  }

  /// What stands in quotes, or else up to the separator or the end of the line.
  private mutating func field(
    upTo end: Int, isLast: Bool, _ text: RawSpan
  ) throws(PasswordList.Malformed) -> SecretBytes {
    var value: SecretBytes
    do { value = try SecretBytes(zeroed: end - position) } catch { throw fault("\(error)") }
    var written = 0
    if position < end, text.at(position) == UInt8(ascii: "\"") {
      position += 1
      while true {
        guard position < end else { throw fault("a closing quote is missing") }
        let byte = text.at(position)
        position += 1
        if byte == UInt8(ascii: "\"") {
          guard position < end, text.at(position) == UInt8(ascii: "\"") else { break }
          position += 1
        }
        value.put(byte, at: &written)
      }
    } else {
      while position < end, isLast || !isSeparator(text.at(position)) {
        value.put(text.at(position), at: &written)
        position += 1
      }
    }
    value.truncate(to: written)
    return value
  }

  private func fault(_ why: String) -> PasswordList.Malformed { PasswordList.Malformed(line: line, why: why) }

  private func lineEnd(from start: Int, in text: RawSpan) -> Int {
    var index = start
    while index < count, text.at(index) != 0x0A { index += 1 }
    return index
  }

  private func hasSeparator(_ range: Range<Int>, _ text: RawSpan) -> Bool {
    range.contains { isSeparator(text.at($0)) }
  }

  private func isSeparator(_ byte: UInt8) -> Bool { byte == UInt8(ascii: ",") || byte == 0x09 }
}

extension SecretBytes {
  /// Stores one byte and moves on; there is room, since no field is longer than its line.
  fileprivate mutating func put(_ byte: UInt8, at index: inout Int) {
    let place = index
    withMutableBytes { $0.storeBytes(of: byte, toByteOffset: place, as: UInt8.self) }
    index += 1
  }
}

extension RawSpan {
  /// One byte; callers compare with `byteCount` first.
  fileprivate func at(_ index: Int) -> UInt8 { unsafe unsafeLoad(fromByteOffset: index, as: UInt8.self) }
}
