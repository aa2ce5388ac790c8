import SecretMemory
import Testing

@testable import NextcloudStorage

@Suite struct PrivateKeyBlobTests {
  static func blob(_ header: String, body: [UInt8] = [UInt8](repeating: 0x41, count: 1200), signed: Bool) -> [UInt8] {
    let iv = [UInt8](repeating: 7, count: 16)
    let head = [UInt8](header.utf8) + body + [UInt8]("00iv00".utf8) + iv
    return head
      + (signed
        ? [UInt8]("00sig00".utf8) + [UInt8](repeating: 0x61, count: 64) + [UInt8]("xxx".utf8) : [UInt8]("xx".utf8))
  }

  static func parse(_ bytes: [UInt8]) throws -> PrivateKeyBlob { try unsafe PrivateKeyBlob(bytes.span.bytes) }

  /// Keys that were derived from real instances' values.
  @Test(arguments: [
    (
      "hash2", "master_1d941d00", "ocve73qtyh4k", "irQFkgUGBgi/2jKaM0rsiTlnefjbOoNF4L8OG3IPdAjMTNk8",
      "fdbd60c3032b48ce45068e366214ae45055f6d6ee7886686a11f2a8f023bdc30"
    ),
    (
      "hash", "master_20b0f442", "ocbfej6x8g3x", "CUz1/qUjNP9wy1QrVzwHNhsw8MYg0jM9j+xa1YYNmxr0G522",
      "c03fd07cfe56b6dc94217397cfbdfe561f7f889262ace2fbb07fb1c4f96f19e4"
    ),
  ])
  func theKeyIsDerivedAsTheServerDoes(format: String, id: String, instance: String, secret: String, key: String) throws
  {
    let blob = try Self.parse(Self.blob("HBEGIN:cipher:AES-256-CTR:keyFormat:\(format):HEND", signed: true))
    let derived = try blob.deriveKey(
      password: try secretBytes(secret), saltID: id, instanceID: instance, secret: try secretBytes(secret))
    #expect(KeyWriting.hex(KeyWriting.bytes(derived)) == key)
  }

  @Test func aPasswordIsItselfTheKeyInTheOldestFormat() throws {
    let blob = try Self.parse(Self.blob("HBEGIN:cipher:AES-256-CFB:HEND", signed: false))
    #expect(blob.formatName == "AES-256-CFB, password, base64, unsigned")
    let short = try blob.deriveKey(
      password: try secretBytes("admin"), saltID: "x", instanceID: "y", secret: try secretBytes("z"))
    #expect(KeyWriting.bytes(short) == [UInt8]("admin".utf8) + [UInt8](repeating: 0, count: 27))
    let long = String(repeating: "p", count: 40)
    let cut = try blob.deriveKey(
      password: try secretBytes(long), saltID: "", instanceID: "", secret: try secretBytes(""))
    #expect(KeyWriting.bytes(cut) == [UInt8](repeating: 0x70, count: 32))
  }

  @Test func fieldsStandInAnyOrderAndUnknownOnesAreIgnored() throws {
    let blob = try Self.parse(
      Self.blob("HBEGIN:encoding:binary:colour:red:keyFormat:hash2:cipher:AES-128-CFB:HEND", signed: true))
    #expect(blob.formatName == "AES-128-CFB, hash2, binary")
    let oldest = try Self.parse(Self.blob("", signed: false))
    #expect(oldest.formatName == "AES-128-CFB, password, base64, unsigned")
  }

  @Test func tagsInsideOfTheCiphertextMeanNothing() throws {
    let body = [UInt8]("00iv0000sig00".utf8) + [UInt8](repeating: 0, count: 900) + [UInt8]("00sig00xxx".utf8)
    let bytes = Self.blob("HBEGIN:cipher:AES-256-CTR:keyFormat:hash:encoding:binary:HEND", body: body, signed: true)
    #expect(try Self.parse(bytes).ciphertext == body)
  }

  @Test(arguments: [
    "HBEGIN:cipher:AES-256-GCM:HEND", "HBEGIN:cipher:AES-128-CBC:HEND", "HBEGIN:keyFormat:hash3:HEND",
    "HBEGIN:encoding:hex:HEND", "HBEGIN:cipher:HEND", "HBEGIN:cipher:AES-256-CTR:cipher:AES-256-CFB:HEND",
    "HBEGIN:cipher:AES-256-CTR",
  ])
  func headersThatSayOtherThingsAreRefused(header: String) {
    #expect(throws: PrivateKeyBlob.Malformed.self) { try Self.parse(Self.blob(header, signed: true)) }
  }

