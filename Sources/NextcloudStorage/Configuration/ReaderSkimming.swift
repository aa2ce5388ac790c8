/// Code that is skipped: balanced, with a note of each variable that it may change.
enum SkimmedCode {
  /// Up to what ends an expression at this level, which stays.
  case expression
  /// Up to and with the `;`.
  case statement
  /// A loop, function or class that starts with the word: up to and with its `;` or `}`.
  case compound(String)
  /// From an opening bracket to its closing one, both taken.
  case brackets
}

/// How much of `$CONFIG['key']` was seen.
private enum Mention {
  case none
  case variable([UInt8], line: Int)
  case bracket([UInt8], line: Int)
  case key([UInt8], ConfigurationKey, line: Int)
  case element([UInt8], ConfigurationKey, line: Int)
}

private struct OpenBracket {
  let closer: UInt8
  /// A `return` in here leaves a function, not the file.
  let isFunction: Bool
}

extension ConfigurationReader {
  /// Skips code from the current token on. Linear in its length, with no recursion.
  mutating func skim(_ code: SkimmedCode) throws(ParseFailure) {
    var open: [OpenBracket] = []
    var mention = Mention.none
    var quietDepth: Int?
    var isFunctionNext = false
    var arrows = 0
    var previous = PHPToken.end
    while true {
      let token = scanner.token
      let isQuiet = quietDepth.map { open.count > $0 } ?? false
      if open.isEmpty, case .expression = code, isTerminator(token) {
        // What stands right before the end is read and nothing else.
        mention = .none
      }
      mention = try follow(mention, token, isQuiet: isQuiet)
      if open.isEmpty, try ends(code, token, arrows) { return }
      if isQuiet && (token == "=" || token == .change) { try forgetAll("code that may change it") }
      switch token {
      case .end: throw unfinished()
      case .symbol(0x28): try push(0x29, &open)
      case .symbol(0x5B): try push(0x5D, &open)
      case .symbol(0x7B):
        try push(0x7D, &open, isFunction: isFunctionNext)
        isFunctionNext = false
      case .symbol(let closer) where closer == 0x29 || closer == 0x5D || closer == 0x7D:
        guard open.popLast()?.closer == closer else { throw unexpected() }
        if let depth = quietDepth, open.count <= depth { quietDepth = nil }
        if open.isEmpty {
          if case .brackets = code { return try scanner.advance() }
          if case .compound(let word) = code, closer == 0x7D {
            try scanner.advance()
            if continues(word) { continue }
            return
          }
        }
      case .symbol(0x3A):
        // The syntax with colons has no bracket at its end; all that follows in the file depends on it.
        if open.isEmpty, previous == ")", case .compound(let word) = code, Self.colonWords.contains(word) {
          early = early ?? dynamic("code in or behind a loop with a colon")
          return try scanner.advance()
        }
      case .arrow: if open.isEmpty { arrows -= 1 }
      case .symbol(0x26): try noteReference()
      case .interpolated(runsCode: true): try forgetAll("code in a quoted string")
      case .symbol(0x24): try forgetAll("a variable whose name is computed")
      case .name(let range) where previous != .member:
        switch word(range) {
        case "function", "class": isFunctionNext = true
        case "fn": if open.isEmpty { arrows += 1 }
        case "isset", "empty": quietDepth = quietDepth ?? open.count
        case "return":
          if !open.contains(where: \.isFunction) && !isInFunction(code) {
            early = early ?? dynamic("code behind a return that depends on a condition")
          }
        case "include", "include_once", "require", "require_once": try forgetAll("another file that is included")
        case "goto":
          early = early ?? dynamic("code in a file with goto")
          try forgetAll("code in a file with goto")
        case "eval", "extract", "parse_str": try forgetAll("code that can set any variable")
        default: break
        }
      default: break
      }
      previous = token
      try scanner.advance()
    }
  }

  private static var colonWords: [String] { ["while", "for", "foreach", "switch", "declare"] }

