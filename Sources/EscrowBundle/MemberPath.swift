/// The path of a member of the bundle: relative, and safe to create below a folder.
///
/// UTF-8 of at most 4096 bytes, at most 128 components of at most 255 bytes, none of them empty, `.` or `..`, no
/// backslash and no control characters.
package struct MemberPath: Hashable, Sendable, CustomStringConvertible {
  package let text: String

  package static let readme = MemberPath(unchecked: "README.txt")
  package static let manifest = MemberPath(unchecked: "manifest.json")
  package static let signature = MemberPath(unchecked: "manifest.sig")

  private init(unchecked text: String) {
    self.text = text
  }

  /// - Throws: `EscrowError.forged` for a path that is not safe.
  package init(_ text: String) throws(EscrowError) {
    guard let reason = Self.objection(to: text) else {
      self.text = text
      return
    }
    throw .forged("the path of a member \(reason)")
  }

  package var description: String { text }

  /// Where in the bundle the members of a kind stand: README.txt 0, then config, keys, database, extra; nil elsewhere.
  package var rank: Int? {
    if self == .readme { return 0 }
    guard let slash = text.firstIndex(of: "/") else { return nil }
    return Self.groups.firstIndex(of: String(text[..<slash])).map { $0 + 1 }
  }

  private static let groups = ["config", "keys", "database", "extra"]

  /// The order of format 1: groups, and within each by the bytes of the path.
  static func isInOrder(_ left: MemberPath, _ right: MemberPath) -> Bool {
    let ranks = (left.rank ?? .max, right.rank ?? .max)
    return ranks.0 == ranks.1 ? left.text.utf8.lexicographicallyPrecedes(right.text.utf8) : ranks.0 < ranks.1
  }

  /// The paths of the folders that lead to it, shortest first.
  var folders: [String] {
    var folders: [String] = []
    for index in text.utf8.indices where text.utf8[index] == UInt8(ascii: "/") {
      folders.append(String(text[..<index]))
    }
    return folders
  }

  private static func objection(to text: String) -> String? {
    if text.utf8.count > 4096 { return "has more than 4096 bytes" }
    if text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) {
      return "has a control character"
    }
    if text.utf8.contains(UInt8(ascii: "\\")) { return "has a backslash" }
    let components = text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    if components.count > 128 { return "has more than 128 components" }
    for component in components {
      if component.isEmpty { return text.hasPrefix("/") ? "is absolute" : "has an empty component" }
      if component.elementsEqual(".".utf8) || component.elementsEqual("..".utf8) { return "has a component . or .." }
      if component.count > 255 { return "has a component of more than 255 bytes" }
    }
    return nil
  }
}

extension MemberPath: Codable {
  package init(from decoder: any Decoder) throws {
    try self.init(try decoder.singleValueContainer().decode(String.self))
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(text)
  }
}
