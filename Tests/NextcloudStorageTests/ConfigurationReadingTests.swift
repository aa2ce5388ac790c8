import Foundation
import NextcloudStorage
import SecretMemory
import SystemPackage
import Testing

/// Reads configuration files from text, for tests.
enum ConfigurationText {
  static func read(_ files: [(name: String, bytes: [UInt8])]) throws -> Configuration {
    var reader = try ConfigurationReader()
    for file in files { try reader.add(file.name, SecretBytes(copying: file.bytes)) }
    return reader.finish()
  }

  static func read(_ text: String) throws -> Configuration {
    try read([("config.php", Array(text.utf8))])
  }

  static func read(_ files: [(name: String, text: String)]) throws -> Configuration {
    try read(files.map { ($0.name, Array($0.text.utf8)) })
  }

  /// The value of `k` as a line of text: its type, and its bytes in hexadecimal where it is a string.
  static func shown(_ expression: String) throws -> String {
    let configuration = try read("<?php\n$CONFIG = array(\n'k' => \(expression),\n);")
    return try shown(configuration, ["k"])
  }

  static func shown(_ configuration: borrowing Configuration, _ words: [String]) throws -> String {
    let path = Configuration.Path(words)
    switch configuration.kind(path) {
    case .none: return "none"
    case .some(.null): return "null"
    case .some(.bool): return try configuration.bool(path) == true ? "true" : "false"
    case .some(.integer): return "int \(try configuration.integer(path) ?? 0)"
    case .some(.double): return "double"
    case .some(.dynamic): return "dynamic"
    case .some(.string): return try "'\(configuration.hexadecimal(path))'"
    case .some(.array):
      guard let keys = try? configuration.keys(of: path) else { return "[?]" }
      var items: [String] = []
      for key in keys { items.append("\(key): \(try shown(configuration, words + [key]))") }
      return "[\(items.joined(separator: ", "))]"
    }
  }

  /// Text as the hexadecimal digits that `shown` gives for it.
  static func quoted(_ text: String) -> String {
    "'" + text.utf8.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() + "'"
  }
}

