internal import SecretMemory
internal import SystemPackage

#if canImport(Glibc)
  internal import Glibc
#endif

/// The person's own terminal, where questions are asked, whatever the standard streams are connected to.
struct Terminal: ~Copyable {
  /// The terminal of the process.
  static let controlling: FilePath = "/dev/tty"

  /// Where to read and write; open as long as this value lives.
  let descriptor: FileDescriptor
  /// Whether the cursor cannot be moved.
  let isDumb: Bool

  /// Opens the terminal.
  ///
  /// - Parameters:
  ///   - hint: what a person can do where there is none.
  ///   - kind: the value of `TERM`.
  /// - Throws: `Problem` with status 1 when there is no terminal.
  init(
    at path: FilePath = Terminal.controlling, hint: String, kind: String? = Environment.value("TERM")
  ) throws(Problem) {
    let none = Problem(.couldNotRun, "there is no terminal to ask on", hint: hint)
    let opened: FileDescriptor
    do {
      // O_NOCTTY: opening a terminal must not make it the one that can send us signals.
      opened = try FileDescriptor.open(
        path, .readWrite, options: FileDescriptor.OpenOptions(rawValue: O_NOCTTY | O_CLOEXEC))
    } catch {
      throw none
    }
    guard Streams.isTerminal(opened) else {
      try? opened.close()
      throw none
    }
    descriptor = opened
    isDumb = kind.map { $0.isEmpty || $0 == "dumb" } ?? true
  }

  deinit {
    try? descriptor.close()
  }

  /// Its width in columns.
  var width: Int { Streams.width(of: descriptor) }

  /// Shows text that is no secret. A terminal that went away shows when the answer is read.
  func say(_ text: String) {
    _ = try? descriptor.writeAll(text.utf8)
  }

  /// Shows a secret, straight from its memory.
  func show(_ secret: borrowing SecretBytes) throws(Problem) {
    do {
      try unsafe secret.withUnsafeBytes { _ = try unsafe descriptor.writeAll($0) }
    } catch {
      throw HiddenEntry.terminalIsGone
    }
  }

  /// Lets the closure ask for lines that are not shown as they are typed. The terminal is as it was before when this
  /// returns or throws, also after ^C, and what was typed and not read is thrown away.
  ///
  /// - Throws: what the closure throws; `Problem.interrupted` after SIGINT, SIGTERM, SIGHUP or SIGQUIT.
  func withoutEcho<Result: ~Copyable>(
    _ body: (inout HiddenEntry) throws(Problem) -> Result
  ) throws(Problem) -> Result {
    let watch = try SignalWatch()
    let result: Result
    do {
      var entry = try HiddenEntry(on: descriptor)
      result = try body(&entry)
    }
    // A signal that came while nothing was being read.
    guard watch.next() == nil else { throw .interrupted }
    return result
  }
}

/// The environment of the process; secrets never come from it.
enum Environment {
  /// The value of a variable, or `nil` when it is not set.
  static func value(_ name: String) -> String? {
    unsafe getenv(name).map { unsafe String(cString: $0) }
  }

  /// The names of all variables.
  static var names: [String] {
    var names: [String] = []
    var entry = unsafe environ
    while let text = unsafe entry.pointee {
      names.append(String(unsafe String(cString: text).prefix { $0 != "=" }))
      unsafe entry += 1
    }
    return names
  }
}
