internal import EscrowBundle
internal import FoundationEssentials
internal import NextcloudKeys
internal import NextcloudStorage
internal import Recoverability

/// What `create` and `refresh` say when they are done, for a person or as one document.
struct SealingReport {
  let collected: CollectedInstance
  let sealed: Escrow.Sealed
  let output: String
  let stateFolder: String
  /// Whether the sealed file was opened again before it was put at its place.
  let wasOpened: Bool

  /// The answer for a person: one screen, the most important first.
  var text: String {
    let manifest = sealed.manifest
    var table = Table()
    table.add(
      "sealed", "\(output), revision \(manifest.revision), \(Amount.bytes(sealed.size))", "SHA-256 \(sealed.sha256)")
    table.add("instance", InstanceText.line(manifest.instance))
    table.add("data", "\(collected.dataFolder) (\(collected.dataReason))")
    table.add("keys", InstanceText.keys(collected.keys))
    table.add("users", coverage)
    table.add("snapshot", InstanceText.snapshot(manifest.snapshot))
    table.add("included", collected.included.map { "\($0.path), from \($0.from)" })
    table.add("missing", collected.missing.filter { $0.id != "snapshot" || $0.preventsRestore }.map(\.what))
    if wasOpened { table.add("opens", "yes: it was opened again, and every member compared, before it was put there") }
    table.add("state", "\(stateFolder): what `provenkey refresh` needs; it opens nothing")
    table.add("next", "keep \(output) away from the backup; run `provenkey refresh` each night")
    return table.text
  }

  /// Whose files only their own passwords open; nothing with a master key.
  private var coverage: [String] {
    let hasKey = collected.isRecoveryKeyProven
    let own = collected.coverage.filter { !hasKey || $0.withoutRecoveryKey > 0 }.map { user in
      hasKey && user.withRecoveryKey > 0
        ? "\(user.user) (\(user.withoutRecoveryKey) of \(user.files) files)" : "\(user.user) (\(user.files))"
    }
    let covered = collected.coverage.filter { hasKey && $0.withoutRecoveryKey == 0 }.map(\.user)
    return [
      own.isEmpty ? nil : "only their own passwords open files of: \(own.joined(separator: ", "))",
      covered.isEmpty ? nil : "the recovery key opens all files of: \(covered.joined(separator: ", "))",
    ].compactMap(\.self)
  }

  /// One JSON document, schema `provenkey.sealed/1`.
  func json() throws -> String {
    try JSONAnswer.text(
      Document(
        output: output, revision: sealed.manifest.revision, size: sealed.size, sha256: sealed.sha256,
        state: stateFolder, manifest: sealed.manifest, warnings: collected.warnings,
        missing: collected.missing,
        users: collected.coverage.map { user in
          Document.User(
            user: user.user, files: user.files,
            onlyOwnPassword: collected.isRecoveryKeyProven ? user.withoutRecoveryKey : user.files)
        }))
  }

  private struct Document: Encodable {
    struct User: Encodable {
      let user: String
      let files: Int
      let onlyOwnPassword: Int

      enum CodingKeys: String, CodingKey {
        case user, files
        case onlyOwnPassword = "only_own_password"
      }
    }

    let schema = "provenkey.sealed/1"
    let output: String
    let revision: Int
    let size: Int
    let sha256: String
    let state: String
    let manifest: Manifest
    let warnings: [String]
    let missing: [MissingPart]
    let users: [User]
  }
}

/// Answers as one JSON document.
enum JSONAnswer {
  /// Sorted keys, dates as RFC 3339, one newline at the end.
  static func text(_ document: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    encoder.dateEncodingStrategy = .iso8601
    return String(decoding: try encoder.encode(document), as: UTF8.self) + "\n"
  }
}
