import DatabaseSnapshots
import Foundation
import SecretMemory
import SystemPackage

@testable import NextcloudStorage

/// Bytes in memory, as a file of a backup.
struct BytesSource: ContentSource {
  var bytes: [UInt8]
  /// What the listing said, where it is not the truth.
  var claimedSize: Int64?
  var size: Int64 { claimedSize ?? Int64(bytes.count) }

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    guard offset < bytes.count else { return 0 }
    let part = bytes[Int(offset)..<min(bytes.count, Int(offset) + buffer.count)]
    unsafe buffer.copyBytes(from: part)
    return part.count
  }
}

/// Collects plaintext.
final class BytesSink: ContentSink {
  var bytes: [UInt8] = []

  func write(_ span: RawSpan) { bytes.append(contentsOf: span.array()) }
}

/// A file of a sample instance, found in the simplest way.
struct SampleFile: CustomStringConvertible {
  let name: String
  let bytes: [UInt8]
  let expected: [UInt8]
  let keys: [FileKeyFiles]
  let expectation: ContentExpectation

  var description: String { name }
}

/// The sample instances that are part of the repository, and excerpts of older releases that are not.
enum SampleContent {
  static let instances = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Vectors/instances")

  static func bytes(_ url: URL) throws -> [UInt8] { [UInt8](try Data(contentsOf: url)) }

