import Foundation
import SecretMemory
import SystemPackage
import Testing

@testable import CommandLineTool

/// One after the other: each takes the signals of the whole process.
@Suite(.serialized) struct TerminalTests {}

func text(of secret: borrowing SecretBytes) -> String {
  unsafe secret.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
}

extension TerminalTests {
  @Suite struct PassphrasePromptTests {
    private func ask(_ script: [(awaiting: String, act: ScriptedTerminal.Act)]) -> (
      Result<String, Problem>, ScriptedTerminal
    ) {
      let terminal = ScriptedTerminal()
      terminal.follow(script)
      let result: Result<String, Problem>
      do throws(Problem) {
        result = .success(text(of: try PassphrasePrompt(terminal: terminal.path).existing(for: "cloud.escrow.age")))
      } catch {
        result = .failure(error)
      }
      terminal.settle()
      return (result, terminal)
    }

    private func askNew(_ script: [(awaiting: String, act: ScriptedTerminal.Act)]) -> (
      Result<String, Problem>, ScriptedTerminal
    ) {
      let terminal = ScriptedTerminal()
      terminal.follow(script)
      let result: Result<String, Problem>
      do throws(Problem) {
        let secret = try PassphrasePrompt(terminal: terminal.path).new { (typed) throws(Problem) in
          typed.count < 3 ? "too short" : nil
        }
        result = .success(text(of: secret))
      } catch {
        result = .failure(error)
      }
      terminal.settle()
      return (result, terminal)
    }

    @Test func aTypedPassphraseIsReadAndNotShown() throws {
      let before = ScriptedTerminal().settings
      let (result, terminal) = ask([("cloud.escrow.age: ", .type("grüße 日本\n"))])
      #expect(try result.get() == "grüße 日本")
      #expect(terminal.transcript == "Passphrase for cloud.escrow.age: \r\n")
      #expect(terminal.echoWhenActing == [false])
      #expect(terminal.settings == before)
      #expect(terminal.echoes)
    }

    @Test func theScriptedTerminalShowsWhatIsTypedWhileTheEchoIsOn() {
      let terminal = ScriptedTerminal()
      terminal.follow([("", .type("visible\n"))])
      terminal.settle()
      #expect(terminal.transcript.contains("visible"))
      #expect(terminal.echoWhenActing == [true])
    }

    @Test func backspaceAndKillEditTheLine() throws {
      let (result, _) = ask([("age: ", .type("wrong\u{15}righx\u{7F}t\n"))])
      #expect(try result.get() == "right")
    }

    @Test func anEmptyLineIsAskedAgainUpToThreeTimes() throws {
      let (second, _) = ask([("age: ", .type("\n")), ("age: ", .type("there\n"))])
      #expect(try second.get() == "there")
      let (never, terminal) = ask([("age: ", .type("\n")), ("age: ", .type("\n")), ("age: ", .type("\n"))])
      #expect(throws: Problem.self) { try never.get() }
      #expect(terminal.echoes)
    }

    @Test(arguments: [SIGINT, SIGTERM, SIGHUP, SIGQUIT])
    func aSignalEndsTheQuestionAndPutsTheTerminalRight(_ signal: Int32) {
      let (result, terminal) = ask([("age: ", .signal(signal))])
      #expect(throws: Problem.interrupted) { try result.get() }
      #expect(terminal.echoWhenActing == [false])
      #expect(terminal.echoes)
      #expect(terminal.transcript.hasSuffix(": \r\n"))
    }

    @Test func theHandlersOfBeforeAreBackAfterwards() {
      var mine = sigaction()
      unsafe mine.__sigaction_handler.sa_handler = { _ in }
      var earlier = sigaction()
      _ = unsafe sigaction(SIGTERM, &mine, &earlier)
      defer { _ = unsafe sigaction(SIGTERM, &earlier, nil) }
      _ = ask([("age: ", .signal(SIGTERM))])
      var now = sigaction()
      _ = unsafe sigaction(SIGTERM, nil, &now)
      let handlers = [now, mine].map { unsafe unsafeBitCast($0.__sigaction_handler.sa_handler, to: Int.self) }
      #expect(handlers[0] == handlers[1])
    }

    @Test(arguments: [[4], Array("half".utf8) + [4, 4]] as [[UInt8]])
    func theEndOfTheInputIsNoPassphrase(_ typed: [UInt8]) {
      let (result, terminal) = ask([("age: ", .bytes(typed))])
      #expect(throws: Problem.self) { try result.get() }
      #expect(terminal.echoes)
    }

