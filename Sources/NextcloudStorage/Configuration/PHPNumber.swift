/// PHP's literals for numbers.
enum PHPNumber {
  /// The number at an index and the index behind it; no token where the digits are none that PHP accepts.
  static func scan(_ source: SourceBytes, at start: Int) -> (PHPToken?, end: Int) {
    let prefix = ASCII.lowercase(source[start + 1])
    if source[start] == 0x30 {
      if prefix == 0x78 { return based(source, at: start + 2, 16) }
      if prefix == 0x62 { return based(source, at: start + 2, 2) }
      if prefix == 0x6F { return based(source, at: start + 2, 8) }
    }
    var text: [UInt8] = []
    var end = digits(source, at: start, &text)
    let whole = text.count
    var isDouble = false
    if source[end] == 0x2E && (whole > 0 || ASCII.isDigit(source[end + 1])) {
      isDouble = true
      if whole == 0 { text.append(0x30) }
      text.append(0x2E)
      end = digits(source, at: end + 1, &text)
      if text.last == 0x2E { text.append(0x30) }
    }
    if ASCII.lowercase(source[end]) == 0x65 {
      var exponent = end + 1
      let sign = source[exponent]
      if sign == 0x2B || sign == 0x2D { exponent += 1 }
      if ASCII.isDigit(source[exponent]) {
        isDouble = true
        text.append(0x65)
        if sign == 0x2D { text.append(sign) }
        end = digits(source, at: exponent, &text)
      }
    }
    if !isDouble && whole > 1 && text[0] == 0x30 {
      let (token, octalEnd) = based(source, at: start + 1, 8)
      return octalEnd == end ? (token, end) : (nil, end)
    }
    if !isDouble, let value = Int(String(decoding: text, as: UTF8.self)) { return (.integer(value), end) }
    return (Double(String(decoding: text, as: UTF8.self)).map { .double($0) }, end)
  }

  /// Digits with single underscores between them, appended without these.
  private static func digits(_ source: SourceBytes, at start: Int, _ text: inout [UInt8]) -> Int {
    var end = start
    while ASCII.isDigit(source[end]) || (source[end] == 0x5F && end > start && ASCII.isDigit(source[end + 1])) {
      if source[end] != 0x5F { text.append(source[end]) }
      end += 1
    }
    return end
  }

  private static func based(_ source: SourceBytes, at start: Int, _ radix: Int) -> (PHPToken?, end: Int) {
    var end = start
    var value = 0
    var approximation = 0.0
    var overflows = false
    func digit(_ index: Int) -> Int? { ASCII.hexDigit(source[index]).flatMap { $0 < radix ? $0 : nil } }
    while true {
      // The octal form 0_7 has an underscore right behind its zero.
      if source[end] == 0x5F && (end > start || (radix == 8 && source[start - 1] == 0x30)) && digit(end + 1) != nil {
        end += 1
      }
      guard let digit = digit(end) else { break }
      approximation = approximation * Double(radix) + Double(digit)
      if !overflows {
        let (product, high) = value.multipliedReportingOverflow(by: radix)
        let (sum, carry) = product.addingReportingOverflow(digit)
        overflows = high || carry
        value = sum
      }
      end += 1
    }
    guard end > start else { return (nil, end) }
    return (overflows ? .double(approximation) : .integer(value), end)
  }
}
