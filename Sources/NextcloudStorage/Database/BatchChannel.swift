internal import DatabaseSnapshots
internal import Dispatch
internal import Synchronization

/// Rows of `filecache` on their way to the index, with the paths that were mended.
struct FileBatch: Sendable {
  let rows: RowBatch
  /// By row: what the path is instead.
  let mended: [Int: [UInt8]]
}

/// Hands batches from the thread that reads to the one that writes; at most `capacity` wait, so that memory is bounded.
final class BatchChannel: Sendable {
  private struct State {
    var waiting: [FileBatch] = []
    var isFinished = false
    var failure: (any Error)?
  }

  private static let capacity = 8

  private let state = Mutex(State())
  // Both start at 0: libdispatch traps when one dies with less than it began with.
  private let room = DispatchSemaphore(value: 0)
  private let ready = DispatchSemaphore(value: 0)
  private let ended = DispatchSemaphore(value: 0)

  init() {
    for _ in 0..<Self.capacity { room.signal() }
  }

  /// Waits for room.
  ///
  /// - Throws: what ended the receiver.
  func send(_ batch: FileBatch) throws {
    room.wait()
    let failure = state.withLock { state in
      if state.failure == nil { state.waiting.append(batch) }
      return state.failure
    }
    if let failure { throw failure }
    ready.signal()
  }

  /// Says that nothing more comes, and waits for the receiver to end.
  ///
  /// - Throws: what ended the receiver.
  func finish() throws {
    state.withLock { $0.isFinished = true }
    ready.signal()
    ended.wait()
    if let failure = state.withLock({ $0.failure }) { throw failure }
  }

  /// Waits for a batch; nil when there are no more.
  func receive() -> FileBatch? {
    ready.wait()
    let batch = state.withLock { $0.waiting.isEmpty ? nil : $0.waiting.removeFirst() }
    room.signal()
    return batch
  }

  /// Is called once by the receiver when it ends; after a failure no sender waits any more.
  func end(_ failure: (any Error)?) {
    state.withLock { state in
      state.failure = failure
      if failure != nil { state.waiting = [] }
    }
    if failure != nil {
      // More than can ever wait: the one sender.
      for _ in 0..<Self.capacity { room.signal() }
    }
    ended.signal()
  }
}
