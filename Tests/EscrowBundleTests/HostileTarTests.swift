import AgeFormat
import Testing

@testable import EscrowBundle

/// Bundles that the right key signed or not, with a tar that is not what it should be.
@Suite struct HostileTarTests {
  let escrow: SampleEscrow
  let parts: BundleParts

  init() throws {
    escrow = try SampleEscrow()
    parts = try BundleParts(escrow: escrow, signedBy: escrow)
  }

  private func error(_ tar: [UInt8]) -> EscrowError? {
    do throws(EscrowError) {
      _ = try BundleReader.read(
        BytesSource(tar), signedBy: .certified(escrow.signingKey.publicKey), visitor: RecordingVisitor())
      return nil
    } catch {
      return error
    }
  }

  private func isForged(_ tar: [UInt8]) -> Bool {
    if case .forged = error(tar) { true } else { false }
  }

  private func isDamaged(_ tar: [UInt8]) -> Bool {
    if case .damaged = error(tar) { true } else { false }
  }

  @Test func aHandmadeTarIsReadWhenItIsRight() {
    #expect(error(parts.tar()) == nil)
    #expect(error(parts.tar() + [UInt8](repeating: 0, count: 200_000)) == nil)
  }

  @Test func membersSwappedRemovedAddedDoubledRenamedAndReorderedAreSeen() {
    var swapped = parts
    (swapped.members[1].content, swapped.members[2].content) = (parts.members[2].content, parts.members[1].content)
    #expect(isForged(swapped.tar()))
    for index in parts.members.indices {
      var removed = parts
      removed.members.remove(at: index)
      #expect(isForged(removed.tar()))
      var doubled = parts
      doubled.members.insert(parts.members[index], at: index)
      #expect(isForged(doubled.tar()))
      var renamed = parts
      renamed.members[index].path += "x"
      #expect(isForged(renamed.tar()))
      var longer = parts
      longer.members[index].content.append(0)
      #expect(isForged(longer.tar()))
      var changed = parts
      changed.members[index].content[0] ^= 1
      #expect(isForged(changed.tar()))
    }
    var added = parts
    added.members.append(("keys/d", []))
    #expect(isForged(added.tar()))
    var reordered = parts
    reordered.members.swapAt(1, 2)
    #expect(isForged(reordered.tar()))
  }

  @Test func theFirstThreeMembersStandFirst() {
    let first = [("README.txt", parts.readme), ("manifest.json", parts.json), ("manifest.sig", parts.signature)]
    for order in [[1, 0, 2], [0, 2, 1], [0, 1], [1, 2], [0], []] {
      var tar = HandmadeTar()
      for index in order { tar.add(first[index].0, first[index].1) }
      tar.end()
      #expect(isForged(tar.bytes), "\(order)")
    }
    var before = HandmadeTar()
    before.add("config/a", Array("one".utf8))
    before.bytes += parts.tar()
    #expect(isForged(before.bytes))
    var readme = parts
    readme.readme[0] ^= 1
    #expect(isForged(readme.tar()))
    var signature = parts
    signature.signature[3] ^= 1
    #expect(isForged(signature.tar()))
  }

  @Test(arguments: Array("12345678L") + ["K", "S", "x", "V", "M"]) func onlyRegularFilesAreAccepted(type: Character) {
    var tar = parts.begin()
    tar.add("config/a", type == "0" ? Array("one".utf8) : [], type: type, link: "keys/b")
    for member in parts.members.dropFirst() { tar.add(member.path, member.content) }
    tar.end()
    #expect(error(tar.bytes) != nil)
    // Also with the content that the manifest lists.
    var full = parts.begin()
    full.add("config/a", Array("one".utf8), type: type, link: "keys/b")
    for member in parts.members.dropFirst() { full.add(member.path, member.content) }
    full.end()
    #expect(error(full.bytes) != nil)
  }

  @Test(arguments: [
    "/etc/passwd", "../a", "config/../../a", "config/./a", "config//a", "config/", "", ".", "config/a\\b",
    "config/a\nb", "config/a\u{7F}", "config/\u{85}", String(repeating: "x", count: 256),
    String(repeating: "x/", count: 128) + "x", String(repeating: "xxxxxxxxx/", count: 410) + "x",
  ]) func unsafePathsAreNoPaths(path: String) {
    #expect(throws: EscrowError.self) { try MemberPath(path) }
  }

