/// The order of PHP's `natsort` (`strnatcmp`, Martin Pool's natural order as PHP changed it), on bytes.
enum NaturalOrder {
  /// A negative number, 0 or a positive one, as `left` comes before, with or after `right`.
  static func compare(_ left: [UInt8], _ right: [UInt8]) -> Int {
    if left.isEmpty || right.isEmpty { return left.count - right.count }
    var a = Cursor(bytes: left)
    var b = Cursor(bytes: right)
    a.skipLeadingZeros()
    b.skipLeadingZeros()
    while true {
      a.skipSpaces()
      b.skipSpaces()
      if a.isDigit && b.isDigit {
        // A number with a leading zero is compared digit by digit from the left, as if it stood after a point.
        let order = a.byte == 0x30 || b.byte == 0x30 ? compareLeft(&a, &b) : compareRight(&a, &b)
        if order != 0 { return order }
        switch (a.isAtEnd, b.isAtEnd) {
        case (true, true): return 0
        case (true, false): return -1
        case (false, true): return 1
        case (false, false): break
        }
      }
      if a.byte != b.byte { return a.byte < b.byte ? -1 : 1 }
      a.position += 1
      b.position += 1
      switch (a.isAtEnd, b.isAtEnd) {
      case (true, true): return 0
      case (true, false): return -1
      case (false, true): return 1
      case (false, false): continue
      }
    }
  }

  private struct Cursor {
    let bytes: [UInt8]
    var position = 0

    var isAtEnd: Bool { position >= bytes.count }
    var byte: UInt8 { position < bytes.count ? bytes[position] : 0 }
    var isDigit: Bool { digit(at: position) }

    func digit(at index: Int) -> Bool { index < bytes.count && (0x30...0x39).contains(bytes[index]) }

    /// Only at the start of the whole string, as PHP does it.
    mutating func skipLeadingZeros() {
      while byte == 0x30 && digit(at: position + 1) { position += 1 }
    }

    mutating func skipSpaces() {
      while byte == 0x20 || (0x09...0x0D).contains(byte) { position += 1 }
    }
  }

  /// Two numbers without leading zeros: the longer one is the greater, else the first different digit decides.
  private static func compareRight(_ a: inout Cursor, _ b: inout Cursor) -> Int {
    var bias = 0
    while true {
      switch (a.isDigit, b.isDigit) {
      case (false, false): return bias
      case (false, true): return -1
      case (true, false): return 1
      case (true, true): if bias == 0 && a.byte != b.byte { bias = a.byte < b.byte ? -1 : 1 }
      }
      a.position += 1
      b.position += 1
    }
  }

  private static func compareLeft(_ a: inout Cursor, _ b: inout Cursor) -> Int {
    while true {
      switch (a.isDigit, b.isDigit) {
      case (false, false): return 0
      case (false, true): return -1
      case (true, false): return 1
      case (true, true): if a.byte != b.byte { return a.byte < b.byte ? -1 : 1 }
      }
      a.position += 1
      b.position += 1
    }
  }
}
