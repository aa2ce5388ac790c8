import Foundation
import SystemPackage
import Testing

@testable import CommandLineTool

@Suite struct ProgressBarTests {
  private final class Clock {
    var now = Duration.zero
  }

  /// What a bar writes when work goes on for some seconds, one update each half a second.
  private func output(_ mode: ProgressMode, isTerminal: Bool, seconds: Int, total: Int? = 1_000_000_000) throws
    -> String
  {
    let pipe = try FileDescriptor.pipe()
    let clock = Clock()
    var bar = ProgressBar(
      "sealing", unit: .bytes, total: total, mode: mode, output: pipe.writeEnd, isTerminal: isTerminal,
      elapsed: { clock.now })
    for half in 0...seconds * 2 {
      clock.now = .milliseconds(half * 500)
      bar.update(done: half * 50_000_000)
    }
    bar.finish()
    try pipe.writeEnd.close()
    var buffer = [UInt8](repeating: 0, count: 65536)
    let count = try unsafe buffer.withUnsafeMutableBytes { try unsafe pipe.readEnd.read(into: $0) }
    try pipe.readEnd.close()
    return String(decoding: buffer[..<count], as: UTF8.self)
  }

  @Test func theBarAppearsAfterTwoSecondsOnATerminalAndGoesAway() throws {
    let text = try output(.auto, isTerminal: true, seconds: 3)
    #expect(text.hasPrefix("\rsealing"))
    #expect(text.contains("20%  200 MB of 1.0 GB  100 MB/s  0:08 left".replacingOccurrences(of: "0:08", with: "00:08")))
    #expect(text.hasSuffix("\r\u{1B}[K"))
    #expect(text.components(separatedBy: "sealing").count - 1 == 3)
    #expect(try output(.auto, isTerminal: true, seconds: 1) == "")
  }

  @Test func thereIsNothingOfItWhereNoTerminalIs() throws {
    #expect(try output(.auto, isTerminal: false, seconds: 5) == "")
    #expect(try output(.none, isTerminal: true, seconds: 5) == "")
  }

  @Test func jsonLinesAreDocumentsAndTheLastSaysSo() throws {
    for isTerminal in [true, false] {
      let lines = try output(.json, isTerminal: isTerminal, seconds: 4).split(separator: "\n")
      #expect(lines.count == 4)
      for (place, line) in lines.enumerated() {
        let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        #expect(object["schema"] as? String == "provenkey.progress/1")
        #expect(object["stage"] as? String == "sealing")
        #expect(object["finished"] as? Bool == (place == lines.count - 1))
        #expect(object["perSecond"] as? Int == 100_000_000)
      }
    }
  }

  @Test(arguments: [0, 1, 10, 20, 40, 80, 200]) func theLineIsShorterThanTheTerminal(width: Int) {
    for total in [nil, 0, 1, 12, .max] as [Int?] {
      for done in [.min, -1, 0, 1, 7, .max] as [Int] {
        for elapsed in [.zero, .nanoseconds(1), .seconds(3), .seconds(1_000_000_000)] as [Duration] {
          for unit in [ProgressUnit.bytes, .files] {
            let state = ProgressState(stage: "sealing", unit: unit, done: done, total: total, elapsed: elapsed)
            #expect(state.line(width: width).utf8.count <= max(0, width - 1))
            #expect(state.json(isLast: false).hasSuffix("}"))
          }
        }
      }
    }
  }

  @Test func anUnknownTotalHasNoPercentAndNoTimeLeft() throws {
    let text = try output(.auto, isTerminal: true, seconds: 2, total: nil)
    #expect(text.contains("200 MB  100 MB/s"))
    #expect(!text.contains("%"))
    #expect(!text.contains("left"))
  }
}