  @Test(arguments: ["/etc/passwd", "../a", "config/../a", "config/./a", "config//a", "config/a\\b"])
  func unsafePathsInASignedManifestAreForged(path: String) throws {
    let escaped = path.replacing("\\", with: "\\\\")
    let parts = try BundleParts(escrow: escrow, signedBy: escrow) { json in
      json.replacing("\"config/a\"", with: "\"\(escaped)\"")
    }
    #expect(isForged(parts.tar()))
    var tar = self.parts.begin()
    tar.add(path, Array("one".utf8))
    tar.end()
    #expect(isForged(tar.bytes))
  }

  @Test func nothingFollowsTheEnd() {
    let tar = parts.tar()
    for count in [1, 511, 512, 70_000] {
      var after = tar + [UInt8](repeating: 0, count: count)
      after[after.count - 1] = 1
      #expect(isDamaged(after), "\(count)")
    }
    #expect(isDamaged(tar + parts.tar()))
  }

  @Test func aTarThatIsCutShortIsSeen() {
    let tar = parts.tar()
    for count in stride(from: 0, to: tar.count - 1, by: 64) {
      #expect(error(Array(tar[..<count])) != nil, "\(count)")
    }
    #expect(error(Array(tar[..<(tar.count - 1)])) != nil)
    #expect(error(tar) == nil)
  }

  @Test func sizesThatLieAreSeen() {
    for size in [4, 5 << 30, 0o77777777777] {
      var tar = parts.begin()
      tar.add("config/a", Array("one".utf8), size: size)
      tar.end()
      #expect(isForged(tar.bytes), "\(size)")
      var readme = HandmadeTar()
      readme.add("README.txt", parts.readme, size: size)
      readme.end()
      #expect(error(readme.bytes) != nil, "\(size)")
    }
    var manifest = HandmadeTar()
    manifest.add("README.txt", parts.readme)
    manifest.add("manifest.json", [], size: 5 << 30)
    manifest.end()
    #expect(isForged(manifest.bytes))
  }

  @Test func signedManifestsThatAreWrongAreRefused() throws {
    func outcome(_ change: @escaping (String) -> String) throws -> EscrowError? {
      error(try BundleParts(escrow: escrow, signedBy: escrow, changing: change).tar())
    }
    let unknown = try outcome { $0.replacing("provenkey.bundle/1", with: "provenkey.bundle/2") }
    #expect(unknown == .unsupported(#"its manifest has the schema "provenkey.bundle/2""#))
    #expect(try outcome { $0.replacing("\"revision\" : 1", with: "\"revision\" : 0") } != nil)
    #expect(try outcome { $0.replacing("\"revision\" : 1", with: "\"revision\" : \"1\"") } != nil)
    #expect(try outcome { $0.replacing("keys/c", with: "keys/b") } != nil)
    #expect(try outcome { $0.replacing("keys/c", with: "keys/b/c") } != nil)
    #expect(try outcome { $0.replacing("keys/c", with: "config/c") } != nil)
    #expect(try outcome { $0.replacing("keys/c", with: "other/c") } != nil)
    #expect(try outcome { $0.replacing("\"size\" : 3", with: "\"size\" : -3") } != nil)
    #expect(try outcome { $0.replacing("\"size\" : 3", with: "\"size\" : 5368709120") } != nil)
    #expect(try outcome { $0.replacing("\"size\" : 3", with: "\"size\" : 1e300") } != nil)
    #expect(try outcome { _ in String(repeating: "[", count: 100_000) } != nil)
    #expect(try outcome { _ in "" } != nil)
    #expect(try outcome { $0.replacing("\"stores\"", with: "\"later\" : [1, {}], \"stores\"") } == nil)
  }

  @Test func compressedContentIsNoTar() {
    #expect(isDamaged([0x1F, 0x8B, 0x08, 0, 0, 0, 0, 0, 0, 3] + [UInt8](repeating: 0, count: 2000)))
    #expect(error(Array("not a tar at all".utf8)) != nil)
  }
}
