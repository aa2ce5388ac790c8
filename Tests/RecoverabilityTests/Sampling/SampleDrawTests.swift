import Foundation
import SystemPackage
import Testing

@testable import Recoverability

@Suite struct SampleDrawTests {
  @Test func theDrawIsWhatThePythonScriptDraws() throws {
    // Tests/Reports/redraw.py gave these: the same on any machine.
    let draw = plan(.files(10), population: 1000, seed: "provenkey").draw()
    #expect(draw.seed.text == "41bd8fe15cc76a5bd3c5d2a729f451c615ba8a2ddc7a638baefb3c001a080d85")
    #expect(Hexadecimal.text(draw.listDigest) == "8c091184b89f1b57d065bc87662dadba7a4530d409da84f3e154263feebf1c2f")
    #expect((0..<1000).filter(draw.isDrawn) == [95, 193, 197, 272, 428, 597, 629, 689, 748, 788])
  }

  @Test func theSameSeedAndListGiveTheSameDrawAndOthersAnother() {
    func drawn(_ seed: String, population: Int = 500) -> [Int] {
      let draw = plan(.files(50), population: population, seed: seed).draw()
      return (0..<population).filter(draw.isDrawn)
    }
    let first = drawn("a")
    #expect(first.count == 50)
    #expect(drawn("a") == first)
    #expect(drawn("b") != first)
    #expect(drawn("a", population: 501) != first)
    #expect(drawn(SampleSeed(text: "a").text) == first)
  }

  @Test func aLargerDrawContainsTheSmaller() {
    let small = plan(.files(20), population: 300, seed: "x").draw()
    let large = plan(.files(60), population: 300, seed: "x").draw()
    #expect((0..<300).allSatisfy { !small.isDrawn($0) || large.isDrawn($0) })
    #expect((0..<300).count(where: large.isDrawn) == 60)
  }

  @Test func everyFileIsDrawnAboutEquallyOften() {
    // 2000 draws of 5 of 20: each file 500 times on average, with a standard deviation of 19. Seeds are fixed.
    var times = [Int](repeating: 0, count: 20)
    for seed in 0..<2000 {
      var draw = KeyedDraw(count: 5, key: KeyedDraw.key(seed: SampleSeed(text: "\(seed)"), listDigest: []))
      for index in 0..<20 { draw.consider(index) }
      #expect(Set(draw.indexes).count == 5)
      for index in draw.indexes { times[index] += 1 }
    }
    #expect(times.allSatisfy { (400...600).contains($0) }, "\(times)")
  }

  @Test(arguments: [0, 1, 9, 10, 11, 1000])
  func asManyAsAskedOrAllThereAre(count: Int) {
    let draw = plan(.files(count), population: 10, seed: "s").draw()
    #expect((0..<10).count(where: draw.isDrawn) == min(count, 10))
    #expect(draw.drawnCount == min(count, 10))
    #expect(draw.isAll == (count >= 10))
    #expect(draw.testedCount == draw.tested.count)
  }

  @Test func nothingToDraw() {
    let draw = SamplePlan(count: .files(5), seed: .random()).draw()
    #expect((draw.population, draw.tested, draw.alwaysCount) == (0, [], 0))
    #expect(draw.sample(failures: 0, unknown: 0).statement == "there was no file to test")
  }

