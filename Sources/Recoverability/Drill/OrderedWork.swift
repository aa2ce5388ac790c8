internal import Dispatch
internal import Synchronization

/// Does jobs on several threads and hands their results on in the order of the jobs, to the thread that gave them.
///
/// Threads and not tasks: a job computes and reads for seconds, and would keep the cooperative pool from everything
/// else. At most `window` jobs are under way or wait for one before them, so memory does not depend on their number.
package final class OrderedWork<Job: Sendable, Outcome: Sendable> {
  private struct State {
    var waiting: [(number: Int, job: Job)] = []
    var done: [Int: Outcome] = [:]
    var failure: (any Error)?
    var hasEnded = false
  }

  private final class Shared: Sendable {
    let state = Mutex(State())
    /// Counts jobs that wait, and at the end one for each thread.
    let jobs = DispatchSemaphore(value: 0)
    /// Counts results, and failures.
    let results = DispatchSemaphore(value: 0)
    let threads = DispatchGroup()
  }

  private let shared = Shared()
  private let threadCount: Int
  private let window: Int
  private let take: (Outcome) throws -> Void
  private let tick: () throws -> Void
  private var given = 0
  private var taken = 0

  /// - Parameters:
  ///   - makeWorker: is called once on each thread; what it gives is used on that thread only.
  ///   - tick: is called while waiting, ten times a second; what it throws ends the work.
  ///   - take: gets the results.
  package init(
    threads: Int, window: Int = 256, makeWorker: @escaping @Sendable () throws -> (Job) -> Outcome,
    tick: @escaping () throws -> Void = {}, take: @escaping (Outcome) throws -> Void
  ) {
    threadCount = max(1, threads)
    self.window = max(threadCount, window)
    self.take = take
    self.tick = tick
    let queue = DispatchQueue(label: "provenkey.work", attributes: .concurrent)
    for _ in 0..<threadCount {
      queue.async(group: shared.threads) { [shared] in Self.work(shared, makeWorker) }
    }
  }

  deinit { end() }

  private static func work(_ shared: Shared, _ makeWorker: () throws -> (Job) -> Outcome) {
    let worker: (Job) -> Outcome
    do {
      worker = try makeWorker()
    } catch {
      shared.state.withLock { $0.failure = $0.failure ?? error }
      shared.results.signal()
      return
    }
    while true {
      shared.jobs.wait()
      let next = shared.state.withLock { state in
        state.hasEnded || state.waiting.isEmpty ? nil : state.waiting.removeFirst()
      }
      guard let next else { return }
      let outcome = worker(next.job)
      shared.state.withLock { $0.done[next.number] = outcome }
      shared.results.signal()
    }
  }

  /// Gives a job; waits while too many are under way.
  package func add(_ job: Job) throws {
    while given - taken >= window { try takeNext() }
    let number = given
    given += 1
    shared.state.withLock { $0.waiting.append((number, job)) }
    shared.jobs.signal()
    // Whatever is ready meanwhile, so that results do not pile up.
    while let outcome = shared.state.withLock({ $0.done.removeValue(forKey: taken) }) { try use(outcome) }
  }

  /// Waits until every job is done and its result was taken.
  package func finish() throws {
    while taken < given { try takeNext() }
    end()
  }

  private func takeNext() throws {
    while true {
      let (outcome, failure) = shared.state.withLock { state in
        (state.done.removeValue(forKey: taken), state.failure)
      }
      if let failure { throw failure }
      if let outcome { return try use(outcome) }
      _ = shared.results.wait(timeout: .now() + .milliseconds(100))
      try tick()
    }
  }

  private func use(_ outcome: Outcome) throws {
    taken += 1
    try take(outcome)
    try tick()
  }

  /// Lets the threads come to their end; what nobody waits for is dropped.
  private func end() {
    shared.state.withLock { state in
      state.hasEnded = true
      state.waiting = []
    }
    for _ in 0..<threadCount { shared.jobs.signal() }
    shared.threads.wait()
  }
}
