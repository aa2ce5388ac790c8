internal import DatabaseSnapshots
internal import DurableFiles
package import EscrowBundle
internal import FoundationEssentials
package import NextcloudKeys
package import NextcloudStorage
internal import SecretMemory
internal import SystemPackage

/// Everything of an instance that a restore needs, collected and proven, ready to be sealed.
package final class CollectedInstance {
  package let identity: InstanceIdentity
  /// What trying each key file gave.
  package let keys: [KeyRecord]
  /// What is missing or does not fit, what prevents a restore first.
  package let missing: [MissingPart]
  /// The snapshot, if one was named and could be read.
  package let snapshot: Manifest.Snapshot?
  package let included: [Manifest.Included]
  /// What a person should know, one line each.
  package let warnings: [String]
  /// Where the data folder was found, and why there.
  package let dataFolder: String
  package let dataReason: String
  /// Per-user keys: how many files of each user only passwords open.
  package let coverage: [UserKeyCoverage]
  /// Whether the recovery key opened with the password that was given.
  package let isRecoveryKeyProven: Bool

  let members: [BundleMember]

  /// What a restore fails without.
  package var preventing: [MissingPart] { missing.filter(\.preventsRestore) }

  init(
    identity: InstanceIdentity, keys: [KeyRecord], missing: [MissingPart], snapshot: Manifest.Snapshot?,
    included: [Manifest.Included], warnings: [String], folders: InstanceFolders, coverage: [UserKeyCoverage],
    isRecoveryKeyProven: Bool, members: [BundleMember]
  ) {
    self.identity = identity
    self.keys = keys
    self.missing = missing
    self.snapshot = snapshot
    self.included = included
    self.warnings = warnings
    self.dataFolder = folders.data.string
    self.dataReason = folders.dataReason
    self.coverage = coverage
    self.isRecoveryKeyProven = isRecoveryKeyProven
    self.members = members
  }

  /// The draft of the manifest for a revision.
  func manifest(escrow: EscrowID, revision: Int, at time: Date) -> Manifest {
    Manifest(
      escrow: escrow, revision: revision, sealedAt: time, sealedBy: "provenkey \(Release.version)", instance: identity,
      keys: keys, snapshot: snapshot,
      missing: missing.map { Manifest.Missing(id: $0.id, what: $0.what, hint: $0.hint) }, included: included)
  }
}
