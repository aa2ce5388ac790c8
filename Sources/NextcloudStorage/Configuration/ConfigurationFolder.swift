internal import DurableFiles
internal import SecretMemory
package import SystemPackage

#if canImport(Glibc)
  internal import Glibc
#endif

/// Which files of a config folder Nextcloud loads.
package struct ConfigurationFolder: Equatable, Sendable {
  /// The names of the files that are loaded, in that order; `config.php` is the first.
  package let loaded: [String]
  /// The names of files that look like configuration and are not loaded: `config.php.bak`.
  package let ignored: [String]

  /// Chooses from the names in a folder.
  ///
  /// The rule is Nextcloud's: `config.php`, then the matches of the shell pattern `*.config.php`, which leaves out
  /// names that start with a point, in the order of PHP's `natsort`.
  package init(names: [String]) {
    let suffix = ".config.php"
    let extra = names.filter { $0.hasSuffix(suffix) && !$0.hasPrefix(".") }.map { Array($0.utf8) }
    // The pattern's matches come sorted by their bytes, and natsort keeps the order of equals. It compares whole paths.
    let sorted = extra.sorted { $0.lexicographicallyPrecedes($1) }.enumerated().sorted { left, right in
      let order = NaturalOrder.compare([0x2F] + left.element, [0x2F] + right.element)
      return order == 0 ? left.offset < right.offset : order < 0
    }
    loaded =
      (names.contains("config.php") ? ["config.php"] : []) + sorted.map { String(decoding: $0.element, as: UTF8.self) }
    let known = Set(loaded).union(["config.sample.php", "autoconfig.php"])
    ignored = names.filter { name in
      let lowercase = name.lowercased()
      return !known.contains(name) && lowercase.contains("config") && lowercase.contains(".php")
    }.sorted()
  }

  /// Lists a folder.
  ///
  /// - Throws: `ConfigurationError.missing` where there is no `config.php`; `fileName` for a name that is not UTF-8.
  package init(listing folder: FilePath) throws(ConfigurationError) {
    var names: [String] = []
    guard let stream = unsafe folder.withPlatformString({ unsafe opendir($0) }) else {
      throw .file(FileError("cannot read", folder, .system(Errno(rawValue: errno))))
    }
    defer { unsafe closedir(stream) }
    while true {
      errno = 0
      guard let entry = unsafe readdir(stream) else { break }
      let bytes = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { unsafe Array($0.prefix { $0 != 0 }) }
      guard let name = String(validating: bytes, as: UTF8.self) else {
        if bytes.suffix(11) == Array(".config.php".utf8) { throw .fileName(ASCII.printable(bytes)) }
        continue
      }
      names.append(name)
    }
    guard errno == 0 else { throw .file(FileError("cannot read", folder, .system(Errno(rawValue: errno)))) }
    self.init(names: names)
    guard loaded.first == "config.php" else { throw .missing(folder: folder.description) }
  }

  /// One line for each file that somebody may take for loaded.
  package var warnings: [String] {
    ignored.map { "\(ASCII.printable(Array($0.utf8))) looks like configuration, but Nextcloud does not load it" }
  }
}

extension Configuration {
  /// Reads the configuration of a live instance.
  ///
  /// - Parameter folder: the config folder itself.
  package static func load(folder: FilePath) throws(ConfigurationError) -> Configuration {
    let listing = try ConfigurationFolder(listing: folder)
    var reader = try ConfigurationReader()
    for name in listing.loaded {
      let bytes: SecretBytes
      do throws(FileError) {
        bytes = try BoundedReading.secret(of: folder.appending(name), limit: ConfigurationReader.fileLimit)
      } catch {
        throw .file(error)
      }
      try reader.add(name, bytes)
    }
    return reader.finish()
  }

  /// Those of the names of environment variables that override configuration: `NC_` and a key.
  ///
  /// They are mentioned to a person, never read.
  package static func overrides(in environment: [String]) -> [String] {
    environment.filter { $0.utf8.starts(with: "NC_".utf8) && $0.utf8.count > 3 }.sorted()
  }
}
