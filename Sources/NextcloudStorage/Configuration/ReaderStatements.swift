/// What stands in the brackets behind a variable.
enum ArrayStep {
  case key(ConfigurationKey)
  case append
  /// A key that code decides.
  case unknown(Dynamic)
}

extension ConfigurationReader {
  /// Reads all statements of the file that the scanner was given.
  mutating func readFile() throws(ParseFailure) {
    try scanner.open()
    while !isFinished && scanner.token != .end { try statement(depth: 0) }
  }

  private mutating func statement(depth: Int) throws(ParseFailure) {
    try checkDepth(depth)
    switch scanner.token {
    case .end: throw unfinished()
    case .closeTag: try scanner.advance()
    case .symbol(0x3B): try scanner.advance()
    case .symbol(0x7B):
      try scanner.advance()
      try block(depth: depth)
    case .symbol(0x23):
      // An attribute: #[ … ] before what it belongs to.
      try scanner.advance()
      guard scanner.token == "[" else { throw unexpected() }
      try skipBrackets()
    case .symbol(0x29), .symbol(0x5D), .symbol(0x7D): throw unexpected()
    case .variable(let range): try assignment(to: scanner.source.name(range))
    case .name(let range): try named(String(decoding: scanner.source.name(range), as: UTF8.self).lowercased(), depth)
    default: try skim(.statement)
    }
  }

  /// The statements until `}`, which is taken too.
  private mutating func block(depth: Int) throws(ParseFailure) {
    while scanner.token != "}" { try statement(depth: depth + 1) }
    try scanner.advance()
  }

  /// A statement that starts with a word.
  private mutating func named(_ word: String, _ depth: Int) throws(ParseFailure) {
    switch word {
    case "if": try conditional(depth: depth)
    case "return", "__halt_compiler":
      if condition == nil && early == nil && depth == 0 {
        isFinished = true
        return
      }
      early = early ?? dynamic("code behind a return that depends on a condition")
      try skim(.statement)
    case "while", "for", "foreach", "switch", "do", "try", "function", "class", "abstract", "final", "interface",
      "trait", "enum", "readonly", "declare", "namespace":
      try skim(.compound(word))
    case "else", "elseif", "case", "default", "endif", "endwhile", "endfor", "endforeach", "endswitch", "enddeclare":
      // Parts of the syntax with colons, in which everything is taken as depending on a condition.
      guard early != nil else { throw unexpected() }
      try skim(.statement)
    default: try skim(.statement)
    }
  }

  /// `if (…) … elseif (…) … else …`: what is set in it may be set or not.
  private mutating func conditional(depth: Int) throws(ParseFailure) {
    let outer = condition
    condition = outer ?? dynamic("an assignment under a condition")
    while true {
      try scanner.advance()
      guard scanner.token == "(" else { throw unexpected() }
      try skipBrackets()
      if try !branch(depth: depth) { break }
      if isWord("elseif") { continue }
      guard isWord("else") else { break }
      try scanner.advance()
      if isWord("if") { continue }
      _ = try branch(depth: depth)
      break
    }
    condition = outer
  }

  /// One branch.
  ///
  /// - Returns: false where it starts with a colon, whose end is not looked for.
  private mutating func branch(depth: Int) throws(ParseFailure) -> Bool {
    if scanner.token == ":" {
      early = early ?? dynamic("code in or behind an if with a colon")
      try scanner.advance()
      return false
    }
    try statement(depth: depth + 1)
    return true
  }

  private mutating func skipBrackets() throws(ParseFailure) { try skim(.brackets) }

  // MARK: - Assignments

  private mutating func assignment(to name: [UInt8]) throws(ParseFailure) {
    let line = scanner.tokenLine
    try scanner.advance()
    var path: [ArrayStep] = []
    while scanner.token == "[" {
      try checkDepth(path.count + 1)
      try scanner.advance()
      if scanner.token == "]" {
        path.append(.append)
      } else {
        let key = try expression(depth: path.count + 1)
        path.append(step(key))
        guard scanner.token == "]" else { throw unexpected() }
      }
      try scanner.advance()
    }
    guard scanner.token == "=" else {
      // A method call, `.=` and the like: code, as far as this variable goes.
      try touch(name, path.first, line)
      return try skim(.statement)
    }
    try scanner.advance()
    if scanner.token == "&" {
      aliased[name] = dynamic("a variable with a reference to it")
      try touch(name, nil, line)
      return try skim(.statement)
    }
    let value = try expression(depth: path.count)
    try set(name, path, value, line: line)
    switch scanner.token {
    case .symbol(0x3B), .closeTag: try scanner.advance()
    case .end: throw unfinished()
    default: throw unexpected()
    }
  }

