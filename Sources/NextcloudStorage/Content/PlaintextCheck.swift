/// What is looked at in plaintext beyond the signatures, since those do not cover the initialisation vectors: a changed
/// one passes every signature and turns exactly its block into noise.
///
/// What cannot be noticed without a digest: noise in a block other than the first of anything but text, and in a first
/// block whose name promises nothing.
struct PlaintextCheck {
  /// What content looks like.
  enum Look: Equatable {
    case fits(String)
    case noise(because: String)
    case unknown
  }

  private let type: FileType?
  private let checksum: StoredChecksum?
  private var digests: [PlaintextDigest] = []
  private let wantsDigest: Bool
  private var head: Look = .unknown
  private var headIsNoText = false
  private var textBlocks = 0
  private var noText: [Int] = []
  private var noTextIsNoise = false
  /// Whether it is an encrypted file once more.
  private(set) var isEncryptedTwice = false

  init(_ expectation: ContentExpectation, isWhole: Bool, wantsDigest: Bool) {
    type = FileType(name: expectation.name)
    checksum = isWhole ? StoredChecksum(expectation.checksum) : nil
    self.wantsDigest = wantsDigest && isWhole
    var algorithms: Set<PlaintextDigest.Algorithm> = []
    if let checksum { algorithms.insert(checksum.algorithm) }
    if self.wantsDigest { algorithms.insert(.sha256) }
    digests = algorithms.compactMap { PlaintextDigest($0) }
  }

  /// Looks at the plaintext of one block.
  ///
  /// - Parameter couldBeNoise: whether the block has an initialisation vector at all, and its signature, if any, fits.
  mutating func add(_ plain: RawSpan, block: Int, couldBeNoise: Bool) {
    for digest in digests { digest.add(plain) }
    if block == 0 { lookAtHead(plain, couldBeNoise: couldBeNoise) }
    guard couldBeNoise, let type, type.isText, plain.byteCount > 0 else { return }
    textBlocks += 1
    let statistics = ByteStatistics(plain)
    guard statistics.isNoText, !Self.isUTF8(plain) else { return }
    if noText.count < 8 { noText.append(block) }
    noTextIsNoise = statistics.looksRandom
  }

  private mutating func lookAtHead(_ plain: RawSpan, couldBeNoise: Bool) {
    if case .header = ContentHeader.recognise(plain), plain.byteCount >= 1024 { isEncryptedTwice = true }
    guard let type else { return }
    let known = FileType.recognise(plain)
    if let known {
      head = .fits(known)
    } else if couldBeNoise, !type.isText, ByteStatistics(plain).looksRandom {
      head = .noise(because: "it does not begin like \(type.name), but with noise")
    }
  }

  /// What the content says about itself.
  var look: Look {
    guard let type, type.isText else { return head }
    if case .fits = head { return head }
    // All blocks at once are no damaged vectors: it is a binary file that is called a text.
    if let first = noText.first, textBlocks == 1 ? noTextIsNoise : noText.count < textBlocks {
      return .noise(
        because: textBlocks == 1 ? "it is noise, not text" : "block \(first) is noise, and the others are text")
    }
    return noText.isEmpty && textBlocks > 0 ? .fits("text") : .unknown
  }

  /// Whether the stored digest fits; nil where there is none. With the byte that the server lost, where it did.
  func checksumFits(appending byte: UInt8? = nil) -> Bool? {
    guard let checksum, let digest = digests.first(where: { $0.algorithm == checksum.algorithm }) else { return nil }
    if let byte { unsafe digest.add([byte].span.bytes) }
    return digest.hex() == checksum.hex
  }

  var checksumName: String? { checksum?.algorithm.rawValue }

  /// SHA-256 of everything that was added, where it was wanted.
  var sha256: String? { wantsDigest ? digests.first { $0.algorithm == .sha256 }?.hex() : nil }

  /// Whether a block is UTF-8 but for a character that is cut at either edge.
  private static func isUTF8(_ bytes: RawSpan) -> Bool {
    var start = 0
    while start < min(3, bytes.byteCount), bytes.byte(start) & 0xc0 == 0x80 { start += 1 }
    var end = bytes.byteCount
    var back = 1
    while back <= 3, end - back >= start {
      let byte = bytes.byte(end - back)
      if byte & 0xc0 == 0xc0 {
        let needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2
        if needed > back { end -= back }
        break
      }
      if byte < 0x80 { break }
      back += 1
    }
    return bytes.extracting(start..<max(start, end)).text() != nil
  }
}

/// How often kinds of bytes occur, to tell noise from content.
struct ByteStatistics {
  private let count: Int
  /// Control characters that no text has, zeros left out.
  private let controls: Int
  private let zeros: Int
  private let high: Int

  init(_ bytes: RawSpan) {
    var controls = 0
    var zeros = 0
    var high = 0
    for index in 0..<bytes.byteCount {
      let byte = bytes.byte(index)
      high += Int(byte >> 7)
      if byte < 0x20 || byte == 0x7f {
        switch byte {
        case 0: zeros += 1
        // Tab, line feed, form feed, carriage return, escape.
        case 0x09, 0x0a, 0x0c, 0x0d, 0x1b: break
        default: controls += 1
        }
      }
    }
    count = bytes.byteCount
    (self.controls, self.zeros, self.high) = (controls, zeros, high)
  }

  /// Has what no text has, unless it is UTF-16.
  var isNoText: Bool { controls + zeros > 0 && zeros * 10 < count }

  /// As random bytes: half of them above 127, a tenth control characters. Short content is never called random
  /// unless it is far from text.
  var looksRandom: Bool {
    guard count >= 8 else { return false }
    guard count >= 512 else { return high * 4 >= count && controls + zeros > 0 && high * 4 <= count * 3 }
    return high * 100 >= count * 42 && high * 100 <= count * 58 && controls * 100 >= count * 6
      && controls * 100 <= count * 16 && zeros * 100 <= count * 2
  }
}
