extension ConfigurationReader {
  /// A value, up to what ends an expression. What is no literal is skipped and gives `dynamic`.
  ///
  /// - Parameter depth: the number of arrays around it.
  mutating func expression(depth: Int) throws(ParseFailure) -> ConfigurationValue {
    try checkDepth(depth)
    let (value, _) = try concatenation(depth)
    if isTerminator(scanner.token) { return value }
    let what: String
    switch scanner.token {
    case .string, .interpolated, .integer, .double, .variable: throw unexpected()
    case .name where !["instanceof", "and", "or", "xor"].contains(where: { isOperator($0) }): throw unexpected()
    case .symbol(0x3F): what = "a condition"
    default: what = "an expression that is computed"
    }
    let result = dynamic(what)
    try skim(.expression)
    if case .dynamic = value { return value }
    return .dynamic(result)
  }

  private func isOperator(_ word: String) -> Bool {
    guard case .name(let range) = scanner.token, range.count == word.utf8.count else { return false }
    return scanner.source.name(range).map(ASCII.lowercase) == Array(word.utf8)
  }

  /// Whether an expression ends before this token.
  func isTerminator(_ token: PHPToken) -> Bool {
    switch token {
    case .end, .closeTag, .arrow, .symbol(0x2C), .symbol(0x3B), .symbol(0x29), .symbol(0x5D), .symbol(0x7D): true
    default: false
    }
  }

  // MARK: - Operators

  private typealias Operand = (value: ConfigurationValue, isSum: Bool)

  private mutating func concatenation(_ depth: Int) throws(ParseFailure) -> Operand {
    var (left, isSum) = try sum(depth)
    while scanner.token == "." {
      try scanner.advance()
      let (right, isRightSum) = try sum(depth)
      // PHP 7 and 8 differ in what + and - bind to beside a point.
      if isSum || isRightSum {
        left = .dynamic(dynamic("a sum in a concatenation"))
        isSum = true
      } else {
        left = try joined(left, right)
      }
    }
    return (left, isSum)
  }

  private mutating func sum(_ depth: Int) throws(ParseFailure) -> Operand {
    var left = try product(depth)
    var isSum = false
    while scanner.token == "+" || scanner.token == "-" {
      let isMinus = scanner.token == "-"
      try scanner.advance()
      let right = try product(depth)
      left = computed(left, right) { isMinus ? $0.subtractingReportingOverflow($1) : $0.addingReportingOverflow($1) }
      isSum = true
    }
    return (left, isSum)
  }

  private mutating func product(_ depth: Int) throws(ParseFailure) -> ConfigurationValue {
    var left = try signed(depth)
    while scanner.token == "*" {
      try scanner.advance()
      left = computed(left, try signed(depth)) { $0.multipliedReportingOverflow(by: $1) }
    }
    return left
  }

  private func computed(
    _ left: ConfigurationValue, _ right: ConfigurationValue,
    _ operation: (Int, Int) -> (partialValue: Int, overflow: Bool)
  ) -> ConfigurationValue {
    switch (left, right) {
    case (.integer(let left), .integer(let right)):
      let (value, overflow) = operation(left, right)
      return overflow ? .dynamic(dynamic("a number that is computed")) : .integer(value)
    case (.dynamic, _): return left
    case (_, .dynamic): return right
    default: return .dynamic(dynamic("a number that is computed"))
    }
  }

  private mutating func signed(_ depth: Int) throws(ParseFailure) -> ConfigurationValue {
    var prefixes: [PHPCast?] = []
    while true {
      if scanner.token == "-" {
        prefixes.append(nil)
      } else if scanner.token == "(" {
        guard let cast = scanner.takeCast() else { break }
        prefixes.append(cast)
      } else {
        break
      }
      try scanner.advance()
      // A plain loop: a long row of signs costs no stack.
      if prefixes.count > Self.nestingLimit {
        throw ParseFailure(.limit, line: scanner.tokenLine, "code is nested more than \(Self.nestingLimit) deep")
      }
    }
    var value = try primary(depth)
    for prefix in prefixes.reversed() {
      switch prefix {
      case .none: value = negated(value)
      case .some(let cast): value = try converted(value, cast)
      }
    }
    return value
  }

