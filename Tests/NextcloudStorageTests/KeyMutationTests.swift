import Foundation
import NextcloudKeys
import SecretMemory
import Testing

@testable import NextcloudStorage

@Suite(.enabled(if: Samples.arePresent)) struct KeyMutationTests {
  static let privatePath = "files_encryption/OC_DEFAULT_MODULE/pubShare_2794d910.privateKey"
  static let publicPath = "files_encryption/OC_DEFAULT_MODULE/pubShare_2794d910.publicKey"

  static func sample(_ path: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: Samples.shared.appending(path: "nc32-sqlite-master/data/\(path)")))
  }

  static func material() throws -> KeyMaterial {
    try Samples.material(config: Samples.shared.appending(path: "nc32-sqlite-master/config/config.php"))
  }

  @Test(arguments: [privatePath, publicPath]) func aFlippedBitInAWrappedKeyIsRefused(path: String) throws {
    let bytes = try Self.sample(path)
    let material = try Self.material()
    let place = try #require(KeyPlace(path: path))
    #expect(throws: Never.self) { _ = try UnwrappedKey(bytes, at: place, with: material) }
    for index in stride(from: 0, to: bytes.count, by: 29) {
      var flipped = bytes
      flipped[index] ^= 1 << UInt8(index % 8)
      #expect(throws: KeyFailure.self, "byte \(index)") { _ = try UnwrappedKey(flipped, at: place, with: material) }
    }
  }

  /// A raw key is vouched for by its own signature only, which covers neither the header nor the initialisation vector.
  @Test func aFlippedBitInARawSignedKeyIsRefused() throws {
    let folder = Samples.shared.appending(path: "legacy/13.0.0")
    let path = "files_encryption/OC_DEFAULT_MODULE/master_384089a2.privateKey"
    let bytes = [UInt8](try Data(contentsOf: folder.appending(path: "master/\(path)")))
    let material = try Samples.material(config: folder.appending(path: "config.php"))
    #expect(throws: Never.self) { _ = try KeyUnlocking(KeyFile(path: path, bytes: bytes), with: material) }
    let places =
      [0, 8, 14, 20, 26, 36, 41, 45, 46, 300, 2000, 4000]
      + [96, 91, 90, 80, 75, 74, 67, 66, 30, 4, 3, 1].map { bytes.count - $0 }
    for index in places {
      var flipped = bytes
      flipped[index] ^= 1
      #expect(throws: KeyFailure.self, "byte \(index)") {
        _ = try KeyUnlocking(KeyFile(path: path, bytes: flipped), with: material)
      }
    }
  }

  /// Without a signature the numbers of the key must fit each other.
  @Test func aFlippedBitInAnUnsignedKeyIsRefused() throws {
    let folder = Samples.shared.appending(path: "legacy/08.0.8")
    let path = "files_encryption/pubShare_d0d5eadf.privateKey"
    let bytes = [UInt8](try Data(contentsOf: folder.appending(path: "pubshare/\(path)")))
    let material = try Samples.material(config: folder.appending(path: "config.php"))
    #expect(throws: Never.self) { _ = try KeyUnlocking(KeyFile(path: path, bytes: bytes), with: material) }
    for index in stride(from: 0, to: bytes.count, by: 211) {
      var flipped = bytes
      flipped[index] ^= 1
      #expect(throws: KeyFailure.self, "byte \(index)") {
        _ = try KeyUnlocking(KeyFile(path: path, bytes: flipped), with: material)
      }
    }
  }

  @Test func keysWrappedTwiceOpenAndAreReported() throws {
    let config = Samples.shared.appending(path: "nc32-sqlite-master/config/config.php")
    let secret = try Samples.configured("secret", in: config)
    var material = try Self.material()
    material.add(secret: try secretBytes("an older secret"))
    let inner = try Self.sample(Self.privatePath)
    for (text, count) in [(inner, 1), (KeyWriting.record(inner, uid: "null"), 2)] {
      let twice = try KeyWriting.wrap(
        text, version: .version2, secrets: ("an older secret", "an older secret"))
      let record = KeyProof.prove([KeyFile(path: Self.privatePath, bytes: twice)], with: material)
      #expect(record.first?.state == .unlocks && record.first?.wrapping == .double, "\(count)")
      #expect(record.first?.note?.contains("secret 2") == true)
    }
    var layers = inner
    for _ in 0..<5 { layers = try KeyWriting.wrap(layers, version: .version3, secrets: (secret, secret)) }
    let deep = KeyProof.prove([KeyFile(path: Self.privatePath, bytes: layers)], with: material)
    #expect(deep.first?.state == .fails(because: "it is wrapped more than 4 times"))
  }

  @Test func aRecordOfAnotherOwnerIsRefused() throws {
    let config = Samples.shared.appending(path: "nc32-sqlite-master/config/config.php")
    let secret = try Samples.configured("secret", in: config)
    let material = try Self.material()
    let system = try #require(KeyPlace(path: Self.publicPath))
    let user = try #require(KeyPlace(path: "bob/files_encryption/OC_DEFAULT_MODULE/bob.publicKey"))
    let pem = KeyWriting.bytes(try UnwrappedKey(try Self.sample(Self.publicPath), at: system, with: material).content)
    func unwrap(_ uid: String?, at place: KeyPlace) throws {
      let bytes = try KeyWriting.wrap(
        KeyWriting.record(pem, uid: uid), version: .version3, secrets: (secret, secret))
      _ = try UnwrappedKey(bytes, at: place, with: material)
    }
    try unwrap("null", at: system)
    try unwrap("\"bob\"", at: user)
    for (uid, place) in [
      ("\"bob\"", system), ("null", user), ("\"alice\"", user), ("\"Bob\"", user), (nil, system), (nil, user),
    ] {
      #expect(throws: KeyFailure.self, "\(uid ?? "none")") { try unwrap(uid, at: place) }
    }
  }

  @Test func withoutASecretOrInstanceIDTheReasonIsGiven() throws {
    let file = KeyFile(path: Self.privatePath, bytes: try Self.sample(Self.privatePath))
    let nothing = KeyProof.prove([file], with: KeyMaterial())
    #expect(
      nothing.first?.state
        == .fails(because: "it is wrapped with the instance's secret, and config.php has none"))
    var secretOnly = KeyMaterial()
    let config = Samples.shared.appending(path: "nc32-sqlite-master/config/config.php")
    secretOnly.add(secret: try secretBytes(try Samples.configured("secret", in: config)))
    let records = KeyProof.prove([file], with: secretOnly)
    #expect(records.first?.state == .fails(because: "its password is salted with the instanceid, and there is none"))
  }

  @Test func arbitraryFilesStopNothing() throws {
    var generator = SeededGenerator(seed: 4)
    let material = try Self.material()
    let heads = ["", "HBEGIN:", "HBEGIN:cipher:AES-256-CFB:HEND", "-----BEGIN PUBLIC KEY-----\n", "v2|", "{\"key\":\""]
    for round in 0..<400 {
      let head = [UInt8]((heads.randomElement(using: &generator) ?? "").utf8)
      let count = Int.random(in: 0...1500, using: &generator)
      let bytes = head + (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
      let path = ["x", "bob/files_encryption/bob.privateKey", Self.privatePath, Self.publicPath][round % 4]
      let records = KeyProof.prove([KeyFile(path: path, bytes: bytes)], with: material)
      #expect(records.count == 1)
      guard case .fails = records[0].state else {
        // A user's key without a password may look whole.
        #expect(records[0].state == .locked)
        continue
      }
    }
  }
}
