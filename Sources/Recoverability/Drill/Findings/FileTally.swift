package import NextcloudStorage
internal import SystemPackage

/// What the files of a run gave so far, told in the order of the list. Memory does not depend on their number, but for
/// the rows that want mending.
package struct FileTally: Sendable {
  /// Files with the same outcome.
  package struct Counted: Sendable {
    package internal(set) var count = 0
    /// The first ones, as a person calls them.
    package internal(set) var examples: [String] = []
    /// The first reasons, and how many there are of each; at most `reasonLimit` different ones.
    package internal(set) var reasons: [String: Int] = [:]
    /// By owner, at most `ownerLimit`.
    package internal(set) var owners: [String: Int] = [:]

    static let reasonLimit = 20
    static let ownerLimit = 10_000

    mutating func add(_ file: ContentFile, _ result: ContentResult) {
      count += 1
      if examples.count < Finding.exampleLimit { examples.append(file.personName) }
      let reason = result.detail
      if reasons[reason] != nil || reasons.count < Self.reasonLimit { reasons[reason, default: 0] += 1 }
      if let owner = file.owner, owners[owner] != nil || owners.count < Self.ownerLimit {
        owners[owner, default: 0] += 1
      }
    }

    /// The commonest reason.
    var reason: String? { reasons.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key }
  }

  private let circumstances: FileOutcome.Circumstances
  package private(set) var tested = 0
  package private(set) var byStatus: [String: Int] = [:]
  package private(set) var outcomes: [FileOutcome: Counted] = [:]
  package private(set) var strata: [SampleStratum: (tested: Int, failed: Int, unknown: Int)] = [:]
  /// Of the random draw.
  package private(set) var drawnFailures = 0
  package private(set) var drawnUnknown = 0
  package private(set) var drawnFiles: [DrillReport.DrawnFile] = []
  package private(set) var repairs: [RowRepair] = []
  /// Files that are encrypted, as their header says, and those of them that some key opened.
  package private(set) var encrypted = 0
  package private(set) var opened = 0
  package private(set) var newest: Int64?
  /// Users of whom some file is locked.
  package private(set) var lockedBy: Set<String> = []
  private var problems: [String: [DrillReport.Problem]] = [:]
  private var problemCount = 0

  package init(_ circumstances: FileOutcome.Circumstances) { self.circumstances = circumstances }

  /// The next examined file.
  package mutating func add(_ file: ContentFile, _ result: ContentResult, index: Int, isDrawn: Bool) {
    let outcome = FileOutcome(file, result, in: circumstances)
    tested += 1
    byStatus[result.status.word, default: 0] += 1
    outcomes[outcome, default: Counted()].add(file, result)
    if result.format != nil { encrypted += 1 }
    if result.keyID != nil { opened += 1 }
    if case .locked(let users) = result.status { lockedBy.formUnion(users) }
    if file.isThere, let modified = file.modified { newest = max(newest ?? modified, modified) }
    count(file, result, outcome)
    if isDrawn {
      if outcome.fails { drawnFailures += 1 }
      if outcome.isUnknown { drawnUnknown += 1 }
      if drawnFiles.count < DrillReport.DrawnFile.limit {
        drawnFiles.append(.init(index: index, path: file.path.string, status: result.status.word))
      }
    }
    if let repair = RowRepair(file, result, outcome, usesObjectStorage: circumstances.usesObjectStorage) {
      repairs.append(repair)
    }
    guard outcome != .whole else { return }
    problemCount += 1
    guard problems[outcome.word, default: []].count < DrillReport.Files.problemLimit else { return }
    problems[outcome.word, default: []].append(
      DrillReport.Problem(
        path: file.path.string, name: file.personName, verdict: outcome.word, status: result.status.word,
        detail: outcome == .keyElsewhere ? "its keys lie in \(result.keyFolder ?? "")" : result.detail))
  }

  private mutating func count(_ file: ContentFile, _ result: ContentResult, _ outcome: FileOutcome) {
    var parts = [
      SampleStratum(.storage, file.place.name), SampleStratum(.kind, file.kind.rawValue),
    ]
    if let owner = file.owner { parts.append(SampleStratum(.user, owner)) }
    if let format = result.format { parts.append(SampleStratum(.format, format)) }
    for part in parts {
      var numbers = strata[part] ?? (0, 0, 0)
      numbers.tested += 1
      if outcome.fails { numbers.failed += 1 }
      if outcome.isUnknown { numbers.unknown += 1 }
      strata[part] = numbers
    }
  }

  /// How many files had this outcome.
  package func count(_ outcome: FileOutcome) -> Int { outcomes[outcome]?.count ?? 0 }

  /// How many files would not be restored.
  package var failures: Int { outcomes.reduce(0) { $0 + ($1.key.fails ? $1.value.count : 0) } }
  package var unknown: Int { outcomes.reduce(0) { $0 + ($1.key.isUnknown ? $1.value.count : 0) } }

  /// The worst first.
  package var worstProblems: [DrillReport.Problem] {
    Array(["fails", "unknown", "holds"].flatMap { problems[$0] ?? [] }.prefix(DrillReport.Files.problemLimit))
  }

  package var problemsLeftOut: Int { max(0, problemCount - DrillReport.Files.problemLimit) }
}
