internal import COpenSSL
internal import CUTF8Proc
internal import DatabaseSnapshots

/// What comparing `md5(path)` with `path_hash` showed: a perfect test of how a snapshot was written and read.
package struct PathSelfTest: Equatable, Sendable {
  /// Rows of `filecache` that were checked: all with a path and a hash.
  package var checked = 0
  package var mismatches = 0
  /// Of the mismatches: the hash is that of the text before it was encoded as UTF-8 a second time. The index has these
  /// paths mended.
  package var doubleEncoded = 0
  /// Of the mismatches: the hash is that of the path in the composed form (NFC). The index has the path as it stands.
  package var composed = 0
  /// The first paths that do not fit, at most `exampleLimit`.
  package var examples: [String] = []
  /// Rows whose `name` is not the last part of their path: Nextcloud lists a file by the one and finds it by the other.
  package var misnamed = 0
  package var misnamedExamples: [String] = []

  package static let exampleLimit = 5

  package init() {}

  /// Mismatches that nothing explains.
  package var unexplained: Int { mismatches - doubleEncoded - composed }
}

/// Digests paths with one context for all, and compares with the hash that stands beside them.
@safe final class PathHasher {
  enum Answer: Equatable {
    case fits
    /// What the path was before it was encoded twice.
    case doubleEncoded([UInt8])
    case composed
    case differs
  }

  private let context: OpaquePointer

  init() throws(LibCrypto.Unavailable) {
    guard let context = unsafe EVP_MD_CTX_new() else { throw LibCrypto.Unavailable(problem: "no memory") }
    guard unsafe EVP_DigestInit_ex2(context, EVP_md5(), nil) == 1 else {
      unsafe EVP_MD_CTX_free(context)
      throw LibCrypto.Unavailable(problem: "libcrypto refuses MD5")
    }
    unsafe self.context = unsafe context
  }

  deinit { unsafe EVP_MD_CTX_free(context) }

  /// - Parameter hash: 32 lower-case hexadecimal digits.
  func compare(_ path: UnsafeRawBufferPointer, with hash: UnsafeRawBufferPointer) -> Answer {
    if unsafe fits(path, hash) { return .fits }
    if let single = unsafe Self.encodedOnce(path),
      unsafe single.withUnsafeBytes({ unsafe fits($0, hash) })
    {
      return .doubleEncoded(single)
    }
    if let composed = unsafe Self.composed(path), unsafe composed.withUnsafeBytes({ unsafe fits($0, hash) }) {
      return .composed
    }
    return .differs
  }

  private func fits(_ path: UnsafeRawBufferPointer, _ hash: UnsafeRawBufferPointer) -> Bool {
    guard hash.count == 32 else { return false }
    var digest: (UInt64, UInt64) = (0, 0)
    let isDone = unsafe withUnsafeMutableBytes(of: &digest) { output in
      unsafe EVP_DigestInit_ex2(context, nil, nil) == 1
        && EVP_DigestUpdate(context, path.baseAddress, path.count) == 1
        && EVP_DigestFinal_ex(context, output.baseAddress?.assumingMemoryBound(to: UInt8.self), nil) == 1
    }
    guard isDone else { return false }
    return unsafe withUnsafeBytes(of: &digest) { digest in
      for index in 0..<16 {
        let byte = unsafe digest[index]
        guard unsafe hash[2 * index] == Self.digit(byte >> 4), unsafe hash[2 * index + 1] == Self.digit(byte & 15)
        else { return false }
      }
      return true
    }
  }

  private static func digit(_ value: UInt8) -> UInt8 { value < 10 ? 48 + value : 87 + value }

  /// The bytes which, taken for Windows-1252 (what MySQL calls latin1) and encoded as UTF-8, gave this; nil where it
  /// cannot have been so.
  static func encodedOnce(_ twice: UnsafeRawBufferPointer) -> [UInt8]? {
    guard unsafe twice.contains(where: { $0 >= 0x80 }),
      let text = unsafe String(validating: twice, as: UTF8.self)
    else { return nil }
    var bytes: [UInt8] = []
    for scalar in text.unicodeScalars {
      if scalar.value < 0x100 {
        bytes.append(UInt8(scalar.value))
      } else if let index = Windows1252.scalars.firstIndex(of: scalar.value) {
        bytes.append(0x80 + UInt8(index))
      } else {
        return nil
      }
    }
    return String(validating: bytes, as: UTF8.self) == nil ? nil : bytes
  }

  /// The composed form (NFC); nil where the bytes are no UTF-8 or are composed.
  private static func composed(_ path: UnsafeRawBufferPointer) -> [UInt8]? {
    guard unsafe path.contains(where: { $0 >= 0x80 }) else { return nil }
    var result: UnsafeMutablePointer<UInt8>?
    let options = utf8proc_option_t(UTF8PROC_STABLE.rawValue | UTF8PROC_COMPOSE.rawValue)
    let count = unsafe utf8proc_map(
      path.baseAddress?.assumingMemoryBound(to: UInt8.self), utf8proc_ssize_t(path.count), &result, options)
    guard count > 0, let result = unsafe result else { return nil }
    defer { unsafe free(result) }
    let bytes = unsafe Array(UnsafeBufferPointer(start: result, count: count))
    return unsafe path.elementsEqual(bytes) ? nil : bytes
  }
}
