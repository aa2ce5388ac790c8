/// The beginnings of statements: names, column lists, and the columns of CREATE TABLE.
struct DumpHead {
  enum Token: Equatable {
    /// As it stands, for keywords in lower case too.
    case word(String)
    case quoted(String)
    case string
    case mark(UInt8)
  }

  struct Insert {
    let schema: String?
    let table: String
    let columns: [String]?
    /// Of the first row's parenthesis.
    let start: Int
  }

  struct Table {
    let schema: String?
    let table: String
    let columns: [String]
    let end: Int
  }

  private let bytes: [UInt8]
  private let end: Int
  private let dialect: DumpDialect
  private(set) var index: Int

  init(_ bytes: [UInt8], from start: Int, to end: Int, _ dialect: DumpDialect) {
    self.bytes = bytes
    self.end = end
    self.dialect = dialect
    index = start
  }

  mutating func next() throws(DumpExpression.Halt) -> Token {
    while true {
      index = bytes.skipSpace(from: index, to: end)
      guard index < end else { throw .more }
      // A comment within a statement, such as the one around a partition.
      guard bytes[index] == UInt8(ascii: "/"), index + 1 < end, bytes[index + 1] == UInt8(ascii: "*") else { break }
      index += 2
      while !bytes.has("*/", at: index, to: end) {
        guard index < end else { throw .more }
        index += 1
      }
      index += 2
    }
    let first = bytes[index]
    switch first {
    case UInt8(ascii: "`"), UInt8(ascii: "\""): return .quoted(try quoted(first))
    case UInt8(ascii: "[") where dialect.family == .sqlite: return .quoted(try quoted(UInt8(ascii: "]")))
    case UInt8(ascii: "'"):
      var hasEscapes = false
      switch DumpValues.endOfString(
        bytes, from: index + 1, to: end, backslash: dialect.backslashEscapes, &hasEscapes)
      {
      case .done(let next): index = next
      case .more: throw .more
      case .malformed: throw .malformed
      }
      return .string
    case _ where first.isWordPart:
      let start = index
      while true {
        guard index < end else { throw .more }
        guard bytes[index].isWordPart else { break }
        index += 1
      }
      return .word(bytes.text(start..<index))
    default:
      index += 1
      return .mark(first)
    }
  }

  private mutating func quoted(_ quote: UInt8) throws(DumpExpression.Halt) -> String {
    var name: [UInt8] = []
    index += 1
    while true {
      guard index + 1 < end else { throw .more }
      if bytes[index] == quote {
        guard bytes[index + 1] == quote, quote != UInt8(ascii: "]") else { break }
        index += 1
      }
      name.append(bytes[index])
      index += 1
      if name.count > 1024 { throw .malformed }
    }
    index += 1
    return String(decoding: name, as: UTF8.self)
  }

  private mutating func peek() throws(DumpExpression.Halt) -> Token {
    let start = index
    let token = try next()
    index = start
    return token
  }

  /// `name` or `schema.name`; of three the last two.
  mutating func name() throws(DumpExpression.Halt) -> (schema: String?, table: String) {
    var parts = [try identifier()]
    while try peek() == .mark(UInt8(ascii: ".")) {
      _ = try next()
      parts.append(try identifier())
      if parts.count > 3 { throw .malformed }
    }
    return (parts.dropLast().last, parts[parts.count - 1])
  }

  private mutating func identifier() throws(DumpExpression.Halt) -> String {
    switch try next() {
    case .word(let name): return dialect.family == .postgresql ? name.lowercased() : name
    case .quoted(let name): return name
    case .string, .mark: throw .malformed
    }
  }

  /// The names between parentheses.
  mutating func columnList() throws(DumpExpression.Halt) -> [String] {
    guard try next() == .mark(UInt8(ascii: "(")) else { throw .malformed }
    var columns: [String] = []
    while true {
      columns.append(try identifier())
      switch try next() {
      case .mark(UInt8(ascii: ",")): continue
      case .mark(UInt8(ascii: ")")): return columns
      default: throw .malformed
      }
    }
  }

