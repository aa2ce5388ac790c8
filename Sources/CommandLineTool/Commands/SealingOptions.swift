internal import ArgumentParser
internal import Recoverability
internal import SystemPackage

/// The options that say what is sealed, for `create` and for `refresh`.
struct CollectingOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("The data folder, where it is not the one that config.php names.", valueName: "folder"),
    completion: .directory)
  var data: String?

  @Option(
    help: ArgumentHelp(
      "A folder that holds the objects of primary object storage (urn:oid:N): a copy of the bucket, or a mount.",
      valueName: "folder"),
    completion: .directory)
  var objects: String?

  @Option(
    help: ArgumentHelp(
      "The database snapshot that belongs to the backup: a SQLite file, mysqldump, mariadb-dump or pg_dump.",
      valueName: "file"),
    completion: .file())
  var databaseSnapshot: String?

  @Flag(help: "Put the database snapshot itself into the bundle.")
  var embedDatabase = false

  @Option(
    name: .customLong("include"),
    help: ArgumentHelp("Add a file that a restore needs besides (repeat).", valueName: "file"), completion: .file())
  var includes: [String] = []

  @Option(
    help: ArgumentHelp(
      "A file with the password of the recovery key (per-user keys); it is proven and sealed too.", valueName: "file"),
    completion: .file())
  var recoveryPasswordFile: String?

  @Flag(help: "Seal although something that a restore needs is missing; the manifest says what.")
  var allowIncomplete = false

  /// The sources of a new escrow, with paths that another process understands.
  func sources(instance: String, output: String, isArmored: Bool) -> SealingSources {
    SealingSources(
      instance: instance.absolutePath, data: data?.absolutePath, objects: objects?.absolutePath,
      databaseSnapshot: databaseSnapshot?.absolutePath, embedsDatabase: embedDatabase,
      includes: includes.map(\.absolutePath), recoveryPasswordFile: recoveryPasswordFile?.absolutePath,
      allowsIncomplete: allowIncomplete, output: output.absolutePath, isArmored: isArmored)
  }

  /// Recorded sources with what was given on the command line in their place.
  func applied(to recorded: SealingSources, instance: String?, output: String?) -> SealingSources {
    var sources = recorded
    if let instance { sources.instance = instance.absolutePath }
    if let output { sources.output = output.absolutePath }
    if let data { sources.data = data.absolutePath }
    if let objects { sources.objects = objects.absolutePath }
    if let databaseSnapshot { sources.databaseSnapshot = databaseSnapshot.absolutePath }
    if embedDatabase { sources.embedsDatabase = true }
    if !includes.isEmpty { sources.includes = includes.map(\.absolutePath) }
    if let recoveryPasswordFile { sources.recoveryPasswordFile = recoveryPasswordFile.absolutePath }
    if allowIncomplete { sources.allowsIncomplete = true }
    return sources
  }

  /// - Parameter recorded: the snapshot that the state names.
  /// - Throws: `Problem` with status 64 when there is nothing to embed.
  func validateSnapshot(recorded: String?) throws {
    guard embedDatabase, databaseSnapshot == nil, recorded == nil else { return }
    throw Problem(.usage, "--embed-database needs --database-snapshot", hint: "name the snapshot to put in")
  }
}

extension String {
  /// The path as it stays right when another process, in another folder, reads it.
  var absolutePath: String {
    let path = FilePath(self)
    guard path.isRelative, let here = WorkingFolder.path else { return path.lexicallyNormalized().string }
    return here.pushing(path).lexicallyNormalized().string
  }
}