  private func isInFunction(_ code: SkimmedCode) -> Bool {
    guard case .compound(let word) = code else { return false }
    return ["function", "class", "abstract", "final", "interface", "trait", "enum", "readonly"].contains(word)
  }

  /// Whether the code ends before or with this token, which stands in no bracket.
  private mutating func ends(_ code: SkimmedCode, _ token: PHPToken, _ arrows: Int) throws(ParseFailure) -> Bool {
    switch code {
    case .expression: return isTerminator(token) && !(token == .arrow && arrows > 0)
    case .brackets: return false
    case .statement, .compound:
      switch token {
      case .symbol(0x3B), .closeTag:
        try scanner.advance()
        return true
      default: return false
      }
    }
  }

  /// Whether a loop or the like goes on behind its `}`.
  private func continues(_ word: String) -> Bool {
    isWord("catch") || isWord("finally") || isWord("else") || isWord("elseif") || (word == "do" && isWord("while"))
  }

  private func push(_ closer: UInt8, _ open: inout [OpenBracket], isFunction: Bool = false) throws(ParseFailure) {
    guard open.count < Self.nestingLimit else {
      throw ParseFailure(.limit, line: scanner.tokenLine, "code is nested more than \(Self.nestingLimit) deep")
    }
    open.append(OpenBracket(closer: closer, isFunction: isFunction))
  }

  /// A name in lowercase, if it can be one of PHP's own words.
  func word(_ range: Range<Int>) -> String {
    guard range.count <= 16 else { return "" }
    let name = scanner.source.name(range).map(ASCII.lowercase)
    return String(decoding: name.first == 0x5C ? name.dropFirst() : name[...], as: UTF8.self)
  }

  // MARK: - What the code may change

  /// Notes what stands behind `&`: with a second name, a variable can change unseen.
  private mutating func noteReference() throws(ParseFailure) {
    var ahead = scanner
    try ahead.advance()
    guard case .variable(let range) = ahead.token else { return }
    let name = scanner.source.name(range)
    try charge()
    aliased[name] = dynamic("a variable with a reference to it")
    variables[name] = .dynamic(dynamic("a variable with a reference to it"))
  }

  /// Any variable may have been changed.
  mutating func forgetAll(_ what: String) throws(ParseFailure) {
    let reason = dynamic(what)
    try charge(variables.count + 1)
    for name in variables.keys { variables[name] = .dynamic(reason) }
    variables[Self.configName] = .dynamic(reason)
  }

  /// Takes note of variables in code. Only reading an element by an operator, `isset` and `empty` change nothing.
  private mutating func follow(
    _ mention: Mention, _ token: PHPToken, isQuiet: Bool
  ) throws(ParseFailure) -> Mention {
    switch (mention, token) {
    case (.none, .variable(let range)):
      return isQuiet ? .none : .variable(scanner.source.name(range), line: scanner.tokenLine)
    case (.none, _): return .none
    case (.variable(let name, let line), .symbol(0x5B)): return .bracket(name, line: line)
    case (.variable(let name, _), .reading) where name != Self.configName: return .none
    case (.variable(let name, let line), _): try touch(name, nil, line)
    case (.bracket(let name, let line), .string(let range, let isDouble)):
      let text = try decode(range, isDouble)
      guard let key = key(.string(text)) else { return .none }
      return .key(name, key, line: line)
    case (.bracket(let name, let line), _): try touch(name, nil, line)
    case (.key(let name, let key, let line), .symbol(0x5D)): return .element(name, key, line: line)
    case (.key(let name, _, let line), _): try touch(name, nil, line)
    case (.element, .reading), (.element, .symbol(0x3F)), (.element, .symbol(0x2E)): return .none
    case (.element(let name, let key, let line), _): try touch(name, .key(key), line)
    }
    // The token that ended this mention can start the next one.
    if case .variable(let range) = token, !isQuiet {
      return .variable(scanner.source.name(range), line: scanner.tokenLine)
    }
    return .none
  }
}
