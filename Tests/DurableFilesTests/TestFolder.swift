import DurableFiles
import FoundationEssentials
import Glibc
import SystemPackage

/// A folder that goes with the value.
final class TestFolder {
  let path: FilePath

  init() throws {
    path = FilePath(FileManager.default.temporaryDirectory.path)
      .appending("provenkey-tests-\(UInt64.random(in: 0 ... .max))")
    try FileManager.default.createDirectory(atPath: path.string, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path.string) }

  /// All names in it, hidden ones too.
  var names: [String] { (try? FileManager.default.contentsOfDirectory(atPath: path.string).sorted()) ?? [] }

  func put(_ name: String, _ text: String) throws {
    try FileManager.default.createDirectory(
      atPath: path.pushing(FilePath(name)).removingLastComponent().string, withIntermediateDirectories: true)
    try Data(text.utf8).write(to: URL(filePath: path.pushing(FilePath(name)).string))
  }

  func text(_ name: String) -> String? {
    (try? BoundedReading.bytes(of: path.pushing(FilePath(name)), limit: 1 << 20))
      .map { String(decoding: $0, as: UTF8.self) }
  }

  func mode(_ name: String) -> UInt32? {
    var status = Glibc.stat()
    guard unsafe lstat(path.pushing(FilePath(name)).string, &status) == 0 else { return nil }
    return status.st_mode & 0o7777
  }
}

extension AtomicFile {
  func write(_ text: String) throws(FileError) {
    let bytes = Array(text.utf8)
    try unsafe write(bytes.span.bytes)
  }
}

extension FileInFolder {
  func write(_ text: String) throws(FileError) {
    let bytes = Array(text.utf8)
    try unsafe write(bytes.span.bytes)
  }
}