  private func step(_ key: ConfigurationValue) -> ArrayStep {
    switch self.key(key) {
    case .some(let key): .key(key)
    case .none: if case .dynamic(let dynamic) = key { .unknown(dynamic) } else { .unknown(dynamic("a computed key")) }
    }
  }

  /// The array key that a value is, as PHP turns values into keys.
  func key(_ value: ConfigurationValue) -> ConfigurationKey? {
    switch value {
    case .null: .text([])
    case .bool(let value): .integer(value ? 1 : 0)
    case .integer(let value): .integer(value)
    case .double(let value): Int(exactly: value.rounded(.towardZero)).map { .integer($0) }
    case .string(let range): ConfigurationKey(arena.copy(of: range))
    case .array, .dynamic: nil
    }
  }

  /// Sets a variable or an element of it; what depends on a condition becomes dynamic.
  mutating func set(
    _ name: [UInt8], _ path: [ArrayStep], _ value: ConfigurationValue, line: Int
  ) throws(ParseFailure) {
    try charge(path.count + 1)
    if let reason = aliased[name] {
      variables[name] = .dynamic(reason)
      return
    }
    var root = variables.removeValue(forKey: name) ?? .null
    if let reason = early ?? condition {
      let reason = Dynamic(file: fileIndex, line: line, what: reason.what)
      if let first = path.first {
        store(.dynamic(reason), into: &root, [first], line)
      } else {
        root = replaced(root, by: value, reason)
      }
    } else {
      store(value, into: &root, path[...], line)
    }
    variables[name] = root
  }

  /// What a variable may hold after an assignment that may happen: each key of both is then uncertain.
  private func replaced(
    _ old: ConfigurationValue, by new: ConfigurationValue, _ reason: Dynamic
  ) -> ConfigurationValue {
    var result = ConfigurationArray()
    for value in [old, new] {
      switch value {
      case .null: continue
      case .array(let array):
        if let unknown = array.unknown { result.forget(unknown) }
        for entry in array.entries {
          let reason = Dynamic(file: entry.file, line: entry.line, what: reason.what)
          result.set(entry.key, .dynamic(reason), file: entry.file, line: entry.line)
        }
      default: return .dynamic(reason)
      }
    }
    return .array(result)
  }

  private func store(
    _ value: ConfigurationValue, into target: inout ConfigurationValue, _ path: ArraySlice<ArrayStep>, _ line: Int
  ) {
    guard let step = path.first else {
      target = value
      return
    }
    var array: ConfigurationArray
    switch target {
    case .array(let existing): array = existing
    case .null: array = ConfigurationArray()
    case .dynamic(let dynamic): array = ConfigurationArray(unknown: dynamic)
    default:
      target = .dynamic(dynamic("an element of something that is no array", line: line))
      return
    }
    // The array must have one owner, or each assignment would copy it.
    target = .null
    let rest = path.dropFirst()
    switch step {
    case .key(let key): array.update(key, file: fileIndex, line: line) { store(value, into: &$0, rest, line) }
    case .append: array.append(file: fileIndex, line: line) { store(value, into: &$0, rest, line) }
    case .unknown(let dynamic): array.forget(dynamic)
    }
    target = .array(array)
  }

  /// Code may change a variable or one element of it.
  mutating func touch(_ name: [UInt8], _ step: ArrayStep?, _ line: Int) throws(ParseFailure) {
    let reason = dynamic("code that may change it", line: line)
    try set(name, step.map { [$0] } ?? [], .dynamic(reason), line: line)
  }

  // MARK: - Refusals

  func isWord(_ word: StaticString) -> Bool {
    guard case .name(let range) = scanner.token, range.count == word.utf8CodeUnitCount else { return false }
    return scanner.source.matches(word, at: range.lowerBound)
  }

  func unfinished() -> ParseFailure {
    ParseFailure(line: scanner.tokenLine, "the file ends in the middle of a statement")
  }

  func unexpected() -> ParseFailure {
    let what =
      switch scanner.token {
      case .end: "the file ends in the middle of a statement"
      case .closeTag: "?> stands in the middle of a statement"
      case .string, .interpolated: "a quoted string stands where none can be; a comma or point may be missing"
      case .integer, .double: "a number stands where none can be; a comma may be missing"
      case .variable, .name: "a name stands where none can be; a comma or quote may be missing"
      case .symbol(let byte): "unexpected \(Character(Unicode.Scalar(byte)))"
      case .arrow: "unexpected =>"
      case .ellipsis, .change, .reading, .member: "unexpected operator"
      }
    return ParseFailure(line: scanner.tokenLine, what)
  }
}
