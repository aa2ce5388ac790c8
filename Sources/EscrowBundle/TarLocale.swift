internal import CArchive

#if canImport(Glibc)
  internal import Glibc
#endif

/// The locale of the calling thread while libarchive works.
enum TarLocale {
  /// UTF-8 for as long as the body runs: libarchive converts names by the locale, and a program that has not set one
  /// has ASCII.
  static func utf8<Result>(_ body: () throws(EscrowError) -> Result) throws(EscrowError) -> Result {
    guard let locale = unsafe newlocale(1 << LC_CTYPE, "C.UTF-8", nil) else { return try body() }
    let previous = unsafe uselocale(locale)
    defer {
      _ = unsafe uselocale(previous)
      unsafe freelocale(locale)
    }
    return try body()
  }
}

extension EscrowError {
  /// What libarchive says about its last error.
  static func archiveProblem(_ archive: OpaquePointer) -> String {
    guard let text = unsafe archive_error_string(archive) else { return "unknown problem" }
    return unsafe String(cString: text)
  }
}
