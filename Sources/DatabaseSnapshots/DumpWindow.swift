#if canImport(Glibc)
  internal import Glibc
#endif

/// A piece of a dump that moves on: what is before `position` is done with, what is before `end` is there.
struct DumpWindow: ~Copyable {
  private(set) var bytes: [UInt8]
  private(set) var position = 0
  private(set) var end = 0
  private let source: any DumpSource
  private let step: (Int64, Int64) throws -> Void
  private let tooLong: () -> SnapshotError
  private(set) var isAtEnd = false
  private let piece: Int
  /// Whether a byte was zero: no writer of dumps puts one there, and disks and copies that went wrong do.
  private(set) var hasZeros = false

  /// How much is read at once unless asked otherwise, in bytes.
  static let piece = 1 << 20
  /// A row must fit as a whole; each value of it may have `SnapshotReader.valueLimit` bytes, twice where all are escaped.
  static let limit = 2 * SnapshotReader.valueLimit + piece

  /// - Parameters:
  ///   - piece: how much is read at once, in bytes; 1 or more. What is read does not depend on it.
  ///   - step: is called after each piece with the bytes of the file that are done and all.
  ///   - tooLong: what to throw when a row does not fit.
  init(
    _ source: any DumpSource, piece: Int = Self.piece, step: @escaping (Int64, Int64) throws -> Void,
    tooLong: @escaping () -> SnapshotError
  ) {
    self.piece = piece
    self.source = source
    self.step = step
    self.tooLong = tooLong
    bytes = [UInt8](repeating: 0, count: 2 * piece)
  }

  var fault: SnapshotFault? { source.fault }
  var isEmpty: Bool { position == end }

  /// Gets more bytes behind those that are there, which keep their order but move to the front.
  ///
  /// - Returns: false at the end of the dump.
  mutating func more() throws -> Bool {
    if isAtEnd { return false }
    if position > 0 {
      let kept = end - position
      let (from, to) = (position, end)
      if kept > 0 {
        unsafe bytes.withUnsafeMutableBytes { buffer in
          unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<kept])
            .copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[from..<to]))
        }
      }
      position = 0
      end = kept
    }
    if bytes.count - end < piece {
      guard bytes.count < Self.limit else { throw tooLong() }
      bytes.append(contentsOf: repeatElement(0, count: bytes.count))
    }
    // At least as much again as is there: what is looked at from its beginning once more, such as a long row, is then
    // looked at a few times, however few bytes the source gives at once.
    let wanted = min(end, bytes.count - end)
    let start = end
    repeat {
      let from = end
      let most = max(piece, wanted - (end - start))
      let count = try unsafe bytes.withUnsafeMutableBytes { buffer in
        try unsafe source.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[from...].prefix(most)))
      }
      end += count
      if count == 0 { isAtEnd = true }
      try step(source.bytesDone, source.bytesTotal)
    } while !isAtEnd && end - start < wanted
    if !hasZeros { hasZeros = bytes.index(of: 0, from: start, to: end) != nil }
    return end > start
  }

  /// Whether so many bytes are there, after reading more if need be.
  mutating func has(_ count: Int) throws -> Bool {
    while end - position < count {
      guard try more() else { return false }
    }
    return true
  }

  /// The byte so far behind the position; nil where there is none yet.
  func byte(_ distance: Int = 0) -> UInt8? {
    position + distance < end ? bytes[position + distance] : nil
  }

  mutating func advance(_ count: Int) { position = min(end, position + count) }
  mutating func advance(to index: Int) { position = min(end, max(position, index)) }

  /// Where a byte next is at or behind an index; nil where it is not in what is there.
  func index(of byte: UInt8, from index: Int) -> Int? {
    bytes.index(of: byte, from: index, to: end)
  }

  /// Whether these bytes are next; reads more if need be.
  mutating func starts(with text: StaticString) throws -> Bool {
    guard try has(text.utf8CodeUnitCount) else { return false }
    return bytes.has(text, at: position, to: end)
  }
}

extension [UInt8] {
  /// Where a byte next is in a range; nil where it is not.
  func index(of byte: UInt8, from index: Int, to end: Int) -> Int? {
    guard index < end, end <= count else { return nil }
    return unsafe withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress, let found = unsafe memchr(base + index, CInt(byte), end - index) else {
        return nil
      }
      return unsafe UnsafeRawPointer(found) - UnsafeRawPointer(base)
    }
  }

  /// Whether a text stands at an index.
  func has(_ text: StaticString, at index: Int, to end: Int) -> Bool {
    let length = text.utf8CodeUnitCount
    guard end <= count, end - index >= length else { return false }
    return text.withUTF8Buffer { text in
      for offset in 0..<length where unsafe self[index + offset] != text[offset] { return false }
      return true
    }
  }

  func text(_ range: Range<Int>) -> String {
    String(decoding: self[range], as: UTF8.self)
  }
}
