import Foundation
import NextcloudStorage
import SecretMemory
import Testing

/// Thousands of damaged configurations: each gives values or a typed error, and none stops the program.
@Suite struct ConfigurationMutationTests {
  private static let seeds = [
    "<?php\n$CONFIG = array (\n  'a' => \n  array (\n    0 => 'b',\n  ),\n  'c' => -1,\n  'd' => true,\n);\n",
    "<?php $x = \"\\x41\\u{e9}\\0\" . 'b'; $CONFIG['a']['b'][] = $x; $CONFIG[1.5] = 0x1F;",
    "<?php if (getenv('A')) { $CONFIG = ['k' => trim(\"{$a['x']}b\")]; return; } else $b = &$c;",
    "<?php foreach ([1] as $k => $v): $CONFIG[$k] = fn($x) => [$x => 1]; endforeach; ?> <?= 1 ?>",
    "<?php /* c */ # d\n$a = [-9223372036854775807-1, 9223372036854775807 => 08.5, ...$z]; $b = (int) '5' * 3;",
    "<?php function f(): int { return 5; } $f = function () use (&$CONFIG) { }; $CONFIG['s'] = <<<X\nX;",
    "<?php $CONFIG = ['a' => isset($CONFIG['b']) ? 1 : `ls`, 'e' => __DIR__ . '/x', 'm' => match(1) { 1 => 2 }];",
  ].map { Array($0.utf8) }

  /// Pieces that damage is done with.
  private static let pieces = [
    "'", "\"", "\\", "$", "{$", "${", "}", "{", "(", ")", "[", "]", ";", ",", "=>", "=", "?>", "<?php ", "/*", "*/",
    "#",
    "//", "<<<X", "&", "$CONFIG", "['k']", "if (1) ", "else ", "return;", "0x", "9223372036854775807", "-", ".",
    "1e999",
    "\\u{", "...", "(int)", "fn() => ", ":", "endif;", "\u{0}", "\n", "array(", "include ", "goto ", "isset(", "+", "*",
  ].map { Array($0.utf8) }

  /// SplitMix64: the same inputs in each run.
  private struct Generator {
    var state: UInt64

    mutating func next(below bound: Int) -> Int {
      state &+= 0x9E37_79B9_7F4A_7C15
      var value = state
      value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
      value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
      return Int(truncatingIfNeeded: (value ^ (value >> 31)) >> 1) % max(bound, 1)
    }

    mutating func damage(_ bytes: inout [UInt8]) {
      let at = next(below: bytes.count)
      switch next(below: 6) {
      case 0: if !bytes.isEmpty { bytes[at] = UInt8(truncatingIfNeeded: next(below: 256)) }
      case 1: bytes.removeSubrange(at..<min(bytes.count, at + next(below: 6)))
      case 2: bytes.removeLast(min(bytes.count, next(below: bytes.count)))
      case 3: bytes.insert(contentsOf: bytes[at..<min(bytes.count, at + next(below: 24))], at: next(below: bytes.count))
      default: bytes.insert(contentsOf: pieces[next(below: pieces.count)], at: at)
      }
    }
  }

  private static let count = ProcessInfo.processInfo.environment["PROVENKEY_MUTATIONS"].flatMap(Int.init) ?? 200_000

  @Test func damagedConfigurationsNeverStopTheProgram() throws {
    var generator = Generator(state: 20_261_123)
    var read = 0
    var refused = 0
    for round in 0..<Self.count {
      var bytes = Self.seeds[round % Self.seeds.count]
      for _ in 0...generator.next(below: 4) { generator.damage(&bytes) }
      do {
        let configuration = try ConfigurationText.read([("config.php", bytes)])
        for key in configuration.dynamicKeys.prefix(2) { #expect(!key.what.isEmpty) }
        _ = configuration.kind(["a", "b", "0"])
        read += 1
      } catch let error as ConfigurationError {
        if case .memory = error { Issue.record("out of memory in round \(round)") }
        refused += 1
      }
    }
    // Both happen, or the damage is not what it is meant to be.
    #expect(read > Self.count / 20 && refused > Self.count / 20)
  }
}
