package import AgeFormat

extension Escrow {
  /// What an opened escrow says about itself.
  package struct Opened: Equatable, Sendable {
    package let manifest: Manifest
    package let readme: [UInt8]
    /// Whose signature the manifest has.
    package let signer: SignerPublicKey
    /// Whether the escrow identity certified the signer; false only where the caller accepted that nobody could tell.
    package let isSignerProven: Bool
    /// Of the sealed file, in bytes.
    package let size: Int
    /// Of the sealed file, in hexadecimal.
    package let sha256: String
  }

  /// Opens an escrow and checks all of it: the one way in, for recovery and drill alike.
  ///
  /// In this order: header, unlocking, the header's authentication code, the signer's certificate, README.txt,
  /// manifest, signature; only then does the visitor get anything, and each member is checked against the manifest as
  /// it passes. At the end every listed member was there, and nothing else. Memory is bounded.
  ///
  /// - Parameters:
  ///   - source: the file from its first byte, binary or armored.
  ///   - acceptUnprovenSigner: whether to go on with an identity other than the escrow's own.
  ///   - visitor: nil to check only.
  package static func open(
    _ source: any ByteSource, with unlock: borrowing Unlock, acceptUnprovenSigner: Bool = false,
    visitor: (any BundleVisitor)? = nil
  ) throws(EscrowError) -> Opened {
    let file = DigestingSource(source)
    let age = AgeReader(file)
    let header = try EscrowHeader(try mappingErrors { try age.readHeader() })
    let unlocked = try UnlockedKey(header, with: unlock)
    guard let fileKey = unlocked.takeFileKey() else { throw .wrongIdentity }
    do { try age.open(with: fileKey) } catch { throw EscrowError(error) }
    let isProven = unlocked.certifies(header.signer)
    switch isProven {
    case true?: break
    case false?: throw .forged("the escrow identity did not certify its signer")
    case nil: guard acceptUnprovenSigner else { throw .unprovenSigner }
    }
    let content = try BundleReader.read(age, signedBy: .certified(header.signer.publicKey), visitor: visitor)
    return Opened(
      manifest: content.manifest, readme: content.readme, signer: content.signer, isSignerProven: isProven == true,
      size: file.count, sha256: file.sha256)
  }
}
