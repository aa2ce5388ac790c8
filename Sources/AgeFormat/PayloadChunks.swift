internal import SecretMemory

/// How a payload is cut and numbered (age, "Payload": a variant of STREAM).
struct ChunkCounter {
  /// How many bytes of plaintext a full chunk has.
  static let chunkCount = 65536
  /// The same, encrypted.
  static let sealedChunkCount = chunkCount + DerivedKey.tagCount
  /// The length of the nonce that stands before the chunks, in bytes.
  static let payloadNonceCount = 16

  private var number: UInt64 = 0

  /// Whether this is the first chunk.
  var isFirst: Bool { number == 0 }

  /// The nonce of this chunk: 11 bytes that count, big-endian, and one that marks the last chunk.
  func nonce(isFinal: Bool) -> [UInt8] {
    let count = (0..<8).reversed().map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
    return [0, 0, 0] + count + [isFinal ? 1 : 0]
  }

  mutating func advance() {
    number &+= 1  // Does not come round: 2^64 chunks are 2^80 bytes.
  }
}

/// Decrypts the chunks of a payload, one in memory at a time.
final class PayloadReader {
  private let source: BufferedSource
  private let key: DerivedKey
  private var counter = ChunkCounter()
  private var ciphertext = [UInt8](repeating: 0, count: ChunkCounter.sealedChunkCount)
  private var plaintext: SecretBytes
  private var unread = 0..<0
  private var sawFinalChunk = false

  init(_ source: BufferedSource, key: consuming DerivedKey) throws(AgeError) {
    self.source = source
    self.key = key
    self.plaintext = try guarded { () throws(SecretMemoryError) in
      try SecretBytes(zeroed: ChunkCounter.chunkCount)
    }
  }

  /// The next bytes of plaintext, all of them authenticated; 0 at the end.
  func read(into destination: UnsafeMutableRawBufferPointer) throws -> Int {
    while unread.isEmpty {
      if sawFinalChunk {
        try checkEnd()
        return 0
      }
      try openNextChunk()
    }
    let count = min(unread.count, destination.count)
    unsafe plaintext.withUnsafeBytes { plaintext in
      let chunk = unsafe UnsafeRawBufferPointer(rebasing: plaintext[unread.prefix(count)])
      unsafe destination.copyMemory(from: chunk)
    }
    unread = unread.lowerBound + count..<unread.upperBound
    return count
  }

  private func openNextChunk() throws {
    let count = try unsafe ciphertext.withUnsafeMutableBytes { try unsafe source.fill($0) }
    guard count > 0 else { throw AgeError.payload("it ends before its last chunk") }
    guard count >= DerivedKey.tagCount else { throw AgeError.payload("its last chunk is cut short") }
    guard count > DerivedKey.tagCount || counter.isFirst else { throw AgeError.payload("its last chunk is empty") }

    // Only the last chunk can be short, but it can be full too: the mark in its nonce decides.
    let isFull = count == ChunkCounter.sealedChunkCount
    if isFull, open(count, isFinal: false) {
      sawFinalChunk = false
    } else if open(count, isFinal: true) {
      sawFinalChunk = true
    } else {
      throw AgeError.payload("a chunk was changed, moved or cut short")
    }
    counter.advance()
    unread = 0..<count - DerivedKey.tagCount
  }

  private func open(_ count: Int, isFinal: Bool) -> Bool {
    unsafe plaintext.withUnsafeMutableBytes { plaintext in
      unsafe ciphertext.withUnsafeBytes { ciphertext in
        unsafe key.open(
          UnsafeRawBufferPointer(rebasing: ciphertext[..<count]),
          into: UnsafeMutableRawBufferPointer(rebasing: plaintext[..<(count - DerivedKey.tagCount)]),
          nonce: counter.nonce(isFinal: isFinal))
      }
    }
  }

  private func checkEnd() throws {
    var byte: UInt8 = 0
    let count = try unsafe withUnsafeMutableBytes(of: &byte) { try unsafe source.read(into: $0) }
    guard count == 0 else { throw AgeError.payload("something follows its last chunk") }
  }
}

/// Encrypts a payload, one chunk in memory at a time.
final class PayloadWriter {
  private let sink: any ByteSink
  private let key: DerivedKey
  private var counter = ChunkCounter()
  private var chunk: SecretBytes
  private var filled = 0

  init(_ sink: any ByteSink, key: consuming DerivedKey) throws(AgeError) {
    self.sink = sink
    self.key = key
    self.chunk = try guarded { () throws(SecretMemoryError) in
      try SecretBytes(zeroed: ChunkCounter.sealedChunkCount)
    }
  }

  func write(_ bytes: RawSpan) throws {
    try unsafe bytes.withUnsafeBytes { bytes in
      var position = 0
      while position < bytes.count {
        // A full chunk waits until more follows, because the last one must not be empty.
        if filled == ChunkCounter.chunkCount { try sealChunk(isFinal: false) }
        let count = min(bytes.count - position, ChunkCounter.chunkCount - filled)
        unsafe chunk.withUnsafeMutableBytes { chunk in
          let room = unsafe UnsafeMutableRawBufferPointer(rebasing: chunk[filled..<filled + count])
          unsafe room.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[position..<position + count]))
        }
        filled += count
        position += count
      }
    }
  }

  func finish() throws {
    try sealChunk(isFinal: true)
  }

  /// Seals what is there, in place, and hands it on.
  private func sealChunk(isFinal: Bool) throws {
    let count = filled + DerivedKey.tagCount
    unsafe chunk.withUnsafeMutableBytes { chunk in
      unsafe key.seal(
        UnsafeRawBufferPointer(rebasing: chunk[..<filled]),
        into: UnsafeMutableRawBufferPointer(rebasing: chunk[..<count]), nonce: counter.nonce(isFinal: isFinal))
    }
    counter.advance()
    filled = 0
    try chunk.withBytes { try sink.write($0.extracting(0..<count)) }
  }
}
