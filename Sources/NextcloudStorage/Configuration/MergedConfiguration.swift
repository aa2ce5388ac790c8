/// The top level of all files together, as PHP's `array_merge` gives it: the last file wins, whole keys are replaced.
struct MergedConfiguration {
  /// The names of the files in load order.
  var files: [String] = []
  private(set) var top = ConfigurationArray()
  /// What earlier files had at a key that a later one replaced.
  private(set) var older: [ConfigurationKey: ConfigurationArray.Entry] = [:]
  var warnings: [String] = []

  /// Sets a key.
  ///
  /// - Returns: the entry of an earlier file that this one replaces.
  mutating func set(_ entry: ConfigurationArray.Entry) -> ConfigurationArray.Entry? {
    guard case .text = entry.key else {
      // array_merge gives new numbers to what has a number.
      top.append(file: entry.file, line: entry.line) { $0 = entry.value }
      return nil
    }
    let replaced = top.entry(entry.key)
    if let replaced { remember(replaced) }
    top.set(entry.key, entry.value, file: entry.file, line: entry.line)
    return replaced
  }

  /// Code in a file may set any key.
  mutating func forget(_ dynamic: Dynamic) {
    for entry in top.entries { remember(entry) }
    top.forget(dynamic)
  }

  /// Keeps the last value that needs no code.
  private mutating func remember(_ entry: ConfigurationArray.Entry) {
    if case .dynamic = entry.value { return }
    older[entry.key] = entry
  }

  mutating func warnOfOverride(of entry: ConfigurationArray.Entry, _ older: ConfigurationArray.Entry) {
    // A list of a thousand lines helps nobody.
    guard warnings.count < 100 else { return }
    let how = if case .dynamic = entry.value { "computes it" } else { "differs" }
    warnings.append("'\(entry.key.short)' in \(place(older)) is overridden by \(place(entry)), which \(how)")
  }

  func place(_ entry: ConfigurationArray.Entry) -> ConfigurationError.Place { place(entry.file, entry.line) }

  func place(_ file: Int, _ line: Int) -> ConfigurationError.Place {
    .init(file: files.indices.contains(file) ? files[file] : "config.php", line: line)
  }
}
