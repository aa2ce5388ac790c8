internal import Synchronization

#if canImport(Glibc)
  internal import Glibc
#endif

/// The pipe from the signal handler to whoever polls; made once and never closed, so that a handler that runs late on
/// another thread cannot write into a descriptor that has become something else.
private let writeEnd = Atomic<Int32>(-1)
private let readEnd = Atomic<Int32>(-1)
private let isWatching = Atomic<Bool>(false)

/// All that is done in a signal handler: one `write` (async-signal-safe, POSIX), no allocation, no lock. The atomics
/// were used before the handler was installed, so that no lazy initialisation can happen here.
private func passOn(_ signal: Int32) {
  let saved = errno
  var byte = UInt8(truncatingIfNeeded: signal)
  _ = unsafe write(writeEnd.load(ordering: .relaxed), &byte, 1)
  errno = saved
}

/// As long as it lives, the signals that would end or stop the process become bytes in a pipe, so that whoever changed
/// the terminal or started a program can put things right first. One at a time in a process.
@safe
struct SignalWatch: ~Copyable {
  /// The signals that end the process, and the one that stops it.
  private static let signals = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP]

  private let earlier: [sigaction]

  /// The descriptor to poll; it becomes readable when a signal has come.
  var descriptor: Int32 { readEnd.load(ordering: .relaxed) }

  /// - Throws: `Problem` with status 1 when there is no pipe, or another watch is alive.
  init() throws(Problem) {
    guard isWatching.compareExchange(expected: false, desired: true, ordering: .sequentiallyConsistent).exchanged else {
      throw Problem(.couldNotRun, "two questions are being asked at the same time", hint: "answer one after the other")
    }
    if writeEnd.load(ordering: .relaxed) < 0 {
      var ends: [Int32] = [-1, -1]
      guard unsafe pipe(&ends) == 0 else {
        isWatching.store(false, ordering: .sequentiallyConsistent)
        throw Problem(.couldNotRun, "cannot make a pipe", hint: "close other programs: too many files are open")
      }
      for end in ends {
        _ = fcntl(end, F_SETFD, FD_CLOEXEC)
        _ = fcntl(end, F_SETFL, O_NONBLOCK)
      }
      readEnd.store(ends[0], ordering: .relaxed)
      writeEnd.store(ends[1], ordering: .relaxed)
    }
    earlier = Self.signals.map { Self.install($0) }
  }

  deinit {
    for (signal, action) in zip(Self.signals, earlier) {
      var action = action
      _ = unsafe sigaction(signal, &action, nil)
    }
    while next() != nil {}
    isWatching.store(false, ordering: .sequentiallyConsistent)
  }

  /// The number of the next signal that has come and was not yet seen, without waiting.
  func next() -> Int32? {
    var byte: UInt8 = 0
    return unsafe read(descriptor, &byte, 1) == 1 ? Int32(byte) : nil
  }

  /// Waits until there is something to read.
  ///
  /// - Returns: the signal that came first, or `nil` when the descriptor can be read (or has ended).
  static func wait(for input: Int32) -> Int32? {
    let pipe = readEnd.load(ordering: .relaxed)
    var watched = [
      pollfd(fd: pipe, events: Int16(POLLIN), revents: 0), pollfd(fd: input, events: Int16(POLLIN), revents: 0),
    ]
    while true {
      let count = unsafe poll(&watched, 2, -1)
      if count < 0, errno == EINTR { continue }
      var byte: UInt8 = 0
      if unsafe read(pipe, &byte, 1) == 1 { return Int32(byte) }
      if count < 0 || watched[1].revents != 0 { return nil }
    }
  }

  /// Stops the process as ^Z does, and returns when it goes on.
  static func stopProcess() {
    var standard = sigaction()
    unsafe standard.__sigaction_handler.sa_handler = SIG_DFL
    var ours = sigaction()
    _ = unsafe sigaction(SIGTSTP, &standard, &ours)
    // To this thread: a signal to the process may reach another thread only after our handler is back.
    raise(SIGTSTP)
    _ = unsafe sigaction(SIGTSTP, &ours, nil)
  }

  /// Installs the handler, unless the signal is ignored on purpose (`nohup`), and returns what was there before.
  private static func install(_ signal: Int32) -> sigaction {
    var action = sigaction()
    unsafe action.__sigaction_handler.sa_handler = passOn
    var earlier = sigaction()
    _ = unsafe sigaction(signal, nil, &earlier)
    let ignored =
      unsafe unsafeBitCast(earlier.__sigaction_handler.sa_handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
    if !ignored { _ = unsafe sigaction(signal, &action, nil) }
    return earlier
  }
}