  static func isFile(_ url: URL) -> Bool {
    var isFolder: ObjCBool = false
    return unsafe FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) && !isFolder.boolValue
  }

  /// Every file below a folder, sorted, relative to it.
  static func files(below folder: URL) throws -> [String] {
    try FileManager.default.subpathsOfDirectory(atPath: folder.path).sorted()
      .filter { isFile(folder.appending(path: $0)) }
  }

  static func ring(
    _ folder: URL, config: URL? = nil, change: (inout KeyMaterial) throws -> Void = { _ in }
  ) throws -> KeyRing {
    var material = try Samples.material(config: config ?? folder.appending(path: "config/config.php"))
    try change(&material)
    return try KeyRing(try Samples.keyFiles(below: folder), with: material)
  }

  /// The rows of the home and object storages, by storage id and path.
  static func rows(_ folder: URL) throws -> [String: FileRow] {
    let snapshot = folder.appending(path: "db.sqlite3")
    guard isFile(snapshot) else { return [:] }
    let database = try InstanceDatabase.read(FilePath(snapshot.path), tablePrefix: "oc_") { _, _ in }
    var rows: [String: FileRow] = [:]
    for storage in database.storages {
      try database.forEachFile(storage: storage.number, pathPrefix: "") { row in rows["\(storage.id)|\(row.path)"] = row
      }
    }
    return rows
  }

  static func expectation(
    _ row: FileRow?, path: String, isVersion: Bool, isObject: Bool = false
  ) -> ContentExpectation {
    let last = path.split(separator: "/").last.map(String.init) ?? path
    var name = last
    for mark in [".d1", ".v1"] {
      if let range = name.range(of: mark, options: .backwards) { name = String(name[..<range.lowerBound]) }
    }
    guard let row else { return ContentExpectation(name: name, isVersion: isVersion) }
    return ContentExpectation(row: row, isObject: isObject, name: name, isVersion: isVersion)
  }

  /// Where the keys of a file below `data/<uid>` lie, below `files_encryption/keys`.
  static func keyPath(_ path: String) -> String {
    func withoutVersion(_ text: String) -> String {
      text.range(of: ".v", options: .backwards).map { String(text[..<$0.lowerBound]) } ?? text
    }
    if path.hasPrefix("files_versions/") { return "files/" + withoutVersion(String(path.dropFirst(15))) }
    guard path.hasPrefix("files_trashbin/versions/") else { return path }
    let rest = String(path.dropFirst(24))
    guard let slash = rest.firstIndex(of: "/") else {
      // name.v1.d2 has the keys of name.d2
      guard let deleted = rest.range(of: ".d", options: .backwards) else { return "files_trashbin/files/" + rest }
      return "files_trashbin/files/" + withoutVersion(String(rest[..<deleted.lowerBound])) + rest[deleted.lowerBound...]
    }
    return "files_trashbin/files/" + rest[..<slash] + "/" + withoutVersion(String(rest[rest.index(after: slash)...]))
  }

  static func keyFiles(_ folder: URL, name: String) throws -> FileKeyFiles? {
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder.path).sorted(), !names.isEmpty else {
      return nil
    }
    let shareKeys = try names.filter { $0.hasSuffix(".shareKey") && isFile(folder.appending(path: $0)) }.map {
      FileKeyFiles.ShareKey(keyID: String($0.dropLast(9)), bytes: try bytes(folder.appending(path: $0)))
    }
    let fileKey = folder.appending(path: "fileKey")
    return FileKeyFiles(folder: name, shareKeys: shareKeys, fileKey: isFile(fileKey) ? try bytes(fileKey) : nil)
  }

  /// Every file of an instance whose plaintext is known.
  static func files(of folder: URL) throws -> [SampleFile] {
    let rows = try rows(folder)
    let expected = folder.appending(path: "expected")
    let usesObjects = FileManager.default.fileExists(atPath: folder.appending(path: "objects").path)
    let mounts = [
      "global": "GlobalExt", "alice": "AliceExt Übung", "plain": "PlainExt", "nested": "Projects/NestedExt",
      "personal": "PersonalExt",
    ]
    return try files(below: expected).compactMap { name in
      let slash = name.firstIndex(of: "/") ?? name.endIndex
      let user = String(name[..<slash])
      let path = String(name[name.index(after: slash)...])
      let plaintext = try bytes(expected.appending(path: name))
      let isVersion = path.hasPrefix("files_versions/") || path.hasPrefix("files_trashbin/versions/")
      if usesObjects { return try object(folder, user, path, plaintext, rows, isVersion: isVersion) }
      let content: URL
      var keyFolders: [String]
      var row: FileRow?
      if user == "external" {
        content = folder.appending(path: name)
        let mount = path.prefix { $0 != "/" }
        let rest = path.dropFirst(mount.count)
        let key = "files/\(mounts[String(mount)] ?? "")\(rest)"
        keyFolders = ["files_encryption/keys/\(key)", "alice/files_encryption/keys/\(key)"]
        row = rows["local::/srv/nextcloud/nc32-external/external/\(mount)/|\(rest.dropFirst())"]
      } else {
        content = folder.appending(path: "data/\(name)")
        let key = keyPath(path)
        keyFolders = ["\(user)/files_encryption/keys/\(key)", "files_encryption/keys/\(key)"]
        row = rows["home::\(user)|\(path)"]
      }
      let keys = try keyFolders.compactMap {
        try keyFiles(folder.appending(path: "data/\($0)/OC_DEFAULT_MODULE"), name: $0)
      }
      return SampleFile(
        name: name, bytes: try bytes(content), expected: plaintext, keys: keys,
        expectation: expectation(row, path: path, isVersion: isVersion))
    }
  }

  private static func object(
    _ folder: URL, _ user: String, _ path: String, _ plaintext: [UInt8], _ rows: [String: FileRow],
    isVersion: Bool
  ) throws -> SampleFile? {
    func object(_ path: String) -> URL? {
      guard let id = rows["object::user:\(user)|\(path)"]?.fileID else { return nil }
      return folder.appending(path: "objects/urn:oid:\(id)")
    }
    guard let content = object(path) else { return nil }
    let prefix = "files_encryption/keys/\(keyPath(path))/OC_DEFAULT_MODULE/"
    let shareKeys = try rows.keys.filter { $0.hasPrefix("object::user:\(user)|\(prefix)") && $0.hasSuffix(".shareKey") }
      .sorted().compactMap { key -> FileKeyFiles.ShareKey? in
        guard let id = rows[key]?.fileID, let name = key.split(separator: "/").last else { return nil }
        return FileKeyFiles.ShareKey(
          keyID: String(name.dropLast(9)), bytes: try bytes(folder.appending(path: "objects/urn:oid:\(id)")))
      }
    return SampleFile(
      name: "\(user)/\(path)", bytes: try bytes(content), expected: plaintext,
      keys: shareKeys.isEmpty ? [] : [FileKeyFiles(folder: prefix, shareKeys: shareKeys, fileKey: nil)],
      expectation: expectation(
        rows["object::user:\(user)|\(path)"], path: path, isVersion: isVersion,
        isObject: true))
  }

  /// The key pairs of object storage, which are objects too.
  static func objectKeyFiles(_ folder: URL) throws -> [KeyFile] {
    try rows(folder).compactMap { key, row in
      guard let bar = key.firstIndex(of: "|") else { return nil }
      let id = row.fileID
      let path = String(key[key.index(after: bar)...])
      guard path.hasPrefix("files_encryption/OC_DEFAULT_MODULE/"), KeyPlace(path: path) != nil else { return nil }
      return KeyFile(path: path, bytes: try bytes(folder.appending(path: "objects/urn:oid:\(id)")))
    }
  }
}

extension ContentExaminer {
  /// Examines and decrypts a sample.
  func both(
    _ file: SampleFile, bytes: [UInt8]? = nil, expectation: ContentExpectation? = nil, keys: [FileKeyFiles]? = nil
  ) throws -> (result: ContentResult, plaintext: [UInt8]) {
    let sink = BytesSink()
    let keys = keys ?? file.keys
    let result = try decrypt(
      BytesSource(bytes ?? file.bytes), expecting: expectation ?? file.expectation,
      keys: { $0 < keys.count ? keys[$0] : nil }, wantsDigest: true, into: sink)
    return (result, sink.bytes)
  }
}