  @Test func everyTruncationIsRefused() throws {
    let bytes = Self.blob("HBEGIN:cipher:AES-256-CTR:keyFormat:hash:HEND", signed: true)
    _ = try Self.parse(bytes)
    for count in 0..<bytes.count {
      #expect(throws: PrivateKeyBlob.Malformed.self, "\(count) bytes") { try Self.parse(Array(bytes[..<count])) }
    }
  }

  @Test func randomBytesStopNothing() throws {
    var generator = SeededGenerator(seed: 2)
    let pieces = [
      "HBEGIN:", "cipher:", "AES-256-CTR:", "keyFormat:", "hash:", ":HEND", "HEND", "00iv00", "00sig00", "xxx",
    ]
    for _ in 0..<3000 {
      var bytes: [UInt8] = []
      for _ in 0..<Int.random(in: 0...8, using: &generator) {
        bytes += [UInt8]((pieces.randomElement(using: &generator) ?? "").utf8)
        bytes += (0..<Int.random(in: 0...70, using: &generator)).map { _ in UInt8.random(in: 0...255, using: &generator)
        }
      }
      _ = try? Self.parse(bytes)
      #expect(try unsafe UnlockedKey(pem: bytes.span.bytes, isAuthentic: false) == nil)
      #expect(try unsafe PublicKeyFile.info(pem: bytes.span.bytes) == nil)
      let pem =
        [UInt8]("-----BEGIN PRIVATE KEY-----\n".utf8) + [UInt8](KeyWriting.base64(bytes).utf8)
        + [UInt8]("\n-----END PRIVATE KEY-----\n".utf8)
      #expect(try unsafe UnlockedKey(pem: pem.span.bytes, isAuthentic: true) == nil)
    }
  }
}

@Suite struct WrappedKeyRecordTests {
  static func parse(_ text: String) throws -> (key: [UInt8], owner: WrappedKeyRecord.Owner)? {
    let bytes = [UInt8](text.utf8)
    guard let record = try unsafe WrappedKeyRecord(bytes.span.bytes) else { return nil }
    return (KeyWriting.bytes(record.key), record.owner)
  }

  @Test func recordsOfTheServerAreRead() throws {
    let slashes = try #require(try Self.parse(#"{"key":"\/\/\/\/","uid":null}"#))
    #expect(slashes.key == [0xff, 0xff, 0xff] && slashes.owner == .system)
    #expect(try Self.parse(#"{"key":"////"}"#)?.owner == .absent)
    #expect(try Self.parse(#"{ "uid" : "al\u00efce \ud83d\ude00\"", "key" : "QQ==" }"#)?.owner == .user("alïce 😀\""))
    #expect(try Self.parse(#"{"key":"QUI=","uid":42}"#)?.owner == .user("42"))
    #expect(try Self.parse(#"{"key":"QUI=","uid":42}"#)?.key == [0x41, 0x42])
  }

  @Test(arguments: [
    "", "{", "{}", "[]", "null", #"{"uid":null}"#, #"{"key":"QQ==","uid":null"#, #"{"key":"QQ==","uid":null}}"#,
    #"{"key":"QQ==","key":"QQ=="}"#, #"{"key":"QQ==","uid":null,"uid":null}"#, #"{"key":"QQ==","x":1}"#,
    #"{"key":"QQ"}"#, #"{"key":"QR=="}"#, #"{"key":"Q Q="}"#, #"{"key":"\u0051Q=="}"#, #"{"key":1}"#,
    #"{"key":"QQ==","uid":"\ud800"}"#, #"{"key":"QQ==","uid":"\u12"}"#, #"{"key":"QQ==","uid":"\u+123"}"#,
    #"{"key":"QQ==","uid":"a\"#, #"{"key":"QQ==","uid":nul}"#, #"{"key":"QQ==","uid":123456789012345678901}"#,
    #"{"key":"QQ==",}"#, #"{"key":"QQ==","uid":"\ud83dx"}"#, "{\"key\":\"QQ==\",\"uid\":\"a\nb\"}",
  ])
  func everythingElseIsRefused(text: String) throws {
    #expect(try Self.parse(text) == nil)
  }

  @Test func randomTextStopsNothing() throws {
    var generator = SeededGenerator(seed: 3)
    let pieces = ["{", "}", "\"", "key", "uid", ":", ",", "\\", "\\u", "d83d", "null", "QQ==", "/", " ", "4", "é"]
    for _ in 0..<5000 {
      let text = (0..<Int.random(in: 0...16, using: &generator)).map { _ in
        pieces.randomElement(using: &generator) ?? ""
      }.joined()
      _ = try Self.parse("{\"key\":\"" + text)
      _ = try Self.parse(text)
    }
  }
}
