package import EscrowBundle
package import NextcloudKeys
package import SystemPackage

/// Why an instance could not be sealed, or the state not be used.
package enum RecoverabilityError: Error, Equatable {
  /// A restore from what would be sealed would fail; the parts say why.
  case wouldNotRestore([MissingPart])
  /// There is a file at the output path already.
  case outputExists(FilePath)
  /// The state folder belongs to an escrow that exists.
  case stateInUse(FilePath)
  /// No escrow was created with this state folder.
  case noState(FilePath)
  /// A file of the state folder is damaged or was written by a later version.
  case stateUnreadable(FilePath)
  /// Without a home folder there is no standard place for the state.
  case noHome
  /// Two files would have the same path in the bundle.
  case sameName(String)
  /// The revision that was just sealed does not open; nothing was put at the output path.
  case sealedFileDoesNotOpen(EscrowError)
  /// A file named for the bundle cannot be read, or the instance cannot.
  case cannotCollect(problem: String, hint: String)
  /// A file with passwords, or a password in it, is of no use here; what is wrong, and what to do.
  case cannotUsePasswords(String, hint: String)
  /// A person or the system asked to stop.
  case interrupted

  /// What happened, on one line.
  package var problem: String {
    switch self {
    case .wouldNotRestore(let parts):
      "a restore would fail, so nothing was sealed: " + parts.map(\.what).joined(separator: "; ")
    case .outputExists(let path): "\(path) exists already"
    case .stateInUse(let path): "\(path) holds the state of another escrow"
    case .noState(let path): "no escrow was created with the state folder \(path)"
    case .stateUnreadable(let path): "\(path) is damaged, or was written by a later provenkey"
    case .noHome: "there is no home folder to keep the state in"
    case .sameName(let name): "two files would be \(name) in the bundle"
    case .sealedFileDoesNotOpen(let error): "the file that was just sealed does not open (\(error.problem))"
    case .cannotCollect(let problem, _): problem
    case .cannotUsePasswords(let problem, _): problem
    case .interrupted: "interrupted"
    }
  }

  /// What a person can do about it, on one line.
  package var hint: String {
    switch self {
    case .wouldNotRestore(let parts):
      (parts.first.map { $0.hint + "; or s" } ?? "s") + "eal it all the same with --allow-incomplete"
    case .outputExists: "seal its next revision with refresh, or choose another name"
    case .stateInUse: "name another folder with --state, or seal that escrow's next revision with refresh"
    case .noState: "run create first, or name its folder with --state"
    case .stateUnreadable: "restore the state folder from a backup; or create a new escrow with another --state"
    case .noHome: "name a folder with --state"
    case .sameName: "rename one of the files given with --include"
    case .sealedFileDoesNotOpen: "nothing was changed; try again, and report this with the version"
    case .cannotCollect(_, let hint): hint
    case .cannotUsePasswords(_, let hint): hint
    case .interrupted: "nothing was changed; run the command again"
    }
  }
}
