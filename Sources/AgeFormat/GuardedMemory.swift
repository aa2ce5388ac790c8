internal import SecretMemory

/// Runs a step that needs guarded memory and gives its failure as this module's error.
func guarded<Result: ~Copyable>(
  _ body: () throws(SecretMemoryError) -> Result
) throws(AgeError) -> Result {
  do { return try body() } catch { throw .memory(error) }
}

extension SecretBytes {
  /// A second owner of the same bytes.
  borrowing func duplicated() throws(AgeError) -> SecretBytes {
    do { return try duplicate() } catch { throw .memory(error) }
  }

  /// Lends the address for reading, to a C function that knows the length. There is one even for no bytes.
  borrowing func withAddress<Result>(_ body: (UnsafeRawPointer) -> Result) -> Result {
    unsafe withUnsafeBytes { unsafe body($0.baseAddress!) }
  }

  /// Lends the address for writing, to a C function that knows the length. There is one even for no bytes.
  mutating func withMutableAddress<Result>(_ body: (UnsafeMutableRawPointer) -> Result) -> Result {
    unsafe withUnsafeMutableBytes { unsafe body($0.baseAddress!) }
  }
}
