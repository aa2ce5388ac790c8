// What OpenSSL can do at most with one file of Nextcloud after the other: for each block of 8,192 bytes AES-256-CTR and
// HMAC-SHA256 of its 8,096 bytes of ciphertext, as `openssl speed` does them, one key throughout; for each small file one
// private operation of RSA-4096. No program that decrypts and verifies with OpenSSL is faster.
//
//     limits THREADS SECONDS [FILE]
//
// With a file the blocks are read from it, from its beginning to its end and again, as a backup is: that a file lies in
// memory already does not mean that reading it costs nothing. Prints a name and two numbers a line: MB or operations in
// a second of processor time, and in a second of the clock.

import COpenSSL
import Dispatch
import Glibc

/// Does something again and again on several threads.
struct Measure {
  let threads: Int
  let seconds: Double

  private static func time(_ clock: clockid_t) -> Double {
    var time = timespec()
    clock_gettime(clock, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  /// - Parameter make: makes what one thread does; each call of that returns how much it did.
  func run(_ name: String, _ make: @escaping @Sendable () -> () -> Double) {
    let done = UnsafeMutablePointer<(amount: Double, time: Double, clock: Double)>.allocate(capacity: threads)
    defer { done.deallocate() }
    nonisolated(unsafe) let results = done
    DispatchQueue.concurrentPerform(iterations: threads) { thread in
      let body = make()
      var amount = 0.0
      _ = body()
      let (start, clock) = (Self.time(CLOCK_THREAD_CPUTIME_ID), Self.time(CLOCK_MONOTONIC))
      var time = 0.0
      while time < seconds {
        amount += body()
        time = Self.time(CLOCK_THREAD_CPUTIME_ID) - start
      }
      (results + thread).initialize(to: (amount, time, Self.time(CLOCK_MONOTONIC) - clock))
    }
    let all = UnsafeBufferPointer(start: done, count: threads)
    let perTime = all.reduce(0) { $0 + $1.amount } / all.reduce(0) { $0 + $1.time }
    print(name, perTime, all.reduce(0) { $0 + $1.amount / $1.clock })
  }
}

/// The blocks of one thread.
final class Blocks {
  static let blockCount = 8192
  static let cipherCount = 8096
  /// As many as provenkey reads at once.
  static let pieceCount = 64 * blockCount

  private let cipher = EVP_CIPHER_CTX_new()
  private let mac = HMAC_CTX_new()
  private let piece = UnsafeMutablePointer<UInt8>.allocate(capacity: pieceCount)
  private let plain = UnsafeMutablePointer<UInt8>.allocate(capacity: blockCount)
  private let file: Int32
  private let fileCount: Int
  private var offset = 0

  init(_ path: String?) {
    let key = [UInt8](repeating: 7, count: 32)
    piece.initialize(repeating: 1, count: Self.pieceCount)
    file = path.map { open($0, O_RDONLY) } ?? -1
    fileCount = file < 0 ? 0 : lseek(file, 0, SEEK_END)
    precondition(
      EVP_DecryptInit_ex2(cipher, EVP_aes_256_ctr(), key, key, nil) == 1
        && HMAC_Init_ex(mac, key, Int32(key.count), EVP_sha256(), nil) == 1 && (path == nil || fileCount > 0))
  }

  /// - Returns: the megabytes of plaintext.
  func piece(isRead: Bool) -> Double {
    var count = Self.pieceCount
    if isRead {
      count = pread(file, piece, count, offset) / Self.blockCount * Self.blockCount
      offset = count <= 0 ? 0 : offset + count
    }
    var start = 0
    while start < count {
      var written: Int32 = 0
      var length: UInt32 = 0
      let iv = piece + start + Self.cipherCount + 6
      precondition(
        HMAC_Init_ex(mac, nil, 0, nil, nil) == 1 && HMAC_Update(mac, piece + start, Self.cipherCount) == 1
          && HMAC_Final(mac, plain, &length) == 1 && EVP_DecryptInit_ex2(cipher, nil, nil, iv, nil) == 1
          && EVP_DecryptUpdate(cipher, plain, &written, piece + start, Int32(Self.cipherCount)) == 1)
      start += Self.blockCount
    }
    return Double(count / Self.blockCount * Self.cipherCount) / 1e6
  }
}

@main enum Limits {
  static func main() {
    let arguments = CommandLine.arguments
    guard arguments.count >= 3, let threads = Int(arguments[1]), let seconds = Double(arguments[2]) else {
      print("limits THREADS SECONDS [FILE]")
      exit(64)
    }
    let measure = Measure(threads: threads, seconds: seconds)
    let file = arguments.count > 3 ? arguments[3] : nil
    measure.run("blocks") {
      let blocks = Blocks(nil)
      return { blocks.piece(isRead: false) }
    }
    if let file {
      measure.run("blocks-read") {
        let blocks = Blocks(file)
        return { blocks.piece(isRead: true) }
      }
    }
    // Made once: it takes longer than anything else here.
    let key = UInt(bitPattern: makeRSAKey(4096))
    measure.run("rsa-4096") {
      let context = EVP_PKEY_CTX_new(OpaquePointer(bitPattern: key), nil)
      precondition(
        EVP_PKEY_decrypt_init(context) == 1 && EVP_PKEY_CTX_set_rsa_padding(context, RSA_NO_PADDING) == 1)
      let input = [UInt8](repeating: 1, count: 512)
      var output = [UInt8](repeating: 0, count: 512)
      return {
        var count = output.count
        precondition(EVP_PKEY_decrypt(context, &output, &count, input, input.count) == 1)
        return 1
      }
    }
  }
}
