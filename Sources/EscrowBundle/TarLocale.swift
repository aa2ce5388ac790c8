internal import CArchive

#if canImport(Glibc)
  internal import Glibc
#endif

/// UTF-8 for this thread as long as the value lives: libarchive converts names by the locale, and a program that has
/// not set one has ASCII.
@safe
struct TarLocale: ~Copyable {
  private let locale: locale_t?
  private let previous: locale_t?

  init() {
    unsafe locale = newlocale(1 << LC_CTYPE, "C.UTF-8", nil)
    if let locale = unsafe locale { unsafe previous = uselocale(locale) } else { unsafe previous = nil }
  }

  deinit {
    guard let locale = unsafe locale else { return }
    _ = unsafe uselocale(previous)
    unsafe freelocale(locale)
  }
}

extension EscrowError {
  /// What libarchive says about its last error.
  static func archiveProblem(_ archive: OpaquePointer) -> String {
    guard let text = unsafe archive_error_string(archive) else { return "unknown problem" }
    return unsafe String(cString: text)
  }
}