  private func negated(_ value: ConfigurationValue) -> ConfigurationValue {
    switch value {
    case .integer(let number) where number != .min: .integer(-number)
    case .double(let number): .double(-number)
    case .dynamic: value
    default: .dynamic(dynamic("a number that is computed"))
    }
  }

  private mutating func converted(
    _ value: ConfigurationValue, _ cast: PHPCast
  ) throws(ParseFailure) -> ConfigurationValue {
    switch (cast, value) {
    case (_, .dynamic), (.integer, .integer), (.bool, .bool), (.double, .double): return value
    case (.integer, .bool(let value)): return .integer(value ? 1 : 0)
    case (.integer, .null): return .integer(0)
    case (.integer, .string(let range)):
      if let number = ConfigurationKey.decimal(arena.copy(of: range.prefix(21))) { return .integer(number) }
    case (.double, .integer(let number)): return .double(Double(number))
    case (.bool, .null): return .bool(false)
    case (.bool, .integer(let number)): return .bool(number != 0)
    case (.bool, .string(let range)):
      return .bool(![[], [0x30]].contains(arena.copy(of: range.prefix(2))))
    case (.string, _): if let range = try text(value) { return .string(range) }
    default: break
    }
    return .dynamic(dynamic("a cast that is computed"))
  }

  // MARK: - Text

  /// The text that PHP makes of a value, in the arena; nil where it depends on more than the value.
  private mutating func text(_ value: ConfigurationValue) throws(ParseFailure) -> Range<Int>? {
    switch value {
    case .string(let range): return range
    case .integer(let number): return try appended(Array(String(number).utf8))
    case .bool(let isTrue): return try appended(isTrue ? [0x31] : [])
    case .null: return try appended([])
    case .double, .array, .dynamic: return nil
    }
  }

  private mutating func joined(
    _ left: ConfigurationValue, _ right: ConfigurationValue
  ) throws(ParseFailure) -> ConfigurationValue {
    if case .dynamic = left { return left }
    if case .dynamic = right { return right }
    guard let first = try text(left), let second = try text(right) else {
      return .dynamic(dynamic("a concatenation that is computed"))
    }
    if second.isEmpty { return .string(first) }
    if first.isEmpty { return .string(second) }
    // Two literals in a row stand in the arena in a row: nothing is to be copied.
    if first.upperBound == second.lowerBound { return .string(first.lowerBound..<second.upperBound) }
    let end = arena.count
    let start = first.upperBound == end ? first.lowerBound : end
    try reserve(first.count + second.count)
    if first.upperBound != end { arena.append(copyOf: first) }
    arena.append(copyOf: second)
    return .string(start..<arena.count)
  }

  private mutating func appended(_ bytes: [UInt8]) throws(ParseFailure) -> Range<Int> {
    try reserve(bytes.count)
    let start = arena.count
    for byte in bytes { arena.append(byte) }
    return start..<arena.count
  }

  mutating func reserve(_ count: Int) throws(ParseFailure) {
    guard arena.reserve(count) else {
      throw ParseFailure(
        .limit, line: scanner.tokenLine, "its strings have more than \(SecretArena.limit / 1_048_576) MiB")
    }
  }

  // MARK: - Literals

  private mutating func primary(_ depth: Int) throws(ParseFailure) -> ConfigurationValue {
    switch scanner.token {
    case .integer(let number):
      try scanner.advance()
      return .integer(number)
    case .double(let number):
      try scanner.advance()
      return .double(number)
    case .string(let range, let isDouble):
      let text = try decode(range, isDouble)
      try scanner.advance()
      return .string(text)
    case .variable(let range): return try variable(scanner.source.name(range), depth)
    case .name(let range): return try named(range, depth)
    case .symbol(0x5B):
      try scanner.advance()
      return try array(closedBy: 0x5D, depth)
    case .symbol(0x28):
      try checkDepth(depth + 1)
      try scanner.advance()
      let value = try expression(depth: depth + 1)
      guard scanner.token == ")" else { throw unexpected() }
      try scanner.advance()
      return value
    case .end: throw unfinished()
    case let token where isTerminator(token): throw unexpected()
    case .interpolated: return try skipped("a double-quoted string with a variable in it ($)")
    default: return try skipped("an expression that is computed")
    }
  }

