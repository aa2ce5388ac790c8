internal import NextcloudStorage

/// What the examined files say, as findings: one for each outcome that occurs, the worst first; of what holds, what is whole.
struct FileFindings {
  let tally: FileTally
  /// How many private keys opened.
  let openKeys: Int
  /// Whether `--repair-sql` was given.
  let writesRepairs: Bool

  private struct Wording {
    let what: String
    let because: String
    var hint: String?
    var group = Finding.Group.files
  }

  var findings: [Finding] {
    var findings: [Finding] = []
    for outcome in FileOutcome.allCases where outcome != .whole {
      guard let counted = tally.outcomes[outcome] else { continue }
      let wording = wording(outcome, counted)
      let verdict: Verdict =
        outcome.fails
        ? .fails(because: wording.because) : outcome.isUnknown ? .unknown(because: wording.because) : .holds
      findings.append(
        Finding(
          outcome.rawValue, wording.group, verdict, wording.what, hint: wording.hint, count: counted.count,
          examples: counted.examples))
    }
    let whole = tally.count(.whole)
    if whole > 0 {
      let tested = Quantity.files(tally.tested)
      findings.insert(
        Finding(
          FileOutcome.whole.rawValue, .files, .holds,
          (whole == tally.tested ? "all \(tested)" : "\(Quantity.grouped(whole)) of \(tested)")
            + " tested decrypt, and fit the snapshot", count: whole),
        at: findings.firstIndex { $0.verdict == .holds } ?? findings.count)
    }
    return findings
  }

