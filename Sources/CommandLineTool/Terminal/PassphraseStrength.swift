internal import CZxcvbn
internal import SLIP39
internal import SecretMemory

/// How hard a passphrase is to guess, by libzxcvbn: an estimate for an attacker who tries words, names, dates, keyboard
/// patterns and their usual disguises first. An estimate can be wrong in both directions; only a passphrase that a
/// machine chose has a strength that is known.
struct PassphraseStrength: Equatable {
  /// What a passphrase must have unless a person insists, in bits.
  ///
  /// One guess costs Argon2id with 3 passes over 256 MiB, which moves some 1.5 GB through memory. A graphics card with
  /// 1 TB/s therefore makes fewer than 700 guesses a second; count 1000, and 0.30 a card and hour for renting it. Half
  /// of 2^50 guesses then take 2^49 / 1000 s = 17,800 card-years and cost 47 million. Should the estimate be 5 bits too
  /// kind and the hardware 10 times better, 147,000 remain: more than the keys of one Nextcloud are worth to nearly
  /// everybody who could steal an escrow. At 40 bits it would be 46,000 to begin with, and 140 under the same doubts.
  static let required = 50.0

  /// The estimate in bits, 0 or more.
  let bits: Double
  /// What is guessable about it, as parts of a sentence.
  let weaknesses: [String]

  /// Whether there is nothing in it, or nothing but a newline.
  let isEmpty: Bool

  /// Whether it has what is required.
  var isEnough: Bool { bits >= Self.required }

  /// The judgement in one line. It tells nothing of the passphrase itself but what kind of parts it has.
  var judgement: String {
    let about = "about \(Int(min(bits, 999))) bits"
    guard !isEnough else { return "the passphrase is good enough: \(about)" }
    let why = weaknesses.isEmpty ? "" : "; it has \(weaknesses.joined(separator: ", "))"
    return "the passphrase is too weak: \(about) where \(Int(Self.required)) are needed\(why)"
  }

  /// What helps against a weak passphrase.
  static let remedy =
    "take five or more words that do not belong together, or --generate-passphrase; --weak-passphrase insists"

  /// Estimates a passphrase. One newline at its end, as a file has it, does not count.
  ///
  /// - Throws: `Problem` with status 1 when libzxcvbn cannot be run.
  init(of passphrase: borrowing SecretBytes) throws(Problem) {
    let count = passphrase.withBytes { Self.countWithoutNewline($0) }
    isEmpty = count == 0
    guard count > 0 else {
      bits = 0
      weaknesses = []
      return
    }
    let found = try Self.estimate(passphrase, count: count)
    let words = try Self.distinctListWords(passphrase, count: count)
    // Ten bits are what one word of our list has when it was drawn at random; when a person chose it, it has less.
    bits = max(0, min(found.bits, words.map { Double($0) * 10 } ?? .infinity))
    weaknesses = Self.kinds.filter { found.kinds & $0.mask != 0 }.map(\.name)
  }

  private static let kinds: [(mask: UInt32, name: String)] = [
    (bits(DICTIONARY_MATCH, DICT_LEET_MATCH), "common words or names"),
    (bits(SPATIAL_MATCH), "keys that are neighbours"),
    (bits(SEQUENCE_MATCH), "a sequence such as abc or 123"),
    (bits(DATE_MATCH, YEAR_MATCH), "a date or year"),
    (bits(REPEATS_MATCH) | 1 << 31, "repetitions"),
  ]

  private static func bits(_ types: ZxcTypeMatch_t...) -> UInt32 {
    types.reduce(0) { $0 | 1 << $1.rawValue }
  }

  private static func countWithoutNewline(_ bytes: RawSpan) -> Int {
    unsafe bytes.withUnsafeBytes { unsafe $0.last == UInt8(ascii: "\n") ? $0.count - 1 : $0.count }
  }

  private static func estimate(_ passphrase: borrowing SecretBytes, count: Int) throws(Problem) -> zxcvbn_estimate {
    var text: SecretBytes
    do { text = try SecretBytes(zeroed: count + 1) } catch { throw Problem(error) }
    unsafe text.withUnsafeMutableBytes { text in
      unsafe passphrase.withUnsafeBytes { unsafe text.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[..<count])) }
    }
    var estimate = zxcvbn_estimate()
    // A NUL in the passphrase ends the text early, which makes the estimate lower and never higher.
    let status = unsafe text.withUnsafeBytes {
      unsafe zxcvbn_estimate_apart($0.baseAddress!.assumingMemoryBound(to: CChar.self), &estimate)
    }
    guard status == 0, estimate.bits.isFinite else {
      throw Problem(
        .couldNotRun, "the strength of the passphrase cannot be estimated",
        hint: "try again, or let --generate-passphrase choose one")
    }
    return estimate
  }

  /// How many different words of the SLIP-0039 list there are, or `nil` when there is anything else besides.
  private static func distinctListWords(_ passphrase: borrowing SecretBytes, count: Int) throws(Problem) -> Int? {
    // Which words were seen is as secret as the passphrase.
    var seen: SecretBytes
    do { seen = try SecretBytes(zeroed: WordList.count) } catch { throw Problem(error) }
    return unsafe seen.withUnsafeMutableBytes { seen in
      unsafe passphrase.withUnsafeBytes { passphrase -> Int? in
        let tokens = unsafe passphrase[..<count].split(whereSeparator: isSeparator)
        let areKnown = unsafe tokens.allSatisfy { token in
          guard let index = unsafe WordList.index(of: token) else { return false }
          unsafe seen[index] = 1
          return true
        }
        guard areKnown else { return nil }
        return unsafe seen.count { $0 == 1 }
      }
    }
  }

  private static func isSeparator(_ byte: UInt8) -> Bool {
    byte <= 0x20 || [UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: ",")].contains(byte)
  }
}
