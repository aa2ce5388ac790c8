internal import COpenSSL

/// A digest of plaintext as it streams by.
@safe
final class PlaintextDigest {
  enum Algorithm: String, CaseIterable {
    // The strongest first: where a row has several, one is enough.
    case sha256 = "SHA256"
    case sha1 = "SHA1"
    case md5 = "MD5"
    case adler32 = "ADLER32"
  }

  let algorithm: Algorithm
  private let context: OpaquePointer
  private var low: UInt32 = 1
  private var high: UInt32 = 0

  init?(_ algorithm: Algorithm) {
    guard let context = unsafe EVP_MD_CTX_new() else { return nil }
    unsafe self.context = context
    self.algorithm = algorithm
    guard unsafe algorithm == .adler32 || EVP_DigestInit_ex(context, Self.pointer(algorithm), nil) == 1 else {
      return nil
    }
  }

  deinit { unsafe EVP_MD_CTX_free(context) }

  private static func pointer(_ algorithm: Algorithm) -> OpaquePointer? {
    switch algorithm {
    case .sha256: unsafe EVP_sha256()
    case .sha1: unsafe EVP_sha1()
    case .md5: unsafe EVP_md5()
    case .adler32: nil
    }
  }

  func add(_ bytes: RawSpan) {
    guard algorithm == .adler32 else {
      unsafe bytes.withUnsafeBytes { _ = unsafe EVP_DigestUpdate(context, $0.baseAddress, $0.count) }
      return
    }
    // RFC 1950 §8.2; the sums fit 32 bits for 5552 bytes between two divisions.
    var index = 0
    while index < bytes.byteCount {
      let end = min(index + 5552, bytes.byteCount)
      while index < end {
        low &+= UInt32(bytes.byte(index))
        high &+= low
        index += 1
      }
      low %= 65521
      high %= 65521
    }
  }

  /// The digest of everything so far in lowercase hexadecimal; more can be added after it.
  func hex() -> String {
    guard algorithm != .adler32 else {
      let text = String(high << 16 | low, radix: 16)
      return String(repeating: "0", count: 8 - text.count) + text
    }
    var digest = [UInt8](repeating: 0, count: 64)
    var count: UInt32 = 0
    guard let copy = unsafe EVP_MD_CTX_new() else { return "" }
    defer { unsafe EVP_MD_CTX_free(copy) }
    guard unsafe EVP_MD_CTX_copy_ex(copy, context) == 1, unsafe EVP_DigestFinal_ex(copy, &digest, &count) == 1 else {
      return ""
    }
    return digest.prefix(Int(count)).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}

/// A digest that a client sent with a file: `SHA1:… MD5:…` in the column `checksum`.
struct StoredChecksum: Equatable {
  let algorithm: PlaintextDigest.Algorithm
  /// In lowercase hexadecimal.
  let hex: String

  /// The strongest one that is known; `nil` where there is none.
  init?(_ column: String?) {
    guard let column else { return nil }
    var known: [PlaintextDigest.Algorithm: String] = [:]
    for part in column.split(whereSeparator: { $0 == " " || $0 == "," }) {
      guard let colon = part.firstIndex(of: ":"),
        let algorithm = PlaintextDigest.Algorithm(rawValue: part[..<colon].uppercased())
      else { continue }
      let hex = part[part.index(after: colon)...].lowercased()
      let digits =
        switch algorithm {
        case .sha256: 64
        case .sha1: 40
        case .md5: 32
        case .adler32: 8
        }
      if hex.utf8.count == digits { known[algorithm] = hex }
    }
    guard let algorithm = PlaintextDigest.Algorithm.allCases.first(where: { known[$0] != nil }),
      let hex = known[algorithm]
    else { return nil }
    self.algorithm = algorithm
    self.hex = hex
  }
}