  private mutating func skipped(_ what: String) throws(ParseFailure) -> ConfigurationValue {
    let value = ConfigurationValue.dynamic(dynamic(what))
    try skim(.expression)
    return value
  }

  /// A word: true, false, null, an array, or code.
  private mutating func named(_ range: Range<Int>, _ depth: Int) throws(ParseFailure) -> ConfigurationValue {
    let line = scanner.tokenLine
    let word = word(range)
    var constant: ConfigurationValue?
    switch word {
    case "true": constant = .bool(true)
    case "false": constant = .bool(false)
    case "null": constant = .null
    case "function", "fn", "new", "static", "match", "clone", "print", "yield", "throw", "isset", "empty":
      return try skipped("an expression that is computed")
    case "include", "include_once", "require", "require_once": return try skipped("another file that is included")
    case "extract", "eval", "parse_str": try forgetAll("code that can set any variable")
    default: break
    }
    let isArray = isWord("array")
    try scanner.advance()
    switch scanner.token {
    case .symbol(0x28) where isArray:
      try scanner.advance()
      return try array(closedBy: 0x29, depth)
    case .symbol(0x28):
      let name = scanner.source.name(range)
      let isPlain = name.count <= 64 && name.allSatisfy { $0 < 0x80 }
      let value = dynamic(isPlain ? "the function \(ASCII.printable(name))()" : "a function", line: line)
      try skim(.expression)
      return .dynamic(value)
    case .member:
      let value = dynamic("a constant or method of a class", line: line)
      try skim(.expression)
      return .dynamic(value)
    default:
      // The name of another constant is not told: it may be a value whose quotes are missing.
      return constant ?? .dynamic(dynamic("a constant, or text without quotes", line: line))
    }
  }

  /// A variable, with the brackets behind it.
  private mutating func variable(_ name: [UInt8], _ depth: Int) throws(ParseFailure) -> ConfigurationValue {
    let line = scanner.tokenLine
    let missing = dynamic("a variable that no line before it sets to a literal")
    var value = aliased[name].map { .dynamic($0) } ?? variables[name] ?? .dynamic(missing)
    var first: ArrayStep?
    try scanner.advance()
    while scanner.token == "[" {
      try checkDepth(depth + 1)
      try scanner.advance()
      guard scanner.token != "]" else { throw unexpected() }
      let index = try expression(depth: depth + 1)
      guard scanner.token == "]" else { throw unexpected() }
      try scanner.advance()
      first = first ?? key(index).map { .key($0) } ?? .unknown(missing)
      switch (value, key(index)) {
      case (.array(let array), .some(let key)): value = array[key] ?? .dynamic(missing)
      case (.dynamic, _): break
      default: value = .dynamic(missing)
      }
    }
    switch scanner.token {
    case .symbol(0x3D), .change:
      try touch(name, first, line)
      return try skipped("an expression that is computed")
    case .member, .symbol(0x28):
      try touch(name, nil, line)
      return try skipped("an expression that is computed")
    default: break
    }
    try charge(copyOf: value, depth: depth)
    return value
  }

  /// The items until the closing bracket, which is taken too.
  private mutating func array(closedBy closer: UInt8, _ depth: Int) throws(ParseFailure) -> ConfigurationValue {
    try checkDepth(depth + 1)
    var array = ConfigurationArray()
    while scanner.token != .symbol(closer) {
      let line = scanner.tokenLine
      try charge()
      if scanner.token == .ellipsis {
        array.forget(dynamic("an array that is unpacked (...)"))
        try scanner.advance()
        _ = try expression(depth: depth + 1)
      } else {
        let value = try expression(depth: depth + 1)
        if scanner.token == .arrow {
          try scanner.advance()
          let element = try expression(depth: depth + 1)
          switch key(value) {
          case .some(let key): array.set(key, element, file: fileIndex, line: line)
          case .none:
            if case .dynamic(let dynamic) = value {
              array.forget(dynamic)
            } else {
              array.forget(dynamic("a key that is computed", line: line))
            }
          }
        } else {
          array.append(file: fileIndex, line: line) { $0 = value }
        }
      }
      if scanner.token == "," {
        try scanner.advance()
      } else if scanner.token != .symbol(closer) {
        throw unexpected()
      }
    }
    try scanner.advance()
    return .array(array)
  }
}
