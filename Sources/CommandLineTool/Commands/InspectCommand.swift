internal import ArgumentParser
internal import EscrowBundle
internal import NextcloudKeys
internal import NextcloudStorage
internal import Recoverability
internal import SecretMemory
internal import SystemPackage

/// `provenkey inspect`
struct InspectCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Say what a file or folder is, without secrets.",
    discussion: """
      Knows escrow files, Nextcloud folders, key files, database snapshots, the tar of a bundle and the folder of an \
      opened one. Needs no passphrase and shows no secret.

      \(ExitStatus.help([.holds, .couldNotRun, .usage, .interrupted]))
      """)

  @Argument(help: ArgumentHelp("A file or a folder.", valueName: "thing"), completion: .file())
  var thing: String

  @Flag(help: "Answer with one JSON document.")
  var json = false

  func validate() throws {
    if thing.isEmpty { throw ValidationError("the name is empty") }
  }

  func run() async throws {
    let path = ArgumentPath.path(thing)
    let report: InspectionReport
    do {
      report = try InspectionReport(path)
    } catch let error as EscrowError {
      // What is wrong inside of a file does not name it.
      if case .file = error { throw Problem(error) }
      throw Problem(.couldNotRun, "\(thing): \(error.problem)", hint: error.hint)
    } catch {
      throw Problem(error)
    }
    try Streams.answer(json ? try Problem.explaining { try report.json() } : report.text)
  }
}

/// What a thing is: tried in turn, since nothing but the content tells.
private enum InspectionReport {
  case sealed(Escrow.SealedFile)
  case bundle(Escrow.OpenBundle)
  case instance(InstanceInspection)
  case snapshot(SnapshotInspection)
  case key(KeyFileInspection)

  init(_ path: FilePath) throws {
    // The folder of an opened bundle has a config folder as well.
    if !Presence.isThere(path.appending("manifest.sig")), let instance = try InstanceInspection.inspect(path) {
      self = .instance(instance)
      return
    }
    // A dump in tar format is a tar, as the bundle of an escrow is.
    if SnapshotInspection.isTar(path), let snapshot = try SnapshotInspection.inspect(path) {
      self = .snapshot(snapshot)
      return
    }
    switch try Escrow.inspect(path) {
    case .sealed(let file):
      self = .sealed(file)
      return
    case .bundle(let bundle):
      self = .bundle(bundle)
      return
    case nil: break
    }
    if let key = try KeyFileInspection(path) {
      self = .key(key)
    } else if let snapshot = try SnapshotInspection.inspect(path) {
      self = .snapshot(snapshot)
    } else {
      throw Problem(
        .couldNotRun, "\(path) is nothing that provenkey knows",
        hint: "it knows escrow files, Nextcloud folders, key files, database snapshots and bundles")
    }
  }

  var text: String {
    var table = Table()
    switch self {
    case .sealed(let file):
      table.add("this is", "an escrow file, format 1\(file.isArmored ? ", armored" : "")")
      table.add("size", Amount.bytes(file.size), "SHA-256 \(file.sha256)")
      table.add("opens by", opening(file))
      table.add("signer", file.signer.description)
      table.add("stanzas", file.stanzas.map(\.type))
      table.add(
        "quantum",
        file.isPostQuantum ? "safe: hybrid of ML-KEM-768 and X25519" : "not safe: it has a classical recipient")
      table.add("also by", "age \(file.ageVersion) or newer, given the escrow identity; rescue.py")
      table.add("note", "revision, date and instance are inside; nothing vouches for this header until it is opened")
    case .bundle(let bundle):
      let manifest = bundle.manifest
      table.add("this is", "a bundle in the clear: whoever has it reads everything")
      table.add("escrow", "\(manifest.escrow), revision \(manifest.revision)")
      table.add("sealed", "\(InstanceText.instant(manifest.sealedAt)) by \(manifest.sealedBy)")
      table.add("instance", InstanceText.line(manifest.instance))
      table.add("keys", InstanceText.keys(manifest.keys))
      table.add("snapshot", InstanceText.snapshot(manifest.snapshot))
      table.add("missing", manifest.missing.map(\.what))
      table.add("signer", "\(bundle.signer): the signature fits; only the escrow file says whether it is the right one")
      table.add("members", "\(manifest.members.count + 2) files", differing(bundle))
    case .instance(let instance):
      table.add("this is", "a Nextcloud")
      table.add("instance", InstanceText.line(instance.identity))
      table.add("config", instance.configurationFiles.joined(separator: ", "))
      table.add("database", "\(instance.identity.databaseType ?? "unknown"), tables \(instance.identity.tablePrefix)…")
      table.add("data", instance.dataFolder.map { "\($0) (\(instance.dataReason ?? ""))" } ?? "not on this machine")
      if instance.identity.usesObjectStorage {
        table.add("keys", "are objects in the bucket; create --objects with a database snapshot finds them")
      } else {
        table.add("keys", InstanceText.keys(instance.keys))
      }
      table.add("missing", instance.missing.map(\.what))
    case .snapshot(let snapshot):
      let compression = snapshot.compression == "none" ? "" : ", compressed with \(snapshot.compression)"
      table.add("this is", "a database snapshot, \(snapshot.engine)\(compression)")
      table.add("size", Amount.bytes(snapshot.size), "SHA-256 \(snapshot.sha256)")
      table.add("written", InstanceText.instant(snapshot.modified))
      if let isComplete = snapshot.isComplete { table.add("complete", isComplete ? "yes" : "no: its end is missing") }
      table.add("tables", snapshot.tablePrefix.map { ["\($0)…"] } ?? [])
      table.add("rows", snapshot.rows.sorted { $0.key < $1.key }.map { "\($0.value) in \($0.key)" })
      if let highest = snapshot.highestFileID { table.add("file ids", "up to \(highest)") }
      table.add("keys", snapshot.keyIDs.isEmpty ? [] : [snapshot.keyIDs.joined(separator: ", ")])
    case .key(let key):
      table.add("this is", "a \(key.kind.rawValue) of Nextcloud's encryption")
      table.add("size", Amount.bytes(key.size))
      table.add("wrapped", key.wrapping == .raw ? "no" : "with the instance's secret (\(key.wrapping.rawValue))")
      table.add("format", key.format.map { [$0] } ?? [])
    }
    return table.text
  }

