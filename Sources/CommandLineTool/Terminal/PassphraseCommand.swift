internal import SecretMemory
internal import Subprocess
internal import SystemPackage

#if canImport(Glibc)
  internal import Glibc
#endif

/// A program of the person's choice that prints the passphrase: a password manager, a key service.
enum PassphraseCommand {
  /// Runs `/bin/sh -c COMMAND` and takes what it prints on standard output, straight into memory for secrets.
  ///
  /// The command has no standard input, shares our standard error and our process group, so that it may ask on the
  /// terminal and ^C reaches it as well. When we are asked to end by another signal it is ended first. Against SIGKILL
  /// nothing can be done: then it ends when it prints to the pipe that nobody reads.
  ///
  /// - Parameter command: a shell command; it stands in the list of processes, so the secret must not be in it.
  /// - Throws: `Problem` with status 1 when it cannot be run, fails or prints more than `limit` bytes;
  ///   `Problem.interrupted` after a signal.
  static func output(of command: String, limit: Int) async throws(Problem) -> SecretBytes {
    let watch = try SignalWatch()
    let hint = "run the command by itself to see why; it must print the passphrase and nothing else"
    // The SecretBytes cannot leave the closure below as its result, which must be Sendable.
    var secret: SecretBytes
    do { secret = try SecretBytes(zeroed: limit + 1) } catch { throw Problem(error) }
    do {
      let pipe = try FileDescriptor.pipe()
      defer { try? pipe.readEnd.close() }
      _ = fcntl(pipe.readEnd.rawValue, F_SETFD, FD_CLOEXEC)
      _ = fcntl(pipe.writeEnd.rawValue, F_SETFD, FD_CLOEXEC)
      let result = try await run(
        .path("/bin/sh"), arguments: ["-c", command], input: .none,
        output: .fileDescriptor(pipe.writeEnd, closeAfterSpawningProcess: true), error: .currentStandardError
      ) { execution in
        let end = Self.read(pipe.readEnd, into: &secret)
        if end != .complete {
          await execution.teardown(using: [.gracefulShutDown(allowedDurationToNextStep: .seconds(2))])
        }
        return end
      }
      switch result.closureResult {
      case .complete: break
      case .interrupted: throw Problem.interrupted
      case .tooLong:
        throw Problem(.couldNotRun, "the passphrase command printed more than \(limit) bytes", hint: hint)
      case .failed(let errno):
        throw Problem(.couldNotRun, "cannot read what the passphrase command prints: \(errno)", hint: hint)
      }
      guard watch.next() == nil else { throw Problem.interrupted }
      guard result.terminationStatus.isSuccess else {
        throw Problem(.couldNotRun, "the passphrase command failed: \(result.terminationStatus)", hint: hint)
      }
      guard secret.count > 0 else { throw Problem(.couldNotRun, "the passphrase command printed nothing", hint: hint) }
    } catch let problem as Problem {
      throw problem
    } catch {
      throw Problem(.couldNotRun, "the passphrase command cannot be run: \(error)", hint: hint)
    }
    return secret
  }

  private enum End: Equatable, Sendable {
    case complete
    case interrupted
    case tooLong
    case failed(Errno)
  }

  /// Reads until the other end closes, and keeps what came; a signal ends the waiting.
  private static func read(_ input: FileDescriptor, into secret: inout SecretBytes) -> End {
    var filled = 0
    while true {
      guard SignalWatch.wait(for: input.rawValue) == nil else { return .interrupted }
      let start = filled
      do {
        let count = try unsafe secret.withUnsafeMutableBytes {
          try unsafe input.read(into: UnsafeMutableRawBufferPointer(rebasing: $0[start...]))
        }
        filled += count
        guard filled < secret.count else { return .tooLong }
        if count == 0 {
          secret.truncate(to: filled)
          return .complete
        }
      } catch {
        return .failed(error as? Errno ?? .ioError)
      }
    }
  }
}
