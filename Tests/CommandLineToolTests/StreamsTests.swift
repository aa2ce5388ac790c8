import ArgumentParser
import Foundation
import SystemPackage
import Testing

@testable import CommandLineTool

@Suite struct StreamsTests {
  @Test func aReaderThatLeftIsNoProblemAndAFullDiskIs() throws {
    Streams.ignoreBrokenPipes()
    let pipe = try FileDescriptor.pipe()
    try pipe.readEnd.close()
    try Streams.answer("nobody reads this\n", to: pipe.writeEnd)
    Streams.notice("nor this\n", to: pipe.writeEnd)
    try pipe.writeEnd.close()
    let full = try FileDescriptor.open(FilePath("/dev/full"), .writeOnly)
    defer { try? full.close() }
    let problem = #expect(throws: Problem.self) { try Streams.answer("x", to: full) }
    #expect(problem?.status == .couldNotRun)
  }

  @Test func aLongAnswerArrivesWholeThroughASmallPipe() throws {
    let pipe = try FileDescriptor.pipe()
    let text = String(repeating: "0123456789", count: 100_000)
    let received = DispatchQueue(label: "reader")
    nonisolated(unsafe) var count = 0
    received.async {
      var buffer = [UInt8](repeating: 0, count: 1000)
      while let more = try? unsafe buffer.withUnsafeMutableBytes({ try unsafe pipe.readEnd.read(into: $0) }), more > 0 {
        unsafe count += more
      }
    }
    try Streams.answer(text, to: pipe.writeEnd)
    try pipe.writeEnd.close()
    received.sync {}
    let total = unsafe count
    #expect(total == text.utf8.count)
    try pipe.readEnd.close()
  }

  @Test func widthAndKindOfATerminalAreSeen() throws {
    let terminal = ScriptedTerminal(columns: 63)
    let descriptor = try FileDescriptor.open(terminal.path, .readWrite)
    defer { try? descriptor.close() }
    #expect(Streams.width(of: descriptor) == 63)
    #expect(Streams.isTerminal(descriptor))
    #expect(throws: Problem.self) { try Streams.refuseBinaryOnTerminal("an escrow file", descriptor) }
    let file = try FileDescriptor.open(FilePath("/dev/null"), .readWrite)
    defer { try? file.close() }
    #expect(Streams.width(of: file) == 80)
    #expect(!Streams.isTerminal(file))
    try Streams.refuseBinaryOnTerminal("an escrow file", file)
  }
}

@Suite struct ProblemTests {
  @Test func aProblemIsTwoLinesWhateverTheNamesInIt() {
    let name: FilePath = "/a\n  hint: rm -rf /\u{1B}[31m\u{9B}1m\u{202E}\u{2028}\t\u{7F}"
    let problem = Problem(.couldNotRun, "cannot read \(name)", hint: "check the path")
    #expect(
      problem.text
        == "provenkey: cannot read /a\\n  hint: rm -rf /\\u{1B}[31m\\u{9B}1m\\u{202E}\\u{2028}\\t\\u{7F}\n  hint: check the path\n"
    )
    #expect(DisplayText.escaped("grüße 日本 👩‍👧") == "grüße 日本 👩\\u{200D}👧")
    #expect(DisplayText.escaped(FilePath("plain name")) == "plain name")
  }

  @Test func theExitStatusesAreTheContract() {
    let contract: [Int32] = [0, 1, 3, 4, 5, 12, 13, 64, 130]
    #expect(ExitStatus.allCases.map(\.rawValue) == contract)
    #expect(ExitStatus.wrongSecret.exitCode == ExitCode(12))
    let help = ExitStatus.help()
    for status in contract { #expect(help.contains(" \(status)  ")) }
    #expect(ExitStatus.help([.holds, .stale]).split(separator: "\n").count == 3)
  }
}
