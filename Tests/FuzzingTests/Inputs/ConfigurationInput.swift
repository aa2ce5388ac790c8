import NextcloudStorage
import SecretMemory
import SystemPackage

/// Configuration files, one after the other, as Nextcloud merges them.
enum ConfigurationInput {
  /// Stands between two files.
  static let separator = Array("\n\u{0}\u{0}\n".utf8)

  static func read(_ bytes: [UInt8]) -> (objection: String?, summary: String) {
    do throws(ConfigurationError) {
      var reader = try ConfigurationReader()
      for (index, file) in files(in: bytes).enumerated() {
        let text: SecretBytes
        do { text = try SecretBytes(copying: file) } catch { throw .memory("\(error)") }
        try reader.add(index == 0 ? "config.php" : "\(index).config.php", text)
      }
      let configuration = reader.finish()
      return (objection(to: configuration), summary(of: configuration))
    } catch {
      return (StatedProblem.objection(error.problem, error.hint), error.problem)
    }
  }

  private static func files(in bytes: [UInt8]) -> [[UInt8]] {
    var files: [[UInt8]] = []
    var start = 0
    var index = 0
    // Few files are enough to show what merging does.
    while files.count < 3, index + separator.count <= bytes.count {
      if bytes[index] == separator[0], bytes[index..<(index + separator.count)].elementsEqual(separator) {
        files.append(Array(bytes[start..<index]))
        start = index + separator.count
        index = start
      } else {
        index += 1
      }
    }
    return files + [Array(bytes[start...])]
  }

  private static let asked: [Configuration.Path] = [
    "instanceid", "secret", "passwordsalt", "datadirectory", "version", "dbtype", "dbtableprefix", "objectstore",
    ["objectstore", "arguments", "bucket"], ["trusted_domains", "0"], "a", ["b", "c"],
  ]

  private static func objection(to configuration: borrowing Configuration) -> String? {
    for path in asked {
      let kind = configuration.kind(path)
      let isThere = configuration.contains(path)
      switch kind {
      case nil, .null: if isThere { return "\(path) is there and has no value" }
      default: if !isThere { return "\(path) has a value and is not there" }
      }
      if (kind == nil) != (configuration.origin(path) == nil) { return "\(path) has a value or a place, not both" }
      if kind == .bool, (try? configuration.bool(path)) == nil { return "\(path) is no truth value after all" }
      if kind == .integer, (try? configuration.integer(path)) == nil { return "\(path) is no number after all" }
    }
    return nil
  }

  private static func summary(of configuration: borrowing Configuration) -> String {
    var parts = configuration.keys + configuration.warnings + configuration.dynamicKeys.map(\.key)
    for path in asked {
      parts.append("\(configuration.kind(path).map { "\($0)" } ?? "-")")
      do throws(ConfigurationError) {
        parts.append(try configuration.string(path, orCopy: true) ?? "none")
        parts.append("\(try configuration.path(path)?.length ?? 0)")
        parts.append((try configuration.keys(of: path) ?? []).joined(separator: ","))
      } catch {
        parts.append(error.problem)
      }
      switch Result(catching: { () throws(ConfigurationError) in try secretCount(path, configuration) }) {
      case .success(let count): parts.append("\(count)")
      case .failure(let error): parts.append(error.problem)
      }
    }
    return parts.joined(separator: "\u{1}")
  }

  private static func secretCount(
    _ path: Configuration.Path, _ configuration: borrowing Configuration
  ) throws(ConfigurationError) -> Int {
    switch try configuration.secret(path, orCopy: true) {
    case .some(let secret): secret.count
    case .none: -1
    }
  }
}
