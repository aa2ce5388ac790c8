internal import EscrowBundle
internal import FoundationEssentials
internal import NextcloudKeys

/// How the parts of an instance are named to a person, the same in every command.
enum InstanceText {
  static func line(_ instance: InstanceIdentity) -> String {
    let mode = instance.encryptionMode == .masterKey ? "one master key" : "a key for each user"
    return "\(instance.instanceID), Nextcloud \(instance.nextcloudVersion ?? "of unknown version"), \(mode)"
      + (instance.usesObjectStorage ? ", object storage" : "")
  }

  /// What trying the keys gave: those that open by name, those that need a password, those that fail with the reason.
  static func keys(_ records: [KeyRecord]) -> [String] {
    func ids(_ state: (KeyState) -> Bool) -> [String] {
      var ids: [String] = []
      for record in records where record.half == .privateKey && state(record.state) && !ids.contains(record.id) {
        ids.append(record.id)
      }
      return ids
    }
    var lines = ["\(records.count) files"]
    let open = ids { $0 == .unlocks }
    let locked = ids { $0 == .locked }
    if !open.isEmpty { lines.append("unlock with what is sealed: \(listed(open))") }
    if !locked.isEmpty { lines.append("locked, but whole as far as can be seen: \(listed(locked))") }
    for record in records {
      if case .fails(let because) = record.state { lines.append("fails: \(record.path): \(because)") }
    }
    return lines
  }

  static func snapshot(_ snapshot: Manifest.Snapshot?) -> [String] {
    guard let snapshot else { return ["none was named"] }
    var facts = [snapshot.engine, Amount.bytes(snapshot.size)]
    if let rows = snapshot.rows["filecache"] { facts.append("\(rows) rows in filecache") }
    if let highest = snapshot.highestFileID { facts.append("highest file id \(highest)") }
    let sealed = snapshot.embedded.map { "sealed as \($0)" } ?? "not sealed, only named"
    return ["\(snapshot.place): \(facts.joined(separator: ", "))", sealed, "SHA-256 \(snapshot.sha256)"]
  }

  static func instant(_ time: Date) -> String {
    let text = time.ISO8601Format()
    return "\(text.prefix(10)) \(text.dropFirst(11).prefix(5)) UTC"
  }

  private static func listed(_ names: [String]) -> String {
    let most = 8
    guard names.count > most else { return names.joined(separator: ", ") }
    return names.prefix(most).joined(separator: ", ") + " and \(names.count - most) more"
  }
}

/// Quantities as a person reads them.
enum Amount {
  /// `48,213 bytes`, `1.4 MB`.
  static func bytes(_ count: Int) -> String {
    let units: [(String, Double)] = [("GB", 1e9), ("MB", 1e6)]
    for (unit, size) in units where Double(count) >= size {
      let tenths = (Double(count) / size * 10).rounded()
      return "\(Int(tenths) / 10).\(Int(tenths) % 10) \(unit)"
    }
    var digits = String(count)
    var groups: [String] = []
    while digits.count > 3 {
      groups.insert(String(digits.suffix(3)), at: 0)
      digits = String(digits.dropLast(3))
    }
    return ([digits] + groups).joined(separator: ",") + " bytes"
  }
}