  private func wording(_ outcome: FileOutcome, _ counted: FileTally.Counted) -> Wording {
    let number = counted.count
    let one = number == 1
    let files = Quantity.files(number)
    let whose = owners(of: counted)
    let reason = counted.reason ?? ""
    let copyAgain = "take them from an earlier backup, or copy them again from the server; then check disk and transfer"
    switch outcome {
    case .damaged:
      return Wording(
        what: "\(files)\(whose) \(one ? "is" : "are") damaged", because: "blocks do not fit their signature: \(reason)",
        hint: copyAgain)
    case .garbled:
      return Wording(
        what:
          "\(files)\(whose) \(one ? "decrypts" : "decrypt") to something else than \(one ? "it" : "they") should be",
        because: "damaged where no signature covers it: \(reason)", hint: copyAgain)
    case .truncated:
      return Wording(what: "\(files)\(whose) \(one ? "is" : "are") cut off", because: reason, hint: copyAgain)
    case .headerDamaged:
      return Wording(
        what: "\(files)\(whose) \(one ? "has" : "have") a damaged header", because: reason,
        hint: copyAgain + "; the content behind the header may well be whole")
    case .missing:
      return Wording(
        what: "\(files)\(whose) that the snapshot has \(one ? "is" : "are") not in the backup",
        because: "nothing is where the snapshot says a file is",
        hint:
          "back up the whole data folder; files that were deleted between the file copy and the snapshot show here too")
    case .noKey: return keyWording(counted, whose, reason)
    case .unexpectedlyPlain:
      return mendable(
        what: "the snapshot calls \(files)\(whose) encrypted that \(one ? "is" : "are") plain",
        because: "Nextcloud would refuse \(one ? "it" : "them"): a header is expected and there is none",
        hint: "is it the snapshot of the same time? if it is, mend the database")
    case .rescanned:
      return mendable(
        what: "the snapshot calls \(files)\(whose) plain that \(one ? "is" : "are") encrypted, with the size on disk",
        because: "that is what files:scan leaves when it runs instead of restoring the database; "
          + "Nextcloud would hand out the encrypted bytes",
        hint: "use a snapshot from before the scan, or mend the database")
    case .rowSaysPlain:
      return mendable(
        what: "the snapshot calls \(files)\(whose) plain that \(one ? "is" : "are") encrypted",
        because:
          "Nextcloud would hand out the encrypted bytes: the snapshot is older than the files, or the number is wrong",
        hint: "take the snapshot after, not before, the file copy; or mend the database")
    case .newerThanSnapshot:
      return mendable(
        what: "the snapshot is older than \(Quantity.grouped(number)) of the files checked",
        because:
          "the files are signed with higher version numbers than the snapshot has, so Nextcloud would refuse them",
        hint: "take it after, not before, the file copy")
    case .olderThanSnapshot:
      return mendable(
        what: "the snapshot is newer than \(Quantity.grouped(number)) of the files checked",
        because:
          "the files are signed with lower version numbers than the snapshot has, so Nextcloud would refuse them: "
          + "they are older copies, or were rolled back",
        hint: "use a backup and a snapshot of the same time")
    case .rowVersionWrong:
      return mendable(
        what: "the snapshot has a wrong version number for \(files)\(whose), right in time and size",
        because: "Nextcloud would refuse \(one ? "it" : "them") with a bad signature, although nothing is lost",
        hint: "mend the database")
    case .noRow:
      return Wording(
        what: "\(files)\(whose) in the backup \(one ? "is" : "are") not in the snapshot",
        because: "the snapshot is older than \(one ? "it" : "they"), or a row was lost; Nextcloud would not show "
          + "\(one ? "it" : "them"), and files:scan would make \(one ? "it" : "them") unreadable",
        hint: "take the snapshot after, not before, the file copy; the content itself is whole",
        group: .snapshot)
    case .sizeWrong:
      return mendable(
        what: "the snapshot has a wrong size for \(files)\(whose)",
        because: "every signature holds, but Nextcloud expects the last block elsewhere and would refuse it",
        hint: "mend the database")
    case .plainSizeDiffers:
      return mendable(
        what:
          "\(files)\(whose) that \(one ? "is" : "are") not encrypted \(one ? "has" : "have") another size than the snapshot says",
        because: "the snapshot and the files are not of the same time",
        hint: "take the snapshot after, not before, the file copy")
    case .keyElsewhere:
      return Wording(
        what: "\(files)\(whose) open\(one ? "s" : "") only with keys that lie where Nextcloud does not look",
        because:
          "the file, its folder or its mount was moved or renamed without its keys, or an older release put them there",
        hint:
          "move the keys to the path of the file (occ encryption:fix-key-location for mounts); the details name both")
    case .otherMasterKey:
      return Wording(
        what: "\(files)\(whose) open\(one ? "s" : "") only with another master key than the one the database names",
        because: "Nextcloud asks only for the key of masterKeyId, and would refuse \(one ? "it" : "them")",
        hint: "put the id of the key that opens them into appconfig (encryption, masterKeyId), if most files have it")
    case .legacyRefused:
      return Wording(
        what: "Nextcloud would refuse \(files)\(whose) in an old format",
        because: "encryption.legacy_format_support is not on in the sealed config.php",
        hint: "set 'encryption.legacy_format_support' => true in config.php, and seal it with refresh")
    case .shareKeyDamaged:
      return Wording(
        what:
          "\(files)\(whose) \(one ? "reads, but not for everybody: a key of it is" : "read, but not for everybody: keys of them are") wrong",
        because: reason,
        hint: "take the folder of \(one ? "its" : "their") keys, below files_encryption/keys, from an earlier backup, "
          + "or share \(one ? "it" : "them") again after a restore")
    case .unknownFormat:
      return Wording(
        what: "\(files)\(whose) \(one ? "has" : "have") a header that this version does not know", because: reason,
        hint: "another encryption module wrote it, or the header is damaged")
    case .unreadable:
      return Wording(
        what: "\(files)\(whose) in the backup cannot be read", because: reason,
        hint: "check the permissions and the disk, and run the drill again")
    case .locked:
      return Wording(
        what: "\(files)\(whose) could not be opened without a password", because: reason,
        hint: "give --user-passwords, or --recovery-password-file where the recovery key may open them")
    case .notCompared:
      return Wording(
        what: "\(files)\(whose) \(one ? "decrypts" : "decrypt"), but there is no snapshot to compare with",
        because: "only the snapshot says which version of a file belongs to it, and how long it is",
        hint: "name one with --database-snapshot", group: .snapshot)
    case .lostZeroByte:
      return Wording(
        what: "\(files)\(whose) \(one ? "lacks its" : "lack their") last byte, a 0 that Nextcloud itself never wrote",
        because: "", hint: "nothing is wrong with the backup: after a restore, put a 0 at the end of the file again")
    case .plainVersion:
      return mendable(
        what: "\(one ? "1 older version\(whose) is" : "\(Quantity.grouped(number)) older versions\(whose) are") plain: "
          + "Nextcloud itself copied \(one ? "it" : "them") so",
        because: "", hint: "nothing is lost; Nextcloud refuses to show \(one ? "it" : "them")", group: .files)
    case .copiedVersionNumber:
      return mendable(
        what:
          "\(one ? "1 older version has" : "\(Quantity.grouped(number)) older versions\(whose) have") a number one too low"
          + ": Nextcloud itself copied \(one ? "it" : "them") so",
        because: "", hint: "nothing is lost; Nextcloud refuses to show \(one ? "it" : "them")", group: .files)
    case .restoredVersion:
      return Wording(
        what:
          "\(one ? "1 row of an older version has" : "\(Quantity.grouped(number)) rows of older versions have") no file"
          + ": Nextcloud left \(one ? "it" : "them") behind when a version was restored",
        because: "", hint: "nothing is lost: the version is the current file")
    case .unfinished:
      return Wording(
        what: "\(one ? "1 row" : "\(Quantity.grouped(number)) rows")\(whose) of an upload that did not come to its end "
          + "\(one ? "has" : "have") no file", because: "", hint: "nothing is lost")
    case .superseded:
      return Wording(
        what:
          "\(one ? "1 row has" : "\(Quantity.grouped(number)) rows have") no file, since the storage had another name "
          + "when \(one ? "it was" : "they were") written", because: "", hint: "nothing is lost")
    case .objectWithoutRow:
      return Wording(
        what:
          "\(one ? "1 object is" : "\(Quantity.grouped(number)) objects are") in the backup that the database does not know",
        because: "", hint: "left over by Nextcloud; nothing depends on \(one ? "it" : "them")")
    case .unsigned:
      return Wording(
        what: "\(files)\(whose) in a format of old releases without signatures: the content looks right",
        because: "", hint: "changes of single bits in \(one ? "it" : "them") cannot be seen; new uploads are signed")
    case .odd:
      return Wording(
        what: "\(files)\(whose) decrypt\(one ? "s" : "") and \(one ? "is" : "are") whole, but odd: \(reason)",
        because: "")
    case .whole: return Wording(what: "", because: "")
    }
  }

