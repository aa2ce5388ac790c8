internal import SecretMemory

/// All decoded strings of a configuration in one piece of guarded memory; a value is a range of it.
///
/// The secret of an instance is one of these strings, and nobody knows which before the file is read.
struct SecretArena: ~Copyable {
  private var bytes: SecretBytes
  /// The number of bytes in use.
  private(set) var count = 0

  /// More than this is refused, in bytes: concatenation could otherwise double a string with each line.
  static let limit = 16 * 1024 * 1024

  init(capacity: Int) throws(SecretMemoryError) {
    bytes = try SecretBytes(zeroed: max(64, min(capacity, Self.limit)))
  }

  /// Makes room for `extra` bytes more.
  ///
  /// - Returns: false when that is more than `limit` or cannot be had.
  mutating func reserve(_ extra: Int) -> Bool {
    guard extra > bytes.count - count else { return true }
    guard extra <= Self.limit - count else { return false }
    guard var longer = try? SecretBytes(zeroed: min(Self.limit, max(count + extra, bytes.count * 2))) else {
      return false
    }
    unsafe longer.withUnsafeMutableBytes { longer in
      unsafe bytes.withUnsafeBytes { unsafe longer.copyMemory(from: $0) }
    }
    bytes = longer
    return true
  }

  /// Appends one byte, for which room was made.
  mutating func append(_ byte: UInt8) {
    guard count < bytes.count else { return }
    let index = count
    unsafe bytes.withUnsafeMutableBytes { unsafe $0[index] = byte }
    count += 1
  }

  /// Appends a part of a source text, for which room was made.
  mutating func append(_ source: SourceBytes, _ range: Range<Int>) {
    let start = count
    guard range.count <= bytes.count - start else { return }
    unsafe bytes.withUnsafeMutableBytes { target in
      unsafe source.copy(range, into: UnsafeMutableRawBufferPointer(rebasing: target[start...]))
    }
    count += range.count
  }

  /// Appends a copy of a range of this arena, for which room was made.
  mutating func append(copyOf range: Range<Int>) {
    let start = count
    guard range.upperBound <= start, range.count <= bytes.count - start else { return }
    unsafe bytes.withUnsafeMutableBytes { target in
      unsafe UnsafeMutableRawBufferPointer(rebasing: target[start...])
        .copyMemory(from: UnsafeRawBufferPointer(rebasing: target[range]))
    }
    count += range.count
  }

  /// Lends one string.
  func withBytes<Result: ~Copyable, Failure: Error>(
    of range: Range<Int>, _ body: (RawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try bytes.withBytes { (all) throws(Failure) in
      try body(all.extracting(range.clamped(to: 0..<count)))
    }
  }

  /// A copy of one string in ordinary memory, for what is no secret.
  func copy(of range: Range<Int>) -> [UInt8] {
    withBytes(of: range) { span in
      var copy: [UInt8] = []
      copy.reserveCapacity(span.byteCount)
      for index in 0..<span.byteCount { copy.append(unsafe span.unsafeLoad(fromByteOffset: index, as: UInt8.self)) }
      return copy
    }
  }

  /// Whether two strings, perhaps of two arenas, are the same bytes.
  func equal(_ left: Range<Int>, _ right: Range<Int>) -> Bool {
    withBytes(of: left) { left in withBytes(of: right) { ConstantTime.equal(left, $0) } }
  }
}

/// The text of one file for as long as it is lent; no index reads outside of it.
@safe
struct SourceBytes {
  private let bytes: UnsafeRawBufferPointer

  /// - Parameter bytes: must outlive this value; the reader drops it before it gives them back.
  init(lent bytes: UnsafeRawBufferPointer) { unsafe self.bytes = unsafe bytes }

  /// No text at all.
  init() { unsafe bytes = UnsafeRawBufferPointer(start: nil, count: 0) }

  var count: Int { unsafe bytes.count }

  /// The byte at an index, 0 where there is none.
  subscript(_ index: Int) -> UInt8 {
    guard index >= 0, index < count else { return 0 }
    return unsafe bytes[index]
  }

  /// A copy of a part that is a name and no value.
  func name(_ range: Range<Int>) -> [UInt8] { range.map { self[$0] } }

  /// Whether the text at an index is that word, in any case of letters; `word` is lowercase ASCII.
  func matches(_ word: StaticString, at index: Int) -> Bool {
    guard word.utf8CodeUnitCount <= count - index else { return false }
    for offset in 0..<word.utf8CodeUnitCount {
      let expected = unsafe word.utf8Start[offset]
      if ASCII.lowercase(self[index + offset]) != expected { return false }
    }
    return true
  }

  fileprivate func copy(_ range: Range<Int>, into target: UnsafeMutableRawBufferPointer) {
    guard range.lowerBound >= 0, range.upperBound <= count, range.count <= target.count else { return }
    unsafe target.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[range]))
  }
}

/// Classes of bytes as PHP's scanner knows them.
enum ASCII {
  static func isNameStart(_ byte: UInt8) -> Bool {
    (0x61...0x7A).contains(byte) || (0x41...0x5A).contains(byte) || byte == 0x5F || byte >= 0x80
  }

  static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

  static func isName(_ byte: UInt8) -> Bool { isNameStart(byte) || isDigit(byte) }

  static func lowercase(_ byte: UInt8) -> UInt8 { (0x41...0x5A).contains(byte) ? byte + 0x20 : byte }

  static func hexDigit(_ byte: UInt8) -> Int? {
    switch byte {
    case 0x30...0x39: Int(byte) - 0x30
    case 0x61...0x66: Int(byte) - 0x61 + 10
    case 0x41...0x46: Int(byte) - 0x41 + 10
    default: nil
    }
  }

  /// The bytes as text for a person's eyes: what is no printable text becomes "?" or a replacement character.
  static func printable(_ bytes: [UInt8]) -> String {
    String(decoding: bytes.map { $0 < 0x20 || $0 == 0x7F ? 0x3F : $0 }, as: UTF8.self)
  }
}
