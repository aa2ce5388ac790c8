/// The answer to one question of a check or drill.
package enum Verdict: Equatable, Sendable {
  case holds
  case fails(because: String)
  case unknown(because: String)

  /// `holds`, `fails`, `unknown`.
  package var word: String {
    switch self {
    case .holds: "holds"
    case .fails: "fails"
    case .unknown: "unknown"
    }
  }

  /// The reason; nil where it holds.
  package var because: String? {
    switch self {
    case .holds: nil
    case .fails(let because), .unknown(let because): because
    }
  }

  /// The worse of both: fails before unknown before holds.
  package func worse(_ other: Verdict) -> Verdict {
    switch (self, other) {
    case (.fails, _): self
    case (_, .fails): other
    case (.unknown, _): self
    default: other
    }
  }
}

/// One thing that a check or drill looked at, with its verdict and what to do.
package struct Finding: Equatable, Sendable {
  /// What the finding is about, in the order in which a person should read.
  package enum Group: String, Codable, Sendable, CaseIterable {
    case escrow, keys, secret, snapshot, files, backup
  }

  /// A fixed word for the kind that does not change between releases: `snapshot-older`, `key-missing`.
  package let id: String
  package let group: Group
  package let verdict: Verdict
  /// What was found, on one line, in plain words: "the snapshot is older than 14 of the files checked".
  package let what: String
  /// What to do, on one line; nil where nothing is to be done.
  package let hint: String?
  /// How many files or keys it is about; nil where it is about one thing.
  package let count: Int?
  /// Some of them, at most `exampleLimit`.
  package let examples: [String]

  package static let exampleLimit = 5

  package init(
    _ id: String, _ group: Group, _ verdict: Verdict, _ what: String, hint: String? = nil, count: Int? = nil,
    examples: [String] = []
  ) {
    self.id = id
    self.group = group
    self.verdict = verdict
    self.what = what
    self.hint = hint
    self.count = count
    self.examples = Array(examples.prefix(Self.exampleLimit))
  }
}

extension Finding: Encodable {
  private enum CodingKeys: String, CodingKey { case id, group, verdict, because, what, hint, count, examples }

  package func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(id, forKey: .id)
    try values.encode(group, forKey: .group)
    try values.encode(verdict.word, forKey: .verdict)
    try values.encodeIfPresent(verdict.because, forKey: .because)
    try values.encode(what, forKey: .what)
    try values.encodeIfPresent(hint, forKey: .hint)
    try values.encodeIfPresent(count, forKey: .count)
    try values.encode(examples, forKey: .examples)
  }
}
