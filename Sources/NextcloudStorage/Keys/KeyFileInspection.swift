package import DurableFiles
package import NextcloudKeys
internal import SecretMemory
package import SystemPackage

/// What a key file is, as far as can be seen without the secret that unwraps it.
package struct KeyFileInspection: Equatable, Sendable {
  package enum Kind: String, Sendable {
    case privateKey = "private key"
    case publicKey = "public key"
    case shareKey = "share key"
    case fileKey = "file key"
    /// Wrapped, under a name that says nothing.
    case unknown = "key file"
  }

  package let kind: Kind
  package let wrapping: KeyWrapping
  /// How a raw private key is encrypted: `AES-256-CTR, hash2, binary`.
  package let format: String?
  /// In bytes.
  package let size: Int

  /// Looks at a file; nil when it is no key file.
  ///
  /// - Throws: `FileError` when it cannot be read.
  package init?(_ path: FilePath) throws(FileError) {
    let bytes: [UInt8]
    do throws(FileError) {
      bytes = try BoundedReading.bytes(of: path, limit: KeyCollection.fileLimit)
    } catch {
      if case .longerThan = error.cause { return nil }
      throw error
    }
    let name = Kind(name: path.lastComponent?.string ?? "")
    size = bytes.count
    guard let seen = unsafe Self.look(at: bytes.span.bytes, named: name) else { return nil }
    (kind, wrapping, format) = seen
  }

  private static func look(
    at bytes: RawSpan, named name: Kind?
  ) -> (kind: Kind, wrapping: KeyWrapping, format: String?)? {
    if let wrapped = ICryptoText(bytes) { return (name ?? .unknown, wrapped.version.wrapping, nil) }
    if bytes.starts(with: "HBEGIN:", at: 0), let blob = try? PrivateKeyBlob(bytes) {
      return (.privateKey, .raw, blob.formatName)
    }
    if bytes.starts(with: "-----BEGIN PUBLIC KEY-----", at: 0) { return (.publicKey, .raw, nil) }
    switch name {
    case .shareKey where bytes.byteCount > 0 && bytes.byteCount % 128 == 0: return (.shareKey, .raw, nil)
    case .fileKey: return (.fileKey, .raw, nil)
    default: return nil
    }
  }
}

extension KeyFileInspection.Kind {
  /// What the name of a key file says.
  fileprivate init?(name: String) {
    let endings: [(String, Self)] = [
      (".privateKey", .privateKey), (".private.key", .privateKey), (".publicKey", .publicKey),
      (".public.key", .publicKey), (".shareKey", .shareKey),
    ]
    if let found = endings.first(where: { name.hasSuffix($0.0) }) {
      self = found.1
    } else if name == "fileKey" {
      self = .fileKey
    } else {
      return nil
    }
  }
}
