internal import CSodium

#if canImport(Glibc)
  internal import Glibc
#endif

/// A thread whose stack is locked, left out of core dumps, and wiped: for C functions that hash a secret and leave
/// their state behind on the stack.
enum GuardedStack {
  /// In bytes: many times what libsodium's Argon2id needs.
  private static let count = 512 * 1024

  /// Runs a C function there and waits for it.
  ///
  /// - Parameter body: gets the argument; it must not throw or allocate what outlives it.
  /// - Throws: `SecretMemoryError.outOfMemory` when there is no stack or no thread to be had.
  static func run(
    _ body: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer?, _ argument: UnsafeMutableRawPointer
  ) throws(SecretMemoryError) {
    let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK
    guard let stack = unsafe mmap(nil, count, PROT_READ | PROT_WRITE, flags, -1, 0), unsafe stack != MAP_FAILED else {
      throw .outOfMemory(bytes: count)
    }
    defer { unsafe munmap(stack, count) }
    _ = unsafe mlock(stack, count)
    _ = unsafe madvise(stack, count, MADV_DONTDUMP)
    defer { unsafe sodium_memzero(stack, count) }
    var attributes = pthread_attr_t()
    guard unsafe pthread_attr_init(&attributes) == 0 else { throw .outOfMemory(bytes: count) }
    defer { unsafe pthread_attr_destroy(&attributes) }
    var thread = pthread_t()
    guard unsafe pthread_attr_setstack(&attributes, stack, count) == 0,
      unsafe pthread_create(&thread, &attributes, body, argument) == 0
    else { throw .outOfMemory(bytes: count) }
    pthread_join(thread, nil)
  }
}
