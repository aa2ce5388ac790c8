import COpenSSL
import SecretMemory

@testable import NextcloudStorage

/// Writes what the code under test reads, so that cases can be made which no sample has.
enum KeyWriting {
  static func hex(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  static func bytes(_ secret: borrowing SecretBytes) -> [UInt8] { secret.withBytes { $0.array() } }

  /// An ICrypto string.
  ///
  /// - Parameter secrets: what the encryption and the MAC are keyed with, which an old instance can have kept apart.
  static func wrap(
    _ plaintext: [UInt8], version: ICryptoText.Version, secrets: (encryption: String, mac: String)
  ) throws -> [UInt8] {
    let iv = [UInt8]("0123456789abcdef".utf8)
    var keyInput = [UInt8](secrets.encryption.utf8)
    var macInput = [UInt8](secrets.mac.utf8)
    if version == .version3 || version == .ownCloud2 {
      let both = bytes(try LibCrypto.hkdf64(try secretBytes(secrets.encryption)))
      (keyInput, macInput) = (Array(both[..<32]), Array(both[32...]))
    }
    let salt = [UInt8]("phpseclib".utf8)
    let key = bytes(
      try unsafe PBKDF2.key(
        password: try SecretBytes(copying: keyInput), salt: salt.span.bytes, iterations: 1000, digest: .sha1, count: 16)
    )
    let ciphertext = hex(encryptCBC(plaintext, key: key, iv: iv))
    let ivText = version == .version1 ? String(decoding: iv, as: UTF8.self) : hex(iv)
    let message = [UInt8](ciphertext.utf8) + (version == .ownCloud2 ? iv : [UInt8](ivText.utf8))
    let digest = bytes(try LibCrypto.hash(.sha512, try SecretBytes(copying: macInput + [UInt8]("a".utf8))))
    let macKey = [UInt8](hex(digest).utf8)
    let mac = hex(bytes(try unsafe LibCrypto.hmac(.sha512, key: macKey.span.bytes, message.span.bytes)))
    let text =
      switch version {
      case .version1: "\(ciphertext)|\(ivText)|\(mac)"
      case .version2: "\(ciphertext)|\(ivText)|\(mac)|2"
      case .version3: "\(ciphertext)|\(ivText)|\(mac)|3"
      case .ownCloud2: "v2|\(ciphertext)|\(ivText)|\(mac)"
      }
    return [UInt8](text.utf8)
  }

  /// The record that Nextcloud wraps; `uid` as JSON.
  static func record(_ key: [UInt8], uid: String?) -> [UInt8] {
    let encoded = base64(key).replacing("/", with: "\\/")
    return [UInt8]((uid.map { "{\"key\":\"\(encoded)\",\"uid\":\($0)}" } ?? "{\"key\":\"\(encoded)\"}").utf8)
  }

  static func base64(_ bytes: [UInt8]) -> String {
    let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
    var text = ""
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let group = Array(bytes[start..<min(start + 3, bytes.count)])
      let padded = group + [UInt8](repeating: 0, count: 3 - group.count)
      let value = Int(padded[0]) << 16 | Int(padded[1]) << 8 | Int(padded[2])
      for index in 0..<4 {
        text.append(index > group.count ? "=" : digits[value >> (18 - 6 * index) & 63])
      }
    }
    return text
  }

  private static func encryptCBC(_ plaintext: [UInt8], key: [UInt8], iv: [UInt8]) -> [UInt8] {
    let context = unsafe EVP_CIPHER_CTX_new()
    defer { unsafe EVP_CIPHER_CTX_free(context) }
    var output = [UInt8](repeating: 0, count: plaintext.count + 32)
    var first: Int32 = 0
    var last: Int32 = 0
    unsafe EVP_EncryptInit_ex(context, EVP_aes_128_cbc(), nil, key, iv)
    unsafe EVP_EncryptUpdate(context, &output, &first, plaintext, Int32(plaintext.count))
    unsafe output.withUnsafeMutableBufferPointer { output in
      _ = unsafe EVP_EncryptFinal_ex(context, output.baseAddress! + Int(first), &last)
    }
    return Array(output[..<Int(first + last)])
  }
}
