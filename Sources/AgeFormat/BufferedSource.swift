/// A source that can be read by lines and looked into, and that afterwards gives the rest byte for byte.
///
/// It holds at most 4 KiB that nobody asked for yet, all of it ciphertext or header.
final class BufferedSource: ByteSource {
  /// What `readLine` found.
  enum Line: Equatable {
    /// A line that ended with a line feed, which is left out.
    case complete([UInt8])
    /// One byte or more before the end of the source, without a line feed.
    case unterminated([UInt8])
    /// More bytes than the limit without a line feed.
    case tooLong
    /// The source has ended.
    case end
  }

  private let source: any ByteSource
  private var buffer = [UInt8](repeating: 0, count: 4096)
  private var unread = 0..<0
  private var hasEnded = false

  init(_ source: any ByteSource) {
    self.source = source
  }

  /// Reads up to and including the next line feed.
  ///
  /// - Parameter limit: how many bytes a line may have, line feed included.
  func readLine(limit: Int) throws -> Line {
    var line: [UInt8] = []
    while try !unread.isEmpty || refill() {
      let available = buffer[unread.prefix(limit - line.count)]
      if let lineFeed = available.firstIndex(of: UInt8(ascii: "\n")) {
        line += buffer[unread.lowerBound..<lineFeed]
        unread = lineFeed + 1..<unread.upperBound
        return .complete(line)
      }
      line += available
      unread = available.endIndex..<unread.upperBound
      if line.count >= limit { return .tooLong }
    }
    return line.isEmpty ? .end : .unterminated(line)
  }

  /// The first byte that is no white space, without consuming anything; nil where there is none in the first 4 KiB.
  func peekPastWhitespace() throws -> UInt8? {
    repeat {
      if let byte = buffer[unread].first(where: { !$0.isWhitespace }) { return byte }
    } while try refill()
    return nil
  }

  func read(into destination: UnsafeMutableRawBufferPointer) throws -> Int {
    guard !unread.isEmpty else { return hasEnded ? 0 : try unsafe readThrough(into: destination) }
    let available = buffer[unread.prefix(destination.count)]
    unsafe UnsafeMutableRawBufferPointer(rebasing: destination[..<available.count]).copyBytes(from: available)
    unread = available.endIndex..<unread.upperBound
    return available.count
  }

  private func readThrough(into destination: UnsafeMutableRawBufferPointer) throws -> Int {
    let count = try unsafe source.readChecked(into: destination)
    hasEnded = count == 0
    return count
  }

  /// Adds to what is unread; false at the end of the source or when there is no more room.
  private func refill() throws -> Bool {
    if unread.isEmpty { unread = 0..<0 }
    guard !hasEnded, unread.upperBound < buffer.count else { return false }
    let count = try unsafe buffer.withUnsafeMutableBytes { whole in
      try unsafe readThrough(into: UnsafeMutableRawBufferPointer(rebasing: whole[unread.upperBound...]))
    }
    unread = unread.lowerBound..<unread.upperBound + count
    return count > 0
  }
}

extension UInt8 {
  /// Whether this is ASCII white space, as C's `isspace` has it.
  var isWhitespace: Bool {
    self == UInt8(ascii: " ") || (UInt8(ascii: "\t")...UInt8(ascii: "\r")).contains(self)
  }
}