extension Configuration {
  /// The bytes of a secret, in hexadecimal.
  func hexadecimal(_ path: Path) throws -> String {
    let secret = try secret(path)
    switch secret {
    case .none: return "none"
    case .some(let bytes):
      return bytes.withBytes { span in
        (0..<span.byteCount).map { index in
          let byte = unsafe span.unsafeLoad(fromByteOffset: index, as: UInt8.self)
          return (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }.joined()
      }
    }
  }
}

@Suite struct ConfigurationReadingTests {
  /// Expressions and what PHP 8.2 makes of them; `dynamic` where PHP would have to run.
  static let literals: [(expression: String, value: String)] = [
    ("0", "int 0"), ("-1", "int -1"), ("0x1F", "int 31"), ("0XfF", "int 255"), ("0b101", "int 5"), ("0640", "int 416"),
    ("0o640", "int 416"), ("0O17", "int 15"), ("0_17", "int 15"), ("1_000_000", "int 1000000"),
    ("9223372036854775807", "int 9223372036854775807"), ("9223372036854775808", "double"),
    ("-9223372036854775807-1", "int -9223372036854775808"), ("-9223372036854775808", "double"),
    ("0x7FFFFFFFFFFFFFFF", "int 9223372036854775807"), ("0x8000000000000000", "double"), ("1.5", "double"),
    (".5", "double"), ("5.", "double"), ("1e3", "double"), ("1.e-3", "double"), ("09.5", "double"),
    ("true", "true"), ("TRUE", "true"), ("False", "false"), ("\\true", "true"), ("nUlL", "null"),
    ("60*60*24", "int 86400"), ("2+3*4", "int 14"), ("(2+3)*4", "int 20"), ("- -5", "int 5"),
    ("9223372036854775807+1", "dynamic"), ("(int)'5'", "int 5"), ("( string )5", quoted("5")), ("(bool)'0'", "false"),
    ("(bool)'00'", "true"), ("(float)3", "double"), ("(array)'a'", "dynamic"), ("(int)'5a'", "dynamic"),
    (#"'a\'b'"#, quoted("a'b")), (#"'a\\b'"#, quoted(#"a\b"#)), (#"'a\nb'"#, quoted(#"a\nb"#)),
    (#""a\nb\r\t\v\e\f\\\$\"""#, "'610a620d090b1b0c5c2422'"), (#""\0\1\18\377\400""#, "'00010138ff00'"),
    (#""\x41\x4\xg\X42\x""#, "'41045c7867425c78'"),
    (#""\u{e9}\u{20ac}\u{1F600}\u{D800}""#, "'c3a9e282acf09f9880eda080'"),
    (#""\u\'\q""#, quoted(#"\u\'\q"#)), (#""$ a$1{ $""#, quoted("$ a$1{ $")), ("b'abc'", quoted("abc")),
    ("'multi\nline'", quoted("multi\nline")), (#"'a' . "\0" . 'b'"#, "'610062'"),
    ("'a' . 5 . -3 . true . null", quoted("a5-31")),
    ("('a' . 'b') . 'c'", quoted("abc")), ("'a' . 2 + 3", "dynamic"), ("'a' . 1.5", "dynamic"),
    ("'a' . /* x */ 'b' // ' \n", quoted("ab")), ("'a' # \"\n", quoted("a")), ("[]", "[]"), ("array()", "[]"),
    ("[1, [2], 'k' => array(3,)]", "[0: int 1, 1: [0: int 2], k: [0: int 3]]"),
    ("[5 => 1, 2, '7' => 3, 4, '08' => 5, 6]", "[5: int 1, 6: int 2, 7: int 3, 8: int 4, 08: int 5, 9: int 6]"),
    ("[true => 1, false => 2, null => 3, 1.7 => 4]", "[1: int 4, 0: int 2, : int 3]"),
    ("['a' => 1, 'b' => 2, 'a' => 3]", "[a: int 3, b: int 2]"), ("[-5 => 1, 2]", "[?]"),
    ("[PDO::ATTR => 1]", "[?]"), ("[...$x, 'a' => 1]", "[?]"), ("[9223372036854775807 => 1, 2]", "[?]"),
    ("getenv('X')", "dynamic"), ("getenv('X') ?: 'd'", "dynamic"), ("'a' ? 'b' : 'c'", "dynamic"),
    ("null ?? 'b'", "dynamic"), ("PHP_EOL", "dynamic"), ("__DIR__ . '/data'", "dynamic"), ("A::B", "dynamic"),
    ("!true", "dynamic"), ("fn($x) => [$x => 1]", "dynamic"), ("function () { return ';'; }", "dynamic"),
    ("\"a$b\"", "dynamic"), ("\"{$b['c']}\"", "dynamic"), ("\"a{$b->c(\"}\")}d\"", "dynamic"), ("\"${b}\"", "dynamic"),
    ("`ls`", "dynamic"), ("$undefined", "dynamic"), ("match(1) { 1 => 'a', default => ')' }", "dynamic"),
    ("array_map(fn($x) => trim($x), explode(',', getenv('A')))", "dynamic"), ("'abc'[0]", "dynamic"),
  ]

  private static func quoted(_ text: String) -> String { ConfigurationText.quoted(text) }

  @Test(arguments: literals) func aLiteralHasTheValueThatPHPGivesIt(expression: String, value: String) throws {
    #expect(try ConfigurationText.shown(expression) == value)
  }

  @Test func itReadsWhatVarExportWrites() throws {
    let configuration = try ConfigurationText.read(
      #"""
      <?php
      $CONFIG = array (
        'trusted_domains' =>
        array (
          0 => 'localhost',
          1 => 'a\'b\\c',
        ),
        'loglevel' => 2,
        'ratio' => 1.0,
        'nothing' => NULL,
        'installed' => true,
      );

      """#)
    #expect(configuration.keys == ["trusted_domains", "loglevel", "ratio", "nothing", "installed"])
    #expect(try configuration.string(["trusted_domains", "1"]) == "a'b\\c")
    #expect(try configuration.keys(of: "trusted_domains") == ["0", "1"])
    #expect(try configuration.integer("loglevel") == 2)
    #expect(try configuration.bool("installed") == true)
    #expect(configuration.kind("ratio") == .double)
    #expect(configuration.kind("nothing") == .null)
    #expect(try configuration.string("nothing") == nil)
    #expect(configuration.contains("nothing") == false)
    #expect(configuration.contains("absent") == false)
    #expect(try configuration.string("absent") == nil)
    #expect(configuration.origin(["trusted_domains", "1"]) == .init(file: "config.php", line: 6))
    #expect(configuration.dynamicKeys.isEmpty && configuration.warnings.isEmpty)
  }

  @Test func aSecretIsHandedOutAsSecretBytesOnly() throws {
    let configuration = try ConfigurationText.read(
      "<?php $CONFIG = ['secret' => 'abc', 'passwordsalt' => 123, 'dbpassword' => ''];")
    #expect(try configuration.hexadecimal("secret") == "616263")
    #expect(try configuration.hexadecimal("passwordsalt") == "313233")
    #expect(try configuration.hexadecimal("dbpassword") == "")
    #expect(
      throws: ConfigurationError.type(key: "secret", .init(file: "config.php", line: 1), .secret)
    ) { try configuration.string("secret") }
  }

  @Test(arguments: ["'secret' => null", "", "'Secret' => 'x'"]) func aSecretThatIsNotThereIsNil(item: String) throws {
    let configuration = try ConfigurationText.read("<?php $CONFIG = [\(item)];")
    let shown = try configuration.hexadecimal("secret")
    #expect(shown == "none")
  }

  @Test func aValueOfAnotherTypeIsAnErrorWithItsPlace() throws {
    let configuration = try ConfigurationText.read(
      "<?php\n$CONFIG = ['a' => [1],\n'b' => true, 'c' => 'x',\n'd' => \"\\xFF\", 'e' => \"x\\0\", 'f' => 1.5, 'g' => 5];"
    )
    func place(_ line: Int) -> ConfigurationError.Place { .init(file: "config.php", line: line) }
    #expect(throws: ConfigurationError.type(key: "a", place(2), .text)) { try configuration.string("a") }
    #expect(throws: ConfigurationError.type(key: "b", place(3), .text)) { try configuration.string("b") }
    #expect(throws: ConfigurationError.type(key: "b", place(3), .text)) { _ = try configuration.secret("b") }
    #expect(throws: ConfigurationError.type(key: "c", place(3), .number)) { try configuration.integer("c") }
    #expect(throws: ConfigurationError.type(key: "d", place(4), .unicode)) { try configuration.string("d") }
    #expect(throws: ConfigurationError.type(key: "e", place(4), .path)) { try configuration.path("e") }
    #expect(throws: ConfigurationError.type(key: "f", place(4), .number)) { try configuration.integer("f") }
    #expect(throws: ConfigurationError.type(key: "a", place(2), .truth)) { try configuration.bool("a") }
    #expect(throws: ConfigurationError.type(key: "c", place(3), .list)) { try configuration.keys(of: "c") }
    #expect(try configuration.string("g") == "5")
    // Nextcloud sees "an element of a text" as nothing.
    #expect(try configuration.string(["c", "x"]) == nil)
  }

  @Test func aPathNeedNotBeUTF8() throws {
    let configuration = try ConfigurationText.read("<?php $CONFIG = ['datadirectory' => \"/srv/\\xFF\"];")
    let path = try #require(try configuration.path("datadirectory"))
    #expect(path.lastComponent != nil && path != FilePath("/srv/\u{FFFD}"))
  }

  @Test(arguments: [("0", false), ("1", true), ("''", false), ("'0'", false), ("'false'", true), ("1.5", true)])
  func truthIsPHPs(expression: String, value: Bool) throws {
    let configuration = try ConfigurationText.read("<?php $CONFIG['k'] = \(expression);")
    #expect(try configuration.bool("k") == value)
  }

  @Test func onlyVariablesWithItsPrefixOverride() {
    #expect(Configuration.overrides(in: ["NC_secret", "PATH", "NC_", "nc_x", "NC_a.b"]) == ["NC_a.b", "NC_secret"])
  }
}
