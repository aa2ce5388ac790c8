internal import SecretMemory

#if canImport(FoundationEssentials)
  internal import FoundationEssentials
#else
  internal import Foundation
#endif

/// Names an escrow through all its revisions: 16 random bytes, 32 hexadecimal digits.
package struct EscrowID: Hashable, Sendable, Codable, CustomStringConvertible {
  /// 32 lower-case hexadecimal digits.
  package let description: String

  /// - Parameter text: nil is the answer unless it is 32 lower-case hexadecimal digits.
  package init?(_ text: String) {
    guard CanonicalText.isHexadecimal(text, count: 32) else { return nil }
    self.description = text
  }

  private init(bytes: [UInt8]) {
    self.description = CanonicalText.hexadecimal(bytes)
  }

  package static func random() throws(EscrowError) -> EscrowID {
    EscrowID(bytes: try mappingErrors { try Randomness.bytes(count: 16) })
  }

  package init(from decoder: any Decoder) throws {
    guard let id = EscrowID(try decoder.singleValueContainer().decode(String.self)) else {
      throw EscrowError.damaged("its manifest names no valid escrow id")
    }
    self = id
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

extension Manifest {
  private struct Schema: Decodable {
    let schema: String
  }

  /// Reads `manifest.json`; whether somebody vouches for it is another question.
  ///
  /// - Throws: `EscrowError.unsupported` for another schema, `EscrowError.damaged` for what is no manifest,
  ///   `EscrowError.forged` for member paths that are unsafe, doubled or out of order.
  package init(json: [UInt8]) throws(EscrowError) {
    guard json.count <= Self.limit else { throw .damaged("its manifest is longer than \(Self.limit) bytes") }
    let decoder = JSONDecoder()
    decoder.dateDecodingStrategy = .iso8601
    let data = Data(json)
    do {
      let schema = try decoder.decode(Schema.self, from: data).schema
      guard schema == Self.schema else {
        throw EscrowError.unsupported("its manifest has the schema \(schema.prefix(80).debugDescription)")
      }
      self = try decoder.decode(Manifest.self, from: data)
    } catch let error as EscrowError {
      throw error
    } catch {
      throw .damaged("its manifest is no valid \(Self.schema)\(Self.place(of: error))")
    }
    try check()
  }

  /// The bytes of `manifest.json`: sorted keys, indented, dates in UTC.
  func json() throws(EscrowError) -> [UInt8] {
    try check()
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    encoder.dateEncodingStrategy = .iso8601
    let json: [UInt8]
    do { json = Array(try encoder.encode(self)) + [UInt8(ascii: "\n")] } catch { throw EscrowError(error) }
    guard json.count <= Self.limit else {
      throw .refused("the manifest would be longer than 16 MiB", hint: "include fewer files")
    }
    return json
  }

  /// What holds for every manifest, whoever wrote it.
  private func check() throws(EscrowError) {
    guard revision >= 1 else { throw .damaged("its manifest has the revision \(revision)") }
    guard sealedAtSeconds != nil else { throw .damaged("its manifest has no valid date") }
    guard SignerPublicKey(signer) != nil else { throw .damaged("its manifest names no valid signer") }
    guard members.first?.path == .readme else { throw .forged("its manifest does not begin with README.txt") }
    var seen: Set<String> = []
    var last = 0
    for member in members {
      guard member.size >= 0, CanonicalText.isHexadecimal(member.sha256, count: 64) else {
        throw .damaged("its manifest has no valid size and digest for \(member.path)")
      }
      guard let rank = member.path.rank else { throw .forged("\(member.path) does not belong in a bundle") }
      guard rank >= last else { throw .forged("its manifest has \(member.path) out of order") }
      guard seen.insert(member.path.text).inserted else { throw .forged("its manifest has \(member.path) twice") }
      last = rank
    }
    for member in members {
      if let file = member.path.folders.first(where: { seen.contains($0) }) {
        throw .forged("its manifest has \(file) as a file and as a folder")
      }
    }
    if let embedded = snapshot?.embedded, !seen.contains(embedded.text) {
      throw .forged("its manifest says that \(embedded) is in the bundle, but does not list it")
    }
  }

  private static func place(of error: any Error) -> String {
    let context: DecodingError.Context
    switch error as? DecodingError {
    case .typeMismatch(_, let found), .valueNotFound(_, let found), .dataCorrupted(let found): context = found
    case .keyNotFound(let key, let found):
      return ": \((found.codingPath + [key]).map(\.stringValue).joined(separator: ".")) is missing"
    default: return ""
    }
    let path = context.codingPath.map(\.stringValue).joined(separator: ".")
    return path.isEmpty ? "" : " at \(path)"
  }
}