  @Test func oneOfEachIsTestedInAnyCase() throws {
    var plan = SamplePlan(count: .files(0), seed: SampleSeed(text: "s"))
    func item(
      _ user: String?, _ storage: String, _ kind: String, size: Int64 = 10, time: Int64? = 5, isThere: Bool = true
    )
      -> SampleItem
    {
      SampleItem(path: "f", user: user, storage: storage, kind: kind, size: size, modified: time, isThere: isThere)
    }
    plan.add(item("alice", "home of alice", "file"))
    plan.add(item("alice", "home of alice", "file", size: 11))
    plan.add(item("alice", "home of alice", "file", time: 1))
    plan.add(item("alice", "home of alice", "file", time: 9))
    plan.add(item("bob", "home of bob", "file", isThere: false))
    plan.add(item("bob", "home of bob", "file"))
    plan.add(item("alice", "home of alice", "trash", time: nil))
    plan.add(item(nil, "team folder x", "file"))
    plan.add(item("carol", "home of carol", "file", isThere: false))
    var draw = plan.draw()
    #expect(draw.always[1]?.contains(.largest) == true)
    #expect(draw.always[2]?.contains(.oldest) == true)
    #expect(draw.always[3]?.contains(.newest) == true)
    #expect(draw.always[4] == nil)
    #expect(draw.always[5] == [.stratum(.init(.storage, "home of bob")), .stratum(.init(.user, "bob"))])
    #expect(draw.always[6] == [.stratum(.init(.kind, "trash"))])
    #expect(draw.always[7] == [.stratum(.init(.storage, "team folder x"))])
    #expect(draw.always[8]?.isEmpty == false)
    #expect(draw.population(of: .init(.user, "alice")) == 5)
    #expect(draw.population(of: .init(.kind, "file")) == 8)
    #expect(draw.allStrata.count == 3 + 4 + 2)
    // Nothing of it is in the bound: nothing was drawn.
    #expect(draw.sample(failures: 0, unknown: 0).upperBound == 9)

    #expect(draw.headerProbes == [0].filter { draw.always[$0] == nil })
    draw.found(format: "AES-256-CTR", of: 0)
    draw.found(format: "AES-256-CTR", of: 1)
    #expect(draw.always[0]?.contains(.stratum(.init(.format, "AES-256-CTR"))) == true)
    #expect(draw.isTested(0))
  }

  @Test func headersAreReadOfABoundedNumber() {
    var plan = SamplePlan(count: .files(3), seed: SampleSeed(text: "s"), headerProbes: 7)
    for index in 0..<1000 {
      plan.add(SampleItem(path: FilePath("\(index)"), user: nil, storage: "s", kind: "file", size: 1, modified: nil))
    }
    #expect((1...7).contains(plan.draw().headerProbes.count))
  }

  @Test func theDigestTellsListsApart() {
    func digest(_ items: [(String, Int64, Bool)]) -> [UInt8] {
      var digest = SampleListDigest()
      for (path, size, isThere) in items {
        digest.add(
          SampleItem(
            path: FilePath(path), user: nil, storage: "", kind: "", size: size, modified: nil, isThere: isThere))
      }
      return digest.finished()
    }
    let digests = [
      digest([]), digest([("a", 1, true)]), digest([("a", 1, false)]), digest([("a", 2, true)]),
      digest([("b", 1, true)]),
      digest([("a", 1, true), ("b", 1, true)]), digest([("b", 1, true), ("a", 1, true)]), digest([("a\n", 1, true)]),
    ]
    #expect(Set(digests).count == digests.count)
    #expect(Hexadecimal.text(digests[1]) == "ce3581a167a59bafe03430a337ef286d228406063a29b5d5d62d1700897f22db")
  }

  @Test func theStatementSaysWhatFollows() throws {
    func sample(_ count: SamplePlan.Count, _ population: Int, failures: Int, unknown: Int = 0) -> DrillReport.Sample {
      plan(count, population: population, seed: "s").draw().sample(failures: failures, unknown: unknown)
    }
    #expect(
      sample(.files(300), 2000, failures: 0).statement
        == "if nothing changes, we are 95% confident that at most 18 files (0.9%) would fail")
    #expect(sample(.files(300), 2000, failures: 0).upperBound == 18)
    #expect(
      sample(.files(10), 20, failures: 1, unknown: 1).statement
        == "if nothing changes, we are 95% confident that at most 8 files (40%) would fail or cannot be told")
    #expect(sample(.all, 20, failures: 0).statement == "all 20 files were tested")
    #expect(
      sample(.all, 20, failures: 2, unknown: 1).statement
        == "all 20 files were tested; 2 would fail; of 1 nobody can say")
    #expect(sample(.files(20), 20, failures: 0).statement == "all 20 files were tested")
    #expect(sample(.files(0), 20, failures: 0).statement == "no file was drawn, so nothing is known of the others")
  }

  private func plan(_ count: SamplePlan.Count, population: Int, seed: String) -> SamplePlan {
    var plan = SamplePlan(count: count, seed: SampleSeed(text: seed))
    for index in 0..<population {
      plan.add(
        SampleItem(
          path: FilePath("alice/files/\(index)"), user: "alice", storage: "home of alice", kind: "file",
          size: Int64(index), modified: Int64(index)))
    }
    return plan
  }
}