  /// Wrong rows, which `--repair-sql` mends.
  private func mendable(
    what: String, because: String, hint: String, group: Finding.Group = .snapshot
  ) -> Wording {
    let repair =
      writesRepairs
      ? "the statements that mend the database are written" : "--repair-sql FILE writes what mends the database"
    return Wording(what: what, because: because, hint: "\(hint); \(repair)", group: group)
  }

  private func keyWording(_ counted: FileTally.Counted, _ whose: String, _ reason: String) -> Wording {
    let files = Quantity.files(counted.count)
    let one = counted.count == 1
    if openKeys == 0 {
      return Wording(
        what: "no key opens \(files)", because: "no private key opens with what was sealed",
        hint: "see the findings on keys: until they open, nothing does")
    }
    if tally.opened == 0, counted.count > 1 {
      return Wording(
        what: "none of the \(Quantity.grouped(counted.count)) encrypted files tested opens with the sealed keys",
        because: reason,
        hint: "the keys open, so this is the backup of another instance, or the keys of its files are not in it "
          + "(files_encryption/keys), or were wrapped with another secret")
    }
    return Wording(
      what: "no key opens \(files)\(whose)", because: reason,
      hint:
        "look for \(one ? "its" : "their") folder below files_encryption/keys in an older backup, also under an earlier "
        + "name of the file, its folder or its mount")
  }

  /// ` of bob`, where all of them are one user's.
  private func owners(of counted: FileTally.Counted) -> String {
    guard counted.count > 1, counted.owners.count == 1, let owner = counted.owners.first,
      owner.value == counted.count, tally.strata.keys.count(where: { $0.dimension == .user }) > 1
    else { return "" }
    return " of \(owner.key)"
  }
}
