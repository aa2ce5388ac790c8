internal import COpenSSL
internal import SecretMemory

/// PBKDF2 with HMAC (RFC 8018 §5.2), all of whose states are in guarded memory.
///
/// It is composed of libcrypto's digests. libcrypto's own PBKDF2 would keep a copy of the password in ordinary memory as
/// long as it computes, which for a private key of Nextcloud is most of the time that `refresh` runs.
enum PBKDF2 {
  /// - Parameters:
  ///   - iterations: at least 1.
  ///   - count: the length of the key in bytes, at least 1.
  static func key(
    password: borrowing SecretBytes, salt: RawSpan, iterations: Int, digest: LibCrypto.Digest, count: Int
  ) throws(LibCrypto.Unavailable) -> SecretBytes {
    switch digest {
    case .sha1: try key(SHA1Context.self, password, salt, iterations, count)
    case .sha256: try key(SHA256Context.self, password, salt, iterations, count)
    case .sha512: throw LibCrypto.Unavailable(problem: "PBKDF2 with SHA512 is not used by any Nextcloud")
    }
  }

  /// Where things lie in the workspace; the contexts have less than 128 bytes.
  private enum Place {
    static let inner = 0
    static let outer = 128
    static let running = 256
    static let pad = 384
    static let value = 448
    static let sum = 512
    static let end = 576
  }

  private static func key<Context: DigestContext>(
    _: Context.Type, _ password: borrowing SecretBytes, _ salt: RawSpan, _ iterations: Int, _ count: Int
  ) throws(LibCrypto.Unavailable) -> SecretBytes {
    var work = try LibCrypto.memory(Place.end)
    var key = try LibCrypto.memory(count)
    unsafe work.withUnsafeMutableBytes { work in
      guard let base = work.baseAddress else { return }
      let inner = unsafe (base + Place.inner).assumingMemoryBound(to: Context.State.self)
      let outer = unsafe (base + Place.outer).assumingMemoryBound(to: Context.State.self)
      let running = unsafe (base + Place.running).assumingMemoryBound(to: Context.State.self)
      let pad = unsafe (base + Place.pad).assumingMemoryBound(to: UInt8.self)
      let value = unsafe (base + Place.value).assumingMemoryBound(to: UInt8.self)
      let sum = unsafe (base + Place.sum).assumingMemoryBound(to: UInt8.self)

      // HMAC (RFC 2104): a key longer than a block is replaced by its digest; then zeros follow.
      unsafe password.withUnsafeBytes { password in
        if password.count > 64 {
          unsafe Context.start(running)
          unsafe Context.update(running, password.baseAddress, password.count)
          unsafe Context.finish(running, pad)
        } else if let start = password.baseAddress {
          unsafe UnsafeMutableRawPointer(pad).copyMemory(from: start, byteCount: password.count)
        }
      }
      for index in 0..<64 { unsafe pad[index] ^= 0x36 }
      unsafe Context.start(inner)
      unsafe Context.update(inner, pad, 64)
      for index in 0..<64 { unsafe pad[index] ^= 0x36 ^ 0x5c }
      unsafe Context.start(outer)
      unsafe Context.update(outer, pad, 64)

      unsafe key.withUnsafeMutableBytes { key in
        var written = 0
        var block: UInt32 = 0
        while written < key.count {
          block += 1
          unsafe running.update(from: inner, count: 1)
          unsafe salt.withUnsafeBytes { unsafe Context.update(running, $0.baseAddress, $0.count) }
          let number = block.bigEndian
          unsafe withUnsafeBytes(of: number) { unsafe Context.update(running, $0.baseAddress, $0.count) }
          for iteration in 0..<max(iterations, 1) {
            if iteration > 0 {
              unsafe running.update(from: inner, count: 1)
              unsafe Context.update(running, value, Context.count)
            }
            unsafe Context.finish(running, value)
            unsafe running.update(from: outer, count: 1)
            unsafe Context.update(running, value, Context.count)
            unsafe Context.finish(running, value)
            for index in 0..<Context.count {
              if iteration == 0 { unsafe sum[index] = 0 }
              unsafe sum[index] ^= value[index]
            }
          }
          for index in 0..<min(Context.count, key.count - written) { unsafe key[written + index] = sum[index] }
          written += Context.count
        }
      }
    }
    return key
  }
}

/// A digest of libcrypto whose state is a plain structure, which can lie where we want it and be copied.
private protocol DigestContext {
  associatedtype State
  /// In bytes.
  static var count: Int { get }
  static func start(_ state: UnsafeMutablePointer<State>)
  static func update(_ state: UnsafeMutablePointer<State>, _ bytes: UnsafeRawPointer?, _ count: Int)
  static func finish(_ state: UnsafeMutablePointer<State>, _ digest: UnsafeMutablePointer<UInt8>)
}

private enum SHA1Context: DigestContext {
  static var count: Int { 20 }
  static func start(_ state: UnsafeMutablePointer<SHA_CTX>) { unsafe SHA1_Init(state) }
  static func update(_ state: UnsafeMutablePointer<SHA_CTX>, _ bytes: UnsafeRawPointer?, _ count: Int) {
    unsafe SHA1_Update(state, bytes, count)
  }
  static func finish(_ state: UnsafeMutablePointer<SHA_CTX>, _ digest: UnsafeMutablePointer<UInt8>) {
    unsafe SHA1_Final(digest, state)
  }
}

private enum SHA256Context: DigestContext {
  static var count: Int { 32 }
  static func start(_ state: UnsafeMutablePointer<SHA256_CTX>) { unsafe SHA256_Init(state) }
  static func update(_ state: UnsafeMutablePointer<SHA256_CTX>, _ bytes: UnsafeRawPointer?, _ count: Int) {
    unsafe SHA256_Update(state, bytes, count)
  }
  static func finish(_ state: UnsafeMutablePointer<SHA256_CTX>, _ digest: UnsafeMutablePointer<UInt8>) {
    unsafe SHA256_Final(digest, state)
  }
}
