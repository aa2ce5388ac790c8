internal import ArgumentParser
internal import SystemPackage

/// How progress is shown.
enum ProgressMode: String, CaseIterable, ExpressibleByArgument, Sendable {
  /// A line on standard error that changes in place, where that is a terminal; nothing elsewhere.
  case auto
  /// One JSON document a line on standard error, at most one a second, and one at the end.
  case json
  /// Nothing.
  case none
}

/// The option of every command that takes long.
struct ProgressOptions: ParsableArguments {
  @Option(help: "Show progress: auto (a line on a terminal), json (lines on standard error) or none.")
  var progress = ProgressMode.auto
}

/// What is being counted.
enum ProgressUnit: String, Sendable {
  case bytes
  case files
}

/// Progress of one stage of the work: how much, how fast, how long yet. It stays silent for the first two seconds.
struct ProgressBar {
  /// How long work takes before it is worth a line.
  static let patience = Duration.seconds(2)

  private let stage: String
  private let unit: ProgressUnit
  private let total: Int?
  private let mode: ProgressMode
  private let output: FileDescriptor
  private let elapsed: () -> Duration
  private var lastShown: Duration?
  private var done = 0

  /// - Parameters:
  ///   - stage: what is being done, in a word or two: "sealing".
  ///   - total: how much there is to do, where that is known.
  ///   - elapsed: the time since the start.
  init(
    _ stage: String, unit: ProgressUnit, total: Int?, mode: ProgressMode, output: FileDescriptor = .standardError,
    isTerminal: Bool? = nil, elapsed: @escaping () -> Duration = ProgressBar.stopwatch()
  ) {
    self.stage = stage
    self.unit = unit
    self.total = total
    self.output = output
    self.elapsed = elapsed
    self.mode = mode == .auto && !(isTerminal ?? Streams.isTerminal(output)) ? .none : mode
  }

  /// The time since the call.
  static func stopwatch() -> () -> Duration {
    let start = ContinuousClock.now
    return { ContinuousClock.now - start }
  }

  /// Tells how much is done by now; shows it when it is time to.
  mutating func update(done: Int) {
    self.done = done
    guard mode != .none else { return }
    let now = elapsed()
    let pause: Duration = mode == .json ? .seconds(1) : .milliseconds(100)
    guard now >= Self.patience, lastShown.map({ now - $0 >= pause }) ?? true else { return }
    lastShown = now
    show(at: now)
  }

  /// Ends the stage: takes the line away again, or writes the last JSON document.
  mutating func finish() {
    switch mode {
    case .none: break
    case .json: show(at: elapsed(), isLast: true)
    case .auto where lastShown != nil: Streams.notice("\r\u{1B}[K", to: output)
    case .auto: break
    }
    lastShown = nil
  }

  private func show(at now: Duration, isLast: Bool = false) {
    let state = ProgressState(stage: stage, unit: unit, done: done, total: total, elapsed: now)
    switch mode {
    case .json: Streams.notice(state.json(isLast: isLast) + "\n", to: output)
    case .auto: Streams.notice("\r" + state.line(width: Streams.width(of: output)) + "\u{1B}[K", to: output)
    case .none: break
    }
  }
}

/// Progress at one moment, and how it reads.
struct ProgressState {
  let stage: String
  let unit: ProgressUnit
  let done: Int
  let total: Int?
  let elapsed: Duration

  private var seconds: Double {
    Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18
  }

  /// Units a second so far.
  private var rate: Double { seconds > 0 ? Double(max(done, 0)) / seconds : 0 }

  /// What is done, from 0 to 1, where the total is known.
  private var fraction: Double? {
    guard let total, total > 0 else { return nil }
    return min(1, max(0, Double(done) / Double(total)))
  }

  /// The seconds that are probably left.
  private var left: Double? {
    guard let total, rate > 0 else { return nil }
    return max(0, (Double(total) - Double(done)) / rate)
  }

  /// One line of at most `width - 1` columns, so that no terminal wraps it.
  func line(width: Int) -> String {
    var parts = [String]()
    if let fraction { parts.append("\(Int(fraction * 100))%") }
    parts.append(amount(Double(done)) + (total.map { " of " + amount(Double($0)) } ?? ""))
    parts.append(amount(rate) + "/s")
    if let left { parts.append(Self.clock(left) + " left") }
    let text = parts.joined(separator: "  ")
    let room = min(30, width - 1 - stage.count - text.count - 6)
    var bar = ""
    if let fraction, room >= 10 {
      let full = Int(fraction * Double(room))
      bar = "  [" + String(repeating: "#", count: full) + String(repeating: "-", count: room - full) + "]"
    }
    return String("\(stage)\(bar)  \(text)".prefix(max(0, width - 1)))
  }

  /// One JSON document on one line. Numbers are whole: units, seconds.
  func json(isLast: Bool) -> String {
    var members = [
      "\"schema\":\"provenkey.progress/1\"", "\"stage\":\"\(Self.escaped(stage))\"",
      "\"unit\":\"\(unit.rawValue)\"", "\"done\":\(done)",
    ]
    if let total { members.append("\"total\":\(total)") }
    members.append("\"perSecond\":\(Self.whole(rate))")
    if let left, !isLast { members.append("\"secondsLeft\":\(Self.whole(left))") }
    members.append("\"finished\":\(isLast)")
    return "{" + members.joined(separator: ",") + "}"
  }

  private func amount(_ value: Double) -> String {
    guard unit == .bytes else { return "\(Self.whole(value)) files" }
    var value = max(0, value)
    var names = ["B", "kB", "MB", "GB", "TB"][...]
    while value >= 999.5, names.count > 1 {
      value /= 1000
      names = names.dropFirst()
    }
    let tenths = Self.whole(value * 10)
    let number = value < 99.5 && names.first != "B" ? "\(tenths / 10).\(tenths % 10)" : "\(Self.whole(value))"
    return "\(number) \(names.first ?? "")"
  }

  private static func clock(_ seconds: Double) -> String {
    let seconds = whole(min(seconds, 359_999))
    let two = { (number: Int) in number < 10 ? "0\(number)" : "\(number)" }
    let hours = seconds / 3600
    let rest = "\(two(seconds / 60 % 60)):\(two(seconds % 60))"
    return hours > 0 ? "\(hours):\(rest)" : rest
  }

  /// The nearest whole number; what is beyond an Int, or no number, gives the nearest that there is.
  private static func whole(_ value: Double) -> Int {
    value.isNaN ? 0 : Int(exactly: min(max(value, 0), 9e15).rounded()) ?? 0
  }

  private static func escaped(_ text: String) -> String {
    DisplayText.escaped(text.filter { $0 != "\"" && $0 != "\\" }).filter { $0 != "\\" }
  }
}
