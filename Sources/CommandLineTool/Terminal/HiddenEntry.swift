internal import SecretMemory
internal import SystemPackage

#if canImport(Glibc)
  internal import Glibc
#endif

/// A terminal that does not show what is typed, for as long as this value lives.
///
/// The terminal still edits the line (backspace, ^U) and still sends the signals of ^C, ^\ and ^Z: only the echo is off.
@safe
struct HiddenEntry: ~Copyable {
  /// The longest line that is taken, in bytes. Far below the 4095 bytes at which the kernel's line editing silently
  /// drops what is typed (termios(3), canonical mode), so that a line that was cut can never pass for a whole one.
  static let limit = 1024

  static let terminalIsGone = Problem(
    .couldNotRun, "the terminal went away before the answer", hint: "run the command again in a terminal")

  private let descriptor: FileDescriptor
  private var shown: termios

  /// Switches the echo off. A `SignalWatch` must be alive, or else a signal would leave it off.
  init(on descriptor: FileDescriptor) throws(Problem) {
    shown = try Self.hide(descriptor)
    self.descriptor = descriptor
  }

  deinit {
    Self.set(shown, descriptor)
  }

  /// Asks for one line.
  ///
  /// - Parameters:
  ///   - prompt: what to ask, with the space after it.
  ///   - canStop: whether ^Z stops the process; not while a secret stands on the screen.
  /// - Returns: the bytes before the newline, 0 … 1024.
  /// - Throws: `Problem.interrupted` after a signal; status 1 when the line is too long or the input ends (^D).
  mutating func line(_ prompt: String, canStop: Bool = true) throws(Problem) -> SecretBytes {
    while true {
      _ = try? descriptor.writeAll(prompt.utf8)
      switch try attempt(canStop: canStop) {
      case .line(let line): return line
      case .stopped: try stop()
      }
    }
  }

  private enum Outcome: ~Copyable {
    case line(SecretBytes)
    case stopped
  }

  private borrowing func attempt(canStop: Bool) throws(Problem) -> Outcome {
    defer { _ = try? descriptor.writeAll("\n".utf8) }
    var bytes: SecretBytes
    do { bytes = try SecretBytes(zeroed: Self.limit + 1) } catch { throw Problem(error) }
    var filled = 0
    while true {
      switch SignalWatch.wait(for: descriptor.rawValue) {
      case SIGTSTP:
        if canStop { return .stopped }
        continue
      case .some: throw .interrupted
      case nil: break
      }
      let start = filled
      let count = unsafe bytes.withUnsafeMutableBytes { [descriptor] buffer in
        unsafe read(descriptor.rawValue, buffer.baseAddress! + start, buffer.count - start)
      }
      if count < 0 {
        if errno == EINTR || errno == EAGAIN { continue }
        throw Self.terminalIsGone
      }
      guard count > 0 else {
        throw Problem(.couldNotRun, "the input ended before the line did", hint: "type the line and press Enter")
      }
      filled += count
      let last = filled - 1
      if unsafe bytes.withUnsafeBytes({ unsafe $0[last] }) == UInt8(ascii: "\n") {
        bytes.truncate(to: last)
        return .line(bytes)
      }
      guard filled <= Self.limit else {
        tcflush(descriptor.rawValue, TCIFLUSH)
        throw Problem(
          .couldNotRun, "the line is longer than \(Self.limit) bytes", hint: "a passphrase of ten words has about 70")
      }
    }
  }

  /// ^Z: the shell gets the terminal as it was, and we take it again when we go on.
  private mutating func stop() throws(Problem) {
    Self.set(shown, descriptor)
    SignalWatch.stopProcess()
    shown = try Self.hide(descriptor)
  }

  /// - Returns: the settings as they were.
  private static func hide(_ descriptor: FileDescriptor) throws(Problem) -> termios {
    var settings = termios()
    guard unsafe tcgetattr(descriptor.rawValue, &settings) == 0 else { throw terminalIsGone }
    let shown = settings
    settings.c_lflag &= ~tcflag_t(ECHO | ECHONL)
    settings.c_lflag |= tcflag_t(ICANON | ISIG)
    settings.c_iflag &= ~tcflag_t(IGNCR | INLCR)
    settings.c_iflag |= tcflag_t(ICRNL)
    guard set(settings, descriptor) else { throw terminalIsGone }
    return shown
  }

  /// TCSAFLUSH throws away what was typed and not read: a half-typed passphrase must not reach the shell.
  @discardableResult
  private static func set(_ settings: termios, _ descriptor: FileDescriptor) -> Bool {
    var settings = settings
    while true {
      if unsafe tcsetattr(descriptor.rawValue, TCSAFLUSH, &settings) == 0 { return true }
      guard errno == EINTR else { return false }
    }
  }
}
