internal import Synchronization

#if canImport(Glibc)
  internal import Glibc
#endif

private let requested = Atomic<Bool>(false)

/// The wish to stop: ^C, a shutdown, a closed terminal. The work looks at it between two pieces, removes what it has
/// begun, and ends with exit status 130.
enum Interruption {
  /// Whether a signal has come since `watch`.
  static var isRequested: Bool { requested.load(ordering: .relaxed) }

  /// From now on the signals that would end the process are noted instead. Those that are ignored on purpose stay so.
  static func watch() {
    _ = isRequested  // so that nothing is initialised in the handler
    for signal in [SIGINT, SIGTERM, SIGHUP] {
      var earlier = sigaction()
      _ = unsafe sigaction(signal, nil, &earlier)
      let isIgnored =
        unsafe unsafeBitCast(earlier.__sigaction_handler.sa_handler, to: Int.self)
        == unsafeBitCast(SIG_IGN, to: Int.self)
      guard !isIgnored else { continue }
      var action = sigaction()
      // Storing into an atomic is all that is done in the handler (async-signal-safe, C11 7.14.1.1).
      unsafe action.__sigaction_handler.sa_handler = { _ in requested.store(true, ordering: .relaxed) }
      _ = unsafe sigaction(signal, &action, nil)
    }
  }
}
