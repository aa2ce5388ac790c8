internal import AgeFormat

/// Takes what is in a bundle, once it is known who signed it.
///
/// All of it is authentic when it comes, but only when the whole reading ends without an error was the bundle
/// complete: a visitor must be able to take back what it did.
package protocol BundleVisitor: AnyObject {
  /// The signature fits; the members follow, README.txt, manifest.json and manifest.sig among them.
  func begin(_ manifest: Manifest, readme: [UInt8]) throws(EscrowError)
  /// A member begins.
  ///
  /// - Parameter size: in bytes.
  /// - Returns: where its content is to go; nil to have it checked only.
  func member(_ path: MemberPath, size: Int) throws(EscrowError) -> (any MemberSink)?
}

/// Takes the content of one member.
package protocol MemberSink: AnyObject {
  func write(_ bytes: RawSpan) throws(EscrowError)
  /// All content has come, and its digest is the one in the manifest.
  func finish() throws(EscrowError)
}

/// Reads the tar of a bundle in the order of format 1, and checks all of it.
enum BundleReader {
  /// Whose signature the manifest must have.
  enum Signer {
    case certified(SignerPublicKey)
    /// The one that the manifest names itself, which proves only that the bundle is whole.
    case named
  }

  /// What was read.
  struct Content {
    let manifest: Manifest
    let readme: [UInt8]
    let signer: SignerPublicKey
  }

  private static let signatureCount = 64
  private static let signatureLimit = 1 << 10

  /// - Parameter visitor: nil to check only.
  static func read(
    _ source: any ByteSource, signedBy signer: Signer, visitor: (any BundleVisitor)?
  ) throws(EscrowError) -> Content {
    try TarLocale.utf8 { () throws(EscrowError) in try readTar(source, signer, visitor) }
  }

  private static func readTar(
    _ source: any ByteSource, _ signer: Signer, _ visitor: (any BundleVisitor)?
  ) throws(EscrowError) -> Content {
    let tar = try TarReader(source)
    let readme = try content(of: .readme, limit: PreparedBundle.readmeLimit, tar)
    let json = try content(of: .manifest, limit: Manifest.limit, tar)
    let signature = try content(of: .signature, limit: signatureLimit, tar)
    let (manifest, key) = try verified(json, signature, signer)
    guard let listed = manifest.members.first, listed.size == readme.count,
      listed.sha256 == RunningDigest.sha256(of: readme)
    else { throw .forged("README.txt is not the one that the manifest lists") }
    try visitor?.begin(manifest, readme: readme)
    for (path, content) in [(MemberPath.readme, readme), (.manifest, json), (.signature, signature)] {
      guard let sink = try visitor?.member(path, size: content.count) else { continue }
      try unsafe sink.write(content.span.bytes)
      try sink.finish()
    }
    for member in manifest.members.dropFirst() { try read(member, from: tar, visitor) }
    if let entry = try tar.next() { throw .forged("it holds \(entry.path), which the manifest does not list there") }
    return Content(manifest: manifest, readme: readme, signer: key)
  }

  /// The manifest, once its signature is known to fit.
  static func verified(
    _ json: [UInt8], _ signature: [UInt8], _ signer: Signer
  ) throws(EscrowError) -> (Manifest, SignerPublicKey) {
    guard let signature = CanonicalText.bytes(base64Line: signature, count: signatureCount) else {
      throw .forged("manifest.sig is malformed")
    }
    switch signer {
    case .certified(let key):
      // Before anything else looks at the bytes.
      guard key.verifies(signature, of: json) else { throw .forged("the manifest's signature does not fit") }
      let manifest = try Manifest(json: json)
      guard manifest.signer == key.description else { throw .forged("the manifest names another signer") }
      return (manifest, key)
    case .named:
      let manifest = try Manifest(json: json)
      guard let key = SignerPublicKey(manifest.signer), key.verifies(signature, of: json) else {
        throw .forged("the manifest's signature does not fit")
      }
      return (manifest, key)
    }
  }

  private static func content(of path: MemberPath, limit: Int, _ tar: TarReader) throws(EscrowError) -> [UInt8] {
    guard let entry = try tar.next(), entry.path == path else {
      throw .forged("\(path) is not where it must be in the bundle")
    }
    return try tar.content(of: entry, limit: limit)
  }

  private static func read(
    _ member: Manifest.Member, from tar: TarReader, _ visitor: (any BundleVisitor)?
  ) throws(EscrowError) {
    guard let entry = try tar.next() else { throw .forged("\(member.path) is missing from the bundle") }
    guard entry.path == member.path else {
      throw .forged("the bundle has \(entry.path) where the manifest lists \(member.path)")
    }
    guard entry.size == member.size else {
      throw .forged("\(member.path) has \(entry.size) bytes; the manifest lists \(member.size)")
    }
    let sink = try visitor?.member(member.path, size: member.size)
    var digest = RunningDigest()
    try tar.readContent { (piece) throws(EscrowError) in
      digest.update(piece)
      try sink?.write(piece)
    }
    guard digest.sha256 == member.sha256 else { throw .forged("\(member.path) is not the one that the manifest lists") }
    try sink?.finish()
  }
}
