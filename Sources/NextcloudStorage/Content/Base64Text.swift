/// Decoding base64 where it must be fast and needs no guarding: ciphertext.
enum Base64Text {
  /// The bytes that a text stands for; `nil` when it is not exactly base64 with its padding.
  static func decode(_ text: [UInt8]) -> [UInt8]? {
    if text.isEmpty { return [] }
    var output = [UInt8](repeating: 0, count: text.count / 4 * 3)
    let count = unsafe output.withUnsafeMutableBufferPointer { output -> Int? in
      guard let start = output.baseAddress else { return nil }
      return unsafe decode(text, text.count, into: start)
    }
    guard let count else { return nil }
    output.removeLast(output.count - count)
    return output
  }

  /// Base64 (RFC 4648 §4), exactly; writes three quarters of `count` at most.
  static func decode(
    _ text: UnsafePointer<UInt8>, _ count: Int, into output: UnsafeMutablePointer<UInt8>
  ) -> Int? {
    guard count >= 4, count % 4 == 0 else { return nil }
    var end = count
    if unsafe text[end - 1] == 0x3d { end -= 1 }
    if unsafe text[end - 1] == 0x3d { end -= 1 }
    let padding = count - end
    var written = 0
    var invalid: UInt8 = 0
    return unsafe Self.values.withUnsafeBufferPointer { values in
      var index = 0
      while index + 4 <= end {
        let first = unsafe values[Int(text[index])]
        let second = unsafe values[Int(text[index + 1])]
        let third = unsafe values[Int(text[index + 2])]
        let fourth = unsafe values[Int(text[index + 3])]
        invalid |= first | second | third | fourth
        unsafe output[written] = first << 2 | second >> 4
        unsafe output[written + 1] = second << 4 | third >> 2
        unsafe output[written + 2] = third << 6 | fourth
        index += 4
        written += 3
      }
      if padding > 0 {
        let first = unsafe values[Int(text[index])]
        let second = unsafe values[Int(text[index + 1])]
        let third = unsafe padding == 1 ? values[Int(text[index + 2])] : 0
        invalid |= first | second | third
        unsafe output[written] = first << 2 | second >> 4
        written += 1
        if padding == 1 {
          unsafe output[written] = second << 4 | third >> 2
          written += 1
        }
      }
      return invalid < 64 ? written : nil
    }
  }

  /// The value of each byte as a digit; 255 for those that are none.
  private static let values: [UInt8] = {
    var values = [UInt8](repeating: 255, count: 256)
    let digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    for (value, digit) in digits.utf8.enumerated() { values[Int(digit)] = UInt8(value) }
    return values
  }()
}
