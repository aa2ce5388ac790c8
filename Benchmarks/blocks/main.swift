// Measures decrypting itself, without the drill around it: one large file on one core, many small ones on one core and on
// all of them. Built by Benchmarks/content, which says what to compare it with.

import Dispatch
import Foundation
import NextcloudKeys
import SecretMemory

@testable import NextcloudStorage

struct FileSource: ContentSource {
  let descriptor: Int32
  let size: Int64

  init(_ path: String) {
    descriptor = open(path, O_RDONLY)
    size = Int64(lseek(descriptor, 0, SEEK_END))
  }

  func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    pread(descriptor, buffer.baseAddress, buffer.count, off_t(offset))
  }
}

@main enum Blocks {
  /// Seconds of processor time, as `openssl speed` counts them, so that other work on the machine does not matter.
  static func seconds(_ body: () throws -> Void) rethrows -> Double {
    func now() -> Double {
      var time = timespec()
      clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
      return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
    let start = now()
    try body()
    return now() - start
  }

  static func keys(_ data: String, _ name: String) throws -> FileKeyFiles {
    let folder = "\(data)/alice/files_encryption/keys/files/bench/\(name)/OC_DEFAULT_MODULE"
    let shareKeys = try FileManager.default.contentsOfDirectory(atPath: folder).map {
      FileKeyFiles.ShareKey(
        keyID: String($0.dropLast(9)), bytes: [UInt8](try Data(contentsOf: URL(filePath: "\(folder)/\($0)"))))
    }
    return FileKeyFiles(folder: folder, shareKeys: shareKeys, fileKey: nil)
  }

  static func main() throws {
    let root = CommandLine.arguments[1]
    let data = root + "/data"
    let config = try String(contentsOfFile: root + "/config/config.php", encoding: .utf8)
    func value(_ key: String) -> String { String(config.firstMatch(of: try! Regex("'\(key)' => '([^']*)'"))!.output[1].substring!) }
    var material = KeyMaterial()
    material.add(secret: try SecretBytes(copying: [UInt8](value("secret").utf8)))
    material.add(instanceID: value("instanceid"))
    let pairs = "\(data)/files_encryption/OC_DEFAULT_MODULE"
    let files = try FileManager.default.contentsOfDirectory(atPath: pairs).map {
      KeyFile(
        path: "files_encryption/OC_DEFAULT_MODULE/\($0)",
        bytes: [UInt8](try Data(contentsOf: URL(filePath: "\(pairs)/\($0)"))))
    }
    let ring = try KeyRing(files, with: material)
    let examiner = try ContentExaminer(ring: ring)

    let large = FileSource("\(data)/alice/files/bench/large.bin")
    let largeKeys = try keys(data, "large.bin")
    let plain = (large.size - 8192) / 8192 * 8096
    let expectation = ContentExpectation(version: 1, plainSizes: [], name: "large.bin")
    var best = Double.infinity
    for _ in 0..<5 {
      let time = seconds {
        let result = examiner.examine(large, expecting: expectation, keys: { $0 == 0 ? largeKeys : nil })
        precondition(result.status == .verified, "\(result)")
      }
      best = min(best, time)
    }
    print("large", Double(plain) / best / 1e6)

    let names = try FileManager.default.contentsOfDirectory(atPath: "\(data)/alice/files/bench")
      .filter { $0.hasPrefix("small-") }.sorted()
    for workers in [1, ProcessInfo.processInfo.activeProcessorCount] {
      let count = min(names.count, 250 * workers)
      let time = seconds {
        DispatchQueue.concurrentPerform(iterations: workers) { worker in
          let examiner = try! ContentExaminer(ring: ring)
          for index in stride(from: worker, to: count, by: workers) {
            let source = FileSource("\(data)/alice/files/bench/\(names[index])")
            let result = examiner.examine(
              source, expecting: expectation, keys: { $0 == 0 ? try keys(data, names[index]) : nil })
            precondition(result.status == .verified, "\(result)")
            close(source.descriptor)
          }
        }
      }
      print("small-\(workers)", Double(count) / time)
    }
  }
}
