import Testing

@testable import Recoverability

@Suite struct QuantityTests {
  @Test func percentagesAreNeverLessThanTheyAre() {
    #expect(Quantity.percentAtMost(9_934, of: 1_000_000) == "1%")
    #expect(Quantity.percentAtMost(0, of: 5) == "0%")
    #expect(Quantity.percentAtMost(5, of: 5) == "100%")
    #expect(Quantity.percentAtMost(1, of: 3) == "34%")
    #expect(Quantity.percentAtMost(1, of: 100_000_000) == "0.000001%")
    #expect(Quantity.percentAtMost(18, of: 2000) == "0.9%")
    #expect(Quantity.percentAtMost(91, of: 10_000) == "0.91%")
    #expect(Quantity.percentAtMost(999, of: 1000) == "100%")
    #expect(Quantity.percentAtMost(0, of: 0) == "0%")
  }

  @Test func numbersAreGrouped() {
    #expect(Quantity.grouped(0) == "0")
    #expect(Quantity.grouped(999) == "999")
    #expect(Quantity.grouped(1_000) == "1,000")
    #expect(Quantity.grouped(-1_234_567) == "-1,234,567")
    #expect(Quantity.files(1) == "1 file")
    #expect(Quantity.bytes(1) == "1 byte")
    #expect(Quantity.bytes(999) == "999 bytes")
    #expect(Quantity.bytes(84_213_000_111) == "84.2 GB")
  }

  @Test(arguments: [
    (0, "1970-01-01 00:00 UTC"), (951_782_400, "2000-02-29 00:00 UTC"), (-1, "1969-12-31 23:59 UTC"),
    (1_795_442_270, "2026-11-23 13:57 UTC"), (4_107_542_399, "2100-02-28 23:59 UTC"), (Int64.max, "at an unknown time"),
  ])
  func instants(seconds: Int64, text: String) {
    #expect(Quantity.instant(seconds) == text)
  }

  @Test func durations() {
    #expect(Quantity.duration(0.04) == "0.0 seconds")
    #expect(Quantity.duration(14.2) == "14 seconds")
    #expect(Quantity.duration(250) == "4 min 10 s")
    #expect(Quantity.duration(7260) == "2 h 1 min")
    #expect(Quantity.duration(.nan) == "an unknown time")
  }
}
