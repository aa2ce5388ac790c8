internal import AgeFormat
internal import ArgumentParser
internal import DurableFiles
internal import EscrowBundle
internal import SystemPackage

/// `provenkey open`
struct OpenCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "open",
    abstract: "Recover the bundle from the escrow.",
    usage: "provenkey open <file> --into <folder> [<options>]",
    discussion: """
      Checks all of it first: who sealed it, and every file in it. The folder must be new or empty; if anything is \
      wrong, nothing is in it.

      \(ExitStatus.help([.holds, .couldNotRun, .wrongSecret, .usage, .interrupted]))
      """)

  @Argument(help: ArgumentHelp("The escrow file.", valueName: "file"), completion: .file())
  var file: String

  @Option(
    help: ArgumentHelp("Where the bundle goes: a new or empty folder.", valueName: "folder"), completion: .directory)
  var into: String

  @OptionGroup var unlock: UnlockOptions

  @Flag(help: "With --identity of somebody else than the escrow itself: accept that nobody can tell who sealed it.")
  var acceptUnprovenSigner = false

  @Flag(help: "Answer with one JSON document.")
  var json = false

  func run() async throws {
    let escrow = ArgumentPath.path(file)
    let folder = ArgumentPath.path(into)
    // Before anything is asked for.
    try Problem.explaining {
      _ = try Escrow.inspectSealed(FileSource(escrow))
      try AtomicFolder.checkTarget(folder)
    }
    let unlocking = try await self.unlock.unlocking(file)
    Interruption.watch()
    let opened: Escrow.Opened
    do { opened = try recover(with: unlocking) } catch { throw Problem(error) }
    if !opened.isSignerProven { Streams.warn("nobody can tell whether this escrow's instance sealed this bundle") }
    let report = OpenReport(opened: opened, folder: into)
    try Streams.answer(json ? try Problem.explaining { try report.json() } : report.text)
  }

  private func recover(with unlocking: consuming Unlocking) throws -> Escrow.Opened {
    let unlock = try unlocking.unlock()
    return try Escrow.recover(
      ArgumentPath.path(file), with: unlock, acceptUnprovenSigner: acceptUnprovenSigner, into: ArgumentPath.path(into),
      progress: { () throws(EscrowError) in if Interruption.isRequested { throw .interrupted } })
  }
}

extension Unlocking {
  /// What the command line named, ready to open an escrow.
  consuming func unlock() throws -> Unlock {
    switch consume self {
    case .passphrase(let typed): .passphrase(try Passphrase(contentOfFile: typed))
    case .identityFile(let path): .ageIdentities(try Self.identities(in: path))
    }
  }
}

extension Unlocking {
  fileprivate static func identities(in path: FilePath) throws -> IdentityList {
    let content = try BoundedReading.secret(of: path, limit: 1 << 20)
    do throws(AgeError) {
      return try IdentityFile.parse(content)
    } catch {
      // What is wrong inside of a file does not name it.
      throw Problem(.couldNotRun, "\(path): \(error.problem)", hint: error.hint)
    }
  }
}

/// What `open` says when everything is there.
private struct OpenReport {
  let opened: Escrow.Opened
  let folder: String

  var text: String {
    let manifest = opened.manifest
    var table = Table()
    table.add(
      "opened",
      "revision \(manifest.revision), sealed \(InstanceText.instant(manifest.sealedAt)) by \(manifest.sealedBy)")
    table.add("instance", InstanceText.line(manifest.instance))
    table.add("keys", InstanceText.keys(manifest.keys))
    table.add("snapshot", InstanceText.snapshot(manifest.snapshot))
    table.add("included", manifest.included.map { "\($0.path), was \($0.from)" })
    table.add("missing", manifest.missing.map(\.what))
    table.add(
      "signer", opened.isSignerProven ? "the instance's own, certified when the escrow was created" : "not proven")
    table.add("folder", "\(folder): \(manifest.members.count + 2) files, whoever has it reads everything")
    table.add("next", "read \(folder)/README.txt: it says how to restore, step by step")
    return table.text
  }

  /// Schema `provenkey.opened/1`.
  func json() throws -> String {
    try JSONAnswer.text(
      Document(
        folder: folder, size: opened.size, sha256: opened.sha256, signer: opened.signer.description,
        isSignerProven: opened.isSignerProven, manifest: opened.manifest))
  }

  private struct Document: Encodable {
    let schema = "provenkey.opened/1"
    let folder: String
    let size: Int
    let sha256: String
    let signer: String
    let isSignerProven: Bool
    let manifest: Manifest

    enum CodingKeys: String, CodingKey {
      case schema, folder, size, sha256, signer, manifest
      case isSignerProven = "is_signer_proven"
    }
  }
}
