/// What is wrong with a snapshot that could be read all the same, at least in part.
package enum SnapshotFault: Hashable, Sendable {
  /// A dump without the last line that its writer puts there.
  case noEnd
  /// A dump that ends within something: a statement, rows of a table, a compressed stream.
  case cut(String)
  /// Its engine's words about what is damaged.
  case damaged(String)
  /// So many rows or statements of a table are nothing that its writer writes.
  case unreadable(table: String, count: Int)
  /// The table is there in more than one schema or database; only the first was read.
  case severalSchemas([String])
  /// A table whose columns cannot be told, because the dump neither names nor makes them.
  case unknownColumns(table: String, count: Int)

  /// What happened, on one line.
  package var problem: String {
    switch self {
    case .noEnd: "the snapshot is cut off: its last line is missing"
    case .cut(let what): "the snapshot is cut off: it ends within \(what)"
    case .damaged(let why): "the snapshot is damaged: \(why)"
    case .unreadable(let table, let count):
      "\(count == 1 ? "one row of \(table) in the snapshot is" : "\(count) rows of \(table) in the snapshot are") unreadable"
    case .severalSchemas(let names):
      "the snapshot has several databases with these tables: \(names.joined(separator: ", ")); the first was read"
    case .unknownColumns(let table, let count):
      "the snapshot names no columns for \(table), and \(count) are none that Nextcloud has there"
    }
  }

  /// What a person can do about it, on one line.
  package var hint: String {
    switch self {
    case .noEnd, .cut:
      "was the disk full, or the copy interrupted? take the snapshot again; a restore from this one fails"
    case .damaged, .unreadable: "take the snapshot again; a restore from this one would fail"
    case .severalSchemas: "name a dump of this Nextcloud's database alone"
    case .unknownColumns: "take the dump without --no-create-info, or with --complete-insert"
    }
  }

  /// Whether a restore from this snapshot would lose rows or fail.
  package var isLoss: Bool {
    if case .severalSchemas = self { return false }
    return true
  }
}
