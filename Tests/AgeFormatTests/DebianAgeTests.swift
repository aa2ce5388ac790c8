import Foundation
import SecretMemory
import Testing

@testable import AgeFormat

/// The age command, where it is installed. Version 1.1 knows X25519 and scrypt.
private enum AgeCommand {
  static let path = "/usr/bin/age"
  static let isInstalled =
    FileManager.default.isExecutableFile(atPath: path)
    && FileManager.default.isExecutableFile(atPath: "/usr/bin/age-keygen")
  static let python = ["/usr/bin/python3", "/usr/local/bin/python3"]
    .first { FileManager.default.isExecutableFile(atPath: $0) }

  /// Answers each question on a terminal of its own with the passphrase, the first argument.
  private static let terminal = """
    import os, pty, sys
    passphrase, command = sys.argv[1], sys.argv[2:]
    child, terminal = pty.fork()
    if child == 0:
        os.execv(command[0], command)
    seen = b""
    while True:
        try:
            piece = os.read(terminal, 1024)
        except OSError:
            break
        if not piece:
            break
        seen += piece
        if b"passphrase" in seen and seen.rstrip(b"\\x1b[0123456789;mK").endswith(b": "):
            seen = b""
            os.write(terminal, passphrase.encode() + b"\\n")
    sys.stderr.buffer.write(seen)
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """

  static func run(_ command: String, _ arguments: [String]) throws -> (status: Int32, output: String) {
    let process = Process()
    let output = Pipe()
    process.executableURL = URL(filePath: command)
    process.arguments = arguments
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    process.standardError = output
    try process.run()
    let text = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
    process.waitUntilExit()
    return (process.terminationStatus, text)
  }

  static func runOnTerminal(_ arguments: [String], passphrase: String) throws -> (status: Int32, output: String) {
    try run(python ?? "", ["-c", terminal, passphrase, path] + arguments)
  }
}

@Suite("Together with the age command", .enabled(if: AgeCommand.isInstalled))
struct DebianAgeTests {
  private let folder = FileManager.default.temporaryDirectory.appending(path: "age-\(UUID().uuidString)")

  private func inFolder(_ body: (URL) throws -> Void) throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder)
  }

  @Test("age opens what is written for an X25519 recipient", arguments: [0, 65_536, 100_000], [false, true])
  func weWriteX25519(size: Int, armored: Bool) throws {
    try inFolder { folder in
      let identity = try X25519Identity.random()
      let key = folder.appending(path: "key")
      try Data(text(identity.encoded()).utf8).write(to: key)
      let file = folder.appending(path: "file.age")
      // A stanza of our own beside it: age passes over what it does not know.
      let fileKey = try FileKey.random()
      let sink = BytesSink()
      let armor = armored ? ArmorWriter(sink) : nil
      let stanzas = try [Stanza(type: "provenkey/test", body: sample(48))] + identity.recipient.wrap(fileKey)
      let writer = try AgeWriter(armor ?? sink, stanzas: stanzas, fileKey: fileKey)
      try writer.write(sample(size))
      try writer.finish()
      try armor?.finish()
      try Data(sink.bytes).write(to: file)
      let output = folder.appending(path: "plain")
      let run = try AgeCommand.run(AgeCommand.path, ["-d", "-i", key.path, "-o", output.path, file.path])
      #expect(run.status == 0, "\(run.output)")
      // age makes no file for an empty payload until it is written to, so read what there is.
      #expect(Array((try? Data(contentsOf: output)) ?? Data()) == sample(size))
    }
  }

  @Test("what age writes for an X25519 recipient opens, with age-keygen's file", arguments: [[], ["-a"]] as [[String]])
  func ageWritesX25519(options: [String]) throws {
    try inFolder { folder in
      let key = folder.appending(path: "key")
      #expect(try AgeCommand.run("/usr/bin/age-keygen", ["-o", key.path]).status == 0)
      let identities = try IdentityFile.parse(SecretBytes(copying: Array(Data(contentsOf: key))))
      #expect(identities.count == 1)
      var recipient = ""
      try identities.withEach { identity in
        switch identity {
        case .x25519(let identity): recipient = try identity.recipient.encoded
        default: Issue.record("age-keygen made an identity of another kind")
        }
      }
      #expect(try AgeCommand.run("/usr/bin/age-keygen", ["-y", key.path]).output == recipient + "\n")

      for size in [0, 1, 65_536, 65_537, 200_000] {
        let plain = folder.appending(path: "plain")
        let file = folder.appending(path: "file.age")
        try Data(sample(size)).write(to: plain)
        let run = try AgeCommand.run(AgeCommand.path, options + ["-r", recipient, "-o", file.path, plain.path])
        #expect(run.status == 0, "\(run.output)")
        let bytes = Array(try Data(contentsOf: file))
        let reading = try read(BytesSource(bytes), with: identities)
        #expect(reading.error == nil && reading.plaintext == sample(size))
        // age adds no stanza that changes on the way, so the header is the same text again.
        if options.isEmpty { #expect(bytes.starts(with: reading.header?.bytes ?? [0])) }
      }
    }
  }

  @Test("age refuses what it should refuse of ours, so that its acceptance means something")
  func negativeControl() throws {
    try inFolder { folder in
      let identity = try X25519Identity.random()
      let key = folder.appending(path: "key")
      try Data(text(identity.encoded()).utf8).write(to: key)
      let file = folder.appending(path: "file.age")
      var bytes = try seal(sample(100), to: identity.recipient)
      bytes[bytes.count - 1] ^= 1
      try Data(bytes).write(to: file)
      #expect(try AgeCommand.run(AgeCommand.path, ["-d", "-i", key.path, file.path]).status != 0)
    }
  }

  @Test("passphrases, both ways", .enabled(if: AgeCommand.python != nil))
  func passphrases() throws {
    try inFolder { folder in
      let plain = folder.appending(path: "plain")
      let theirs = folder.appending(path: "theirs.age")
      try Data(sample(1000)).write(to: plain)
      let passphrase = "corréct horse"
      var run = try AgeCommand.runOnTerminal(["-p", "-o", theirs.path, plain.path], passphrase: passphrase)
      #expect(run.status == 0, "\(run.output)")
      let bytes = Array(try Data(contentsOf: theirs))
      let reading = try read(BytesSource(bytes), with: ScryptIdentity(passphrase: secret(passphrase)))
      #expect(reading.error == nil && reading.plaintext == sample(1000))
      #expect(reading.header?.stanzas.first?.arguments.last == "18")

      let ours = folder.appending(path: "ours.age")
      let output = folder.appending(path: "output")
      let recipient = try ScryptRecipient(passphrase: secret(passphrase))
      try Data(seal(sample(2000), to: recipient)).write(to: ours)
      run = try AgeCommand.runOnTerminal(["-d", "-o", output.path, ours.path], passphrase: passphrase)
      #expect(run.status == 0, "\(run.output)")
      #expect(Array(try Data(contentsOf: output)) == sample(2000))
      run = try AgeCommand.runOnTerminal(["-d", "-o", output.path, ours.path], passphrase: "wrong horse")
      #expect(run.status != 0)
    }
  }
}
