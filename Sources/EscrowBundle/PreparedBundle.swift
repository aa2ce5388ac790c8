internal import AgeFormat

/// A bundle that is digested and signed, ready to be written as a tar: the same bytes each time.
struct PreparedBundle {
  let manifest: Manifest
  private let json: [UInt8]
  private let signature: [UInt8]
  private let readme: [UInt8]
  private let members: [BundleMember]

  /// The longest README.txt that is written or read, in bytes.
  static let readmeLimit = 1 << 20

  /// Digests the members, completes the manifest and signs it.
  init(
    _ draft: Manifest, readme: [UInt8], members: [BundleMember], signingKey: borrowing SigningKey,
    progress: @escaping (SealingProgress) throws(EscrowError) -> Void
  ) throws(EscrowError) {
    let members = try Self.ordered(members)
    guard readme.count <= Self.readmeLimit else {
      throw .refused("README.txt would be longer than 1 MiB", hint: "this is a mistake of the calling program")
    }
    var total = readme.count
    for member in members { total += try member.expectedSize }
    var meter = Meter(.digesting, total: total, progress)
    var listed = [Manifest.Member(path: .readme, size: readme.count, sha256: RunningDigest.sha256(of: readme))]
    try meter.add(readme.count)
    for member in members {
      var digest = RunningDigest()
      try member.read { (piece) throws(EscrowError) in
        digest.update(piece)
        try meter.add(piece.byteCount)
      }
      listed.append(Manifest.Member(path: member.path, size: digest.count, sha256: digest.sha256))
    }
    var manifest = draft
    manifest.members = listed
    manifest.signer = signingKey.publicKey.description
    do {
      json = try manifest.json()
    } catch .damaged(let why), .forged(let why) {
      throw .refused("the bundle cannot be sealed: \(why)", hint: "this is a mistake of the calling program")
    }
    self.signature = CanonicalText.base64Line(try signingKey.signature(of: json))
    self.manifest = manifest
    self.readme = readme
    self.members = members
  }

  /// Writes the tar. A member that changed since it was digested is refused.
  func write(to sink: any ByteSink, progress: @escaping (SealingProgress) throws(EscrowError) -> Void)
    throws(EscrowError)
  {
    try TarLocale.utf8 { () throws(EscrowError) in try writeTar(to: sink, progress: progress) }
  }

  private func writeTar(
    to sink: any ByteSink, progress: @escaping (SealingProgress) throws(EscrowError) -> Void
  ) throws(EscrowError) {
    guard let modified = manifest.sealedAtSeconds else { throw .damaged("its manifest has no valid date") }
    var meter = Meter(.sealing, total: manifest.members.reduce(0) { $0 + $1.size }, progress)
    let tar = try TarWriter(sink, modified: modified)
    for (path, content) in [(MemberPath.readme, readme), (.manifest, json), (.signature, signature)] {
      try tar.begin(path, size: content.count)
      try unsafe tar.write(content.span.bytes)
    }
    try meter.add(readme.count)
    for (member, listed) in zip(members, manifest.members.dropFirst()) {
      try tar.begin(member.path, size: listed.size)
      var digest = RunningDigest()
      try member.read { (piece) throws(EscrowError) in
        digest.update(piece)
        guard digest.count <= listed.size else { throw Self.changed(member.path) }
        try tar.write(piece)
        try meter.add(piece.byteCount)
      }
      guard digest.count == listed.size, digest.sha256 == listed.sha256 else { throw Self.changed(member.path) }
    }
    try tar.finish()
  }

  private static func changed(_ path: MemberPath) -> EscrowError {
    .refused("\(path) changed while it was sealed", hint: "wait until nothing writes to it, then try again")
  }

  private static func ordered(_ members: [BundleMember]) throws(EscrowError) -> [BundleMember] {
    for member in members where member.path.rank == nil || member.path == .readme {
      throw .refused(
        "\(member.path) cannot be in a bundle", hint: "put it below config/, keys/, database/ or extra/")
    }
    let ordered = members.sorted { MemberPath.isInOrder($0.path, $1.path) }
    for (first, second) in zip(ordered, ordered.dropFirst()) where first.path == second.path {
      throw .refused("\(first.path) is to be sealed twice", hint: "name each file once")
    }
    return ordered
  }
}

/// How far a sealing is.
package struct SealingProgress: Equatable, Sendable {
  package enum Phase: Equatable, Sendable {
    /// Reading the members the first time.
    case digesting
    /// Reading them again, encrypting and writing.
    case sealing
  }

  package let phase: Phase
  /// Bytes of members.
  package let done: Int
  /// Bytes of members; while digesting an estimate, which a growing file may exceed.
  package let total: Int
}

/// Counts and reports.
private struct Meter {
  private let phase: SealingProgress.Phase
  private let total: Int
  private var done = 0
  private let report: (SealingProgress) throws(EscrowError) -> Void

  init(_ phase: SealingProgress.Phase, total: Int, _ report: @escaping (SealingProgress) throws(EscrowError) -> Void) {
    self.phase = phase
    self.total = total
    self.report = report
  }

  mutating func add(_ count: Int) throws(EscrowError) {
    done += count
    try report(SealingProgress(phase: phase, done: done, total: total))
  }
}
