internal import SystemPackage

#if canImport(Glibc)
  internal import Glibc
#endif

// The rules for streams, for every command:
//
// - Answers go to standard output, so that they can be piped; nothing else does.
// - Progress, warnings and errors go to standard error.
// - Questions, and secrets that are freshly made, go to the person's terminal (`/dev/tty`) and nowhere else.
// - Binary data never goes to a terminal.

/// Standard output and standard error.
enum Streams {
  /// Call once at start: a reader that goes away must give an error from `write`, not end the process.
  static func ignoreBrokenPipes() {
    _ = signal(SIGPIPE, SIG_IGN)
  }

  /// Writes an answer to standard output.
  ///
  /// A reader that has left (`| head`) is no problem; a full disk is one.
  /// - Throws: `Problem` with status 1 when the answer could not be written whole.
  static func answer(_ text: String, to output: FileDescriptor = .standardOutput) throws(Problem) {
    do {
      try output.writeAll(text.utf8)
    } catch {
      guard let errno = error as? Errno, errno == .brokenPipe else {
        throw Problem(
          .couldNotRun, "cannot write to standard output: \(error)", hint: "make room where the output goes")
      }
    }
  }

  /// Writes to standard error. Whatever goes wrong there is not reported: there is nobody to report it to.
  static func notice(_ text: String, to output: FileDescriptor = .standardError) {
    _ = try? output.writeAll(text.utf8)
  }

  /// Writes one line of warning to standard error.
  static func warn(_ text: String) {
    notice("provenkey: warning: \(DisplayText.escaped(text))\n")
  }

  /// Whether a terminal is at the other end.
  static func isTerminal(_ descriptor: FileDescriptor) -> Bool {
    isatty(descriptor.rawValue) == 1
  }

  /// The width of the terminal at the other end in columns, 80 where it does not say.
  static func width(of descriptor: FileDescriptor) -> Int {
    var size = winsize()
    guard unsafe ioctl(descriptor.rawValue, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
    return Int(size.ws_col)
  }

  /// Refuses to write binary data where a person would see it.
  ///
  /// - Parameter what: what would be written, such as "an escrow file".
  static func refuseBinaryOnTerminal(_ what: String, _ output: FileDescriptor = .standardOutput) throws(Problem) {
    guard isTerminal(output) else { return }
    throw Problem(.usage, "\(what) is binary and is not written to a terminal", hint: "name a file with --output")
  }
}
