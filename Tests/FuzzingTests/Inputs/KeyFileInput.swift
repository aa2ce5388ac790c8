import NextcloudKeys
import SecretMemory

@testable import NextcloudStorage

/// Key files: all that is looked at before, and behind, the costly derivation of a key from a password.
enum KeyFileInput {
  /// What the samples are wrapped with is not known here, so that no run pays for 600,000 rounds of PBKDF2: without an
  /// instance id only the format without a salt is tried.
  private static func material() -> KeyMaterial? {
    guard let secret = try? SecretBytes(copying: Array("fuzzing".utf8)) else { return nil }
    var material = KeyMaterial()
    material.add(secret: secret)
    return material
  }

  /// The secrets of an empty and of this instance, derived once.
  private static let wrapping: WrappingSecrets? = {
    guard let material = material() else { return nil }
    return try? WrappingSecrets(material)
  }()

  private static let paths = [
    "files_encryption/OC_DEFAULT_MODULE/pubShare_2794d910.privateKey",
    "files_encryption/OC_DEFAULT_MODULE/master_2794d910.privateKey",
    "bob/files_encryption/OC_DEFAULT_MODULE/bob.privateKey",
    "files_encryption/OC_DEFAULT_MODULE/master_2794d910.publicKey",
  ]

  static func read(_ bytes: [UInt8]) -> (objection: String?, summary: String) {
    guard let material = material(), let wrapping else { return ("there is no memory for a secret", "") }
    var summary: [String] = []

    if let text = unsafe ICryptoText(bytes.span.bytes) {
      if text.iv.count != 16 || text.mac.count != 64 || text.ciphertext.count % 16 != 0 {
        return ("the parts of a wrapped key have impossible lengths", "")
      }
      summary.append("\(text.version) \(text.ciphertext.count)")
    }
    summary.append("\(unsafe ICryptoText.looksTruncated(bytes.span.bytes))")

    do throws(PrivateKeyBlob.Malformed) {
      let blob = try unsafe PrivateKeyBlob(bytes.span.bytes)
      if blob.iv.count != 16 || blob.ciphertext.count >= bytes.count { return ("a blob has impossible parts", "") }
      summary.append(blob.formatName)
    } catch {
      summary.append(error.why)
    }

    do throws(LibCrypto.Unavailable) {
      if let record = try unsafe WrappedKeyRecord(bytes.span.bytes) {
        if record.key.count > bytes.count { return ("a record has a key longer than itself", "") }
        summary.append("\(record.owner) \(record.key.count)")
      }
      if let info = try unsafe PublicKeyFile.info(pem: bytes.span.bytes) { summary.append("public \(info.count)") }
      if let key = try unsafe UnlockedKey(pem: bytes.span.bytes, isAuthentic: bytes.count % 3 == 0) {
        summary.append("private \(key.modulusCount) \(key.publicKeyInfo.count)")
      }
      _ = unsafe PEM.hasEnd(bytes.span.bytes)
    } catch {
      return ("libcrypto is not available: \(error.problem)", "")
    }

    do throws(WrappingSecrets.Failure) {
      summary.append("\(try wrapping.unwrap(bytes, rawCounts: [16, 32, 128, 256, 512]).content.count)")
    } catch {
      summary.append(error.because)
    }

    let files = paths.map { KeyFile(path: $0, bytes: bytes) }
    for record in KeyProof.prove(files, with: material) { summary.append("\(record.state)") }
    return (nil, summary.joined(separator: "\u{1}"))
  }
}
