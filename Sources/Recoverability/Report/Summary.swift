extension DrillReport {
  /// The verdict in one sentence, the first thing that a person reads.
  package static func summary(of findings: [Finding]) -> String {
    guard !findings.isEmpty else { return "Nobody can say yet: nothing was looked at" }
    let verdict = findings.reduce(Verdict.holds) { $0.worse($1.verdict) }
    let decisive = findings.inReadingOrder.filter { $0.verdict.word == verdict.word }
    let others = decisive.count > 1 ? " (and \(Quantity.grouped(decisive.count - 1)) more, below)" : ""
    switch verdict {
    case .holds: return "A restore would work."
    case .fails: return "A restore would fail: \(decisive.first?.what ?? "")\(others)"
    case .unknown: return "Nobody can say yet: \(decisive.first?.what ?? "")\(others)"
    }
  }

  /// What a person should do, the most urgent first, each once; where all holds, when to look again.
  package var nextSteps: [String] {
    var steps: [String] = []
    for word in ["fails", "unknown"] {
      for finding in findings.inReadingOrder where finding.verdict.word == word {
        if let hint = finding.hint, !steps.contains(hint) { steps.append(hint) }
      }
    }
    return steps.isEmpty ? ["nothing has to be mended; drill again on a schedule, and when the server changes"] : steps
  }
}

extension [Finding] {
  /// Group by group, and in each the worst first; the order is otherwise kept.
  package var inReadingOrder: [Finding] {
    Finding.Group.allCases.flatMap { group in
      ["fails", "unknown", "holds"].flatMap { word in filter { $0.group == group && $0.verdict.word == word } }
    }
  }
}

extension Finding.Group {
  /// As a heading: `Keys`.
  package var title: String {
    switch self {
    case .escrow: "Escrow"
    case .keys: "Keys"
    case .secret: "Secret"
    case .snapshot: "Snapshot"
    case .files: "Files"
    case .backup: "Backup"
    }
  }
}

/// The fixed words for what examining a file gave (`ContentStatus.word`), for a person.
enum StatusText {
  static func title(_ word: String) -> String {
    switch word {
    case "verified": "every signature fits"
    case "newer-than-snapshot": "newer than the snapshot"
    case "older-than-snapshot": "older than the snapshot"
    case "no-row": "whole, but not in the snapshot"
    case "unsigned": "a format without signatures; the content looks right"
    case "plain": "not encrypted, as the snapshot says"
    case "bad-blocks": "damaged blocks"
    case "damaged-header": "whole behind a damaged header"
    case "garbled": "the signatures fit, the content is garbled"
    case "truncated": "cut short"
    case "lost-zero-byte": "one last byte lost by the server; it is known"
    case "plain-copy-of-server": "a version that the server wrote without encryption"
    case "unexpectedly-plain": "not encrypted although the snapshot says so"
    case "unexpectedly-encrypted": "encrypted although the snapshot says plain"
    case "wrong-size": "another length than the snapshot says"
    case "no-key": "no key fits"
    case "locked": "a user's password is needed"
    case "unknown-format": "a format that is not known"
    case "unreadable": "could not be read"
    case "missing": "not in the backup"
    default: word
    }
  }
}
