internal import SystemPackage

/// Goes through a dump once, statement by statement.
struct DumpReader: ~Copyable {
  private struct Table {
    let wanted: WantedTable
    /// From CREATE TABLE.
    var columns: [String]?
    var unreadable = 0
    var unknownColumns: Int?
  }

  /// A statement's names and columns take no more bytes; what goes on is not one that a server writes.
  private static let headLimit = 4 << 20
  /// More tables than this are not named.
  private static let tableLimit = 100_000

  var window: DumpWindow
  var dialect: DumpDialect
  private let wanted: (String) -> WantedTable?
  private let rows: (RowBatch) throws -> Void

  private var tables: [String: Table] = [:]
  private var seen: Set<String> = []
  /// The schema or database that is read: the first that has a wanted table.
  private var schema: String?
  private var otherSchemas: Set<String> = []
  /// That of names without one.
  private var currentSchema = ""
  private var batch = RowBatch(table: "", width: 0)
  var cut: String?
  private var damage: String?
  private var ending = DumpEnding()

  init(
    _ window: consuming DumpWindow, _ family: DumpDialect.Family, wanted: @escaping (String) -> WantedTable?,
    rows: @escaping (RowBatch) throws -> Void
  ) {
    self.window = window
    dialect = DumpDialect(family)
    self.wanted = wanted
    self.rows = rows
  }

  mutating func run() throws -> SnapshotReader.Outcome {
    while try skipBlank() { try statement() }
    try flush()
    var outcome = SnapshotReader.Outcome()
    outcome.tables = seen.sorted()
    outcome.hasEnd = ending.isThere
    if let fault = window.fault {
      outcome.faults.append(fault)
    } else if let cut {
      outcome.faults.append(.cut(cut))
    } else if ending.isThere == false {
      outcome.faults.append(.noEnd)
    }
    if let damage { outcome.faults.append(.damaged(damage)) }
    if window.hasZeros { outcome.faults.append(.damaged("bytes in it were overwritten with zeros")) }
    for (name, table) in tables.sorted(by: { $0.key < $1.key }) {
      if let count = table.unknownColumns { outcome.faults.append(.unknownColumns(table: name, count: count)) }
      if table.unreadable > 0 { outcome.faults.append(.unreadable(table: name, count: table.unreadable)) }
    }
    if !otherSchemas.isEmpty { outcome.faults.append(.severalSchemas([schema ?? ""] + otherSchemas.sorted())) }
    return outcome
  }

  // MARK: Statements

  private mutating func statement() throws {
    // The first word, which is never long.
    _ = try window.has(32)
    var length = 0
    while let byte = window.byte(length), byte.isWordPart, length < 32 { length += 1 }
    let word = window.bytes.text(window.position..<window.position + length).lowercased()
    switch word {
    case "insert", "replace": try insert()
    case "create": try create()
    case "copy" where dialect.family == .postgresql: try copy()
    case "use", "set", "select": try setting(word)
    case "delimiter" where dialect.family == .mysql: try skipOtherDelimiter()
    case "begin" where dialect.family == .sqlite:
      ending.expects()
      try skipStatement()
    case "commit" where dialect.family == .sqlite:
      ending.found()
      try skipStatement()
    case "rollback" where dialect.family == .sqlite:
      // What `.dump` writes after errors.
      ending.found()
      damage = "the dump says of itself that it ran into errors"
      try skipStatement()
    default: try skipStatement()
    }
  }

  /// Reads the head of a statement with as many bytes as it takes; nil when the dump ends or it is none.
  private mutating func head<Head>(
    _ read: (inout DumpHead) throws(DumpExpression.Halt) -> Head
  ) throws -> Head? {
    while true {
      do throws(DumpExpression.Halt) {
        var head = DumpHead(window.bytes, from: window.position, to: window.end, dialect)
        return try read(&head)
      } catch {
        switch error {
        case .malformed: return nil
        case .more: break
        }
      }
      guard window.end - window.position < Self.headLimit else {
        damage = "a statement names more than a server can"
        return nil
      }
      guard try window.more() else { return nil }
    }
  }

