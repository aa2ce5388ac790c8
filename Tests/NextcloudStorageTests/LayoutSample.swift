import Foundation
import SystemPackage

@testable import NextcloudStorage

/// Lists folders and made-up trees into a layout.
enum LayoutSample {
  static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
  /// Instances that are part of the repository.
  static let instances = root.appending(path: "Vectors/instances")

  /// Every regular file below a folder, relative to it.
  static func list(_ folder: URL) throws -> [(path: String, size: Int64)] {
    try FileManager.default.subpathsOfDirectory(atPath: folder.path).compactMap { path in
      let attributes = try FileManager.default.attributesOfItem(atPath: folder.appending(path: path).path)
      guard attributes[.type] as? FileAttributeType == .typeRegular else { return nil }
      return (path, (attributes[.size] as? NSNumber)?.int64Value ?? 0)
    }
  }

  static func database(_ snapshot: URL?) throws -> InstanceDatabase {
    guard let snapshot else { return try .empty() }
    return try .read(FilePath(snapshot.path), tablePrefix: "oc_")
  }

  /// The layout of an instance of the repository as it stands there, without `expected` and the snapshots.
  static func layout(
    _ name: String, snapshot: String?, change: (inout LayoutFacts) -> Void = { _ in }
  ) throws -> BackupLayout {
    let folder = instances.appending(path: name)
    var facts = LayoutFacts()
    facts.dataFolder = "/srv/nextcloud/\(name)/data"
    change(&facts)
    let entries = try list(folder).filter { entry in
      !["expected/", "db.", "SHA256SUMS", "instance.json", "credentials.json"].contains { entry.path.hasPrefix($0) }
    }
    return try layout(
      entries.map(\.path), sizes: entries.map(\.size), facts: facts,
      database: database(snapshot.map { folder.appending(path: $0) }))
  }

  static func layout(
    _ paths: [String], sizes: [Int64]? = nil, facts: LayoutFacts = LayoutFacts(), database: InstanceDatabase? = nil
  ) throws -> BackupLayout {
    let listing = try BackupListing(database: try database ?? .empty(), facts: facts)
    for (index, path) in paths.enumerated() {
      try listing.add(path: FilePath(path), size: sizes?[index] ?? 9000, modified: 1_760_000_000)
    }
    return try listing.layout()
  }

  static func content(_ layout: BackupLayout, withKeys: Bool = true) throws -> [ContentFile] {
    var result: [ContentFile] = []
    try layout.forEachContentFile(withKeys: withKeys) { result.append($0) }
    return result
  }

  static func orphans(_ layout: BackupLayout) throws -> [OrphanKey] {
    var result: [OrphanKey] = []
    try layout.forEachOrphanKey { result.append($0) }
    return result
  }
}
