import Foundation
import Recoverability
import SystemPackage

/// A folder of a test's own, with copies of the sample instances of `Vectors/`.
final class Workplace {
  let folder: URL

  init() throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "recoverability-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  static let instances = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Vectors/instances")

  /// A copy of an instance without its plaintext.
  func copy(_ name: String) throws -> URL {
    let copy = folder.appending(path: name)
    try FileManager.default.copyItem(at: Self.instances.appending(path: name), to: copy)
    return copy
  }

  func path(_ name: String) -> String { folder.appending(path: name).path }

  func sources(
    _ instance: URL, snapshot: String? = "db.sqlite3", embedding: Bool = false, recoveryPasswordFile: String? = nil,
    objects: String? = nil, incomplete: Bool = false
  ) -> SealingSources {
    SealingSources(
      instance: instance.path, data: nil, objects: objects.map { instance.appending(path: $0).path },
      databaseSnapshot: snapshot.map { instance.appending(path: $0).path }, embedsDatabase: embedding, includes: [],
      recoveryPasswordFile: recoveryPasswordFile, allowsIncomplete: incomplete, output: path("cloud.escrow.age"),
      isArmored: false)
  }
}
