/// Where bytes come from, in order and once.
public protocol ByteSource: AnyObject {
  /// Puts the next bytes at the start of `buffer`.
  ///
  /// - Parameter buffer: room for at least one byte.
  /// - Returns: how many bytes were put, 1 … `buffer.count`; fewer than asked for does not mean the end, 0 does.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int
}

/// Where bytes go to, in order.
public protocol ByteSink: AnyObject {
  /// Takes all of `bytes` or throws.
  func write(_ bytes: RawSpan) throws
}

extension ByteSink {
  /// Takes all of `bytes` or throws.
  func write(_ bytes: [UInt8]) throws {
    try unsafe write(bytes.span.bytes)
  }
}

extension ByteSource {
  /// Reads until `buffer` is full or the source ends.
  ///
  /// - Returns: how many bytes were read; fewer than `buffer.count` only at the end.
  /// - Throws: what the source throws, or `AgeError.misuse` when it claims more bytes than it was given room for.
  func fill(_ buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    var filled = 0
    while filled < buffer.count {
      let room = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
      let count = try unsafe readChecked(into: room)
      if count == 0 { break }
      filled += count
    }
    return filled
  }

  /// One read, the answer of which is in range.
  func readChecked(into room: UnsafeMutableRawBufferPointer) throws -> Int {
    let count = try unsafe read(into: room)
    guard count >= 0, count <= room.count else {
      throw AgeError.misuse("a byte source answered with \(count) bytes where \(room.count) were asked for")
    }
    return count
  }
}

/// Bytes in memory, to read from. Not for secrets: an array is neither locked nor wiped.
public final class BytesSource: ByteSource {
  private let bytes: [UInt8]
  private var position = 0

  public init(_ bytes: [UInt8]) {
    self.bytes = bytes
  }

  public func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    let count = min(buffer.count, bytes.count - position)
    unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]).copyBytes(from: bytes[position..<position + count])
    position += count
    return count
  }
}

/// Bytes gathered in memory. Not for secrets: an array is neither locked nor wiped.
public final class BytesSink: ByteSink {
  /// What was written so far.
  public private(set) var bytes: [UInt8] = []

  public init() {}

  public func write(_ bytes: RawSpan) throws {
    unsafe bytes.withUnsafeBytes { unsafe self.bytes.append(contentsOf: $0) }
  }
}
