import AgeFormat

@testable import EscrowBundle

/// What is inside of an escrow: whoever could seal it has no reason to be trusted by the reader.
enum BundleInput {
  static func readTar(_ bytes: [UInt8]) -> (objection: String?, summary: String) {
    var summary: [String] = []
    do throws(EscrowError) {
      let bundle = try Escrow.inspectTar(BytesSource(bytes))
      summary.append("\(bundle.manifest.members.count)")
    } catch {
      if let objection = StatedProblem.objection(error.problem, error.hint) { return (objection, "") }
      summary.append(error.problem)
    }
    // Without a signature, so that mutation reaches what lies behind it.
    do throws(EscrowError) {
      try TarLocale.utf8 { () throws(EscrowError) in
        let tar = try TarReader(BytesSource(bytes))
        var total = 0
        while let entry = try tar.next() {
          let content = try tar.content(of: entry, limit: 1 << 20)
          guard content.count == entry.size else { throw .refused("fuzzing", hint: "sizes differ") }
          total += content.count
          summary.append("\(entry.path) \(entry.size)")
        }
        guard total <= bytes.count else { throw .refused("fuzzing", hint: "more comes out than went in") }
      }
    } catch {
      if error.problem.contains("fuzzing") { return (error.hint, "") }
      if let objection = StatedProblem.objection(error.problem, error.hint) { return (objection, "") }
      summary.append(error.problem)
    }
    return (nil, summary.joined(separator: "\u{1}"))
  }

  static func readManifest(_ bytes: [UInt8]) -> (objection: String?, summary: String) {
    do throws(EscrowError) {
      let manifest = try Manifest(json: bytes)
      let written: [UInt8]
      do throws(EscrowError) { written = try manifest.json() } catch {
        return ("a manifest that was accepted cannot be written: \(error.problem)", "")
      }
      do throws(EscrowError) {
        if try Manifest(json: written) != manifest { return ("a manifest is not read back as it was written", "") }
      } catch {
        return ("a manifest that was written is refused: \(error.problem)", "")
      }
      return (nil, "\(manifest)")
    } catch {
      return (StatedProblem.objection(error.problem, error.hint), error.problem)
    }
  }
}
