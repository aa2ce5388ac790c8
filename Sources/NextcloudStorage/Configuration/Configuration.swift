package import SecretMemory
package import SystemPackage

/// What Nextcloud's configuration files say together, without the environment.
///
/// Values are asked for by their path: `string(["objectstore", "arguments", "bucket"])`. A key that is absent or null is
/// nil. A key whose value only running PHP would tell is an error, and so is one of another type, each with its place.
/// With `orCopy: true` a top-level key that the winning file computes is read from the last file before it that has it
/// as a literal: Nextcloud writes all values into `config.php`, so such copies are usual but may be old.
package struct Configuration: ~Copyable {
  private let arena: SecretArena
  private let merged: MergedConfiguration

  init(arena: consuming SecretArena, merged: MergedConfiguration) {
    self.arena = arena
    self.merged = merged
  }

  /// Where a value stands: a key, or the keys of arrays inside of each other. "0" is the first item of a list.
  package struct Path: Equatable, Sendable, ExpressibleByStringLiteral, ExpressibleByArrayLiteral {
    package let words: [String]

    package init(_ words: [String]) { self.words = words }
    package init(stringLiteral word: String) { self.init([word]) }
    package init(arrayLiteral words: String...) { self.init(words) }
  }

  /// What kind of value a key has.
  package enum Kind: Equatable, Sendable { case null, bool, integer, double, string, array, dynamic }

  /// A key whose value is not known, and why.
  package struct DynamicKey: Equatable, Sendable {
    /// The key with those around it, separated by points.
    package let key: String
    /// Where the code stands.
    package let place: ConfigurationError.Place
    /// What the value comes from: "the function getenv()".
    package let what: String

    package init(key: String, place: ConfigurationError.Place, what: String) {
      self.key = key
      self.place = place
      self.what = what
    }
  }

  /// The last words of paths that are secrets: only `secret` gives them.
  package static let secretNames: Set<String> = [
    "secret", "passwordsalt", "dbpassword", "password", "mail_smtppassword", "sse_c_key", "ldapagentpassword",
  ]

  /// The files that were read, in the order in which Nextcloud loads them.
  package var files: [String] { merged.files }

  /// What a person should know, one line each: values that another file overrides, output behind `?>`.
  package var warnings: [String] { merged.warnings }

  /// The top-level keys in PHP's order, as text for a person.
  package var keys: [String] { merged.top.entries.map(\.key.printable) }

  // MARK: - Asking

  /// Whether there is such a key with a value other than null; true for one whose value is not known.
  package func contains(_ path: Path) -> Bool {
    switch find(path) {
    case .none, .some((.null, _)): false
    default: true
    }
  }

  /// The kind of value; nil where there is none.
  package func kind(_ path: Path) -> Kind? {
    find(path).map { found in
      switch found.value {
      case .null: .null
      case .bool: .bool
      case .integer: .integer
      case .double: .double
      case .string: .string
      case .array: .array
      case .dynamic: .dynamic
      }
    }
  }

  /// Where the key was set; nil where it is not.
  package func origin(_ path: Path) -> ConfigurationError.Place? { find(path)?.place }

  /// Where a file before the winning one has another literal for a top-level key.
  package func copy(of key: String) -> ConfigurationError.Place? {
    merged.older[ConfigurationKey(key)].map { merged.place($0) }
  }

  /// A text that is no secret; a whole number is given in decimal.
  package func string(_ path: Path, orCopy: Bool = false) throws(ConfigurationError) -> String? {
    guard let (bytes, place) = try plainBytes(path, orCopy) else { return nil }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw .type(key: path.description, place, .unicode)
    }
    return text
  }

  /// A path of the file system, of any bytes but zero.
  package func path(_ path: Path, orCopy: Bool = false) throws(ConfigurationError) -> FilePath? {
    guard let (bytes, place) = try plainBytes(path, orCopy) else { return nil }
    guard !bytes.contains(0) else { throw .type(key: path.description, place, .path) }
    return unsafe FilePath(platformString: bytes.map { CChar(bitPattern: $0) } + [0])
  }

  /// A text that is a secret, as it stands, of any bytes; a whole number is given in decimal.
  package func secret(_ path: Path, orCopy: Bool = false) throws(ConfigurationError) -> SecretBytes? {
    guard let (value, place) = try known(path, orCopy) else { return nil }
    do {
      switch value {
      case .string(let range):
        return try arena.withBytes(of: range) { (span) throws(SecretMemoryError) in try SecretBytes(copying: span) }
      case .integer(let number): return try SecretBytes(copying: Array(String(number).utf8))
      default: throw ConfigurationError.type(key: path.description, place, .text)
      }
    } catch let error as SecretMemoryError {
      throw .memory("\(error)")
    } catch let error as ConfigurationError {
      throw error
    } catch {
      throw .memory("\(error)")
    }
  }

  /// What PHP's `(bool)` makes of a number or text: 0, "" and "0" are false, and "false" is true.
  package func bool(_ path: Path, orCopy: Bool = false) throws(ConfigurationError) -> Bool? {
    guard let (value, place) = try known(path, orCopy) else { return nil }
    switch value {
    case .bool(let value): return value
    case .integer(let value): return value != 0
    case .double(let value): return value != 0
    case .string(let range): return ![[], [0x30]].contains(arena.copy(of: range.prefix(2)))
    case .null, .array, .dynamic: throw .type(key: path.description, place, .truth)
    }
  }

  /// A whole number, or text that is one in decimal.
  package func integer(_ path: Path, orCopy: Bool = false) throws(ConfigurationError) -> Int? {
    guard let (value, place) = try known(path, orCopy) else { return nil }
    switch value {
    case .integer(let value): return value
    case .string(let range):
      if let value = ConfigurationKey.decimal(arena.copy(of: range.prefix(21))) { return value }
    default: break
    }
    throw .type(key: path.description, place, .number)
  }

  /// The keys of an array, in its order; nil where there is none.
  package func keys(of path: Path, orCopy: Bool = false) throws(ConfigurationError) -> [String]? {
    guard let (value, place) = try known(path, orCopy) else { return nil }
    guard case .array(let array) = value else { throw .type(key: path.description, place, .list) }
    if let unknown = array.unknown { throw dynamic(path, unknown) }
    return array.entries.map(\.key.printable)
  }

  /// The keys whose values are not known, at any depth, in the order of the files' keys; the first thousand of them.
  package var dynamicKeys: [DynamicKey] {
    var found: [DynamicKey] = []
    collect(merged.top, "", &found)
    return found
  }

  // MARK: - Finding

  private typealias Found = (value: ConfigurationValue, place: ConfigurationError.Place)

  private func find(_ path: Path) -> Found? { find(path, in: merged.top) }

  private func find(_ path: Path, in top: ConfigurationArray) -> Found? {
    var found: Found = (.array(top), merged.place(0, 1))
    for word in path.words {
      switch found.value {
      case .array(let array):
        let key = ConfigurationKey(word)
        guard let value = array[key] else { return nil }
        if let entry = array.entry(key) { found.place = merged.place(entry) }
        found.value = value
      case .dynamic: break
      default: return nil
      }
    }
    if case .dynamic(let dynamic) = found.value { found.place = merged.place(dynamic.file, dynamic.line) }
    return found
  }

  /// The value at a path, if it is there and not null.
  private func known(_ path: Path, _ orCopy: Bool) throws(ConfigurationError) -> Found? {
    guard let found = find(path) else { return nil }
    switch found.value {
    case .null: return nil
    case .dynamic(let dynamic):
      if orCopy, let first = path.words.first, let older = merged.older[ConfigurationKey(first)] {
        var copy = ConfigurationArray()
        copy.set(older.key, older.value, file: older.file, line: older.line)
        switch find(path, in: copy) {
        case .some((.dynamic, _)): break
        case .some((.null, _)), .none: return nil
        case .some(let found): return found
        }
      }
      throw self.dynamic(path, dynamic)
    default: return found
    }
  }

  private func dynamic(_ path: Path, _ dynamic: Dynamic) -> ConfigurationError {
    .dynamic(
      key: path.description, merged.place(dynamic.file, dynamic.line), what: dynamic.what,
      copy: path.words.first.flatMap { copy(of: $0) })
  }

  private func plainBytes(
    _ path: Path, _ orCopy: Bool
  ) throws(ConfigurationError) -> (bytes: [UInt8], place: ConfigurationError.Place)? {
    guard let (value, place) = try known(path, orCopy) else { return nil }
    if let last = path.words.last, Self.secretNames.contains(last) {
      throw .type(key: path.description, place, .secret)
    }
    switch value {
    case .string(let range): return (arena.copy(of: range), place)
    case .integer(let number): return (Array(String(number).utf8), place)
    default: throw .type(key: path.description, place, .text)
    }
  }

  private func collect(_ array: ConfigurationArray, _ prefix: String, _ found: inout [DynamicKey]) {
    func add(_ key: String, _ dynamic: Dynamic) {
      guard found.count < 1000 else { return }
      found.append(
        DynamicKey(key: prefix + key, place: merged.place(dynamic.file, dynamic.line), what: dynamic.what))
    }
    if let unknown = array.unknown { add("*", unknown) }
    for entry in array.entries {
      switch entry.value {
      case .dynamic(let dynamic): add(entry.key.short, dynamic)
      case .array(let inner): collect(inner, prefix + entry.key.short + ".", &found)
      default: break
      }
    }
  }
}

extension Configuration.Path: CustomStringConvertible {
  package var description: String { words.joined(separator: ".") }
}
