import NextcloudStorage
import SecretMemory
import Testing

@Suite struct ConfigurationCodeTests {
  private static let base = "<?php\n$CONFIG = array('a' => 'first', 'b' => ['one' => 1], 'i' => 5);\n"

  /// Statements behind `base`, and what `a`, `b`, `i` and `c` are then. PHP was run on each when this was written.
  static let statements: [(code: String, values: String)] = [
    ("$CONFIG['b']['c'] = 2;", "A [one: int 1, c: int 2] 5 none"),
    ("$CONFIG['b']['x']['y'][] = 2;", "A [one: int 1, x: [y: [0: int 2]]] 5 none"),
    ("$CONFIG['c'] = $CONFIG['a'];", "A [one: int 1] 5 A"),
    ("$x = $CONFIG['b']; $x['one'] = 2; $CONFIG['c'] = $x;", "A [one: int 1] 5 [one: int 2]"),
    ("$c = 'fir'; $CONFIG['c'] = $c . 'st';", "A [one: int 1] 5 A"),
    ("$CONFIG['a'] .= 'x';", "dynamic [one: int 1] 5 none"),
    ("$CONFIG['i']++;", "A [one: int 1] dynamic none"),
    (
      "if (true) { $CONFIG['a'] = 'x'; } elseif (1) $CONFIG['i'] = 1; else { $CONFIG['c'] = 1; }",
      "dynamic [one: int 1] dynamic dynamic"
    ),
    ("if (getenv('X')) { $CONFIG = array('c' => ['x' => 1]); }", "dynamic dynamic dynamic dynamic"),
    ("if (true) { return; } $CONFIG['c'] = 1;", "A [one: int 1] 5 dynamic"),
    ("return; $CONFIG['c'] = 1;", "A [one: int 1] 5 none"),
    ("return $CONFIG; ' unfinished", "A [one: int 1] 5 none"),
    ("__halt_compiler(); ' unfinished", "A [one: int 1] 5 none"),
    (
      "if (1): $CONFIG['a'] = 1; else: $CONFIG['i'] = 1; endif; $CONFIG['c'] = 1;",
      "dynamic [one: int 1] dynamic dynamic"
    ),
    ("while (f()): $CONFIG['a'] = 1; endwhile; $CONFIG['c'] = 1;", "dynamic [one: int 1] 5 dynamic"),
    ("foreach (['a'] as $k) { $CONFIG[$k] = 'x'; } $CONFIG['c'] = 1;", "dynamic dynamic dynamic int 1"),
    ("foreach ([1] as $k) { $CONFIG['a'] = 'x'; } $CONFIG['c'] = 1;", "dynamic [one: int 1] 5 int 1"),
    ("function f(array $x = ['a' => 1]): int { return 5; } $CONFIG['c'] = 1;", "A [one: int 1] 5 int 1"),
    ("$f = function () { return 5; }; $CONFIG['c'] = 1;", "A [one: int 1] 5 int 1"),
    ("class A { const X = 1; function m() { return 1; } } $CONFIG['c'] = A::X;", "A [one: int 1] 5 dynamic"),
    ("#[Attr(1)] function h() { return 5; } $CONFIG['c'] = 1;", "A [one: int 1] 5 int 1"),
    ("$x = &$CONFIG; $x['a'] = 'x'; $CONFIG['c'] = 1;", "dynamic dynamic dynamic dynamic"),
    ("$x = &$CONFIG['a']; $x = 'x';", "dynamic dynamic dynamic dynamic"),
    ("$r = [&$CONFIG]; $r[0]['a'] = 'x';", "dynamic dynamic dynamic dynamic"),
    ("$x = 5; $y = &$x; $y = 6; $CONFIG['c'] = $x;", "A [one: int 1] 5 dynamic"),
    ("$m = 'x'; preg_match('/./', 'abc', $m); $CONFIG['c'] = $m;", "A [one: int 1] 5 dynamic"),
    ("preg_match('/./', 'abc', $CONFIG['a']);", "dynamic [one: int 1] 5 none"),
    ("[$CONFIG['a'], $b] = ['x', 'y'];", "dynamic [one: int 1] 5 none"),
    ("$CONFIG['c'] = ($CONFIG['a'] = 'x');", "dynamic [one: int 1] 5 dynamic"),
    ("$CONFIG['c'] = isset($CONFIG['a']) ? 1 : 2;", "A [one: int 1] 5 dynamic"),
    ("$CONFIG['c'] = empty($CONFIG['a'] = 'x');", "dynamic dynamic dynamic dynamic"),
    ("$CONFIG['c'] = \"{$f($CONFIG['a'] = 'x')}\";", "dynamic dynamic dynamic dynamic"),
    ("$CONFIG['b'][getenv('X')] = 1;", "A [?] 5 none"),
    ("$CONFIG[strtolower('A')] = 'x'; $CONFIG['c'] = 1;", "dynamic dynamic dynamic int 1"),
    ("$CONFIG += ['c' => 1];", "dynamic dynamic dynamic dynamic"),
    ("$CONFIG = array_merge($CONFIG, ['c' => 1]);", "dynamic dynamic dynamic dynamic"),
    ("extract(['CONFIG' => []]); $CONFIG['c'] = 1;", "dynamic dynamic dynamic int 1"),
    ("\\extract(['CONFIG' => []]);", "dynamic dynamic dynamic dynamic"),
    ("$$f = [];", "dynamic dynamic dynamic dynamic"), ("${'CONFIG'} = [];", "dynamic dynamic dynamic dynamic"),
    ("include 'other.php';", "dynamic dynamic dynamic dynamic"), ("eval('x');", "dynamic dynamic dynamic dynamic"),
    ("goto e; $CONFIG['a'] = 'x'; e: $CONFIG['c'] = 1;", "dynamic dynamic dynamic dynamic"),
    ("$CONFIG['a']['c'] = 2;", "dynamic [one: int 1] 5 none"), ("$CONFIG = 'text';", "none none none none"),
    ("$CONFIG = null; $CONFIG['c'] = 1;", "none none none int 1"),
    ("declare(ticks=1); use A\\B; define('X', 1); ini_set('a', 'b'); ; $CONFIG['c'] = 1;", "A [one: int 1] 5 int 1"),
    ("$CONFIG['c'] = 1 ?>", "A [one: int 1] 5 int 1"), ("// x ?><?php $CONFIG['c'] = 1;", "A [one: int 1] 5 int 1"),
  ]

