/// RC4 as it always was: no bytes dropped, the length stays. libcrypto 3 has it only with its legacy provider.
///
/// It is no protection today; it is what file keys before Nextcloud 27 were put in envelopes with.
enum RC4 {
  /// - Parameters:
  ///   - key: `keyCount` bytes, 1 to 256.
  ///   - state: 256 bytes to work in, which the caller wipes.
  ///   - output: as many bytes as `data`.
  static func apply(
    key: UnsafePointer<UInt8>, keyCount: Int, _ data: [UInt8], state: UnsafeMutablePointer<UInt8>,
    into output: UnsafeMutablePointer<UInt8>
  ) {
    guard (1...256).contains(keyCount) else { return }
    func swap(_ left: Int, _ right: Int) {
      let value = unsafe state[left]
      unsafe state[left] = state[right]
      unsafe state[right] = value
    }
    for index in 0..<256 { unsafe state[index] = UInt8(index) }
    var other: UInt8 = 0
    for index in 0..<256 {
      unsafe other = other &+ state[index] &+ key[index % keyCount]
      swap(index, Int(other))
    }
    var first: UInt8 = 0
    other = 0
    for index in 0..<data.count {
      first = first &+ 1
      unsafe other = other &+ state[Int(first)]
      swap(Int(first), Int(other))
      unsafe output[index] = data[index] ^ state[Int(state[Int(first)] &+ state[Int(other)])]
    }
  }
}
