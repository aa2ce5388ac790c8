internal import EscrowBundle
internal import NextcloudKeys
internal import Recoverability

/// The parts that `create` and `refresh` share: progress, and an end on request.
struct SealingWork {
  let progress: ProgressMode

  /// Collects, with progress while a large snapshot is digested.
  func collect(_ sources: SealingSources) throws -> CollectedInstance {
    let meter = Meter(progress)
    let collected = try InstanceCollector(sources) { (done, size) throws(EscrowError) in
      try meter.update("reading", done: done, total: size)
    }.collect()
    meter.finish()
    for warning in collected.warnings { Streams.warn(warning) }
    let overrides = Environment.names.filter { $0.hasPrefix("NC_") && $0.count > 3 }.sorted()
    if !overrides.isEmpty {
      Streams.warn(
        "the environment overrides configuration (\(overrides.joined(separator: ", "))); that is not read here")
    }
    if sources.databaseSnapshot == nil {
      Streams.warn(
        "no database snapshot is named (--database-snapshot): keys alone decrypt files, but a restored Nextcloud refuses "
          + "them without the version numbers in its database")
    }
    if !collected.preventing.isEmpty {
      guard sources.allowsIncomplete else { throw RecoverabilityError.wouldNotRestore(collected.preventing) }
      for part in collected.preventing { Streams.warn("sealed all the same: \(part.what)") }
    }
    return collected
  }

  /// The callback for sealing.
  func sealing() -> (SealingProgress) throws(EscrowError) -> Void {
    let meter = Meter(progress)
    return { (state) throws(EscrowError) in
      try meter.update(state.phase == .digesting ? "reading" : "sealing", done: state.done, total: state.total)
    }
  }
}
