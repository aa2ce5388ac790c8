import DurableFiles
import FoundationEssentials
import Glibc
import SystemPackage
import Testing

@Suite struct AtomicFolderTests {
  let outer: TestFolder
  let target: FilePath

  init() throws {
    outer = try TestFolder()
    target = outer.path.appending("folder")
  }

  @Test(arguments: [false, true]) func aFolderAppearsWhole(ontoEmpty: Bool) throws {
    if ontoEmpty { try FileManager.default.createDirectory(atPath: target.string, withIntermediateDirectories: false) }
    let folder = try AtomicFolder(at: target)
    for path in ["a", "sub/b", "sub/deeper/c"] {
      let file = try folder.createFile(FilePath(path))
      try file.write(path)
      try file.finish(modified: 1_000_000_000)
    }
    #expect(outer.text("folder/a") == nil)
    try folder.commit(modified: 1_000_000_000)
    #expect(outer.names == ["folder"])
    #expect(outer.text("folder/sub/deeper/c") == "sub/deeper/c")
    #expect(outer.mode("folder/sub/b") == 0o600)
    #expect(outer.mode("folder/sub") == 0o700)
    #expect(outer.mode("folder") == 0o700)
    #expect(throws: FileError.self) { _ = try folder.createFile("later") }
    folder.discard()
    #expect(outer.text("folder/a") == "a")
  }

  @Test func nothingRemainsOfABuilderThatGivesUp() throws {
    do {
      let folder = try AtomicFolder(at: target)
      _ = try folder.createFile("sub/b")
      #expect(outer.names.count == 1)
    }
    #expect(outer.names == [])
  }

  @Test func aFolderWithContentOrAFileAtThePathIsRefused() throws {
    try outer.put("folder/x", "mine")
    let error = #expect(throws: FileError.self) { _ = try AtomicFolder(at: target) }
    #expect(error?.cause == .system(.directoryNotEmpty))
    try outer.put("file", "mine")
    #expect(throws: FileError.self) { _ = try AtomicFolder(at: outer.path.appending("file")) }
    #expect(throws: FileError.self) { _ = try AtomicFolder(at: ".") }
    #expect(outer.names == ["file", "folder"])
  }

  @Test func contentThatAppearsMeanwhileIsKept() throws {
    let folder = try AtomicFolder(at: target)
    _ = try folder.createFile("a")
    try outer.put("folder/x", "appeared")
    #expect(throws: FileError.self) { try folder.commit() }
    folder.discard()
    #expect(outer.names == ["folder"])
    #expect(outer.text("folder/x") == "appeared")
  }

  @Test(arguments: ["/a", "../a", "sub/../a", ".", "..", ""]) func pathsLeadDownOnly(path: String) throws {
    let folder = try AtomicFolder(at: target)
    #expect(throws: FileError.self) { _ = try folder.createFile(FilePath(path)) }
  }

  @Test func noFileIsMadeTwiceAndNoLinkIsFollowed() throws {
    let folder = try AtomicFolder(at: target)
    _ = try folder.createFile("a")
    #expect(throws: FileError.self) { _ = try folder.createFile("a") }
    #expect(throws: FileError.self) { _ = try folder.createFile("a/b") }
    let temporary = try #require(outer.names.first)
    let elsewhere = try TestFolder()
    _ = try folder.createFile("sub/b")
    let sub = outer.path.appending(temporary).appending("sub").string
    try FileManager.default.removeItem(atPath: sub)
    guard unsafe symlink(elsewhere.path.string, sub) == 0 else { throw Errno(rawValue: errno) }
    #expect(throws: FileError.self) { _ = try folder.createFile("sub/c") }
    #expect(elsewhere.names == [])
    try elsewhere.put("precious", "x")
    folder.discard()
    #expect(outer.names == [])
    #expect(elsewhere.names == ["precious"])
  }

  @Test func theFolderOfAKilledProcessIsRemovedByTheNextBuilder() throws {
    try outer.put(".folder.provenkey-00.tmp/deep/down/secret", "left")
    let living = try AtomicFolder(at: target)
    #expect(outer.names.count == 1)
    let second = try AtomicFolder(at: target)
    #expect(outer.names.count == 2)
    second.discard()
    try living.commit()
    try outer.put(".folder.provenkey-01.tmp/x", "left")
    #expect(try AtomicFolder.removeStale(for: target) == 1)
    #expect(outer.names == ["folder"])
  }
}
