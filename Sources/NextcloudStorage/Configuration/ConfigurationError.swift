package import DurableFiles

/// What keeps a configuration, or one key of it, from being read. Never holds text of a value.
package enum ConfigurationError: Error, Equatable {
  /// A line of a configuration file.
  package struct Place: Equatable, Sendable, CustomStringConvertible {
    /// The file's name: "config.php".
    package let file: String
    /// The line, counted from 1.
    package let line: Int

    package init(file: String, line: Int) {
      self.file = file
      self.line = line
    }

    package var description: String { "\(file) line \(line)" }
  }

  /// A value that is not text of the right kind.
  package enum Mismatch: String, Equatable, Sendable {
    case text = "is not text"
    case truth = "is neither true nor false"
    case number = "is not a whole number"
    case list = "is not an array"
    case unicode = "is not UTF-8"
    case path = "is not a path: it has a zero byte in it"
    case secret = "is a secret and is not handed out as plain text"
  }

  /// The folder or a file in it cannot be read.
  case file(FileError)
  /// There is no `config.php` in the folder.
  case missing(folder: String)
  /// A configuration file's name is not UTF-8; the name is given with replacement characters.
  case fileName(String)
  /// The file is not PHP that can be read, and why.
  case syntax(Place, String)
  /// The file has a heredoc or nowdoc, which are not read.
  case heredoc(Place)
  /// PHP would output what stands there (a byte order mark, for one), and Nextcloud then refuses to start.
  case output(Place, String)
  /// The file is larger, deeper or longer than is read.
  case limit(Place, String)
  /// The key that was asked for gets its value from code, which is not run; `copy` is where an earlier file has a literal.
  case dynamic(key: String, Place, what: String, copy: Place?)
  /// The key that was asked for has a value of another type.
  case type(key: String, Place, Mismatch)
  /// There is no guarded memory for the values.
  case memory(String)

  /// What happened, on one line.
  package var problem: String {
    switch self {
    case .file(let error): error.problem
    case .missing(let folder): "there is no config.php in \(folder)"
    case .fileName(let name): "the configuration file \(name) has a name that is not UTF-8"
    case .syntax(let place, let what), .limit(let place, let what): "\(place): \(what)"
    case .heredoc(let place): "\(place): a heredoc or nowdoc (<<<) is not read"
    case .output(let place, let what): "\(place): \(what)"
    case .dynamic(let key, let place, let what, _):
      "\(place): the value of '\(key)' comes from \(what), and configuration is read without running PHP"
    case .type(let key, let place, let mismatch): "\(place): the value of '\(key)' \(mismatch.rawValue)"
    case .memory(let why): "cannot hold the configuration: \(why)"
    }
  }

  /// What a person can do about it, on one line.
  package var hint: String {
    switch self {
    case .file(let error): error.hint
    case .missing: "name the folder of the Nextcloud instance, or its config folder"
    case .fileName: "rename the file"
    case .syntax: "`php -l` on that file says whether PHP reads it"
    case .heredoc: "write the value in single quotes"
    case .output: "remove everything before <?php; Nextcloud itself does not start with it"
    case .limit: "this is probably not a configuration that Nextcloud wrote"
    case .dynamic(_, _, _, .some(let copy)):
      "\(copy) has a copy of it that may be old; write the value itself where it is set last"
    case .dynamic: "write the value itself into that line, in single quotes"
    case .type: "correct that line, or use the configuration that Nextcloud last ran with"
    case .memory: "close other programs, or raise the limit of locked memory"
    }
  }
}

/// Why one file cannot be parsed; becomes a `ConfigurationError` where the file's name is known.
struct ParseFailure: Error {
  enum Kind { case syntax, heredoc, output, limit, memory }

  let kind: Kind
  let line: Int
  let what: String

  init(_ kind: Kind = .syntax, line: Int, _ what: String) {
    self.kind = kind
    self.line = line
    self.what = what
  }

  func named(_ file: String) -> ConfigurationError {
    let place = ConfigurationError.Place(file: file, line: line)
    return switch kind {
    case .syntax: .syntax(place, what)
    case .heredoc: .heredoc(place)
    case .output: .output(place, what)
    case .limit: .limit(place, what)
    case .memory: .memory(what)
    }
  }
}
