import Foundation
import SecretMemory

@testable import NextcloudStorage

/// Where the sample instances lie, and what the tests need of them.
enum Samples {
  /// `../shared` beside the repository; tests that need it are left out where it is absent.
  static let shared = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: "shared/fixtures")

  static let areAbsent = !FileManager.default.fileExists(atPath: shared.path)
  static let arePresent = !areAbsent

  /// The value of a quoted entry of config.php; enough for samples.
  static func configured(_ key: String, in config: URL) throws -> String {
    let text = try String(contentsOf: config, encoding: .utf8)
    let expression = try Regex("(?m)^  '\(key)' => '([^']*)'")
    guard let match = text.firstMatch(of: expression), let value = match.output[1].substring else {
      throw MissingSample(what: "\(key) in \(config.path)")
    }
    return String(value)
  }

  /// Secret and instance id of an instance, without any password.
  static func material(config: URL) throws -> KeyMaterial {
    var material = KeyMaterial()
    material.add(secret: try secret(try configured("secret", in: config)))
    material.add(instanceID: try configured("instanceid", in: config))
    return material
  }

  static func secret(_ text: String) throws -> SecretBytes { try SecretBytes(copying: [UInt8](text.utf8)) }

  /// Every key file below a folder, by nothing but its path, sorted.
  static func keyFiles(below folder: URL) throws -> [KeyFile] {
    let paths = try FileManager.default.subpathsOfDirectory(atPath: folder.path).sorted()
    return try paths.compactMap { path in
      guard !path.contains("files_encryption/keys/"), !path.contains("/files/"),
        KeyPlace(path: path) != nil
      else { return nil }
      return KeyFile(path: path, bytes: [UInt8](try Data(contentsOf: folder.appending(path: path))))
    }
  }
}

func secretBytes(_ text: String) throws -> SecretBytes { try SecretBytes(copying: [UInt8](text.utf8)) }

extension SecretBytes {
  var text: String { withBytes { String(decoding: $0.array(), as: UTF8.self) } }
}

struct MissingSample: Error { let what: String }
