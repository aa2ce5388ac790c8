import Foundation
import SecretMemory
import Testing

@Suite struct SecretBytesTests {
  @Test func bytesComeBackAsTheyWere() throws {
    let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0) }
    let secret = try SecretBytes(copying: bytes)
    #expect(secret.count == 1000)
    #expect(unsafe secret.withUnsafeBytes { unsafe Array($0) } == bytes)
    let copy = try secret.duplicate()
    #expect(unsafe copy.withUnsafeBytes { unsafe Array($0) } == bytes)
  }

  @Test func noBytesAreASecretToo() throws {
    let secret = try SecretBytes(copying: [])
    #expect(secret.count == 0)
    #expect(secret.withBytes { $0.byteCount } == 0)
    #expect(throws: SecretMemoryError.self) { _ = try SecretBytes(zeroed: -1) }
  }

  @Test func whatIsCutOffIsWiped() throws {
    var secret = try SecretBytes(copying: [1, 2, 3, 4])
    secret.truncate(to: 2)
    #expect(secret.count == 2)
    let rest = unsafe secret.withUnsafeBytes { bytes in
      // Still inside of the allocation, which was 4 bytes long.
      unsafe (bytes.baseAddress! + 2).load(as: UInt8.self)
    }
    #expect(rest == 0)
  }

  @Test func twoOwnersAreIndependent() throws {
    var first = try SecretBytes(copying: [1, 2])
    let second = try first.duplicate()
    unsafe first.withUnsafeMutableBytes { unsafe $0[0] = 9 }
    #expect(unsafe second.withUnsafeBytes { unsafe Array($0) } == [1, 2])
  }

  @Test func randomBytesAreNotAllTheSame() throws {
    let first = try SecretBytes.random(count: 32)
    let second = try SecretBytes.random(count: 32)
    #expect(hexadecimal(first) != hexadecimal(second))
    #expect(try Randomness.bytes(count: 16) != Randomness.bytes(count: 16))
  }

  #if os(Linux)
    /// `VmFlags` of proc(5): `lo` locked, `dd` not dumped.
    @Test func theMemoryIsLockedAndLeftOutOfCoreDumps() throws {
      let secret = try SecretBytes(copying: [UInt8](repeating: 7, count: 100))
      let address = unsafe secret.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) }
      let flags = try #require(try Self.flags(at: address))
      #expect(flags.contains("dd"))
      #expect(flags.contains("lo"))
      // The control: an ordinary allocation has neither.
      let plain = UnsafeMutableRawPointer.allocate(byteCount: 100, alignment: 8)
      defer { unsafe plain.deallocate() }
      let others = try #require(try Self.flags(at: UInt(bitPattern: plain)))
      #expect(!others.contains("dd"))
    }

    private static func flags(at address: UInt) throws -> [Substring]? {
      let handle = try FileHandle(forReadingFrom: URL(filePath: "/proc/self/smaps"))
      let text = String(decoding: try handle.readToEnd() ?? Data(), as: UTF8.self)
      var isInside = false
      for line in text.split(separator: "\n") {
        if let range = line.wholeMatch(of: /([0-9a-f]+)-([0-9a-f]+) .*/) {
          guard let start = UInt(range.1, radix: 16), let end = UInt(range.2, radix: 16) else { continue }
          isInside = (start..<end).contains(address)
        } else if isInside, line.hasPrefix("VmFlags:") {
          return line.dropFirst(8).split(separator: " ")
        }
      }
      return nil
    }
  #endif
}

@Suite struct ConstantTimeTests {
  @Test(arguments: [([], [], true), ([1], [1], true), ([1], [2], false), ([1], [1, 1], false), ([1], [], false)])
  func equalityIsThatOfTheBytes(left: [UInt8], right: [UInt8], isEqual: Bool) {
    #expect(ConstantTime.equal(left, right) == isEqual)
  }
}
