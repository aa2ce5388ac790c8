/// Cuts a source text into tokens, as PHP 8 does. Never reads outside of the text, never more than once over it.
struct PHPScanner {
  let source: SourceBytes
  /// The index of the next byte to read.
  private(set) var position = 0
  /// The line of that byte, counted from 1.
  private(set) var line = 1
  /// The token that stands there now, and its line.
  private(set) var token = PHPToken.end
  private(set) var tokenLine = 1
  /// The first line after `?>` with something that PHP would output, and whether that is more than white space.
  private(set) var output: (line: Int, isText: Bool)?

  /// More nesting than this is refused, in strings and brackets.
  static let nestingLimit = 100

  init(_ source: SourceBytes) { self.source = source }

  /// Goes behind the opening `<?php`.
  mutating func open() throws(ParseFailure) {
    if source.count == 0 { return }
    if source[0] == 0xEF, source[1] == 0xBB, source[2] == 0xBF {
      throw ParseFailure(.output, line: 1, "the file starts with a byte order mark")
    }
    if isOpenTag(at: 0) {
      skipOpenTag()
      return try advance()
    }
    while position < source.count {
      if isOpenTag(at: position) { throw ParseFailure(.output, line: line, "there is something before <?php") }
      step()
    }
    throw ParseFailure(.output, line: 1, "the file has no <?php")
  }

  /// Reads the next token into `token`.
  mutating func advance() throws(ParseFailure) {
    let next = try scan(depth: 0)
    token = next
  }

  /// Reads a cast behind a parenthesis that was just scanned: the word between, in lowercase, if it is one.
  mutating func takeCast() -> PHPCast? {
    var start = position
    while source[start] == 0x20 || source[start] == 0x09 { start += 1 }
    for cast in PHPCast.words where source.matches(cast.word, at: start) {
      var end = start + cast.word.utf8CodeUnitCount
      while source[end] == 0x20 || source[end] == 0x09 { end += 1 }
      if source[end] == 0x29 {
        position = end + 1
        return cast.cast
      }
    }
    return nil
  }

  // MARK: - The text

  private mutating func step() {
    let byte = source[position]
    if byte == 0x0A || (byte == 0x0D && source[position + 1] != 0x0A) { line += 1 }
    position += 1
  }

  private func isOpenTag(at index: Int) -> Bool {
    guard source.matches("<?php", at: index) else { return false }
    let after = index + 5
    return after >= source.count || [0x20, 0x09, 0x0A, 0x0D].contains(source[after])
  }

  private mutating func skipOpenTag() { for _ in 0..<5 { step() } }

  private mutating func skipTrivia() throws(ParseFailure) {
    while position < source.count {
      switch source[position] {
      case 0x20, 0x09, 0x0A, 0x0D: step()
      case 0x23 where source[position + 1] != 0x5B: skipLineComment()
      case 0x2F where source[position + 1] == 0x2F: skipLineComment()
      case 0x2F where source[position + 1] == 0x2A: try skipBlockComment()
      default: return
      }
    }
  }

  private mutating func skipLineComment() {
    while position < source.count {
      let byte = source[position]
      if byte == 0x0A || byte == 0x0D { return }
      // PHP ends even inside of such a comment.
      if byte == 0x3F && source[position + 1] == 0x3E { return }
      position += 1
    }
  }

  private mutating func skipBlockComment() throws(ParseFailure) {
    let start = line
    position += 2
    while position < source.count {
      if source[position] == 0x2A && source[position + 1] == 0x2F {
        position += 2
        return
      }
      step()
    }
    throw ParseFailure(line: start, "a comment does not end")
  }

  private mutating func skipOutput() {
    position += 2
    // PHP itself drops one line end behind ?>.
    if source[position] == 0x0D && source[position + 1] == 0x0A { step() }
    if source[position] == 0x0A || source[position] == 0x0D { step() }
    while position < source.count {
      if isOpenTag(at: position) { return skipOpenTag() }
      if source.matches("<?=", at: position) {
        output = (output?.line ?? line, true)
        position += 3
        return
      }
      let isText = ![0x20, 0x09, 0x0A, 0x0D].contains(source[position])
      output = (output?.line ?? line, output?.isText ?? false || isText)
      step()
    }
  }

  // MARK: - Tokens

  private mutating func scan(depth: Int) throws(ParseFailure) -> PHPToken {
    try skipTrivia()
    tokenLine = line
    guard position < source.count else { return .end }
    let byte = source[position]
    let second = source[position + 1]
    switch byte {
    case 0x24 where ASCII.isNameStart(second):
      position += 1
      return .variable(takeName())
    case 0x62 where second == 0x27 || second == 0x22, 0x42 where second == 0x27 || second == 0x22:
      position += 1
      return try second == 0x27 ? singleQuoted() : quoted(by: second, depth: depth)
    case 0x27: return try singleQuoted()
    case 0x22, 0x60: return try quoted(by: byte, depth: depth)
    case 0x30...0x39: return try number()
    case 0x2E where ASCII.isDigit(second): return try number()
    case 0x5C where ASCII.isNameStart(second): return .name(takeName(namespaced: true))
    case 0x3F where second == 0x3E:
      skipOutput()
      return .closeTag
    case _ where ASCII.isNameStart(byte): return .name(takeName(namespaced: true))
    default: return try symbol()
    }
  }

