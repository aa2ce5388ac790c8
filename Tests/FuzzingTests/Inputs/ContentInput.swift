import COpenSSL
import NextcloudKeys
import SecretMemory

@testable import NextcloudStorage

/// Encrypted files, with a key that opens them.
///
/// The first byte says what the snapshot is supposed to know; with its highest bit the file's header is what stands up to
/// the first line feed, filled up with `-`, since mutating 8 KiB of dashes shows nothing.
enum ContentInput {
  /// What the seeds are signed with, too.
  static let fileKey = Array("a file key that everybody knows.".utf8)

  static func read(_ bytes: [UInt8]) -> (objection: String?, summary: String) {
    guard let first = bytes.first else { return (nil, "") }
    guard let bench = unsafe bench else { return ("there is no key to read with", "") }
    let file = file(in: bytes[1...], isShort: first & 0x80 != 0)
    let expectation = ContentExpectation(
      version: [nil, 0, 1, 2, 3, .max, .min, -1][Int(first & 7)],
      plainSizes: [[], [5], [.max, -1], [8096]][Int(first >> 3 & 3)],
      checksum: first & 0x20 == 0 ? nil : "SHA1:da39a3ee5e6b4b0d3255bfef95601890afd80709 MD5:x",
      name: first & 0x40 == 0 ? "a.txt" : "a.jpg", isVersion: first & 0x40 != 0, highestVersion: 3)
    let source = ArraySource(bytes: file)
    let sink = Counter()
    let result: ContentResult
    do {
      result = try bench.examiner.decrypt(
        source, expecting: expectation, keys: { $0 == 0 ? bench.keys : nil }, wantsDigest: true, into: sink)
    } catch {
      return ("a sink that never throws has thrown: \(error)", "")
    }
    if sink.count > max(file.count, 8168) { return ("\(sink.count) bytes came out of \(file.count)", "") }
    if result.blocksRead > result.blocks { return ("\(result.blocksRead) of \(result.blocks) blocks were read", "") }
    let examined = bench.examiner.examine(
      source, expecting: expectation, keys: { $0 == 0 ? bench.keys : nil }, wantsDigest: true)
    // A drill and a recovery see the same.
    if examined != result { return ("decrypting says \(result.status), examining \(examined.status)", "") }
    let some = bench.examiner.examine(
      source, expecting: expectation, keys: { $0 == 0 ? bench.keys : nil }, extent: .blocks([0, -1, .max, 1]))
    if some.blocksRead > 2 { return ("more blocks were read than asked for", "") }
    return (nil, "\(result)")
  }

  private static func file(in bytes: ArraySlice<UInt8>, isShort: Bool) -> [UInt8] {
    guard isShort, let end = bytes.firstIndex(of: 0x0a), end - bytes.startIndex <= 8192 else { return Array(bytes) }
    let fields = bytes[..<end]
    return Array(fields) + [UInt8](repeating: 0x2d, count: 8192 - fields.count) + bytes[(end + 1)...]
  }

  private struct ArraySource: ContentSource {
    let bytes: [UInt8]
    var size: Int64 { Int64(bytes.count) }

    func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) -> Int {
      guard offset >= 0, offset < bytes.count else { return 0 }
      let part = bytes[Int(offset)..<min(bytes.count, Int(offset) + buffer.count)]
      unsafe buffer.copyBytes(from: part)
      return part.count
    }
  }

  private final class Counter: ContentSink {
    var count = 0

    func write(_ bytes: RawSpan) { count += bytes.byteCount }
  }
}

// MARK: - A key that opens them

extension ContentInput {
  private struct Bench {
    let examiner: ContentExaminer
    let keys: FileKeyFiles
  }

  /// A user's key pair in the format that needs no derivation, made anew for each process: 1024 bits, to be quick.
  nonisolated(unsafe) private static let bench: Bench? = {
    guard let pair = unsafe newPair(), let shareKey = unsafe encrypt(fileKey, to: pair),
      let pem = unsafe pem(of: pair),
      let password = try? SecretBytes(copying: [UInt8](repeating: 0x70, count: 32))
    else { return nil }
    unsafe EVP_PKEY_free(pair)
    let iv = [UInt8](repeating: 0x69, count: 16)
    // In counter mode decrypting is encrypting.
    let body = password.withBytes { password in
      try? LibCrypto.decrypt(.aes256CTR, key: password, iv: iv, unsafe pem.span.bytes)
    }
    guard let body else { return nil }
    let bytes =
      Array("HBEGIN:cipher:AES-256-CTR:keyFormat:password:encoding:binary:HEND".utf8)
      + body.withBytes { $0.array() } + Array("00iv00".utf8) + iv + Array("xx".utf8)
    var material = KeyMaterial()
    material.add(password: password, ofUser: "bob")
    let file = KeyFile(path: "bob/files_encryption/OC_DEFAULT_MODULE/bob.privateKey", bytes: bytes)
    guard let ring = try? KeyRing([file], with: material), ring.count == 1,
      let examiner = try? ContentExaminer(ring: ring)
    else { return nil }
    let keys = FileKeyFiles(
      folder: "keys", shareKeys: [FileKeyFiles.ShareKey(keyID: "bob", bytes: shareKey)], fileKey: nil)
    return Bench(examiner: examiner, keys: keys)
  }()

  private static func newPair() -> OpaquePointer? {
    guard let context = unsafe EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, nil) else { return nil }
    defer { unsafe EVP_PKEY_CTX_free(context) }
    var pair: OpaquePointer?
    guard unsafe EVP_PKEY_keygen_init(context) == 1, unsafe EVP_PKEY_CTX_set_rsa_keygen_bits(context, 1024) == 1,
      unsafe EVP_PKEY_generate(context, &pair) == 1
    else { return nil }
    return unsafe pair
  }

  private static func encrypt(_ fileKey: [UInt8], to pair: OpaquePointer) -> [UInt8]? {
    guard let context = unsafe EVP_PKEY_CTX_new_from_pkey(nil, pair, nil) else { return nil }
    defer { unsafe EVP_PKEY_CTX_free(context) }
    var shareKey = [UInt8](repeating: 0, count: 128)
    var count = shareKey.count
    guard unsafe EVP_PKEY_encrypt_init(context) == 1,
      unsafe EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) == 1,
      unsafe EVP_PKEY_encrypt(context, &shareKey, &count, fileKey, fileKey.count) == 1, count == shareKey.count
    else { return nil }
    return shareKey
  }

  private static func pem(of pair: OpaquePointer) -> [UInt8]? {
    guard let memory = unsafe BIO_new(BIO_s_mem()) else { return nil }
    defer { unsafe BIO_free(memory) }
    guard unsafe PEM_write_bio_PrivateKey(memory, pair, nil, nil, 0, nil, nil) == 1 else { return nil }
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = unsafe BIO_read(memory, &bytes, Int32(bytes.count))
    return count > 0 ? Array(bytes.prefix(Int(count))) : nil
  }
}
