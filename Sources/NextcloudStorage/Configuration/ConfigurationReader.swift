package import SecretMemory

/// Reads configuration files one after the other, in the order that Nextcloud loads them, and merges them as it does.
///
/// PHP is parsed and never run. What only running it would tell becomes `dynamic` for the keys that it touches, and
/// reading goes on; where it cannot be told which keys code touches, all keys before it are no longer known.
package struct ConfigurationReader: ~Copyable {
  /// The most bytes of one file.
  package static let fileLimit = 4 * 1024 * 1024
  /// The most array items of all files together, copies included.
  package static let itemLimit = 100_000
  /// The most arrays inside of each other.
  package static let nestingLimit = PHPScanner.nestingLimit

  var scanner = PHPScanner(SourceBytes())
  var arena: SecretArena
  /// What the variables hold that files set so far; they leak from one file to the next.
  var variables: [[UInt8]: ConfigurationValue] = [:]
  /// Variables that have a second name by a reference: never known again.
  var aliased: [[UInt8]: Dynamic] = [:]
  /// Why what is set now might not be set: an `if`, or a `return` before it.
  var condition: Dynamic?
  /// Why the rest of this file might not run.
  var early: Dynamic?
  var isFinished = false
  var items = 0
  private var merged = MergedConfiguration()
  /// How many bytes the comparison of overridden values may still look at; beyond, values count as different.
  private var comparable = SecretArena.limit

  static let configName = Array("CONFIG".utf8)

  package init() throws(ConfigurationError) {
    do { arena = try SecretArena(capacity: 8192) } catch { throw .memory("\(error)") }
  }

  /// Reads the next file.
  ///
  /// - Parameters:
  ///   - name: the file's name without its folder; stands in errors.
  ///   - bytes: its text, at most `fileLimit` bytes; nothing keeps a reference to it.
  /// - Throws: where the file as a whole cannot be read. The reader is of no use then.
  package mutating func add(_ name: String, _ bytes: borrowing SecretBytes) throws(ConfigurationError) {
    let file = merged.files.count
    merged.files.append(name)
    guard bytes.count <= Self.fileLimit else {
      throw .limit(.init(file: name, line: 1), "the file has more than \(Self.fileLimit / 1_048_576) MiB")
    }
    condition = nil
    early = nil
    isFinished = false
    // What Nextcloud's own loop sets before each file.
    for local in [Self.configName, Array("file".utf8), Array("filePointer".utf8)] { variables[local] = nil }
    aliased[Self.configName] = nil
    do throws(ParseFailure) {
      try unsafe bytes.withUnsafeBytes { (text) throws(ParseFailure) in
        scanner = unsafe PHPScanner(SourceBytes(lent: text))
        try readFile()
      }
    } catch {
      scanner = PHPScanner(SourceBytes())
      throw error.named(name)
    }
    if let output = scanner.output {
      merged.warnings.append(
        "\(name) line \(output.line): PHP outputs the \(output.isText ? "text" : "white space") behind ?>")
    }
    if bytes.count == 0 { merged.warnings.append("\(name) is empty") }
    scanner = PHPScanner(SourceBytes())
    merge(variables[Self.configName], file)
  }

  /// What all the files together say.
  package consuming func finish() -> Configuration { Configuration(arena: arena, merged: merged) }

  private mutating func merge(_ value: ConfigurationValue?, _ file: Int) {
    switch value {
    case .none, .null, .bool, .integer, .double, .string: break
    case .dynamic(let dynamic): merged.forget(dynamic)
    case .array(let array):
      if let unknown = array.unknown { merged.forget(unknown) }
      for entry in array.entries {
        if let older = merged.set(entry), !isEqual(older.value, entry.value) {
          merged.warnOfOverride(of: entry, older)
        }
      }
    }
  }

  /// Whether two values are the same, as far as they are known.
  private mutating func isEqual(_ left: ConfigurationValue, _ right: ConfigurationValue) -> Bool {
    switch (left, right) {
    case (.null, .null): return true
    case (.bool(let left), .bool(let right)): return left == right
    case (.integer(let left), .integer(let right)): return left == right
    case (.double(let left), .double(let right)): return left == right
    case (.string(let left), .string(let right)):
      if left == right { return true }
      guard left.count == right.count, left.count <= comparable else { return false }
      comparable -= left.count
      return arena.equal(left, right)
    case (.array(let left), .array(let right)):
      guard left.entries.count == right.entries.count, left.unknown == nil, right.unknown == nil else { return false }
      for entry in left.entries {
        guard let other = right.entry(entry.key), isEqual(entry.value, other.value) else { return false }
      }
      return true
    default: return false
    }
  }

  // MARK: - Limits

  /// Counts items against the limit.
  mutating func charge(_ count: Int = 1) throws(ParseFailure) {
    guard count <= Self.itemLimit - items else {
      throw ParseFailure(.limit, line: scanner.tokenLine, "there are more than \(Self.itemLimit) array items")
    }
    items += count
  }

  /// Counts an array that is put into another one: its items against the limit, its depth on top of `depth`.
  mutating func charge(copyOf value: ConfigurationValue, depth: Int) throws(ParseFailure) {
    guard case .array(let array) = value else { return }
    try checkDepth(depth + 1)
    try charge(array.entries.count + 1)
    for entry in array.entries { try charge(copyOf: entry.value, depth: depth + 1) }
  }

  func checkDepth(_ depth: Int) throws(ParseFailure) {
    guard depth <= Self.nestingLimit else {
      throw ParseFailure(.limit, line: scanner.tokenLine, "code is nested more than \(Self.nestingLimit) deep")
    }
  }

  /// A value that is not followed, at the line of the current token.
  func dynamic(_ what: String) -> Dynamic { dynamic(what, line: scanner.tokenLine) }

  func dynamic(_ what: String, line: Int) -> Dynamic {
    Dynamic(file: merged.files.count - 1, line: line, what: what)
  }

  /// The index of the file that is being read.
  var fileIndex: Int { merged.files.count - 1 }
}
