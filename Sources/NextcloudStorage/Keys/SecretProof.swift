internal import SecretMemory

extension KeyMaterial {
  /// Which of the secrets unwraps a value that the instance encrypted for itself: an oracle that does not depend on any
  /// key file.
  ///
  /// - Parameter text: an ICrypto string.
  /// - Returns: the index of the secret; nil when none does, or the text is no such string.
  package borrowing func secretIndex(unwrapping text: String) -> Int? {
    guard let wrapped = unsafe ICryptoText([UInt8](text.utf8).span.bytes) else { return nil }
    for index in 0..<secretCount where (try? wrapped.open(secret: secrets[index].bytes) { _ in true }) != nil {
      return index
    }
    return nil
  }
}
