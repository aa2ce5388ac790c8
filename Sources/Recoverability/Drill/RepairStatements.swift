package import NextcloudStorage

/// What would mend one row of `filecache`, with what it rests on.
package struct RowRepair: Equatable, Sendable {
  package let row: FileRow
  /// What `encrypted`, `size` and `unencrypted_size` should be; nil where the value stays.
  package let encrypted: Int64?
  package let size: Int64?
  package let unencryptedSize: Int64?
  /// What was found in the file, on one line.
  package let evidence: String

  /// - Returns: nil when the content is not whole, or nothing would change.
  package init?(_ file: ContentFile, _ result: ContentResult, _ outcome: FileOutcome, usesObjectStorage: Bool) {
    guard outcome.isMendedInDatabase, let row = file.row, row.fileID > 0 else { return nil }
    let plain: Int64
    let version: Int64
    let found: String
    switch outcome {
    case .unexpectedlyPlain, .plainVersion, .plainSizeDiffers:
      (plain, version) = (file.size, 0)
      found = "the file is plain, \(file.size) bytes"
    default:
      let signed: Int64? =
        switch result.status {
        case .otherVersion(let found, _): found
        case .unexpectedlyEncrypted(let version): version
        default: row.encrypted
        }
      guard let signed, signed > 0, let size = result.plainSize, size >= 0 else { return nil }
      (plain, version) = (size, signed)
      found = "every block that was read is signed as version \(signed), the plaintext has \(size) bytes"
    }
    // In object storage `size` is the object's length; on disk it is the plaintext's.
    let isObject = usesObjectStorage && version > 0
    let size = isObject ? file.size : plain
    let keptUnencrypted = row.unencryptedSize ?? 0
    let unencrypted: Int64? =
      row.unencryptedSize == nil ? nil : version == 0 ? 0 : isObject || keptUnencrypted > 0 ? plain : keptUnencrypted
    self.row = row
    encrypted = version == row.encrypted ? nil : version
    self.size = size == row.size ? nil : size
    unencryptedSize = unencrypted == row.unencryptedSize ? nil : unencrypted
    evidence = "\(file.personName): \(found)"
    guard encrypted != nil || self.size != nil || unencryptedSize != nil else { return nil }
  }
}

/// The statements that would mend the rows: written for a person to read and run, never run here.
///
/// Each takes effect only on a row that still has the values of the snapshot, so running them twice, or on a database
/// that has moved on, changes nothing more.
package struct RepairStatements {
  /// How identifiers are quoted and a transaction begins.
  package enum Dialect: Sendable {
    case sqlite, mysql, postgresql

    var begin: String { self == .mysql ? "START TRANSACTION;" : "BEGIN;" }

    func quoted(_ name: String) -> String {
      let quote: Unicode.Scalar = self == .mysql ? "`" : "\""
      // By scalars: a quote with an accent upon it is one character, and a quote still.
      var text = String.UnicodeScalarView([quote])
      for scalar in name.unicodeScalars {
        if scalar == quote { text.append(quote) }
        text.append(scalar)
      }
      text.append(quote)
      return String(text)
    }
  }

  private let dialect: Dialect
  private let table: String

  /// - Parameter tablePrefix: `dbtableprefix`.
  package init(_ dialect: Dialect, tablePrefix: String) {
    self.dialect = dialect
    table = dialect.quoted(tablePrefix + "filecache")
  }

  /// The whole text, sorted by file id.
  ///
  /// - Parameter facts: what it rests on, one line each: which snapshot, which backup.
  package func text(_ repairs: [RowRepair], facts: [String]) -> String {
    var text = "-- Written by provenkey drill. Read it before you run it.\n"
    for fact in facts { text += "-- \(Self.comment(fact))\n" }
    text += """
      -- Stop all writing first (occ maintenance:mode --on), and keep a copy of the database.
      -- Each statement changes one row, and only if it still has the values of the snapshot.

      """
    guard !repairs.isEmpty else { return text + "-- Nothing is to be mended in the database.\n" }
    text += "\n\(dialect.begin)\n"
    for repair in repairs.sorted(by: { $0.row.fileID < $1.row.fileID }) { text += "\n" + statement(repair) }
    return text + "\nCOMMIT;\n"
  }

  private func statement(_ repair: RowRepair) -> String {
    var new: [String] = []
    var old = ["\(dialect.quoted("fileid")) = \(repair.row.fileID)"]
    func add(_ column: String, _ was: Int64?, _ will: Int64?) {
      guard let was else { return }
      if let will { new.append("\(dialect.quoted(column)) = \(will)") }
      old.append("\(dialect.quoted(column)) = \(was)")
    }
    add("encrypted", repair.row.encrypted, repair.encrypted)
    add("size", repair.row.size, repair.size)
    add("unencrypted_size", repair.row.unencryptedSize, repair.unencryptedSize)
    return """
      -- \(Self.comment(repair.evidence))
      UPDATE \(table)
        SET \(new.joined(separator: ", "))
        WHERE \(old.joined(separator: " AND "));

      """
  }

  /// Text that can neither end a comment nor be taken for anything else by a client: letters, digits, blanks and
  /// harmless marks stand as they are, the rest as `<U+000A>`.
  static func comment(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case " ", ".", ",", ":", "(", ")", "/", "-", "_", "+", "=", "@", "#", "<", ">", "[", "]":
        result.unicodeScalars.append(scalar)
      case _ where scalar.properties.isAlphabetic || scalar.properties.numericType != nil:
        result.unicodeScalars.append(scalar)
      default:
        let digits = String(scalar.value, radix: 16, uppercase: true)
        result += "<U+" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits + ">"
      }
    }
    return String(result.prefix(500))
  }
}
