package import NextcloudStorage

/// Which files of a backup a run tests: a random draw, from which the bound follows, and some in any case, which do not count
/// for the bound.
///
/// Give it every file of the population once, in a fixed order (`add`), and `draw()` when the list has ended. Files are known
/// by their number in that order, from 0. Memory grows with what is chosen and with the number of users and storages, not
/// with the population.
package struct SamplePlan {
  package enum Count: Equatable, Sendable {
    case files(Int)
    case all
  }

  /// What a run draws when nobody says how many: with 300 that hold, at most 1% of any backup would fail, at 95% confidence.
  package static let usualCount = 300

  private let count: Count
  package let seed: SampleSeed
  package let confidence: Confidence
  /// How many files there are.
  package private(set) var population = 0
  private var digest = SampleListDigest()
  private var strata: [SampleStratum: Choice] = [:]
  private var newest: (time: Int64, entry: KeyedDraw.Entry)?
  private var oldest: (time: Int64, entry: KeyedDraw.Entry)?
  private var largest: (size: Int64, entry: KeyedDraw.Entry)?
  /// Values that do not depend on the list, so that choosing in any case needs one pass.
  private let anyCase: KeyedDraw
  private var headers: KeyedDraw

  private struct Choice {
    var population = 0
    var best: KeyedDraw.Entry?
    var bestIsThere = false
  }

  /// - Parameter headerProbes: at most how many headers are worth reading to find rare formats (8 KiB each).
  package init(count: Count, seed: SampleSeed, confidence: Confidence = .usual, headerProbes: Int = 1000) {
    self.count = count
    self.seed = seed
    self.confidence = confidence
    let key = KeyedDraw.key(seed: seed, listDigest: [UInt8](repeating: 0, count: 32))
    anyCase = KeyedDraw(count: 0, key: key)
    headers = KeyedDraw(count: headerProbes, key: key)
  }

  /// The next file of the list.
  package mutating func add(_ item: SampleItem) {
    digest.add(item)
    let entry = KeyedDraw.Entry(value: anyCase.value(of: population), index: population)
    population += 1
    count(item, entry, in: SampleStratum(.storage, item.storage))
    count(item, entry, in: SampleStratum(.kind, item.kind))
    if let user = item.user { count(item, entry, in: SampleStratum(.user, user)) }
    guard item.isThere else { return }
    headers.consider(entry)
    // Of several that are equally old or large, the first in the list.
    if let time = item.modified {
      if newest.map({ time > $0.time }) ?? true { newest = (time, entry) }
      if oldest.map({ time < $0.time }) ?? true { oldest = (time, entry) }
    }
    if largest.map({ item.size > $0.size }) ?? true { largest = (item.size, entry) }
  }

  package mutating func add(_ file: ContentFile) {
    add(
      SampleItem(
        path: file.path, user: file.owner, storage: file.place.name, kind: file.kind.rawValue, size: file.size,
        modified: file.modified, isThere: file.isThere))
  }

  private mutating func count(_ item: SampleItem, _ entry: KeyedDraw.Entry, in stratum: SampleStratum) {
    var choice = strata[stratum] ?? Choice()
    choice.population += 1
    // A file that is there says more than one that is missing, which is found without reading anything.
    if (item.isThere && !choice.bestIsThere)
      || (item.isThere == choice.bestIsThere && choice.best.map { entry < $0 } ?? true)
    {
      choice.best = entry
      choice.bestIsThere = item.isThere
    }
    strata[stratum] = choice
  }

  /// Draws, when every file was added.
  package func draw() -> SampleDraw {
    let listDigest = digest.finished()
    let wanted: Int
    switch count {
    case .all: wanted = population
    case .files(let files): wanted = min(max(0, files), population)
    }
    var always: [Int: [SampleReason]] = [:]
    func add(_ index: Int?, _ reason: SampleReason) {
      if let index { always[index, default: []].append(reason) }
    }
    for (stratum, choice) in strata.sorted(by: { $0.key < $1.key }) { add(choice.best?.index, .stratum(stratum)) }
    add(newest?.entry.index, .newest)
    add(oldest?.entry.index, .oldest)
    add(largest?.entry.index, .largest)

    var drawn: [Int] = []
    if wanted < population {
      var draw = KeyedDraw(count: wanted, key: KeyedDraw.key(seed: seed, listDigest: listDigest))
      for index in 0..<population { draw.consider(index) }
      drawn = draw.indexes
    }
    var probes = headers.indexes
    probes.removeAll { always[$0] != nil }
    return SampleDraw(
      population: population, drawnCount: wanted, drawn: Set(drawn), always: always,
      headerProbes: wanted == population ? [] : probes, strata: strata.mapValues(\.population), seed: seed,
      listDigest: listDigest, confidence: confidence)
  }
}

/// One part of the population, of which at least one file is tested in any case.
package struct SampleStratum: Hashable, Comparable, Sendable {
  package enum Dimension: String, Sendable, CaseIterable {
    case user, storage, kind, format
  }

  package let dimension: Dimension
  /// `alice`, `home of alice`, `trash`, `AES-256-CTR, binary, signed`.
  package let name: String

  package init(_ dimension: Dimension, _ name: String) {
    self.dimension = dimension
    self.name = name
  }

  package static func < (left: SampleStratum, right: SampleStratum) -> Bool {
    (left.dimension.rawValue, left.name) < (right.dimension.rawValue, right.name)
  }
}

/// Why a file is tested whatever the draw says.
package enum SampleReason: Hashable, Sendable {
  case stratum(SampleStratum)
  case newest, oldest, largest

  /// `one of user alice`, `the newest`.
  package var text: String {
    switch self {
    case .stratum(let stratum): "one of \(stratum.dimension.rawValue) \(stratum.name)"
    case .newest: "the newest"
    case .oldest: "the oldest"
    case .largest: "the largest"
    }
  }
}
