internal import ArgumentParser
internal import SecretMemory

#if canImport(Glibc)
  internal import Glibc
#endif

/// The process: what is asked of the kernel first, the command, and the one place that ends with an exit status.
@main
enum Main {
  static func main() async {
    ProcessHardening.apply()
    Streams.ignoreBrokenPipes()
    exit(await status().rawValue)
  }

  /// Runs the command that the arguments name. Nothing may be thrown out of `main`: the runtime would print a
  /// backtrace with memory in it.
  private static func status() async -> ExitStatus {
    do {
      var command = try Provenkey.parseAsRoot()
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
      return .holds
    } catch let early as EarlyEnd {
      return early.status
    } catch let problem as Problem {
      Streams.notice(problem.text)
      return problem.status
    } catch {
      return explain(error)
    }
  }

  /// What the argument parser threw: help and version are answers, the rest is wrong usage.
  private static func explain(_ error: any Error) -> ExitStatus {
    guard Provenkey.exitCode(for: error) != .success else {
      do {
        try Streams.answer(Provenkey.fullMessage(for: error) + "\n")
        return .holds
      } catch {
        Streams.notice(error.text)
        return error.status
      }
    }
    let command = CommandLine.arguments.dropFirst().first { !$0.hasPrefix("-") }
    let known = Provenkey.configuration.subcommands.contains { $0._commandName == command }
    let help = ["provenkey", known ? command : nil, "--help"].compactMap(\.self).joined(separator: " ")
    Streams.notice(Problem(.usage, Provenkey.message(for: error), hint: "see \(help)").text)
    return .usage
  }
}

/// The end of a command that has printed its answer, with another exit status than 0.
struct EarlyEnd: Error {
  let status: ExitStatus
}