  private mutating func takeName(namespaced: Bool = false) -> Range<Int> {
    let start = position
    while ASCII.isName(source[position])
      || (namespaced && source[position] == 0x5C && ASCII.isNameStart(source[position + 1]))
    { position += 1 }
    return start..<position
  }

  private mutating func symbol() throws(ParseFailure) -> PHPToken {
    if source.matches("<<<", at: position) {
      var next = position + 3
      while source[next] == 0x20 || source[next] == 0x09 { next += 1 }
      if ASCII.isNameStart(source[next]) || source[next] == 0x27 || source[next] == 0x22 {
        throw ParseFailure(.heredoc, line: line, "a heredoc or nowdoc")
      }
    }
    let isLong = PHPOperator.second.contains(source[position + 1])
    for (text, token) in PHPOperator.long where isLong && source.matches(text, at: position) {
      position += text.utf8CodeUnitCount
      return token
    }
    let byte = source[position]
    guard PHPOperator.single.contains(byte) else {
      throw ParseFailure(line: line, "a character that PHP does not know")
    }
    position += 1
    return .symbol(byte)
  }

  private mutating func number() throws(ParseFailure) -> PHPToken {
    let (token, end) = PHPNumber.scan(source, at: position)
    guard let token, !ASCII.isName(source[end]) else {
      throw ParseFailure(line: line, "a number that PHP does not know")
    }
    position = end
    return token
  }

  private mutating func singleQuoted() throws(ParseFailure) -> PHPToken {
    let startLine = line
    position += 1
    let start = position
    while position < source.count {
      switch source[position] {
      case 0x27:
        position += 1
        return .string(start..<position - 1, doubleQuoted: false)
      case 0x5C:
        step()
        step()
      default: step()
      }
    }
    throw ParseFailure(line: startLine, "a quoted string does not end")
  }

  private mutating func quoted(by quote: UInt8, depth: Int) throws(ParseFailure) -> PHPToken {
    let startLine = line
    guard depth < Self.nestingLimit else { throw ParseFailure(.limit, line: line, "strings are nested too deeply") }
    position += 1
    let start = position
    var isInterpolated = quote == 0x60
    var runsCode = false
    while position < source.count {
      let byte = source[position]
      let second = source[position + 1]
      switch byte {
      case quote:
        position += 1
        if isInterpolated {
          tokenLine = startLine
          return .interpolated(runsCode: runsCode)
        }
        return .string(start..<position - 1, doubleQuoted: true)
      case 0x5C:
        step()
        step()
      case 0x24 where ASCII.isNameStart(second):
        isInterpolated = true
        position += 1
      case 0x24 where second == 0x7B:
        // "${name}" can name any variable, but not change one; an expression in it can.
        isInterpolated = true
        position += 2
        if try embedded(depth: depth + 1) { runsCode = true }
      case 0x7B where second == 0x24:
        isInterpolated = true
        position += 1
        if try embedded(depth: depth + 1) { runsCode = true }
      default: step()
      }
    }
    throw ParseFailure(line: startLine, "a quoted string does not end")
  }

  /// Skips the code in a string until its closing brace.
  ///
  /// - Returns: whether it calls or changes anything.
  private mutating func embedded(depth: Int) throws(ParseFailure) -> Bool {
    let startLine = line
    var braces = 1
    var runsCode = false
    while true {
      switch try scan(depth: depth) {
      case .end, .closeTag: throw ParseFailure(line: startLine, "an expression in a quoted string does not end")
      case .symbol(0x7B): braces += 1
      case .symbol(0x7D):
        braces -= 1
        if braces == 0 { return runsCode }
      case .symbol(0x28), .symbol(0x3D), .change, .interpolated(runsCode: true): runsCode = true
      default: break
      }
      guard braces <= Self.nestingLimit else { throw ParseFailure(.limit, line: line, "code is nested too deeply") }
    }
  }
}

/// The types that `(type)` turns a literal into here.
enum PHPCast {
  case integer, bool, string, double
  /// One that is not followed.
  case other

  static let words: [(word: StaticString, cast: PHPCast)] =
    [
      ("integer", .integer), ("int", .integer), ("boolean", .bool), ("bool", .bool), ("string", .string),
      ("double", .double), ("float", .double), ("binary", .string), ("array", .other), ("object", .other),
      ("unset", .other), ("real", .other),
    ]
}

enum PHPOperator {
  /// The longest first.
  static let long: [(StaticString, PHPToken)] =
    [
      ("<=>", .reading), ("===", .reading), ("!==", .reading), ("**=", .change), ("...", .ellipsis), ("<<=", .change),
      (">>=", .change), ("??=", .change), ("?->", .member), ("=>", .arrow), ("->", .member), ("::", .member),
      ("==", .reading), ("!=", .reading), ("<>", .reading), ("<=", .reading), (">=", .reading), ("&&", .reading),
      ("||", .reading), ("??", .reading), ("<<", .reading), (">>", .reading), ("**", .reading), ("++", .change),
      ("--", .change), ("+=", .change), ("-=", .change), ("*=", .change), ("/=", .change), (".=", .change),
      ("%=", .change), ("&=", .change), ("|=", .change), ("^=", .change),
    ]

  /// The second characters of those.
  static let second: [UInt8] = Array("=>.<&|?*+-:".utf8)

  static let single: [UInt8] = Array("()[]{},;=.+-*/%&|^~!?:<>@$#".utf8)
}
