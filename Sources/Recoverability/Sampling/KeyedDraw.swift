internal import Crypto

/// A draw without replacement that anybody can redo (docs/sampling.md): the files whose keyed values are smallest.
///
/// The value of file `index` is the first 16 bytes of SHA-256(key ‖ index as 8 bytes, big-endian), read as one big-endian
/// number. There is no modulo in it and nothing is rejected, so there is no bias; a larger draw with the same key contains
/// the smaller one; memory is for what was drawn, not for the population.
struct KeyedDraw {
  /// The smallest so far, the largest of them on top.
  private var heap: [Entry] = []
  private let count: Int
  private let key: [UInt8]

  struct Entry: Comparable {
    let value: UInt128
    let index: Int

    static func < (left: Entry, right: Entry) -> Bool {
      (left.value, left.index) < (right.value, right.index)
    }
  }

  /// - Parameters:
  ///   - count: how many are to be drawn, 0 or more.
  ///   - key: 32 bytes.
  init(count: Int, key: [UInt8]) {
    self.count = max(0, count)
    self.key = key
  }

  /// The key of the random draw: SHA-256(seed ‖ digest of the list), 32 bytes each.
  static func key(seed: SampleSeed, listDigest: [UInt8]) -> [UInt8] {
    [UInt8](SHA256.hash(data: seed.bytes + listDigest))
  }

  func value(of index: Int) -> UInt128 {
    var message = key
    message.reserveCapacity(key.count + 8)
    let number = UInt64(clamping: index)
    for shift in stride(from: 56 as UInt64, through: 0, by: -8) {
      message.append(UInt8(truncatingIfNeeded: number >> shift))
    }
    return unsafe SHA256.hash(data: message).withUnsafeBytes { digest in
      UInt128(bigEndian: unsafe digest.loadUnaligned(as: UInt128.self))
    }
  }

  mutating func consider(_ index: Int) {
    consider(Entry(value: value(of: index), index: index))
  }

  mutating func consider(_ entry: Entry) {
    if heap.count < count {
      heap.append(entry)
      var child = heap.count - 1
      while child > 0, heap[(child - 1) / 2] < heap[child] {
        heap.swapAt(child, (child - 1) / 2)
        child = (child - 1) / 2
      }
    } else if let largest = heap.first, entry < largest {
      heap[0] = entry
      sink()
    }
  }

  private mutating func sink() {
    var parent = 0
    while true {
      var largest = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && heap[largest] < heap[child] {
        largest = child
      }
      if largest == parent { return }
      heap.swapAt(parent, largest)
      parent = largest
    }
  }

  /// What was drawn, in the order of the list.
  var indexes: [Int] { heap.map(\.index).sorted() }
}