  private mutating func setting(_ word: String) throws {
    _ = try window.has(1024)
    let end = min(window.end, window.position + 1024)
    let text = window.bytes.text(window.position..<end).prefix { $0 != ";" && $0 != "\n" }
    let lower = text.lowercased()
    switch word {
    case "use":
      if let (_, name) = try head({ (head: inout DumpHead) throws(DumpExpression.Halt) in
        _ = try head.next()
        return try head.name()
      }) {
        currentSchema = name
      }
    case "set" where lower.contains("standard_conforming_strings"):
      dialect.backslashEscapes = lower.contains("off")
    case "set" where lower.contains("client_encoding"):
      dialect.isLatin1 = lower.contains("latin1'") || lower.contains("win1252")
    case "set" where lower.hasPrefix("set names"): setNames(lower)
    case "set" where lower.contains("search_path"):
      // Before release 10.3 names had no schema but this.
      let value = text.split(separator: "=", maxSplits: 1).last.map(String.init) ?? ""
      currentSchema = value.split(separator: ",").first.map { $0.filter { $0 != " " && $0 != "\"" && $0 != "'" } } ?? ""
    case "select" where lower.contains("search_path"): currentSchema = ""
    default: break
    }
    try skipStatement()
  }

  private mutating func setNames(_ statement: String) {
    guard dialect.family == .mysql else { return }
    dialect.isLatin1 = statement.contains("latin1")
  }

  // MARK: Tables

  /// Whether a table is wanted, and from this schema.
  private mutating func isWanted(_ schema: String?, _ name: String, hasRows: Bool) -> Bool {
    if seen.count < Self.tableLimit { seen.insert(name) }
    if tables[name] == nil {
      guard let wanted = wanted(name) else { return false }
      tables[name] = Table(wanted: wanted)
    }
    let schema = schema ?? currentSchema
    if self.schema == nil, hasRows { self.schema = schema }
    if let chosen = self.schema, chosen != schema {
      if hasRows, otherSchemas.count < Self.tableLimit { otherSchemas.insert(schema) }
      return false
    }
    return true
  }

  private mutating func create() throws {
    if let table = try head({ (head: inout DumpHead) throws(DumpExpression.Halt) in try head.create() }) ?? nil {
      if isWanted(table.schema, table.table, hasRows: false) { tables[table.table]?.columns = table.columns }
      window.advance(to: table.end)
      try skipStatement()
      return
    }
    if dialect.family == .sqlite, try isTrigger() { return try skipTrigger() }
    try skipStatement()
  }

  private func slots(_ columns: [String], _ wanted: WantedTable) -> [Int] {
    columns.map { column in
      wanted.columns.firstIndex { $0 == column } ?? wanted.columns.firstIndex { $0 == column.lowercased() } ?? -1
    }
  }

  /// Makes room for rows of this table.
  private mutating func begin(_ name: String, width: Int) throws {
    if batch.table == name, batch.width == width { return }
    try flush()
    batch = RowBatch(table: name, width: width)
  }

  private mutating func flush() throws {
    guard batch.count > 0 else { return }
    let next = RowBatch(table: batch.table, width: batch.width)
    let full = batch
    batch = next
    try rows(full)
  }

  private mutating func insert() throws {
    guard
      let head = try head({ (head: inout DumpHead) throws(DumpExpression.Halt) in try head.insert() }),
      isWanted(head.schema, head.table, hasRows: true), let table = tables[head.table]
    else { return try skipStatement() }
    window.advance(to: head.start)
    try begin(head.table, width: table.wanted.columns.count)
    guard let columns = try head.columns ?? table.columns ?? knownOrder(head.table, table.wanted) else {
      return try skipStatement()
    }
    let slots = slots(columns, table.wanted)
    var count = 0
    while true {
      switch DumpValues.row(
        window.bytes, from: window.position, to: window.end, dialect, slots: slots, into: &batch, counted: &count)
      {
      case .done(let next):
        window.advance(to: next)
        if batch.isFull { try flush() }
      case .more:
        guard try window.more() else {
          cut = "the rows of \(head.table)"
          window.advance(to: window.end)
          return
        }
        continue
      case .malformed:
        tables[head.table]?.unreadable += 1
        return try skipStatement()
      }
      guard try skipSpace() else {
        cut = "the rows of \(head.table)"
        return
      }
      // Anything but another row ends the statement: `;`, or `ON CONFLICT DO NOTHING`.
      guard window.byte() == UInt8(ascii: ",") else { return try skipStatement() }
      window.advance(1)
      guard try skipSpace() else {
        cut = "the rows of \(head.table)"
        return
      }
      guard window.byte() == UInt8(ascii: "(") else {
        tables[head.table]?.unreadable += 1
        return try skipStatement()
      }
    }
  }

