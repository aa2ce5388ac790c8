import Synchronization
import Testing

@testable import Recoverability

@Suite struct OrderedWorkTests {
  private struct Refused: Error {}

  @Test(arguments: [1, 2, 7]) func resultsComeInTheOrderOfTheJobs(_ threads: Int) throws {
    var taken: [Int] = []
    let work = OrderedWork<Int, Int>(
      threads: threads, window: 16,
      makeWorker: {
        { job in
          // The earlier ones take longest.
          for _ in 0..<(1000 - job) * 20 { _ = job.hashValue }
          return job * 2
        }
      }, take: { taken.append($0) })
    for job in 0..<1000 { try work.add(job) }
    try work.finish()
    #expect(taken == (0..<1000).map { $0 * 2 })
  }

  @Test func noMoreAreUnderWayThanTheWindow() throws {
    let started = Atomic(0)
    let most = Atomic(0)
    var taken = 0
    let work = OrderedWork<Int, Int>(
      threads: 3, window: 8,
      makeWorker: {
        { job in
          started.wrappingAdd(1, ordering: .relaxed)
          return job
        }
      },
      take: { _ in
        let ahead = started.load(ordering: .relaxed) - taken
        if ahead > most.load(ordering: .relaxed) { most.store(ahead, ordering: .relaxed) }
        taken += 1
      })
    for job in 0..<500 { try work.add(job) }
    try work.finish()
    #expect(taken == 500 && most.load(ordering: .relaxed) <= 8)
  }

  @Test func aWorkerThatCannotBeMadeEndsTheWork() throws {
    let work = OrderedWork<Int, Int>(threads: 2, makeWorker: { throw Refused() }, take: { _ in })
    #expect(throws: Refused.self) {
      for job in 0..<1000 { try work.add(job) }
      try work.finish()
    }
  }

  @Test func whatTheTickThrowsEndsTheWork() throws {
    var ticks = 0
    let work = OrderedWork<Int, Int>(
      threads: 2, makeWorker: { { $0 } },
      tick: {
        ticks += 1
        if ticks > 20 { throw Refused() }
      }, take: { _ in })
    #expect(throws: Refused.self) {
      for job in 0..<1000 { try work.add(job) }
      try work.finish()
    }
  }
}