  private func opening(_ file: Escrow.SealedFile) -> [String] {
    var lines: [String] = []
    if let cost = file.passphraseCost {
      lines.append(
        "passphrase: Argon2id, \(cost.passes) passes over \(Self.memory(cost.memoryKiB)) for each guess")
    }
    lines.append("the escrow identity (shares, or an age identity file)")
    let known = ["mlkem768x25519", "provenkey/argon2id", "provenkey/signer"]
    let others = file.stanzas.filter { !known.contains($0.type) }.count
    let hybrids = file.stanzas.filter { $0.type == known[0] }.count - 1
    if others + hybrids > 0 { lines.append("\(others + hybrids) further recipients") }
    return lines
  }

  private static func memory(_ kibibytes: Int) -> String {
    kibibytes % 1024 == 0 ? "\(kibibytes / 1024) MiB" : "\(kibibytes) KiB"
  }

  private func differing(_ bundle: Escrow.OpenBundle) -> String {
    bundle.differing.isEmpty
      ? "each is as the manifest lists it"
      : "not as listed: \(bundle.differing.map(\.text).joined(separator: ", "))"
  }

  /// Schema `provenkey.inspect/1`; `kind` says which other key there is.
  func json() throws -> String {
    try JSONAnswer.text(Document(self))
  }

  private struct Document: Encodable {
    let report: InspectionReport

    init(_ report: InspectionReport) { self.report = report }

    private enum CodingKeys: String, CodingKey {
      case schema, kind, escrow, manifest, signer, differing, instance, snapshot, key
    }

    func encode(to encoder: any Encoder) throws {
      var values = encoder.container(keyedBy: CodingKeys.self)
      try values.encode("provenkey.inspect/1", forKey: .schema)
      switch report {
      case .sealed(let file):
        try values.encode("escrow", forKey: .kind)
        try values.encode(SealedFileDocument(file), forKey: .escrow)
      case .bundle(let bundle):
        try values.encode("bundle", forKey: .kind)
        try values.encode(bundle.manifest, forKey: .manifest)
        try values.encode(bundle.signer.description, forKey: .signer)
        try values.encode(bundle.differing.map(\.text), forKey: .differing)
      case .instance(let instance):
        try values.encode("instance", forKey: .kind)
        try values.encode(instance, forKey: .instance)
      case .snapshot(let snapshot):
        try values.encode("snapshot", forKey: .kind)
        try values.encode(snapshot, forKey: .snapshot)
      case .key(let key):
        try values.encode("key", forKey: .kind)
        try values.encode(KeyDocument(key), forKey: .key)
      }
    }
  }

  private struct SealedFileDocument: Encodable {
    let size: Int
    let sha256: String
    let isArmored: Bool
    let isPostQuantum: Bool
    let ageVersion: String
    let signer: String
    let passes: Int?
    let memoryKiB: Int?
    let stanzas: [String]

    init(_ file: Escrow.SealedFile) {
      size = file.size
      sha256 = file.sha256
      isArmored = file.isArmored
      isPostQuantum = file.isPostQuantum
      ageVersion = file.ageVersion
      signer = file.signer.description
      passes = file.passphraseCost?.passes
      memoryKiB = file.passphraseCost?.memoryKiB
      stanzas = file.stanzas.map(\.type)
    }

    enum CodingKeys: String, CodingKey {
      case size, sha256, signer, stanzas
      case isArmored = "is_armored"
      case isPostQuantum = "is_post_quantum"
      case ageVersion = "age_version"
      case passes = "argon2id_passes"
      case memoryKiB = "argon2id_memory_kib"
    }
  }

  private struct KeyDocument: Encodable {
    let kind: String
    let wrapping: String
    let format: String?
    let size: Int

    init(_ key: KeyFileInspection) {
      (kind, wrapping, format, size) = (key.kind.rawValue, key.wrapping.rawValue, key.format, key.size)
    }
  }
}