    @Test func aLineOf1024BytesIsTakenAndALongerOneRefused() throws {
      let longest = String(repeating: "x", count: 1024)
      #expect(try ask([("age: ", .type(longest + "\n"))]).0.get() == longest)
      for count in [1025, 3000, 4095, 5000] {
        let (result, terminal) = ask([("age: ", .type(String(repeating: "x", count: count) + "\n"))])
        #expect(throws: Problem.self) { try result.get() }
        #expect(terminal.echoes)
        #expect(!terminal.transcript.contains("x"))
      }
    }

    @Test func aNewPassphraseIsTypedTwice() throws {
      let (result, terminal) = askNew([("New passphrase: ", .type("secret\n")), ("again: ", .type("secret\n"))])
      #expect(try result.get() == "secret")
      #expect(!terminal.transcript.contains("secret"))
      #expect(terminal.echoes)
    }

    @Test func aDifferenceAndARefusalCountAsAttempts() throws {
      let (third, _) = askNew([
        ("New passphrase: ", .type("secret\n")), ("again: ", .type("secrey\n")),
        ("New passphrase: ", .type("ab\n")), ("Too short.", .type("")),
        ("New passphrase: ", .type("other\n")), ("again: ", .type("other\n")),
      ])
      #expect(try third.get() == "other")
      let step: [(awaiting: String, act: ScriptedTerminal.Act)] = [
        ("New passphrase: ", .type("secret\n")), ("again: ", .type("secrey\n")),
      ]
      let (never, terminal) = askNew(step + step + step)
      #expect(throws: Problem.self) { try never.get() }
      #expect(terminal.echoes)
    }

    @Test func withoutATerminalTheOtherWaysAreNamed() {
      for path in ["/dev/null", "/nonexistent/tty"] {
        let problem = #expect(throws: Problem.self) {
          try PassphrasePrompt(terminal: FilePath(path)).existing(for: "x").count == 0
        }
        #expect(problem?.status == .couldNotRun)
        #expect(problem?.hint.contains("--passphrase-file") == true)
        #expect(problem?.hint.contains("--identity") == true)
      }
    }

    @Test func theNameOfTheFileCannotMoveTheCursor() throws {
      let terminal = ScriptedTerminal()
      terminal.follow([("\\u{1B}[2Jx: ", .type("y\n"))])
      #expect(text(of: try PassphrasePrompt(terminal: terminal.path).existing(for: "\u{1B}[2Jx")) == "y")
      terminal.settle()
      #expect(!terminal.transcript.contains("\u{1B}"))
    }

    /// The kernel sends the signal here, as it does for a person's ^C, since the terminal is that of the process.
    @Test func controlCOnTheOwnTerminalGives130() async {
      await #expect(processExitsWith: .exitCode(130)) {
        guard let terminal = ownTerminal() else { exit(98) }
        terminal.follow([("age: ", .bytes([3]))])
        exit(statusOfQuestion(terminal))
      }
    }

    /// The session is of this process alone, so that the kernel does not stop it: it asks again at once.
    @Test func controlZShowsTheQuestionAgainAfterwards() async {
      await #expect(processExitsWith: .exitCode(0)) {
        guard let terminal = ownTerminal() else { exit(98) }
        terminal.follow([("age: ", .bytes(Array("half".utf8) + [26])), ("age: ", .type("whole\n"))])
        exit(statusOfQuestion(terminal))
      }
    }
  }
}

/// A terminal that is the controlling one of this process.
private func ownTerminal() -> ScriptedTerminal? {
  guard setsid() >= 0 else { return nil }
  let terminal = ScriptedTerminal()
  // The first terminal that a session leader opens without O_NOCTTY becomes its own (Linux, tty(4)).
  guard unsafe open(terminal.path.string, O_RDWR) >= 0, unsafe access("/dev/tty", R_OK) == 0 else { return nil }
  return terminal
}

private func statusOfQuestion(_ terminal: ScriptedTerminal) -> Int32 {
  do throws(Problem) {
    let typed = text(of: try PassphrasePrompt().existing(for: "cloud.escrow.age"))
    return typed == "whole" && terminal.echoes ? 0 : 97
  } catch {
    return terminal.echoes ? error.status.rawValue : 96
  }
}
