import DurableFiles
import FoundationEssentials
import Glibc
import SystemPackage
import Testing

@Suite struct AtomicFileTests {
  let folder: TestFolder
  let target: FilePath

  init() throws {
    folder = try TestFolder()
    target = folder.path.appending("file")
  }

  @Test func theOldFileIsThereUntilTheNewOneIsWhole() throws {
    try folder.put("file", "old")
    let file = try AtomicFile(at: target, .replace)
    try file.write("new")
    #expect(folder.text("file") == "old")
    #expect(folder.names.count == 2)
    let temporary = try #require(folder.names.first { $0 != "file" })
    #expect(temporary.hasPrefix(".file.provenkey-") && temporary.hasSuffix(".tmp"))
    #expect(folder.mode(temporary) == 0o600)
    try file.commit()
    #expect(folder.names == ["file"])
    #expect(folder.text("file") == "new")
    #expect(folder.mode("file") == 0o600)
    #expect(throws: FileError.self) { try file.write("more") }
    #expect(throws: FileError.self) { try file.commit() }
    file.discard()
    #expect(folder.text("file") == "new")
  }

  @Test func aModeIsKept() throws {
    try unsafe AtomicFile.write([UInt8]().span.bytes, to: target, .createNew, mode: [.ownerReadWrite, .groupRead])
    #expect(folder.mode("file") == 0o640)
  }

  @Test func nothingRemainsOfAWriterThatGivesUp() throws {
    do {
      let file = try AtomicFile(at: target, .replace)
      try file.write("half")
    }
    #expect(folder.names == [])
    let file = try AtomicFile(at: target, .replace)
    file.discard()
    #expect(folder.names == [])
  }

  @Test func creatingRefusesAFileThatIsThereOrAppears() throws {
    let file = try AtomicFile(at: target, .createNew)
    try file.write("new")
    try folder.put("file", "appeared")
    let error = #expect(throws: FileError.self) { try file.commit() }
    #expect(error?.cause == .system(.fileExists))
    file.discard()
    #expect(folder.text("file") == "appeared")
    let second = #expect(throws: FileError.self) { _ = try AtomicFile(at: target, .createNew) }
    #expect(second?.cause == .system(.fileExists))
    #expect(folder.names == ["file"])
  }

  @Test func theFileOfAKilledProcessIsRemovedByTheNextWriter() throws {
    try folder.put(".file.provenkey-0123456789abcdef.tmp", "left")
    try folder.put(".other.provenkey-0123456789abcdef.tmp", "another's")
    try folder.put(".file.provenkey-x.txt", "no temporary")
    let living = try AtomicFile(at: target, .replace)
    #expect(folder.names.count == 3)
    // A second writer leaves the first alone, since that one holds its lock.
    let second = try AtomicFile(at: target, .replace)
    #expect(folder.names.count == 4)
    try living.write("1")
    try living.commit()
    try second.write("2")
    try second.commit()
    #expect(folder.text("file") == "2")
    #expect(try AtomicFile.removeStale(for: target) == 0)
    #expect(folder.names == [".file.provenkey-x.txt", ".other.provenkey-0123456789abcdef.tmp", "file"])
    try folder.put(".file.provenkey-1.tmp", "left")
    #expect(try AtomicFile.removeStale(for: target) == 1)
  }

  @Test func anythingButAFileAtThePathIsRefused() throws {
    try folder.put("sub/x", "")
    guard unsafe symlink("/dev/null", target.string) == 0 else { throw Errno(rawValue: errno) }
    #expect(throws: FileError.self) { _ = try AtomicFile(at: target, .replace) }
    #expect(throws: FileError.self) { _ = try AtomicFile(at: folder.path.appending("sub"), .replace) }
    #expect(throws: FileError.self) { _ = try AtomicFile(at: "/dev/null", .replace) }
    #expect(throws: FileError.self) { _ = try AtomicFile(at: "..", .replace) }
    let inFile = #expect(throws: FileError.self) {
      _ = try AtomicFile(at: folder.path.appending("sub").appending("x").appending("y"), .replace)
    }
    #expect(inFile?.cause == .system(.notDirectory))
    let nowhere = #expect(throws: FileError.self) {
      _ = try AtomicFile(at: folder.path.appending("none").appending("y"), .replace)
    }
    #expect(nowhere?.cause == .system(.noSuchFileOrDirectory))
  }

  @Test func namesOfFullLengthHaveRoomForTheTemporary() throws {
    let long = folder.path.appending(String(repeating: "ü", count: 127))
    let file = try AtomicFile(at: long, .replace)
    try file.commit()
    #expect(folder.names.count == 1)
  }

  @Test(.enabled(if: getuid() == 0)) func aFullDiskLeavesTheOldFile() throws {
    guard unsafe mount("tmpfs", folder.path.string, "tmpfs", 0, "size=64k") == 0 else { return }
    defer { _ = unsafe umount2(folder.path.string, Int32(MNT_DETACH)) }
    try folder.put("file", "old")
    let file = try AtomicFile(at: target, .replace)
    let error = #expect(throws: FileError.self) {
      for _ in 0..<200 { try file.write(String(repeating: "x", count: 4096)) }
    }
    #expect(error?.cause == .system(.noSpace))
    #expect(error?.hint.contains("make room") == true)
    file.discard()
    #expect(folder.names == ["file"])
    #expect(folder.text("file") == "old")
  }

  @Test(.enabled(if: getuid() == 0)) func aReadOnlyFileSystemIsNamed() throws {
    guard unsafe mount("tmpfs", folder.path.string, "tmpfs", UInt(MS_RDONLY), nil) == 0 else { return }
    defer { _ = unsafe umount2(folder.path.string, Int32(MNT_DETACH)) }
    let error = #expect(throws: FileError.self) { _ = try AtomicFile(at: target, .replace) }
    #expect(error?.cause == .system(.readOnlyFileSystem))
    #expect(throws: FileError.self) { _ = try AtomicFolder(at: target) }
  }
}

@Suite struct FileLockTests {
  @Test func oneAtATimeHasTheLock() throws {
    let folder = try TestFolder()
    let path = folder.path.appending("lock")
    do {
      let lock = try FileLock(at: path)
      let error = #expect(throws: FileError.self) { _ = try FileLock(at: path) }
      #expect(error?.cause == .locked)
      _ = consume lock
    }
    _ = try FileLock(at: path)
    #expect(folder.names == ["lock"])
  }
}
