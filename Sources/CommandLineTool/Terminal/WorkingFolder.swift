internal import SystemPackage

#if canImport(Glibc)
  internal import Glibc
#endif

/// The folder in which the command was started.
enum WorkingFolder {
  /// Nil when it was removed meanwhile.
  static var path: FilePath? {
    guard let text = unsafe getcwd(nil, 0) else { return nil }
    defer { unsafe free(text) }
    return unsafe FilePath(platformString: text)
  }
}
