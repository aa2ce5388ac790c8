import FoundationEssentials
import Glibc
import SystemPackage
import Testing

@testable import BackupSources

/// What every source of backups does alike; a new one is added to `all`.
@Suite struct BackupSourceContractTests {
  struct Implementation: CustomTestStringConvertible, Sendable {
    let testDescription: String
    /// A source over a folder's content, as it is or packed.
    let open: @Sendable (FilePath) throws -> any BackupSource
  }

  static let all = [Implementation(testDescription: "folder") { try FolderBackup($0) }]

  static func list(_ source: any BackupSource) throws -> (entries: [BackupEntry], skipped: [String]) {
    var result: (entries: [BackupEntry], skipped: [String]) = ([], [])
    try source.list {
      result.entries.append($0)
    } skipped: { path, why in
      result.skipped.append("\(path): \(why)")
    }
    return result
  }

  static func bytes(_ file: any BackupFile, at offset: Int64, count: Int) throws -> [UInt8] {
    var buffer = [UInt8](repeating: 0xaa, count: count)
    let filled = try unsafe buffer.withUnsafeMutableBytes { try unsafe file.read(at: offset, into: $0) }
    return Array(buffer.prefix(filled))
  }

  @Test(arguments: all) func filesAreListedInAFixedOrder(implementation: Implementation) throws {
    let folder = try SourceFolder()
    for name in [
      "b/2", "b/10", "a.txt", "a/z", "a-b/c", "ä", "e\u{301}", "é", "empty/deep/x", ".hidden", "line\nbreak",
    ] {
      try folder.put(Array(name.utf8), Array(name.utf8))
    }
    try folder.put([0xff, 0x2f, 0xfe], [1, 2, 3])
    let source = try implementation.open(folder.path)
    let (entries, skipped) = try Self.list(source)
    let names = [
      ".hidden", "a/z", "a-b/c", "a.txt", "b/10", "b/2", "empty/deep/x", "e\u{301}", "line\nbreak", "ä", "é",
    ]
    #expect(Set(entries.dropLast().map { String(decoding: $0.path.bytes, as: UTF8.self) }) == Set(names))
    #expect(entries.last?.path.bytes == [0xff, 0x2f, 0xfe] && entries.last?.size == 3)
    #expect(skipped.isEmpty && entries.allSatisfy { $0.modified != nil })
    #expect(try Self.list(source).entries == entries)
    #expect(try Self.list(implementation.open(folder.path)).entries == entries)
    for entry in entries {
      let file = try source.open(entry.path)
      #expect(file.size == entry.size)
      let content = try Self.bytes(file, at: 0, count: 100)
      #expect(content == (entry == entries.last ? [1, 2, 3] : entry.path.bytes))
    }
  }

  @Test(arguments: all) func anyRangeCanBeRead(implementation: Implementation) throws {
    let folder = try SourceFolder()
    let content = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 8) }
    try folder.put(Array("f".utf8), content)
    try folder.put(Array("empty".utf8), [])
    let source = try implementation.open(folder.path)
    let file = try source.open("f")
    for (offset, count) in [(0, 10), (8192, 8192), (99_990, 100), (99_999, 1), (100_000, 10), (200_000, 1), (5, 0)] {
      #expect(try Self.bytes(file, at: Int64(offset), count: count) == Array(content.dropFirst(offset).prefix(count)))
    }
    #expect(try Self.bytes(file, at: -1, count: 4).isEmpty && Self.bytes(file, at: .max, count: 4).isEmpty)
    #expect(try Self.bytes(source.open("empty"), at: 0, count: 10).isEmpty)
  }

  @Test(arguments: all) func whatIsNoFileInTheBackupCannotBeOpened(implementation: Implementation) throws {
    let folder = try SourceFolder()
    try folder.put(Array("a/b".utf8), [1])
    let source = try implementation.open(folder.path)
    for path in ["no", "a", "a/b/c", "/etc/passwd", "../x", "a/../a/b", "./a/b", ""] {
      #expect(throws: BackupError.self, "\(path)") { _ = try source.open(FilePath(path)) }
    }
    #expect(try source.open("a/b").size == 1)
  }

  @Test(arguments: all) func aPlaceThatIsNotThereIsSaidToBe(implementation: Implementation) throws {
    let folder = try SourceFolder()
    try folder.put(Array("file".utf8), [1])
    #expect(throws: BackupError.notThere(folder.path.string + "/no")) {
      _ = try implementation.open(folder.path.appending("no"))
    }
    #expect(throws: BackupError.self) { _ = try implementation.open(folder.path.appending("file")) }
  }
}

