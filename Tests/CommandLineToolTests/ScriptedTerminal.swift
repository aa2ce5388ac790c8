import Foundation
import Synchronization
import SystemPackage

@testable import CommandLineTool

/// A pseudo-terminal with a person at the other end who follows a script.
///
/// The person acts on a thread of its own, so that the code under test can block as it does in real use.
final class ScriptedTerminal: Sendable {
  /// What the person does once a text has appeared.
  enum Act: Sendable {
    case type(String)
    case bytes([UInt8])
    case signal(Int32)
    case hangUp
  }

  let path: FilePath
  private let master: Int32
  /// Held open so that the master never sees the end between two questions.
  private let slave: Int32
  private let shown = Mutex<[UInt8]>([])
  private let settingsSeen = Mutex<[Bool]>([])
  /// The code under test is done with the terminal.
  private let returned = DispatchSemaphore(value: 0)
  /// The person has gone.
  private let finished = DispatchSemaphore(value: 0)

  init(columns: UInt16 = 80) {
    // Swift sees neither posix_openpt nor the ioctl numbers: TIOCSPTLCK and TIOCGPTN (Linux, ioctl_tty(2)).
    master = unsafe open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
    var unlocked: Int32 = 0
    var number: UInt32 = 0
    precondition(unsafe ioctl(master, 0x4004_5431, &unlocked) == 0, "no pseudo-terminal")
    precondition(unsafe ioctl(master, 0x8004_5430, &number) == 0, "no pseudo-terminal")
    let text = "/dev/pts/\(number)"
    path = FilePath(text)
    slave = unsafe open(text, O_RDWR | O_NOCTTY | O_CLOEXEC)
    var size = winsize(ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
    _ = unsafe ioctl(master, UInt(TIOCSWINSZ), &size)
  }

  deinit {
    close(master)
    close(slave)
  }

  /// Everything that the terminal has shown, echo included.
  var transcript: String { shown.withLock { String(decoding: $0, as: UTF8.self) } }
  /// Whether the echo was on each time that the person acted.
  var echoWhenActing: [Bool] { settingsSeen.withLock { $0 } }
  var settings: [UInt32] {
    var now = termios()
    _ = unsafe tcgetattr(slave, &now)
    return [now.c_iflag, now.c_oflag, now.c_cflag, now.c_lflag]
  }
  var echoes: Bool { settings[3] & UInt32(ECHO) != 0 }

  /// Starts the person. Each step waits until its text has appeared since the step before.
  func follow(_ script: [(awaiting: String, act: Act)]) {
    follow { step, _ in step < script.count ? script[step] : nil }
  }

  /// Starts a person whose next step may depend on what the terminal has shown so far.
  func follow(_ next: @escaping @Sendable (_ step: Int, _ transcript: String) -> (awaiting: String, act: Act)?) {
    Thread.detachNewThread { [self] in
      defer { finished.signal() }
      var seen = 0
      var step = 0
      while let (awaiting, act) = next(step, transcript) {
        guard let end = wait(for: awaiting, after: seen) else { break }
        seen = end
        settingsSeen.withLock { $0.append(echoes) }
        // The text may have come with a secret after it that the next step wants to see.
        perform(resolve(act, step, next))
        step += 1
      }
      // Whoever still asks after the script would wait for ever: the person gives up, as often as it takes.
      while returned.wait(timeout: .now() + 20) == .timedOut { perform(.hangUp) }
    }
  }

  /// Call when the code under test has returned: waits for the person to finish and reads what is still on its way.
  func settle() {
    returned.signal()
    finished.wait()
    while readMore(timeout: 50) {}
  }

  private func resolve(
    _ act: Act, _ step: Int, _ next: (Int, String) -> (awaiting: String, act: Act)?
  ) -> Act {
    next(step, transcript)?.act ?? act
  }

  private func perform(_ act: Act) {
    switch act {
    case .type(let text): write(Array(text.utf8))
    case .bytes(let bytes): write(bytes)
    case .signal(let signal): kill(getpid(), signal)
    case .hangUp: write([4])
    }
  }

  private func write(_ bytes: [UInt8]) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = unsafe rest.withUnsafeBytes { unsafe Foundation.write(master, $0.baseAddress!, $0.count) }
      guard count > 0 else { return }
      rest = rest.dropFirst(count)
    }
  }

  /// - Returns: where the text ended, or `nil` when it did not come in half a minute.
  private func wait(for text: String, after start: Int) -> Int? {
    guard !text.isEmpty else { return start }
    let wanted = Array(text.utf8)
    while true {
      let all = shown.withLock { $0 }
      if let range = all[min(start, all.count)...].firstRange(of: wanted) { return range.upperBound }
      guard readMore(timeout: 30_000) else { return nil }
    }
  }

  private func readMore(timeout: Int32) -> Bool {
    var watched = pollfd(fd: master, events: Int16(POLLIN), revents: 0)
    guard unsafe poll(&watched, 1, timeout) > 0 else { return false }
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = unsafe read(master, &buffer, buffer.count)
    guard count > 0 else { return false }
    shown.withLock { $0.append(contentsOf: buffer[..<count]) }
    return true
  }
}
