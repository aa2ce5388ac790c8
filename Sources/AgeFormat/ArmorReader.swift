/// Reads ASCII armor, as strictly as age does: one text for each content, but for line ends (LF or CR LF), a missing last
/// line end, and up to 1 KiB of white space before and after.
///
/// After an error each later read throws the same one.
public final class ArmorReader: ByteSource {
  private enum Position {
    case beforeFirstLine, inside, ended
  }

  /// How many bytes of white space may stand before the first line, and behind the last.
  private static let whitespaceLimit = 1024

  private let source: BufferedSource
  private var position = Position.beforeFirstLine
  private var decoded: ArraySlice<UInt8> = []
  private var failure: (any Error)?

  public convenience init(_ source: any ByteSource) {
    self.init(BufferedSource(source))
  }

  init(_ source: BufferedSource) {
    self.source = source
  }

  /// The next bytes that the armor stands for; 0 once the last line and what follows it were found to be right.
  ///
  /// - Throws: `AgeError.armor`, or what the source throws.
  public func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    var filled = 0
    while filled < buffer.count {
      if decoded.isEmpty {
        // What was decoded before an error is handed over first; the next call throws it.
        do { try decodeNextLine() } catch  where filled > 0 { break }
        if decoded.isEmpty { break }
      }
      let count = min(decoded.count, buffer.count - filled)
      unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[filled..<filled + count])
        .copyBytes(from: decoded.prefix(count))
      decoded = decoded.dropFirst(count)
      filled += count
    }
    return filled
  }

  /// Leaves `decoded` empty at the end.
  private func decodeNextLine() throws {
    if let failure { throw failure }
    do {
      if position == .beforeFirstLine { try skipToFirstLine() }
      if position == .inside { try decodeLineInside() }
    } catch {
      failure = error
      throw error
    }
  }

  private func skipToFirstLine() throws {
    var skipped = 0
    while true {
      let line = try nextLine(limit: Self.whitespaceLimit)
      if line == ArmorWriter.firstLine { break }
      guard line.allSatisfy(\.isWhitespace) else { throw AgeError.armor("its first line is not the BEGIN line") }
      skipped += line.count + 1
      guard skipped <= Self.whitespaceLimit else { throw AgeError.armor("too much white space stands before it") }
    }
    position = .inside
  }

  private func decodeLineInside() throws {
    let line = try nextLine(limit: Stanza.columns + 2)
    if line == ArmorWriter.lastLine { return try finish() }
    guard !line.isEmpty, line.count <= Stanza.columns, let bytes = Base64.decode(line, padded: true) else {
      throw AgeError.armor("a line is not canonical base64 of at most \(Stanza.columns) columns")
    }
    if bytes.count < ArmorWriter.bytesPerLine {
      guard try nextLine(limit: Stanza.columns + 2) == ArmorWriter.lastLine else {
        throw AgeError.armor("the END line does not follow the short line")
      }
      try finish()
    }
    decoded = bytes[...]
  }

  private func finish() throws {
    position = .ended
    var followed = 0
    while true {
      let line: [UInt8]
      switch try source.readLine(limit: Self.whitespaceLimit) {
      case .complete(let bytes), .unterminated(let bytes): line = bytes
      case .tooLong: throw AgeError.armor("too much follows the END line")
      case .end: return
      }
      guard line.allSatisfy(\.isWhitespace) else { throw AgeError.armor("something follows the END line") }
      followed += line.count + 1
      guard followed <= Self.whitespaceLimit else { throw AgeError.armor("too much follows the END line") }
    }
  }

  /// A line without its end, be that LF, CR LF or the end of the source.
  private func nextLine(limit: Int) throws -> [UInt8] {
    switch try source.readLine(limit: limit) {
    case .complete(let line), .unterminated(let line):
      return line.last == UInt8(ascii: "\r") ? line.dropLast() : line
    case .tooLong: throw AgeError.armor("a line has more than \(Stanza.columns) columns")
    case .end: throw AgeError.armor("it ends before the END line")
    }
  }
}
