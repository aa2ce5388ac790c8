internal import SystemPackage

/// Paths on the command line whose bytes are no UTF-8: the argument parser works on repaired text.
enum ArgumentPath {
  /// The path that an argument means, with its own bytes.
  static func path(_ argument: String) -> FilePath {
    guard argument.unicodeScalars.contains("\u{FFFD}") else { return FilePath(argument) }
    for index in 1..<max(1, Int(CommandLine.argc)) {
      guard let bytes = unsafe CommandLine.unsafeArgv[index], unsafe String(cString: bytes) == argument else {
        continue
      }
      return unsafe FilePath(platformString: bytes)
    }
    return FilePath(argument)
  }
}