  /// `INSERT … INTO name [(columns)] … VALUES`, from the first word on.
  mutating func insert() throws(DumpExpression.Halt) -> Insert {
    while true {
      guard case .word(let word) = try next() else { throw .malformed }
      if word.lowercased() == "into" { break }
      guard
        ["insert", "replace", "ignore", "or", "low_priority", "delayed", "high_priority", "abort", "fail"]
          .contains(word.lowercased())
      else { throw .malformed }
    }
    let (schema, table) = try name()
    var columns: [String]?
    if try peek() == .mark(UInt8(ascii: "(")) { columns = try columnList() }
    while true {
      // `OVERRIDING SYSTEM VALUE` may stand between; `SELECT` and `DEFAULT VALUES` are nothing that dumps write.
      guard case .word(let word) = try next() else { throw .malformed }
      switch word.lowercased() {
      case "values", "value":
        guard try peek() == .mark(UInt8(ascii: "(")) else {
          if word.lowercased() == "value" { continue }
          throw .malformed
        }
        index = bytes.skipSpace(from: index, to: end)
        return Insert(schema: schema, table: table, columns: columns, start: index)
      case "overriding", "system", "user": continue
      default: throw .malformed
      }
    }
  }

  /// `COPY name (columns) FROM stdin;` to the end of its line.
  mutating func copy() throws(DumpExpression.Halt) -> Table {
    _ = try next()
    let (schema, table) = try name()
    let columns = try peek() == .mark(UInt8(ascii: "(")) ? try columnList() : []
    guard case .word(let from) = try next(), from.lowercased() == "from", case .word(let source) = try next(),
      source.lowercased() == "stdin"
    else { throw .malformed }
    while true {
      if try next() == .mark(UInt8(ascii: ";")) { break }
    }
    while true {
      guard index < end else { throw .more }
      index += 1
      if bytes[index - 1] == 0x0a { return Table(schema: schema, table: table, columns: columns, end: index) }
    }
  }

  /// `CREATE … TABLE name (…)` to the parenthesis that closes it; nil when it makes something else.
  mutating func create() throws(DumpExpression.Halt) -> Table? {
    while true {
      guard case .word(let word) = try next() else { return nil }
      if word.lowercased() == "table" { break }
      guard ["create", "temporary", "temp", "unlogged", "global", "local", "or", "replace"].contains(word.lowercased())
      else { return nil }
    }
    if case .word(let word) = try peek(), word.lowercased() == "if" {
      for _ in 0..<3 { _ = try next() }
    }
    let (schema, table) = try name()
    guard try next() == .mark(UInt8(ascii: "(")) else { return nil }
    var columns: [String] = []
    var depth = 1
    var isFirst = true
    while depth > 0 {
      let token = try next()
      if isFirst, depth == 1 {
        switch token {
        case .quoted(let name): columns.append(name)
        case .word(let word) where !isConstraint(word): columns.append(word)
        default: break
        }
        isFirst = false
      }
      switch token {
      case .mark(UInt8(ascii: "(")): depth += 1
      case .mark(UInt8(ascii: ")")): depth -= 1
      case .mark(UInt8(ascii: ",")): if depth == 1 { isFirst = true }
      default: break
      }
    }
    return Table(schema: schema, table: table, columns: columns, end: index)
  }

  private func isConstraint(_ word: String) -> Bool {
    let word = word.lowercased()
    if ["primary", "unique", "constraint", "foreign", "check", "exclude", "like"].contains(word) { return true }
    // Names of columns elsewhere: `key` is one of Nextcloud's, which PostgreSQL does not quote.
    return dialect.family == .mysql && ["key", "index", "fulltext", "spatial", "period"].contains(word)
  }
}
