/// A value that only running PHP would give: where, and from what.
struct Dynamic: Equatable {
  /// The index of the file in load order.
  let file: Int
  let line: Int
  /// What the value comes from: "the function getenv()". No text of the value.
  let what: String
}

/// A value as the files give it. Strings are ranges of the arena; there is no text of a value in here.
enum ConfigurationValue {
  case null
  case bool(Bool)
  case integer(Int)
  case double(Double)
  case string(Range<Int>)
  case array(ConfigurationArray)
  case dynamic(Dynamic)
}

/// A key of a PHP array: text that reads as a decimal integer is that integer.
enum ConfigurationKey: Hashable {
  case integer(Int)
  case text([UInt8])

  init(_ bytes: [UInt8]) {
    self = Self.decimal(bytes).map { .integer($0) } ?? .text(bytes)
  }

  init(_ text: String) { self.init(Array(text.utf8)) }

  /// The integer that such bytes are for PHP: no leading zero, no plus, no "-0", within 64 bits.
  static func decimal(_ bytes: [UInt8]) -> Int? {
    var digits = bytes[...]
    let isNegative = digits.first == 0x2D
    if isNegative { digits = digits.dropFirst() }
    guard let first = digits.first, digits.count <= 19, digits.allSatisfy(ASCII.isDigit) else { return nil }
    guard first != 0x30 || (digits.count == 1 && !isNegative) else { return nil }
    var value = 0
    for digit in digits {
      let (product, tooLong) = value.multipliedReportingOverflow(by: 10)
      let (sum, tooLarge) = product.subtractingReportingOverflow(Int(digit) - 0x30)
      guard !tooLong, !tooLarge else { return nil }
      value = sum
    }
    if isNegative { return value }
    return value == .min ? nil : -value
  }

  /// The key as text for a person's eyes.
  var printable: String {
    switch self {
    case .integer(let value): String(value)
    case .text(let bytes): ASCII.printable(bytes)
    }
  }

  /// The same, cut short where it is longer than any real key.
  var short: String {
    switch self {
    case .text(let bytes) where bytes.count > 100: ASCII.printable(Array(bytes.prefix(100))) + "…"
    default: printable
    }
  }
}

/// An ordered PHP array.
struct ConfigurationArray {
  struct Entry {
    let key: ConfigurationKey
    var value: ConfigurationValue
    /// Where the key was set last.
    var file: Int
    var line: Int
  }

  private(set) var entries: [Entry] = []
  private var index: [ConfigurationKey: Int] = [:]
  /// The key that the next value without one gets; nil where PHP has none left or code decides it.
  private var next: Int? = 0
  /// Where code sets keys that cannot be told: each key that is not an entry may then have any value.
  private(set) var unknown: Dynamic?

  init() {}

  /// An array of which nothing is known but that code made it.
  init(unknown: Dynamic) { forget(unknown) }

  /// What stands at a key: nil where there is nothing, `dynamic` where code may have set it.
  subscript(_ key: ConfigurationKey) -> ConfigurationValue? {
    if let entry = entry(key) { return entry.value }
    return unknown.map { .dynamic($0) }
  }

  func entry(_ key: ConfigurationKey) -> Entry? { index[key].map { entries[$0] } }

  /// Sets or changes what stands at a key; `change` is given null, or what code may have put there.
  mutating func update(_ key: ConfigurationKey, file: Int, line: Int, _ change: (inout ConfigurationValue) -> Void) {
    guard let position = index[key] else {
      var value = unknown.map { ConfigurationValue.dynamic($0) } ?? .null
      change(&value)
      index[key] = entries.count
      entries.append(Entry(key: key, value: value, file: file, line: line))
      if case .integer(let number) = key, let known = next {
        if number >= known {
          next = number == .max ? nil : number + 1
        } else if known == 0 {
          // What follows a negative first key depends on PHP's version.
          next = nil
        }
      }
      return
    }
    change(&entries[position].value)
    entries[position].file = file
    entries[position].line = line
  }

  mutating func set(_ key: ConfigurationKey, _ value: ConfigurationValue, file: Int, line: Int) {
    update(key, file: file, line: line) { $0 = value }
  }

  /// Appends under the next free integer, where that is known.
  mutating func append(file: Int, line: Int, _ change: (inout ConfigurationValue) -> Void) {
    guard let next else {
      // The key cannot be told. No existing key changes, as appending never replaces.
      if unknown == nil { unknown = Dynamic(file: file, line: line, what: "an array without a next index") }
      return
    }
    update(.integer(next), file: file, line: line, change)
  }

  /// Code may have set any key: nothing that was known still is.
  mutating func forget(_ dynamic: Dynamic) {
    entries = []
    index = [:]
    next = nil
    unknown = dynamic
  }
}