/// What only folders can have.
@Suite struct FolderBackupTests {
  @Test func linksAreFollowedAtTheTopOnly() throws {
    let (folder, outside) = (try SourceFolder(), try SourceFolder())
    try outside.put(Array("files/a.txt".utf8), [1])
    try outside.put(Array("secret".utf8), [1])
    try folder.put(Array("data/bob/files/b.txt".utf8), [1])
    func link(_ name: String, _ target: String) throws {
      let result = unsafe symlink(target, folder.path.appending(name).string)
      #expect(result == 0)
    }
    try link("data/alice", outside.path.string)
    try link("data/loop", "..")
    try link("data/lost", "nowhere")
    try link("data/file", outside.path.string + "/secret")
    try link("data/bob/files/out", outside.path.string)
    let pipe = unsafe mkfifo(folder.path.appending("data/pipe").string, 0o600)
    #expect(pipe == 0)
    let source = try FolderBackup(folder.path)
    let (entries, skipped) = try BackupSourceContractTests.list(source)
    #expect(entries.map(\.path.string) == ["data/alice/files/a.txt", "data/alice/secret", "data/bob/files/b.txt"])
    #expect(
      skipped == [
        "data/bob/files/out: a link", "data/file: a link to no folder",
        "data/loop: a link to a folder that it lies in", "data/lost: a link to no folder", "data/pipe: a pipe",
      ])
    #expect(try source.open("data/alice/files/a.txt").size == 1)
    for path in ["data/bob/files/out/secret", "data/file", "data/pipe"] {
      #expect(throws: BackupError.self) { _ = try source.open(FilePath(path)) }
    }
  }

  @Test func aFileThatChangesWhileItIsReadIsNoticed() throws {
    let folder = try SourceFolder()
    try folder.put(Array("f".utf8), [UInt8](repeating: 7, count: 100))
    let file = try FolderBackup(folder.path).open("f")
    #expect(try BackupSourceContractTests.bytes(file, at: 0, count: 50).count == 50)
    let result = unsafe truncate(folder.path.appending("f").string, 20)
    #expect(result == 0)
    #expect(throws: BackupError.changedWhileReading("f")) {
      _ = try BackupSourceContractTests.bytes(file, at: 10, count: 90)
    }
  }

  @Test func foldersWithinEachOtherHaveALimit() throws {
    let folder = try SourceFolder()
    var current = unsafe open(folder.path.string, O_RDONLY | O_DIRECTORY)
    for _ in 0..<(FolderBackup.deepest + 5) {
      let made = unsafe mkdirat(current, "d", 0o700)
      #expect(made == 0)
      let inner = unsafe openat(current, "d", O_RDONLY | O_DIRECTORY)
      close(current)
      current = inner
    }
    close(current)
    try folder.put(Array("z".utf8), [1])
    let (entries, skipped) = try BackupSourceContractTests.list(FolderBackup(folder.path))
    #expect(entries.map(\.path) == ["z"] && skipped.count == 1)
  }
}

/// A folder that goes with the value, with names of any bytes.
final class SourceFolder {
  let path: FilePath

  init() throws {
    path = FilePath(FileManager.default.temporaryDirectory.path)
      .appending("provenkey-tests-\(UInt64.random(in: 0 ... .max))")
    try FileManager.default.createDirectory(atPath: path.string, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path.string) }

  func put(_ name: [UInt8], _ content: [UInt8]) throws {
    let target = path.pushing(FilePath(bytes: name))
    var folder = path
    for component in FilePath(bytes: name).components.dropLast() {
      folder.append(component)
      _ = unsafe folder.withPlatformString { unsafe mkdir($0, 0o700) }
    }
    let file = try FileDescriptor.open(
      target, .writeOnly, options: [.create, .truncate], permissions: [.ownerReadWrite])
    try file.closeAfter { _ = try file.writeAll(content) }
  }
}
