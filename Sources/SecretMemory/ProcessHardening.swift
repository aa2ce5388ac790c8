internal import CProcess

#if canImport(Glibc)
  internal import Glibc
#endif

/// What a process that handles secrets asks of the kernel before anything else.
public enum ProcessHardening {
  /// No core dumps, and no other process of the same user may trace or read this one; memory that
  /// is freed is overwritten, for the copies that libraries make.
  ///
  /// - Returns: whether the kernel granted both; a process may go on without, since the memory of secrets is left out
  ///   of core dumps in any case (`MADV_DONTDUMP`).
  @discardableResult
  public static func apply() -> Bool {
    #if os(Linux)
      var none = rlimit(rlim_cur: 0, rlim_max: 0)
      let noCore = unsafe setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none) == 0
      // Swift's report of a crash shows the memory that the registers point to.
      for signal in [SIGILL, SIGTRAP, SIGABRT, SIGFPE, SIGBUS, SIGSEGV] { _ = Glibc.signal(signal, SIG_DFL) }
      // swift-crypto frees the seed of an X-Wing key, and the shared secret of HPKE, without wiping them.
      _ = process_overwrite_freed_memory()
      let noTrace = process_forbid_inspection() == 0
      return noCore && noTrace
    #else
      return false
    #endif
  }
}
