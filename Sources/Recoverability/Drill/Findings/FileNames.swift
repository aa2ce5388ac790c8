internal import FoundationEssentials
package import NextcloudStorage
internal import SystemPackage

extension ContentFile {
  /// What a person calls it: `alice: notes.txt`, `alice: notes.txt, version of 2025-10-10 12:00`.
  package var personName: String {
    let whose: String? =
      switch place {
      case .home(let user): user
      case .external, .teamFolder: place.name
      case .unknown: owner
      }
    let name = logicalPath.isEmpty ? path.string : logicalPath
    let what: String =
      switch kind {
      case .file, .unknownObject: name
      case .version: versionTime.map { "\(name), version of \($0)" } ?? "\(name), an older version"
      case .trash: "\(name), in the trash"
      case .trashVersion:
        versionTime.map { "\(name), in the trash, version of \($0)" } ?? "\(name), in the trash, an older version"
      }
    return whose.map { "\($0): \(what)" } ?? what
  }

  /// When the version was written, from the `.v1760066000` in its path.
  private var versionTime: String? {
    let text = row?.path ?? path.string
    for part in text.split(separator: ".").reversed() where part.first == "v" {
      if let seconds = Int64(part.dropFirst().prefix { $0.isNumber }), seconds > 0, seconds < 253_402_300_800 {
        let time = Date(timeIntervalSince1970: Double(seconds)).ISO8601Format()
        return "\(time.prefix(10)) \(time.dropFirst(11).prefix(5))"
      }
    }
    return nil
  }
}

extension ContentResult {
  /// What was found, on one line.
  package var detail: String {
    switch status {
    case .verified, .plain: notes.joined(separator: "; ")
    case .otherVersion(let found, let expected): "signed as version \(found); the snapshot says \(expected)"
    case .noRow(let version?): "whole, signed as version \(version); the snapshot does not have it"
    case .noRow(nil): "the snapshot does not have it"
    case .unsigned: "a format without signatures; the content looks right"
    case .badBlocks(let first, let count):
      count == 1
        ? "block \(first.first.map(String.init) ?? "?") is damaged"
        : "\(count) blocks are damaged, the first of them \(first.map(String.init).joined(separator: ", "))"
    case .garbled(let because): because
    case .truncated(let plain, let expected?): "\(plain) bytes are left; the snapshot says \(expected)"
    case .truncated(let plain, nil): "cut off; \(plain) bytes are left"
    case .lostZeroByte: "the last byte, a 0, was never written by the server"
    case .plainCopyOfServer: "the server copied this version without encrypting it, and noted it as encrypted"
    case .unexpectedlyPlain: "the snapshot says encrypted, and the file is plain"
    case .unexpectedlyEncrypted(let version):
      "the snapshot says plain, and the file is encrypted" + (version.map { " (signed as version \($0))" } ?? "")
    case .wrongSize(let plain, let expected): "\(plain) bytes, all of them right; the snapshot says \(expected)"
    case .noKey(let because): because
    case .locked(let users): "only a password opens it: of \(users.joined(separator: ", "))"
    case .unknownFormat(let because): because
    case .damagedHeader(let because): because
    case .unreadable(let because): because
    case .missing: "the snapshot has it, and the backup does not"
    }
  }
}
