/// What keeps content from being examined at all; never the fault of one file.
package enum ContentError: Error, Equatable {
  /// libcrypto or guarded memory cannot be had.
  case unavailable(String)

  /// What happened, on one line.
  package var problem: String {
    switch self {
    case .unavailable(let what): "files cannot be decrypted on this machine: \(what)"
    }
  }

  /// What to do, on one line.
  package var hint: String {
    switch self {
    case .unavailable: "raise the limits on memory (ulimit -l, ulimit -v), or install OpenSSL's libcrypto 3 anew"
    }
  }
}
