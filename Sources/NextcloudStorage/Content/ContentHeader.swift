/// The first 8192 bytes of an encrypted file: `HBEGIN:key:value:…:HEND`, filled up with `-`.
///
/// Nothing authenticates it, so what it says is checked against the blocks, and what is odd in it is told.
struct ContentHeader: Equatable {
  /// In bytes, of the header and of each block after it.
  static let blockCount = 8192
  private static let module = "OC_DEFAULT_MODULE"

  /// What the first bytes of a file are.
  enum Recognition: Equatable {
    case header(ContentHeader)
    /// Something of a header is left, or blocks follow where one should be; what is wrong.
    case damaged(because: String)
    /// It starts like a header, and what follows is not what follows a header: most likely a plain file about one.
    case lookalike
    case none
  }

  let cipher: LibCrypto.Cipher
  /// Whether the ciphertext is raw; nil where only the blocks can tell.
  let isBinary: Bool?
  let saysSigned: Bool
  /// What a reader does not mind.
  private(set) var notes: [String] = []
  /// What keeps Nextcloud from reading the file; decrypting goes on with the likeliest meaning.
  private(set) var problems: [String] = []
  /// An encryption module that is not the default one, exactly as written.
  private(set) var otherModule: String?

  mutating func add(problem: String) { problems.append(problem) }

  /// What ownCloud's first format was, which has no header at all.
  static let headerless = ContentHeader(cipher: .aes128CFB, isBinary: false, saysSigned: false)

  private init(cipher: LibCrypto.Cipher, isBinary: Bool?, saysSigned: Bool) {
    self.cipher = cipher
    self.isBinary = isBinary
    self.saysSigned = saysSigned
  }

  /// The likeliest meaning of a header that is damaged: the cipher whose name is best preserved in it, else today's.
  static func salvage(_ bytes: RawSpan) -> ContentHeader {
    var best = (cipher: LibCrypto.Cipher.aes256CTR, distance: 4)
    for cipher in LibCrypto.Cipher.allCases where cipher != .aes128CBC {
      let name = Array(cipher.rawValue.utf8)
      for offset in 0..<max(0, min(bytes.byteCount, 256) - name.count) {
        let distance = name.indices.count { bytes.byte(offset + $0) != name[$0] }
        if distance < best.distance { best = (cipher, distance) }
      }
    }
    return ContentHeader(cipher: best.cipher, isBinary: nil, saysSigned: true)
  }

  /// - Parameter bytes: the first 8192 bytes of the file, or all of a shorter one.
  static func recognise(_ bytes: RawSpan) -> Recognition {
    let head = bytes.extracting(0..<min(bytes.byteCount, blockCount))
    guard head.starts(with: "HBEGIN:"), let end = endOfFields(head),
      let text = head.extracting(7..<max(7, end - 5)).text()
    else { return recogniseDamaged(head, fill: dashes(in: head, from: 0)) }
    let padding = head.byteCount - end
    let fill = dashes(in: head, from: end)
    // A header is mostly padding. A text that begins like one, and a header that was printed into a file, are not.
    guard padding == 0 || fill * 10 >= padding * 9 else { return .lookalike }
    guard var header = parse(text) else { return .damaged(because: "its fields are damaged") }
    if fill < padding { header.notes.append("\(padding - fill) bytes of the header's padding are not as written") }
    return .header(header)
  }

  private static func recogniseDamaged(_ head: RawSpan, fill: Int) -> Recognition {
    let mark = "it does not begin and end as a header does"
    if head.byteCount == blockCount, fill > blockCount * 9 / 10 { return .damaged(because: mark) }
    if head.starts(with: "HBEGIN:") { return .lookalike }
    return .none
  }

  /// Where the fields end, the mark included: the first `:HEND`.
  private static func endOfFields(_ head: RawSpan) -> Int? {
    // The longest header known has 112 bytes; further on it would be somebody's text.
    for index in 6..<max(6, min(head.byteCount - 4, 1024)) where head.starts(with: ":HEND", at: index) {
      return index + 5
    }
    return nil
  }

  private static func dashes(in head: RawSpan, from start: Int) -> Int {
    var count = 0
    for index in start..<max(start, head.byteCount) where head.byte(index) == 0x2d { count += 1 }
    return count
  }

  private static func parse(_ text: String) -> ContentHeader? {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    guard parts.count % 2 == 0 else { return nil }
    var fields: [String: String] = [:]
    for index in stride(from: 0, to: parts.count, by: 2) {
      guard fields.updateValue(parts[index + 1], forKey: parts[index]) == nil else { return nil }
    }
    var notes: [String] = []
    var problems: [String] = []
    var otherModule: String?
    let known = ["oc_encryption_module", "cipher", "signed", "encoding", "useLegacyFileKey", "keyFormat"]
    let unknown = fields.keys.filter { !known.contains($0) }.sorted()
    if !unknown.isEmpty {
      notes.append("the header has a field that is not known: \(Printable.text(unknown.joined(separator: ", ")))")
    }
    if let module = fields["oc_encryption_module"], module != Self.module { otherModule = module }

    let cipher: LibCrypto.Cipher
    let ciphers = LibCrypto.Cipher.allCases.filter { $0 != .aes128CBC }
    if let name = fields["cipher"] {
      if let exact = ciphers.first(where: { $0.rawValue == name }) {
        cipher = exact
      } else {
        problems.append("the header names a cipher that is not known: \(Printable.text(name))")
        cipher = ciphers.min { distance($0.rawValue, name) < distance($1.rawValue, name) } ?? .aes256CTR
      }
    } else if unknown.isEmpty, fields["oc_encryption_module"] == nil || fields["signed"] == nil {
      cipher = .aes128CFB
    } else {
      // Signed content was never written without naming its cipher.
      problems.append("the header names no cipher")
      cipher = .aes256CTR
    }
    let isBinary: Bool?
    switch fields["encoding"] {
    case "binary": isBinary = true
    case "base64": isBinary = false
    case nil: isBinary = unknown.isEmpty ? false : nil
    case let other?:
      problems.append("the header names an encoding that is not known: \(Printable.text(other))")
      isBinary = nil
    }
    switch fields["signed"] {
    case "true", "false", nil: break
    case let other?: problems.append("the header's field signed is \(Printable.text(other))")
    }
    switch fields["useLegacyFileKey"] {
    case "true", "false", nil: break
    // The right key is found by a signature, whatever this says; Nextcloud tries both too.
    case let other?: notes.append("the header's field useLegacyFileKey is \(Printable.text(other))")
    }
    var header = ContentHeader(cipher: cipher, isBinary: isBinary, saysSigned: fields["signed"] == "true")
    header.notes = notes
    header.problems = problems
    header.otherModule = otherModule
    return header
  }

  /// In how many places two names differ.
  private static func distance(_ left: String, _ right: String) -> Int {
    let left = Array(left.utf8)
    let right = Array(right.utf8)
    return abs(left.count - right.count) + zip(left, right).filter { $0 != $1 }.count
  }
}
