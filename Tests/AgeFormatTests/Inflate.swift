/// Just enough of zlib (RFC 1950, 1951) to unpack the compressed vectors of the test kit. It trusts its input.
struct Inflate {
  private let bytes: [UInt8]
  private var bit = 16  // Past the two bytes of the zlib header.
  private var output: [UInt8] = []

  static func unpack(_ bytes: [UInt8]) -> [UInt8] {
    var inflate = Inflate(bytes: bytes)
    inflate.run()
    return inflate.output
  }

  private init(bytes: [UInt8]) {
    self.bytes = bytes
  }

  private mutating func take(_ count: Int) -> Int {
    var value = 0
    for position in 0..<count {
      value |= Int(bytes[bit >> 3] >> (bit & 7) & 1) << position
      bit += 1
    }
    return value
  }

  private mutating func run() {
    var isLast = false
    while !isLast {
      isLast = take(1) == 1
      switch take(2) {
      case 0: copyStored()
      case 1: expand(literals: Code(Self.fixedLengths), distances: Code(Array(repeating: 5, count: 30)))
      default:
        let (literals, distances) = readCodes()
        expand(literals: literals, distances: distances)
      }
    }
  }

  private mutating func copyStored() {
    bit = (bit + 7) & ~7
    let count = take(16)
    _ = take(16)
    output += bytes[bit >> 3..<bit >> 3 + count]
    bit += count * 8
  }

  private static let fixedLengths =
    Array(repeating: 8, count: 144) + Array(repeating: 9, count: 112) + Array(repeating: 7, count: 24)
    + Array(repeating: 8, count: 8)

  private mutating func readCodes() -> (literals: Code, distances: Code) {
    let literalCount = take(5) + 257
    let distanceCount = take(5) + 1
    let order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]
    var codeLengths = [Int](repeating: 0, count: 19)
    for symbol in order.prefix(take(4) + 4) { codeLengths[symbol] = take(3) }
    let code = Code(codeLengths)
    var lengths: [Int] = []
    while lengths.count < literalCount + distanceCount {
      switch symbol(of: code) {
      case 16: lengths += Array(repeating: lengths[lengths.count - 1], count: take(2) + 3)
      case 17: lengths += Array(repeating: 0, count: take(3) + 3)
      case 18: lengths += Array(repeating: 0, count: take(7) + 11)
      case let length: lengths.append(length)
      }
    }
    return (Code(Array(lengths.prefix(literalCount))), Code(Array(lengths.dropFirst(literalCount))))
  }

  private mutating func expand(literals: Code, distances: Code) {
    while true {
      let symbol = symbol(of: literals)
      if symbol < 256 {
        output.append(UInt8(symbol))
        continue
      }
      if symbol == 256 { return }
      let length = value(symbol - 257, step: 4, base: 3, isLength: true)
      let distance = value(self.symbol(of: distances), step: 2, base: 1, isLength: false)
      for _ in 0..<length { output.append(output[output.count - distance]) }
    }
  }

  /// Lengths and distances share one rule: `step` symbols for each number of extra bits.
  private mutating func value(_ symbol: Int, step: Int, base: Int, isLength: Bool) -> Int {
    if isLength, symbol == 28 { return 258 }
    let extra = max(symbol / step - 1, 0)
    let start = extra == 0 ? symbol : (step + symbol % step) << extra
    return base + start + take(extra)
  }

  private mutating func symbol(of code: Code) -> Int {
    var value = 0
    var first = 0
    var index = 0
    for count in code.counts.dropFirst() {
      value |= take(1)
      if value - first < count { return code.symbols[index + value - first] }
      index += count
      first = (first + count) << 1
      value <<= 1
    }
    return 256
  }

  /// A canonical Huffman code.
  private struct Code {
    let counts: [Int]
    let symbols: [Int]

    init(_ lengths: [Int]) {
      counts = (0...15).map { length in length == 0 ? 0 : lengths.count { $0 == length } }
      symbols = (1...15).flatMap { length in lengths.indices.filter { lengths[$0] == length } }
    }
  }
}
