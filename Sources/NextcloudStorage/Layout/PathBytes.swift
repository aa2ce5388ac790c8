internal import CUTF8Proc
internal import FoundationEssentials
internal import SystemPackage

#if canImport(Glibc)
  internal import Glibc
#endif

/// Paths as the bytes that they are: names need not be UTF-8, and the same text may be written in several ways.
typealias PathBytes = [UInt8]

extension [UInt8] {
  init(path: FilePath) {
    self = unsafe path.withPlatformString { unsafe Array(UnsafeRawBufferPointer(start: $0, count: strlen($0))) }
  }

  /// The bytes as a path; they hold no zero.
  var filePath: FilePath {
    unsafe FilePath(platformString: map { CChar(bitPattern: $0) } + [0])
  }

  /// As text, with a replacement for what is no UTF-8.
  var text: String { String(decoding: self, as: UTF8.self) }
  /// As SQLite takes it.
  var blob: Data { Data(self) }
  var isASCII: Bool { allSatisfy { $0 < 0x80 } }

  static func + (bytes: Self, text: String) -> Self { bytes + Array(text.utf8) }

  func hasPrefix(_ text: String) -> Bool { starts(with: text.utf8) }
  func hasSuffix(_ text: String) -> Bool {
    count >= text.utf8.count && suffix(text.utf8.count).elementsEqual(text.utf8)
  }

  /// The names in a path.
  var names: [ArraySlice<UInt8>] { split(separator: 0x2f, omittingEmptySubsequences: false) }

  /// What comes after the last slash.
  var lastName: [UInt8] { Array(suffix(from: (lastIndex(of: 0x2f) ?? -1) + 1)) }

  /// The first bytes that come after all paths that begin with these.
  var end: [UInt8] {
    var result = self
    while let last = result.popLast() {
      if last < 0xff {
        result.append(last + 1)
        return result
      }
    }
    // Longer than any path, and above all of them.
    return [UInt8](repeating: 0xff, count: 5000)
  }

  /// In the form in which Nextcloud keeps names (NFC); unchanged when it is no UTF-8.
  var composed: [UInt8] { isASCII ? self : mapped(UTF8PROC_COMPOSE.rawValue) ?? self }
  /// In the form in which macOS keeps names (NFD).
  var decomposed: [UInt8] { isASCII ? self : mapped(UTF8PROC_DECOMPOSE.rawValue) ?? self }
  /// Composed and without upper and lower case.
  var folded: [UInt8] {
    isASCII
      ? map { (0x41...0x5a).contains($0) ? $0 + 32 : $0 }
      : mapped(UTF8PROC_COMPOSE.rawValue | UTF8PROC_CASEFOLD.rawValue) ?? self
  }
  /// The bytes themselves, and the other forms of the same text that differ from them.
  var forms: [[UInt8]] {
    if isASCII { return [self] }
    var result = [self]
    for form in [composed, decomposed] where !result.contains(form) { result.append(form) }
    return result
  }

  private func mapped(_ options: UInt32) -> [UInt8]? {
    var start: UnsafeMutablePointer<UInt8>?
    let options = utf8proc_option_t(rawValue: options | UTF8PROC_STABLE.rawValue)
    let length = unsafe utf8proc_map(self, count, &start, options)
    guard let found = unsafe start else { return nil }
    defer { unsafe free(found) }
    guard length >= 0 else { return nil }
    return unsafe Array(UnsafeBufferPointer(start: found, count: length))
  }

  /// A number for the composed text without case, the same on every machine (FNV-1a).
  var foldedHash: Int64 {
    Int64(bitPattern: folded.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 })
  }

  /// Without an ending such as `.v1700000000`, a dot, the letter and digits; nil when there is none.
  func withoutStamp(_ letter: UInt8) -> [UInt8]? {
    guard let dot = lastIndex(of: 0x2e), count > dot + 2, self[dot + 1] == letter,
      self[(dot + 2)...].allSatisfy({ (0x30...0x39).contains($0) }), dot > 0
    else { return nil }
    return Array(self[..<dot])
  }
}
