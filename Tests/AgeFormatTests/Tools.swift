import AgeFormat
import SecretMemory

/// Gives at most `step` bytes at a time, and counts them.
final class SteppedSource: ByteSource {
  private let source: BytesSource
  private let step: Int
  private(set) var count = 0

  init(_ bytes: [UInt8], step: Int) {
    source = BytesSource(bytes)
    self.step = step
  }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    let read = try unsafe source.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(step)))
    count += read
    return read
  }
}

/// What came of reading a file.
struct Reading {
  var header: Header?
  var plaintext: [UInt8] = []
  var error: AgeError?

  var verdict: Verdict { Verdict(error) }
}

/// The verdicts of the test kit.
enum Verdict: String, CaseIterable {
  case success = "success"
  case noMatch = "no match"
  case hmac = "HMAC failure"
  case header = "header failure"
  case payload = "payload failure"
  case armor = "armor failure"
  case other = "an error that is no verdict"

  init(_ error: AgeError?) {
    switch error {
    case nil: self = .success
    case .noMatch: self = .noMatch
    case .headerMAC: self = .hmac
    case .header: self = .header
    case .payload: self = .payload
    case .armor: self = .armor
    case .key, .misuse, .memory: self = .other
    }
  }
}

/// Reads everything that comes out of `source`, `step` bytes at a time.
func readAll(_ source: any ByteSource, step: Int = 10_000, into bytes: inout [UInt8]) throws {
  var buffer = [UInt8](repeating: 0, count: step)
  while true {
    let count = try unsafe buffer.withUnsafeMutableBytes { try unsafe source.read(into: $0) }
    if count == 0 { return }
    bytes += buffer.prefix(count)
  }
}

/// Reads a whole file, and checks that an error stays.
func read(
  _ source: any ByteSource, with identities: borrowing some Identity & ~Copyable,
  encoding: AgeReader.Encoding = .detected, step: Int = 10_000
) throws -> Reading {
  let reader = AgeReader(source, encoding: encoding)
  var reading = Reading()
  do {
    reading.header = try reader.readHeader()
    try reader.open(with: identities)
    try readAll(reader, step: step, into: &reading.plaintext)
  } catch let error as AgeError {
    reading.error = error
    if error != .noMatch {
      var more: [UInt8] = []
      do { try readAll(reader, into: &more) } catch let second as AgeError where second == error {}
      guard more.isEmpty else { throw AgeError.misuse("the reader went on after an error") }
    }
  }
  return reading
}

/// Encrypts `plaintext`, handed in by pieces of `step` bytes.
func seal(
  _ plaintext: [UInt8], to recipient: borrowing some Recipient & ~Copyable, armored: Bool = false, step: Int = 10_000
) throws -> [UInt8] {
  let sink = BytesSink()
  let armor = armored ? ArmorWriter(sink) : nil
  let writer = try AgeWriter(armor ?? sink, recipient: recipient)
  for start in stride(from: 0, to: plaintext.count, by: step) {
    let piece = Array(plaintext[start..<min(start + step, plaintext.count)])
    try unsafe writer.write(piece.span.bytes)
  }
  try writer.finish()
  try armor?.finish()
  return sink.bytes
}

/// Runs bytes through the armor.
func armored(_ bytes: [UInt8], step: Int = 10_000) throws -> [UInt8] {
  let sink = BytesSink()
  let writer = ArmorWriter(sink)
  for start in stride(from: 0, to: bytes.count, by: step) {
    let piece = Array(bytes[start..<min(start + step, bytes.count)])
    try unsafe writer.write(piece.span.bytes)
  }
  try writer.finish()
  return sink.bytes
}

func secret(_ text: String) throws -> SecretBytes {
  try SecretBytes(copying: Array(text.utf8))
}

func text(_ secret: borrowing SecretBytes) -> String {
  secret.withBytes { unsafe $0.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) } }
}

/// Bytes that repeat late enough to show a chunk out of place.
func sample(_ count: Int) -> [UInt8] {
  (0..<count).map { (position: Int) -> UInt8 in
    let high: Int = position >> 8
    return UInt8(truncatingIfNeeded: position &* 31 &+ high &* 7 &+ high >> 8)
  }
}

/// Numbers that look random and are the same on each run (SplitMix64).
struct RepeatableGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) {
    state = seed
  }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
    return mixed ^ mixed >> 31
  }
}
