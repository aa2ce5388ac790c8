package import AgeFormat
internal import DurableFiles
package import SecretMemory
package import SystemPackage

extension Escrow {
  /// What can be said about a file or folder without any secret.
  package enum Inspection: Equatable, Sendable {
    case sealed(SealedFile)
    /// A bundle outside of its escrow: a tar, or the folder of an opened one.
    case bundle(OpenBundle)
  }

  /// An escrow file as it looks from outside. Nothing vouches for any of it: only opening does.
  package struct SealedFile: Equatable, Sendable {
    package struct StanzaSummary: Equatable, Sendable {
      package let type: String
      package let arguments: [String]
    }

    /// In the order of the file.
    package let stanzas: [StanzaSummary]
    /// What one try of a passphrase costs; nil without a passphrase stanza.
    package let passphraseCost: Argon2id.Parameters?
    /// The public key that the signer stanza names.
    package let signer: SignerPublicKey
    /// Whether no stanza is of a kind that a quantum computer could open.
    package let isPostQuantum: Bool
    /// The oldest `age` command that knows the recipients' types.
    package let ageVersion: String
    package let isArmored: Bool
    /// Of the whole file, in bytes.
    package let size: Int
    /// Of the whole file, in hexadecimal.
    package let sha256: String
  }

  /// A bundle as it lies open.
  ///
  /// Its signature fits the signer that its manifest names. Whether that signer belongs to the escrow only the escrow
  /// itself can tell, by the certificate in its header.
  package struct OpenBundle: Equatable, Sendable {
    package let manifest: Manifest
    package let signer: SignerPublicKey
    /// Members that are not, or not as listed, in the folder; always empty for a tar, which is refused instead.
    package let differing: [MemberPath]
  }

  /// Says what an escrow file, the tar of a bundle or the folder of an opened bundle is.
  ///
  /// - Returns: nil for a file that is neither an age file nor a tar.
  /// - Throws: `EscrowError.notAnEscrow` for another folder, or an age file of another kind.
  package static func inspect(_ path: FilePath) throws(EscrowError) -> Inspection? {
    if let folder = try inspectFolder(path) { return .bundle(folder) }
    let beginning = try beginning(of: path)
    if beginning.starts(with: "age-encryption.org/".utf8) || beginning.starts(with: "-----BEGIN AGE".utf8) {
      return .sealed(try inspectSealed(FileSource(path)))
    }
    guard beginning.dropFirst(257).starts(with: "ustar".utf8) else { return nil }
    return .bundle(try inspectTar(FileSource(path)))
  }

  /// Reads an escrow file's header, and all of it for its digest.
  package static func inspectSealed(_ source: any ByteSource) throws(EscrowError) -> SealedFile {
    let file = DigestingSource(source)
    let parsed = try mappingErrors { try AgeReader(file).readHeader() }
    let header = try EscrowHeader(parsed)
    let cost: Argon2id.Parameters?
    if let passphrase = header.passphrase { cost = try PassphraseStanza(passphrase).parameters } else { cost = nil }
    try drain(file)
    let classical = header.stanzas.contains { stanza in
      ![EscrowHeader.hybridType, PassphraseStanza.type, SignerStanza.type].contains(stanza.type)
    }
    return SealedFile(
      stanzas: header.stanzas.map { .init(type: $0.type, arguments: $0.arguments) }, passphraseCost: cost,
      signer: header.signer.publicKey, isPostQuantum: !classical, ageVersion: "1.3",
      isArmored: file.firstByte == UInt8(ascii: "-"), size: file.count, sha256: file.sha256)
  }

  /// Reads and checks a bundle's tar.
  package static func inspectTar(_ source: any ByteSource) throws(EscrowError) -> OpenBundle {
    let content = try BundleReader.read(source, signedBy: .named, visitor: nil)
    return OpenBundle(manifest: content.manifest, signer: content.signer, differing: [])
  }

  /// Reads and checks the folder of an opened bundle; nil when it is no folder.
  private static func inspectFolder(_ path: FilePath) throws(EscrowError) -> OpenBundle? {
    do throws(FileError) {
      _ = try BoundedReading.bytes(of: path, limit: 0)
    } catch {
      switch error.cause {
      case .notRegular("a folder"): break
      case .longerThan: return nil
      default: throw .file(error)
      }
      let content: (json: [UInt8], signature: [UInt8])
      do throws(FileError) {
        content.json = try BoundedReading.bytes(of: path.appending("manifest.json"), limit: Manifest.limit)
        content.signature = try BoundedReading.bytes(of: path.appending("manifest.sig"), limit: 1 << 10)
      } catch {
        guard error.cause == .system(.noSuchFileOrDirectory) else { throw .file(error) }
        throw .notAnEscrow("\(path) is a folder without a bundle's manifest.json and manifest.sig")
      }
      let (manifest, signer) = try BundleReader.verified(content.json, content.signature, .named)
      let differing = manifest.members.filter { !isWhole($0, in: path) }.map(\.path)
      return OpenBundle(manifest: manifest, signer: signer, differing: differing)
    }
    return nil
  }

  private static func isWhole(_ member: Manifest.Member, in folder: FilePath) -> Bool {
    var digest = RunningDigest()
    do throws(EscrowError) {
      let source = try FileSource(folder.pushing(FilePath(member.path.text)))
      guard source.size == member.size else { return false }
      try pieces(of: source) { digest.update($0) }
    } catch {
      return false
    }
    return digest.count == member.size && digest.sha256 == member.sha256
  }

  private static func beginning(of path: FilePath) throws(EscrowError) -> [UInt8] {
    let source = try FileSource(path)
    var beginning = [UInt8](repeating: 0, count: 512)
    let count = try mappingErrors {
      try unsafe beginning.withUnsafeMutableBytes { try unsafe source.read(into: $0) }
    }
    // Armor may be preceded by white space.
    let text = beginning[..<count]
    return Array(text.first == UInt8(ascii: "-") ? text : text.drop { [0x09, 0x0A, 0x0D, 0x20].contains($0) })
  }

  private static func drain(_ source: any ByteSource) throws(EscrowError) {
    var buffer = [UInt8](repeating: 0, count: TarReader.pieceCount)
    while true {
      let count = try mappingErrors { try unsafe buffer.withUnsafeMutableBytes { try unsafe source.read(into: $0) } }
      if count == 0 { return }
    }
  }
}