  @Test(arguments: statements) func codeMakesUnknownWhatItMayChange(code: String, values: String) throws {
    let configuration = try ConfigurationText.read(Self.base + code + "\n")
    var shown: [String] = []
    for key in ["a", "b", "i", "c"] {
      shown.append(try ConfigurationText.shown(configuration, [key]))
    }
    let text = shown.joined(separator: " ").replacingOccurrences(ConfigurationText.quoted("first"), "A")
      .replacingOccurrences("int 5", "5")
    #expect(text == values)
  }

  @Test func aComputedKeyIsAnErrorOnlyWhenItIsAskedFor() throws {
    let configuration = try ConfigurationText.read(
      "<?php\n$CONFIG = [\n'dbpassword' => trim(file_get_contents('/run/secrets/x')),\n'dbtype' => 'mysql',\n];")
    #expect(try configuration.string("dbtype") == "mysql")
    let place = ConfigurationError.Place(file: "config.php", line: 3)
    #expect(throws: ConfigurationError.dynamic(key: "dbpassword", place, what: "the function trim()", copy: nil)) {
      _ = try configuration.secret("dbpassword")
    }
    #expect(configuration.dynamicKeys == [.init(key: "dbpassword", place: place, what: "the function trim()")])
    #expect(configuration.contains("dbpassword") == true)
  }

  @Test func textWithoutQuotesStandsInNoError() throws {
    let configuration = try ConfigurationText.read(
      "<?php $CONFIG = ['secret' => BkA9yi55w, 'b' => \"pa$word\", 'c' => Abc::Xyz];")
    for key in configuration.dynamicKeys {
      for word in ["BkA9", "word", "Abc", "Xyz"] { #expect(!key.what.contains(word)) }
    }
    #expect(configuration.dynamicKeys.count == 3)
  }

  /// Files that are refused, with the line and a word of the reason.
  static let refusals: [(text: String, line: Int, reason: String)] = [
    ("\u{FEFF}<?php $CONFIG = [];", 1, "byte order mark"), ("\n\n <?php $CONFIG = [];", 3, "before <?php"),
    ("$CONFIG = [];", 1, "no <?php"), ("<?phpx", 1, "no <?php"), ("<? $CONFIG = [];", 1, "no <?php"),
    ("<?php\n$CONFIG['a'] = <<<X\na\nX;\n", 2, "heredoc"), ("<?php\n\n$CONFIG['a'] = <<<'X'\na\nX;\n", 3, "heredoc"),
    ("<?php\n$CONFIG = [\n'a' => 'x\n", 3, "does not end"), ("<?php\n$a = \"x\n", 2, "does not end"),
    ("<?php\n/* x\n\n", 2, "comment"), ("<?php $CONFIG = [", 1, "ends in the middle"),
    ("<?php\n$CONFIG = []", 2, "ends in the middle"),
    ("<?php\n$CONFIG = [1\n2];", 3, "number"), ("<?php\n$CONFIG = ['a' => 'b'\n'c' => 'd'];", 3, "quoted string"),
    ("<?php\n$CONFIG = [1);", 2, "unexpected )"), ("<?php\n}", 2, "unexpected }"),
    ("<?php\n{\n", 3, "ends in the middle"),
    ("<?php\n$CONFIG = [];\nf(]);", 3, "unexpected ]"), ("<?php $a = 08;", 1, "number"),
    ("<?php $a = 0x;", 1, "number"),
    ("<?php $a = 1__0;", 1, "number"), ("<?php\n$a = \"\\u{110000}\";", 2, "\\u{"), ("<?php\n\u{1}", 2, "character"),
    ("<?php\nif (true) { ", 2, "ends in the middle"), ("<?php else { }", 1, "name"),
    ("<?php $a = \"{$b\";", 1, "does not end"),
  ]

  @Test(arguments: refusals) func aFileThatIsNotReadableIsRefusedWithItsLine(text: String, line: Int, reason: String) {
    #expect {
      _ = try ConfigurationText.read(text)
    } throws: { error in
      guard let error = error as? ConfigurationError else { return false }
      return error.problem.hasPrefix("config.php line \(line): ") && error.problem.contains(reason)
        && !error.hint.isEmpty
    }
  }

  @Test(arguments: [
    String(repeating: "[", count: 101), String(repeating: "(", count: 101), String(repeating: "- ", count: 101),
    "f" + String(repeating: "(", count: 102), String(repeating: "\"{$a[", count: 101),
    String(repeating: "array(", count: 3_000_000 / 6),
  ])
  func deepNestingIsRefused(text: String) {
    #expect {
      _ = try ConfigurationText.read("<?php $CONFIG = " + text)
    } throws: { error in
      if case .limit? = error as? ConfigurationError { true } else { false }
    }
  }

  @Test func nestingUpToTheLimitIsRead() throws {
    let text = String(repeating: "[", count: 98) + String(repeating: "]", count: 98)
    let configuration = try ConfigurationText.read("<?php $CONFIG = ['a' => \(text)];")
    #expect(configuration.kind("a") == .array)
  }

  /// What grows faster than the file: each must end at a limit.
  @Test(arguments: [
    "$a = 'xxxxxxxxxxxxxxxx';" + String(repeating: "$a = $a . $a;", count: 60),
    "$a = [1, 2];" + String(repeating: "$a = [$a, $a];", count: 60),
    "$a = [];" + String(repeating: "$a = [$a];", count: 200),
    "$a = []; " + String(repeating: "$a[] = 1;", count: 101_000),
    "$a = [" + String(repeating: "1,", count: 101_000) + "];",
    "$a = [1,2,3,4,5,6,7,8,9];" + String(repeating: "$b = $a; $b[] = 1;", count: 12_000),
  ])
  func whatGrowsWithoutEndIsRefused(text: String) {
    #expect {
      _ = try ConfigurationText.read("<?php " + text)
    } throws: { error in
      if case .limit? = error as? ConfigurationError { true } else { false }
    }
  }

  @Test func aFileThatIsTooLongIsRefused() throws {
    let comment = "<?php //" + String(repeating: "x", count: ConfigurationReader.fileLimit - 8)
    #expect(try ConfigurationText.read(comment).keys == [])
    #expect(throws: ConfigurationError.self) { _ = try ConfigurationText.read(comment + "x") }
  }

  @Test func textBehindTheEndIsAWarning() throws {
    #expect(try ConfigurationText.read("<?php $CONFIG = [];\n?>\n").warnings == [])
    #expect(try ConfigurationText.read("<?php $CONFIG = [];\n?>\n\n").warnings.count == 1)
    #expect(try ConfigurationText.read("").warnings == ["config.php is empty"])
  }
}

extension String {
  fileprivate func replacingOccurrences(_ part: String, _ other: String) -> String {
    split(separator: part, omittingEmptySubsequences: false).joined(separator: other)
  }
}
