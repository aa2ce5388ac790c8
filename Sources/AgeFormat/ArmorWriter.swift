/// Writes ASCII armor: strict PEM (RFC 7468 §3, figure 3) with the label `AGE ENCRYPTED FILE`.
public final class ArmorWriter: ByteSink {
  static let firstLine = Array("-----BEGIN AGE ENCRYPTED FILE-----".utf8)
  static let lastLine = Array("-----END AGE ENCRYPTED FILE-----".utf8)
  /// How many bytes a full line stands for.
  static let bytesPerLine = Stanza.columns / 4 * 3

  private let sink: any ByteSink
  private var hasStarted = false
  private var isFinished = false
  /// What does not fill a line yet.
  private var rest: [UInt8] = []

  public init(_ sink: any ByteSink) {
    self.sink = sink
  }

  /// - Throws: `AgeError.misuse` after `finish()`, or what the sink throws.
  public func write(_ bytes: RawSpan) throws {
    guard !isFinished else { throw AgeError.misuse("the armor was finished already") }
    unsafe bytes.withUnsafeBytes { unsafe rest.append(contentsOf: $0) }
    let fullCount = rest.count - rest.count % Self.bytesPerLine
    try emit(rest.prefix(fullCount))
    rest.removeFirst(fullCount)
  }

  /// Writes what is left and the last line. The sink is neither finished nor closed.
  ///
  /// - Throws: `AgeError.misuse` when called twice, or what the sink throws.
  public func finish() throws {
    guard !isFinished else { throw AgeError.misuse("the armor was finished already") }
    isFinished = true
    try emit(rest[...])
    try sink.write(Self.lastLine + [.lineFeed])
  }

  /// Writes lines, the last of which may be short.
  private func emit(_ bytes: ArraySlice<UInt8>) throws {
    var text = hasStarted ? [] : Self.firstLine + [.lineFeed]
    hasStarted = true
    for start in stride(from: bytes.startIndex, to: bytes.endIndex, by: Self.bytesPerLine) {
      text += Base64.encode(bytes[start..<min(start + Self.bytesPerLine, bytes.endIndex)], padded: true) + [.lineFeed]
    }
    if !text.isEmpty { try sink.write(text) }
  }
}
