/// What PHP's scanner finds in a source text, as far as a configuration needs it.
enum PHPToken: Equatable {
  /// The end of the file.
  case end
  /// `?>` and all that PHP would output until the next `<?php`; ends a statement.
  case closeTag
  /// `$name`; the range is the name's.
  case variable(Range<Int>)
  /// A keyword, or the name of a function, constant or class, with its namespace.
  case name(Range<Int>)
  case integer(Int)
  case double(Double)
  /// A quoted string without variables; the range is what stands between the quotes.
  case string(Range<Int>, doubleQuoted: Bool)
  /// A string with variables, or a command in backticks. `runsCode`: it has an expression that may change variables.
  case interpolated(runsCode: Bool)
  /// One of the characters that stand alone.
  case symbol(UInt8)
  /// `=>`
  case arrow
  /// `...`
  case ellipsis
  /// `.=`, `??=`, `++` and all else that changes what stands beside it, but `=`.
  case change
  /// `==`, `??`, `&&` and other operators of two or three characters that change nothing.
  case reading
  /// `->`, `?->`, `::`
  case member
}

extension PHPToken {
  static func == (token: PHPToken, symbol: Unicode.Scalar) -> Bool {
    if case .symbol(let byte) = token { return UInt32(byte) == symbol.value }
    return false
  }

  static func != (token: PHPToken, symbol: Unicode.Scalar) -> Bool { !(token == symbol) }
}
