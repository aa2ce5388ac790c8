/// Something that a restore needs and that is not there, or does not fit the rest; no secret in it.
package struct MissingPart: Codable, Equatable, Sendable {
  /// Which kind of thing: a word for programs that does not change between releases, `secret`, `key-fails`.
  package let id: String
  /// What is missing or does not fit, on one line.
  package let what: String
  /// What a person can do about it, on one line.
  package let hint: String
  /// Whether a restore would fail, or lose files, without it; otherwise it is only worth knowing.
  package let preventsRestore: Bool

  package init(id: String, what: String, hint: String, preventsRestore: Bool) {
    self.id = id
    self.what = what
    self.hint = hint
    self.preventsRestore = preventsRestore
  }

  private enum CodingKeys: String, CodingKey {
    case id, what, hint
    case preventsRestore = "prevents_restore"
  }
}
