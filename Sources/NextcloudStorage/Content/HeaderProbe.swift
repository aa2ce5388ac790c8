extension ContentExaminer {
  /// How many of a file's first bytes tell its format.
  package static let headCount = ContentHeader.blockCount

  /// What a header says about the format of its file, without looking at any block; nil for a plain file.
  ///
  /// - Parameter head: the first `headCount` bytes, or all there are.
  package static func format(ofHead head: [UInt8]) -> String? {
    guard case .header(let header) = unsafe ContentHeader.recognise(head.span.bytes) else { return nil }
    let encoding = header.isBinary == false ? "base64" : "binary"
    return "\(header.cipher.rawValue), \(encoding), \(header.saysSigned ? "signed" : "unsigned")"
  }
}
