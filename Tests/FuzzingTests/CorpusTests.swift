import Foundation
import Testing

/// What the fuzzer found interesting, read again in every run of the tests: no crash, and every promise holds.
/// One after the other, since some kinds have one file or one cipher context for the whole process.
@Suite(.serialized) struct CorpusTests {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Vectors/fuzzing")

  @Test(arguments: FuzzedInput.allCases) func eachKeptInputIsReadWithoutObjection(input: FuzzedInput) throws {
    let folder = Self.folder.appending(path: input.rawValue)
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    // A corpus that is not there would pass otherwise.
    try #require(names.count >= 10)
    for name in names {
      let bytes = [UInt8](try Data(contentsOf: folder.appending(path: name)))
      #expect(input.objection(to: bytes) == nil, "\(input.rawValue)/\(name)")
    }
  }

  @Test func thereIsNoCorpusOfAnInputThatNobodyReads() throws {
    let folders = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path)
    #expect(Set(folders) == Set(FuzzedInput.allCases.map(\.rawValue)))
  }

  @Test(arguments: FuzzedInput.allCases) func nothingAndAlmostNothingIsRead(input: FuzzedInput) {
    for bytes in [[], [0], [0x0a], [UInt8](repeating: 0x20, count: 8), [UInt8](repeating: 0xff, count: 4096)] {
      #expect(input.objection(to: bytes) == nil)
    }
  }
}
