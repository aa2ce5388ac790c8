import Foundation
import SecretMemory

/// Looks for a secret in the memory of this process.
enum MemoryScan {
  /// How often the bytes stand in memory that can be written, forwards or backwards; its own place counts as one.
  static func copies(of secret: borrowing SecretBytes) -> Int {
    guard
      // Not String(contentsOfFile:): it stops after the first 4 KiB of a file whose size is stated as 0.
      let file = FileHandle(forReadingAtPath: "/proc/self/maps"), let maps = try? file.readToEnd(),
      let memory = unsafe fopen("/proc/self/mem", "r"),
      var chunk = try? SecretBytes(zeroed: 1 << 20),
      var reversed = try? secret.duplicate()
    else { return -1 }
    defer { unsafe fclose(memory) }
    unsafe reversed.withUnsafeMutableBytes { bytes in
      for place in 0..<bytes.count / 2 { unsafe bytes.swapAt(place, bytes.count - 1 - place) }
    }
    // Both lie in mappings of their own, which are left out: they would find themselves.
    let own = [place(of: chunk), place(of: reversed)]
    var found = 0
    for line in String(decoding: maps, as: UTF8.self).split(separator: "\n") where line.contains(" rw-p ") {
      let ends = line.prefix { $0 != " " }.split(separator: "-").compactMap { UInt($0, radix: 16) }
      guard ends.count == 2, !own.contains(where: (ends[0]..<ends[1]).contains) else { continue }
      var start = ends[0]
      while start < ends[1] {
        let count = unsafe chunk.withUnsafeMutableBytes { chunk in
          unsafe pread(fileno(memory), chunk.baseAddress!, min(chunk.count, Int(ends[1] - start)), off_t(start))
        }
        guard count > 0 else { break }
        found += hits(secret, chunk, count) + hits(reversed, chunk, count)
        start += UInt(count)
      }
    }
    return found
  }

  private static func place(of secret: borrowing SecretBytes) -> UInt {
    unsafe secret.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) }
  }

  private static func hits(_ needle: borrowing SecretBytes, _ chunk: borrowing SecretBytes, _ count: Int) -> Int {
    unsafe needle.withUnsafeBytes { needle in
      unsafe chunk.withUnsafeBytes { chunk in
        var found = 0
        var from = 0
        while from + needle.count <= count,
          let hit = unsafe memchr(chunk.baseAddress! + from, Int32(needle[0]), count - from - needle.count + 1)
        {
          from = unsafe UnsafeRawPointer(hit) - chunk.baseAddress! + 1
          if unsafe memcmp(hit, needle.baseAddress!, needle.count) == 0 { found += 1 }
        }
        return found
      }
    }
  }
}
