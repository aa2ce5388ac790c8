internal import EscrowBundle
internal import FoundationEssentials

/// What opening the escrow showed; one that does not open ends the drill before any finding.
struct EscrowFindings {
  let sealed: SealedMaterial

  var opened: Finding {
    let manifest = sealed.manifest
    let what =
      "the escrow opens: revision \(manifest.revision), sealed \(Quantity.instant(Int64(manifest.sealedAtSeconds ?? 0)))"
    guard sealed.opened.isSignerProven else {
      return Finding(
        "signer-unproven", .escrow, .unknown(because: "it was opened with an identity that cannot tell who sealed it"),
        what, hint: "open it with the passphrase or shares")
    }
    return Finding("escrow-opens", .escrow, .holds, what + " by the instance itself")
  }
}
