/// What can go wrong with memory for secrets and with the functions that fill it.
public enum SecretMemoryError: Error, Equatable {
  /// Guarded memory of that size cannot be had: the memory or the number of mappings is used up.
  case outOfMemory(bytes: Int)
  /// libsodium could not be started: no source of randomness, for one.
  case libraryUnavailable
  /// Argon2id parameters outside of what is accepted, with what is wrong about them.
  case parameters(String)
}

extension SecretMemoryError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .outOfMemory(let bytes): "no locked memory for \(bytes) bytes can be had"
    case .libraryUnavailable: "libsodium cannot be started"
    case .parameters(let why): why
    }
  }
}
