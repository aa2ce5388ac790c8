internal import FoundationEssentials
package import NextcloudKeys

/// What a drill found: `provenkey.report/1`. Names of files and users are in it, and nothing secret.
package struct DrillReport: Encodable, Sendable {
  package private(set) var schema = "provenkey.report/1"
  /// `provenkey 0.1.0`.
  package var program: String
  /// When the drill began and ended, in seconds since 1970.
  package var startedAt: Int64
  package var endedAt: Int64
  /// The level of proof that was reached (docs/design.md): 2, or 3 on a machine that has nothing else; nil when the escrow's keys could not be tried.
  package var level: Int?
  /// The worst of the findings: `holds`, `fails` or `unknown`.
  package var verdict: String
  /// The verdict in one sentence for a person: `summary(of:)`.
  package var summary: String
  package var escrow: Escrow
  package var instance: InstanceIdentity
  package var snapshot: Snapshot?
  package var backup: Backup
  package var keys: [KeyRecord]
  package var findings: [Finding]
  package var files: Files
  package var sample: Sample
  /// What was not tested, one line each.
  package var notTested: [String]

  package struct Escrow: Codable, Sendable, Equatable {
    package var id: String
    package var revision: Int
    package var sealedAt: Int64
    /// Of the sealed file, hexadecimal.
    package var sha256: String
  }

  package struct Snapshot: Codable, Sendable, Equatable {
    package var place: String
    package var engine: String
    package var size: Int64
    package var sha256: String
    package var takenAt: Int64
    /// Whether it is the file that the escrow refers to; nil when the escrow refers to none.
    package var isTheSealedOne: Bool?
    package var rows: Int
    package var highestFileID: Int64?
    package var highestVersion: Int64?
  }

  package struct Backup: Codable, Sendable, Equatable {
    package var place: String
    /// Everything that was listed, with keys and what Nextcloud never encrypts.
    package var files: Int
    package var bytes: Int64
    /// When the newest content file was written; nil when times are not kept.
    package var newest: Int64?
  }

  /// What the examined files gave.
  package struct Files: Codable, Sendable, Equatable {
    /// Content files of the backup, and rows whose file is missing.
    package var population: Int
    package var tested: Int
    /// How the tested files came out: these three add up to `tested`.
    package var held: Int
    package var failed: Int
    package var unknown: Int
    package var bytesRead: Int64
    package var seconds: Double
    /// `ContentStatus.word` to a number of files.
    package var byStatus: [String: Int]
    package var strata: [Stratum]
    /// What did not hold, or deserves a word; at most `problemLimit`, the worst first.
    package var problems: [Problem]
    /// How many more there are than `problems` lists.
    package var problemsLeftOut: Int

    package static let problemLimit = 1000
  }

  /// One part of the population: a user, a storage, a cipher and header format.
  package struct Stratum: Codable, Sendable, Equatable {
    /// `user`, `storage`, `kind` or `format`.
    package var dimension: String
    package var name: String
    /// Nil for formats, of which only those of the tested files are known.
    package var population: Int?
    package var tested: Int
    package var failed: Int
    package var unknown: Int
  }

  package struct Problem: Codable, Sendable, Equatable {
    /// Where the file lies in the backup.
    package var path: String
    /// What a person calls it: `alice: notes.txt`, `alice: notes.txt, version of 2025-10-10 12:00`.
    package var name: String
    package var verdict: String
    package var status: String
    /// On one line.
    package var detail: String
  }

  /// The draw and what follows from it (docs/design.md, sampling).
  package struct Sample: Codable, Sendable, Equatable {
    /// 64 hexadecimal digits; with the digest of the list it repeats the draw.
    package var seed: String
    /// SHA-256 over the list of the population, in hexadecimal.
    package var listDigest: String
    /// How many were drawn at random, of how many.
    package var drawn: Int
    package var of: Int
    /// Of those, how many would not be restored.
    package var failures: Int
    /// Of those, of how many nobody can say; the bound counts them as failures.
    package var unknown: Int
    /// 0.95 unless asked otherwise.
    package var confidence: Double
    /// The most files that would fail, at that confidence; 0 when all were tested and held.
    package var upperBound: Int
    /// Tested in any case, besides the draw: one for each stratum, the newest, the oldest, the largest.
    package var always: Int
    /// The bound in words.
    package var statement: String
    /// The drawn files in the order of the list, the first `DrawnFile.limit` of them; empty when all were tested.
    package var files: [DrawnFile]
  }

  /// One file of the random draw, for whoever repeats it.
  package struct DrawnFile: Codable, Sendable, Equatable {
    /// Its number in the list, from 0.
    package var index: Int
    /// Where it lies in the backup.
    package var path: String
    /// `ContentStatus.word`.
    package var status: String

    package init(index: Int, path: String, status: String) {
      self.index = index
      self.path = path
      self.status = status
    }

    package static let limit = 1000
  }
}

extension DrillReport {
  /// The JSON document, keys in snake case and sorted.
  package func json() throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    return [UInt8](try encoder.encode(self)) + [UInt8(ascii: "\n")]
  }
}
