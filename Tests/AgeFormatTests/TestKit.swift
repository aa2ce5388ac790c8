import AgeFormat
import Foundation
import SecretMemory

/// The official vectors (C2SP/CCTV, age), which lie beside the repository and are not part of it.
enum TestKit {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../../../shared/vectors/age-testkit").standardizedFileURL
  static let isPresent = FileManager.default.fileExists(atPath: folder.path)
  static let names: [String] = ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []).sorted()

  static func bytes(_ name: String) throws -> [UInt8] {
    Array(try Data(contentsOf: folder.appending(path: name)))
  }
}

/// One vector: what is expected, what to open it with, and an age file.
struct TestVector {
  struct Malformed: Error {
    let reason: String
  }

  private(set) var expected = Verdict.other
  private(set) var payloadDigest: String?
  private(set) var fileKey = ""
  private(set) var isArmored = false
  private var isCompressed = false
  private var identities: [String] = []
  private var passphrases: [String] = []
  let file: [UInt8]

  init(_ bytes: [UInt8]) throws {
    var rest = bytes[...]
    while true {
      guard let end = rest.firstIndex(of: UInt8(ascii: "\n")) else { throw Malformed(reason: "no empty line") }
      let line = String(decoding: rest[..<end], as: UTF8.self)
      rest = rest[(end + 1)...]
      if line.isEmpty { break }
      guard let colon = line.firstRange(of: ": ") else { throw Malformed(reason: "no colon in \(line)") }
      let value = String(line[colon.upperBound...])
      switch line[..<colon.lowerBound] {
      case "expect":
        guard let verdict = Verdict(rawValue: value) else { throw Malformed(reason: "verdict \(value)") }
        expected = verdict
      case "payload": payloadDigest = value
      case "file key": fileKey = value
      case "identity": identities.append(value)
      case "passphrase": passphrases.append(value)
      case "armored" where value == "yes": isArmored = true
      case "compressed" where value == "zlib": isCompressed = true
      case "comment": break
      default: throw Malformed(reason: "unknown header line \(line)")
      }
    }
    file = isCompressed ? Inflate.unpack(Array(rest)) : Array(rest)
  }

  /// All that the vector offers, in its order.
  func openers() throws -> IdentityList {
    var list = IdentityList()
    for identity in identities { list.append(try AnyIdentity(encoded: secret(identity))) }
    for passphrase in passphrases { list.append(.scrypt(try ScryptIdentity(passphrase: secret(passphrase)))) }
    return list
  }
}
