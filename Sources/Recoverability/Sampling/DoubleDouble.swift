/// What a sum of ratios needs of a number, so that the same sum runs fast, or exactly enough where the fast one cannot decide.
protocol SummandNumber {
  /// The product of two whole numbers below 2^53.
  init(product first: Int, _ second: Int)
  static func + (left: Self, right: Self) -> Self
  static func - (left: Self, right: Self) -> Self
  static func * (left: Self, right: Self) -> Self
  static func / (left: Self, right: Self) -> Self
  /// The number as a Double, rounded.
  var rounded: Double { get }
  /// The most that one step of the sum (two products, a quotient, a product, an addition) can be off, relatively.
  static var stepError: Double { get }
}

extension Double: SummandNumber {
  init(product first: Int, _ second: Int) { self = Double(first) * Double(second) }
  var rounded: Double { self }
  /// Six roundings of 2^-53 each, rounded up.
  static var stepError: Double { 0x1p-50 }
}

/// An unevaluated sum of two Doubles, about 106 bits (T. J. Dekker, "A floating-point technique for extending the available
/// precision", 1971). Its results are the same on every machine: IEEE 754 additions and fused multiply-adds only.
struct DoubleDouble: SummandNumber {
  private let high: Double
  private let low: Double

  private init(_ high: Double, _ low: Double) {
    self.high = high
    self.low = low
  }

  init(product first: Int, _ second: Int) {
    self = Self.product(Double(first), Double(second))
  }

  var rounded: Double { high }
  /// Each operation is good to 2^-102 or better; six of them, rounded up.
  static var stepError: Double { 0x1p-98 }

  static func + (left: Self, right: Self) -> Self {
    let highs = sum(left.high, right.high)
    let lows = sum(left.low, right.low)
    let once = ordered(highs.high, highs.low + lows.high)
    return ordered(once.high, once.low + lows.low)
  }

  static func - (left: Self, right: Self) -> Self {
    left + Self(-right.high, -right.low)
  }

  static func * (left: Self, right: Self) -> Self {
    let exact = product(left.high, right.high)
    return ordered(exact.high, exact.low + (left.high * right.low + left.low * right.high))
  }

  /// Long division in three digits, each a Double.
  static func / (left: Self, right: Self) -> Self {
    let first = left.high / right.high
    var rest = left - right * Self(first, 0)
    let second = rest.high / right.high
    rest = rest - right * Self(second, 0)
    let third = rest.high / right.high
    return ordered(first, second) + Self(third, 0)
  }

  /// The exact sum of two Doubles (D. E. Knuth).
  private static func sum(_ first: Double, _ second: Double) -> Self {
    let total = first + second
    let part = total - first
    return Self(total, (first - (total - part)) + (second - part))
  }

  /// The exact sum where the first is the larger.
  private static func ordered(_ larger: Double, _ smaller: Double) -> Self {
    let total = larger + smaller
    return Self(total, smaller - (total - larger))
  }

  private static func product(_ first: Double, _ second: Double) -> Self {
    let rounded = first * second
    return Self(rounded, (-rounded).addingProduct(first, second))
  }
}
