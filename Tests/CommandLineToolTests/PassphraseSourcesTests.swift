import ArgumentParser
import Foundation
import SecretMemory
import SystemPackage
import Testing

@testable import CommandLineTool

extension TerminalTests {
  @Suite struct PassphraseSourcesTests {
    /// A folder of its own for each test.
    private final class Folder {
      let path: FilePath
      init() throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "provenkey-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = FilePath(url.path)
      }
      deinit { try? FileManager.default.removeItem(atPath: path.string) }

      func write(_ text: String, to name: String = "passphrase", mode: Int = 0o600) throws -> FilePath {
        let file = path.appending(name)
        try Data(text.utf8).write(to: URL(filePath: file.string))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file.string)
        return file
      }
    }

    private func read(_ source: PassphraseSource) async throws -> String? {
      switch try await source.read() {
      case .some(let secret): return text(of: secret)
      case .none: return nil
      }
    }

    @Test func theBytesComeAsTheyAreFromFileDescriptorCommandAndCredential() async throws {
      let folder = try Folder()
      let file = try folder.write("grüße 1\n")
      #expect(try await read(.file(file)) == "grüße 1\n")
      #expect(try await read(.credential(file)) == "grüße 1\n")
      #expect(try await read(.command("cat '\(file)'")) == "grüße 1\n")
      #expect(try await read(.command("printf 'a\\nb'; sleep 0.1; printf c")) == "a\nbc")
      let descriptor = try FileDescriptor.open(file, .readOnly)
      defer { try? descriptor.close() }
      #expect(try await read(.descriptor(descriptor.rawValue)) == "grüße 1\n")
      #expect(try await read(.prompt) == nil)
    }

    @Test func oneSourceCountsAndTwoAreAUsageError() throws {
      let folder = try Folder()
      let credential = try folder.write("x")
      let directory = folder.path.string
      #expect(try UnlockOptions.parse([]).passphrase.source(credentials: nil) == .prompt)
      #expect(try UnlockOptions.parse([]).passphrase.source(credentials: "/nonexistent") == .prompt)
      #expect(try UnlockOptions.parse([]).passphrase.source(credentials: "") == .prompt)
      #expect(try UnlockOptions.parse([]).passphrase.source(credentials: directory) == .credential(credential))
      let given: [([String], PassphraseSource)] = [
        (["--passphrase-file", "a b"], .file("a b")), (["--passphrase-fd", "0"], .descriptor(0)),
        (["--passphrase-fd", "7"], .descriptor(7)), (["--passphrase-command", "pass show x"], .command("pass show x")),
      ]
      for (arguments, source) in given {
        #expect(try UnlockOptions.parse(arguments).passphrase.source(credentials: directory) == source)
        let two = arguments + ["--identity", "k"]
        #expect(throws: (any Error).self) { try UnlockOptions.parse(two) }
        #expect(throws: (any Error).self) { try NewPassphraseOptions.parse(arguments + ["--generate-passphrase"]) }
      }
      let wrong = [
        ["--passphrase-file", "a", "--passphrase-fd", "3"], ["--passphrase-fd", "1"], ["--passphrase-fd", "2"],
        ["--passphrase-fd", "-1"], ["--passphrase-fd", "x"], ["--passphrase-file", ""], ["--identity", ""],
        ["--passphrase-command", ""],
      ]
      for arguments in wrong {
        let error = #expect(throws: (any Error).self) { try UnlockOptions.parse(arguments) }
        #expect(error.map { UnlockOptions.exitCode(for: $0).rawValue } == ExitStatus.usage.rawValue)
      }
    }

    @Test func theSourceIsUsedForUnlocking() async throws {
      let folder = try Folder()
      let file = try folder.write("from a file")
      let prompt = PassphrasePrompt(terminal: "/dev/null")
      switch try await UnlockOptions.parse(["--passphrase-file", file.string])
        .unlocking("x", prompt: prompt, credentials: nil)
      {
      case .passphrase(let secret): #expect(text(of: secret) == "from a file")
      case .identityFile: Issue.record("an identity instead of a passphrase")
      }
      switch try await UnlockOptions.parse(["--identity", "key.txt"])
        .unlocking("x", prompt: prompt, credentials: folder.path.string)
      {
      case .passphrase: Issue.record("a passphrase instead of an identity")
      case .identityFile(let path): #expect(path == "key.txt")
      }
    }

    @Test func whatIsEmptyTooLongOrMissingIsRefused() async throws {
      let folder = try Folder()
      let full = String(repeating: "x", count: PassphraseSource.limit - 2) + "\r\n"
      #expect(try await read(.file(folder.write(full))) == full)
      #expect(try await read(.command("cat '\(folder.path)/passphrase'")) == full)
      let long = try folder.write(full + "\n", to: "long")
      let empty = try folder.write("", to: "empty")
      let refused: [PassphraseSource] = [
        .file(long), .credential(long), .command("cat '\(long)'"), .file(empty), .file(folder.path),
        .file(folder.path.appending("missing")), .command("true"), .command("echo typed; exit 3"),
        .command("kill -9 $$"), .command("no-such-program-here 2>/dev/null"), .descriptor(4321),
        .command("yes 2>/dev/null"),
      ]
      for source in refused {
        let problem = await #expect(throws: Problem.self) { try await read(source) }
        #expect(problem?.status == .couldNotRun)
        #expect(problem?.text.contains("xxxx") == false)
        #expect(problem?.text.contains("typed") == false)
      }
    }

    @Test func aFileThatOthersCanReadIsWarnedAbout() throws {
      let folder = try Folder()
      for mode in [0o640, 0o604, 0o644, 0o440] {
        #expect(
          PassphraseSource.warning(about: try folder.write("x", to: "\(mode)", mode: mode))?.contains("chmod") == true)
      }
      for mode in [0o600, 0o400, 0o622] {
        #expect(PassphraseSource.warning(about: try folder.write("x", to: "\(mode)", mode: mode)) == nil)
      }
      #expect(PassphraseSource.warning(about: folder.path) == nil)
      #expect(PassphraseSource.warning(about: folder.path.appending("missing")) == nil)
    }

    @Test func aTerminalIsNoDescriptorForAPassphrase() async throws {
      let terminal = ScriptedTerminal()
      let descriptor = try FileDescriptor.open(terminal.path, .readWrite)
      defer { try? descriptor.close() }
      let problem = await #expect(throws: Problem.self) { try await read(.descriptor(descriptor.rawValue)) }
      #expect(problem?.status == .usage)
    }

    @Test func aSignalEndsTheCommandAndThenUs() async throws {
      let folder = try Folder()
      let mark = folder.path.appending("pid")
      let problem = await #expect(throws: Problem.self) {
        try await read(.command("echo $$ > '\(mark)'; kill -TERM $PPID; exec sleep 600"))
      }
      #expect(problem == .interrupted)
      let process = Int32(try String(contentsOfFile: mark.string, encoding: .utf8).dropLast()) ?? 0
      #expect(process > 1)
      #expect(kill(process, 0) == -1)
    }

    @Test func theCommandHasNoInputAndTheHandlersOfBefore() async throws {
      #expect(try await read(.command("cat; trap - PIPE; echo end")) == "end\n")
    }

    @Test func aNewPassphraseIsJudgedWhereverItComesFrom() async throws {
      let folder = try Folder()
      let weak = try folder.write("password1\n").string
      let prompt = PassphrasePrompt(terminal: "/dev/null")
      func new(_ arguments: [String]) async throws -> String {
        let options = try NewPassphraseOptions.parse(arguments)
        return text(of: try await options.newPassphrase(prompt: prompt, credentials: nil))
      }
      let problem = await #expect(throws: Problem.self) { try await new(["--passphrase-file", weak]) }
      #expect(problem?.hint.contains("--weak-passphrase") == true)
      #expect(problem?.text.contains("password1") == false)
      #expect(try await new(["--passphrase-file", weak, "--weak-passphrase"]) == "password1\n")
      let strong = try folder.write("7#kQ vex)Zt0;Lm\n", to: "strong").string
      #expect(try await new(["--passphrase-file", strong]) == "7#kQ vex)Zt0;Lm\n")
      let empty = try folder.write("\n", to: "empty").string
      await #expect(throws: Problem.self) { try await new(["--passphrase-file", empty, "--weak-passphrase"]) }
      await #expect(throws: Problem.self) { try await new([]) }
    }
  }
}