  /// The order of columns that has as many as the row that is next; nil when there is none or the dump ends in it.
  private mutating func knownOrder(_ name: String, _ wanted: WantedTable) throws -> [String]? {
    var count = 0
    while true {
      switch DumpValues.row(
        window.bytes, from: window.position, to: window.end, dialect, slots: nil, into: &batch, counted: &count)
      {
      case .done:
        if let order = wanted.knownOrders.first(where: { $0.count == count }) { return order }
        tables[name]?.unknownColumns = count
        return nil
      case .more: if try window.more() { continue }
      case .malformed: tables[name]?.unreadable += 1
      }
      return nil
    }
  }

  private mutating func copy() throws {
    guard let head = try head({ (head: inout DumpHead) throws(DumpExpression.Halt) in try head.copy() }) else {
      return try skipStatement()
    }
    window.advance(to: head.end)
    guard isWanted(head.schema, head.table, hasRows: true), let table = tables[head.table] else {
      return try skipCopy(head.table)
    }
    try begin(head.table, width: table.wanted.columns.count)
    let slots = slots(head.columns.isEmpty ? table.columns ?? [] : head.columns, table.wanted)
    while true {
      guard let lineEnd = window.index(of: 0x0a, from: window.position) else {
        guard try window.more() else {
          cut = "the rows of \(head.table)"
          window.advance(to: window.end)
          return
        }
        continue
      }
      let line = window.position..<lineEnd
      let isEnd = DumpCopy.isEnd(window.bytes, line)
      if !isEnd, !DumpCopy.row(window.bytes, line, slots: slots, dialect, into: &batch) {
        tables[head.table]?.unreadable += 1
      }
      window.advance(to: lineEnd + 1)
      if isEnd { return }
      if batch.isFull { try flush() }
    }
  }

  // MARK: Comments

  /// Whatever a comment says about the dump.
  mutating func notice(_ comment: String, isConditional: Bool) {
    ending.notice(comment, dialect.family)
    let lower = comment.lowercased()
    guard isConditional, let start = lower.firstRange(of: "set names") else { return }
    setNames(String(lower[start.lowerBound...]))
  }
}

/// Whether a dump has the end that its writer puts there.
struct DumpEnding {
  private var isExpected = false
  private var isFound = false

  /// Nil where none was promised.
  var isThere: Bool? { isExpected ? isFound : nil }

  mutating func expects() { (isExpected, isFound) = (true, false) }
  mutating func found() { (isExpected, isFound) = (true, true) }

  mutating func notice(_ comment: String, _ family: DumpDialect.Family) {
    switch family {
    case .mysql:
      if comment.hasPrefix("-- Dump completed") || comment.contains("SQL_NOTES=@OLD_SQL_NOTES")
        || comment.contains("NOTE_VERBOSITY=@OLD_NOTE_VERBOSITY")
      {
        found()
      } else if comment.hasPrefix("-- MariaDB dump") || comment.hasPrefix("-- MySQL dump")
        || comment.contains("SET @OLD_SQL_NOTES=") || comment.contains("SET @OLD_NOTE_VERBOSITY=")
      {
        expects()
      }
    case .postgresql:
      if comment.hasPrefix("-- PostgreSQL database dump complete") {
        found()
      } else if comment.hasPrefix("-- PostgreSQL database dump") {
        expects()
      }
    case .sqlite: break
    }
  }
}
