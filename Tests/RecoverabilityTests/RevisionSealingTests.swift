import AgeFormat
import EscrowBundle
import Foundation
import Recoverability
import SecretMemory
import SystemPackage
import Testing

/// An escrow being made and refreshed, without the command.
private struct Escrowed: ~Copyable {
  let workplace: Workplace
  let identity: EscrowIdentity
  let state: EscrowState
  let signingKey: SigningKey

  init(_ instance: String = "nc32-sqlite-master") throws {
    let workplace = try Workplace()
    let identity = try EscrowIdentity.random()
    let signingKey = try SigningKey.random()
    let sources = workplace.sources(try workplace.copy(instance))
    let state = EscrowState(
      escrow: try EscrowID.random(), recipient: try identity.recipient().encoded, passphraseStanza: nil,
      signerStanza: StoredStanza(try SignerStanza(certifying: signingKey.publicKey, by: identity).stanza),
      furtherRecipients: [], sources: sources)
    self.workplace = workplace
    self.identity = identity
    self.signingKey = signingKey
    self.state = state
  }

  var folder: FilePath { FilePath(workplace.path("state")) }
  var output: FilePath { FilePath(state.sources.output) }

  borrowing func create() throws {
    let key = try SigningKey(seed: try signingKey.withBytes { try SecretBytes(copying: $0) })
    var sealing = try RevisionSealing(creating: state, in: StateFolder(at: folder, creating: true))
    _ = try sealing.seal(
      InstanceCollector(state.sources).collect(), at: Date(), signingKey: key, progress: { (_) throws(EscrowError) in })
  }

  borrowing func refresh() throws -> Int {
    var sealing = try RevisionSealing(refreshing: StateFolder(at: folder, creating: false)) { $0 }
    return try sealing.seal(
      InstanceCollector(sealing.state.sources).collect(), at: Date(), progress: { (_) throws(EscrowError) in }
    ).manifest.revision
  }

  borrowing func opened() throws -> Escrow.Opened {
    try Escrow.open(FileSource(output), with: .escrowIdentity(try identity.duplicate()))
  }
}

@Suite struct RevisionSealingTests {
  @Test func revisionsGrowAndEachOpens() throws {
    let escrowed = try Escrowed()
    try escrowed.create()
    #expect(try escrowed.opened().manifest.revision == 1)
    for revision in 2...4 {
      #expect(try escrowed.refresh() == revision)
      let opened = try escrowed.opened()
      #expect(opened.manifest.revision == revision)
      #expect(opened.manifest.escrow == escrowed.state.escrow)
    }
    let mode = try FileManager.default.attributesOfItem(atPath: escrowed.folder.appending("signing.key").string)
    #expect(mode[.posixPermissions] as? Int == 0o600)
  }

  @Test func aStateFolderServesOneEscrow() throws {
    let escrowed = try Escrowed()
    try escrowed.create()
    #expect(throws: RecoverabilityError.stateInUse(escrowed.folder)) { try escrowed.create() }
    #expect(throws: RecoverabilityError.noState("/nonexistent/state")) {
      _ = try StateFolder(at: "/nonexistent/state", creating: false)
    }
  }

  @Test func whatStopsASealingLeavesTheOldRevision() throws {
    let escrowed = try Escrowed()
    try escrowed.create()
    let before = try Data(contentsOf: URL(filePath: escrowed.output.string))
    #expect(throws: EscrowError.interrupted) {
      var sealing = try RevisionSealing(refreshing: StateFolder(at: escrowed.folder, creating: false)) { $0 }
      _ = try sealing.seal(
        InstanceCollector(sealing.state.sources).collect(), at: Date(),
        progress: { (_) throws(EscrowError) in throw .interrupted })
    }
    #expect(try Data(contentsOf: URL(filePath: escrowed.output.string)) == before)
    #expect(try escrowed.refresh() == 2)
  }

  /// The two states that a kill around the rename leaves.
  @Test(arguments: [true, false]) func aPendingRevisionCountsIfItArrived(arrived: Bool) throws {
    let escrowed = try Escrowed()
    try escrowed.create()
    do {
      let folder = try StateFolder(at: escrowed.folder, creating: false)
      var state = try #require(try folder.load())
      let last = try #require(state.last)
      state.pending = last
      state.pending?.number = 7
      if !arrived { state.pending?.sha256 = String(repeating: "0", count: 64) }
      try folder.save(state)
    }
    // Arrived or not, the number is not used again.
    #expect(try escrowed.refresh() == 8)
    let folder = try StateFolder(at: escrowed.folder, creating: false)
    let state = try #require(try folder.load())
    #expect(state.last?.number == 8)
    #expect(state.pending == nil)
  }

  @Test func aStateThatIsNoneIsSaidToBe() throws {
    let escrowed = try Escrowed()
    try escrowed.create()
    let file = escrowed.folder.appending("escrow.json")
    for text in ["", "{}", "[1]", "{\"schema\": \"provenkey.state/9\"}"] {
      try Data(text.utf8).write(to: URL(filePath: file.string))
      #expect(throws: RecoverabilityError.stateUnreadable(file)) { _ = try escrowed.refresh() }
    }
  }
}
