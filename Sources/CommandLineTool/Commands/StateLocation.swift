internal import FoundationEssentials
internal import Recoverability
internal import SystemPackage

#if canImport(Glibc)
  internal import Glibc
#endif

/// Which state folder a command means.
enum StateLocation {
  /// The folder that was named, else the standard one for the name of an escrow file.
  static func path(given: String?, output: String) throws(Problem) -> String {
    if let given {
      guard !given.isEmpty else { throw Problem(.usage, "--state is empty", hint: "name a folder") }
      return given.absolutePath
    }
    let file = FilePath(output).lastComponent?.string ?? output
    let name = [".escrow.age", ".age"].first { file.hasSuffix($0) }.map { String(file.dropLast($0.count)) } ?? file
    do throws(RecoverabilityError) {
      return try StateFolder.standardPath(name: name, isRoot: geteuid() == 0, environment: Environment.value).string
    } catch {
      throw Problem(error)
    }
  }

  /// The same for an escrow that exists: without any name the only one that this user has.
  static func existing(given: String?, output: String?) throws(Problem) -> String {
    if given != nil || output != nil { return try path(given: given, output: output ?? "") }
    let folder: FilePath
    do throws(RecoverabilityError) {
      folder = try StateFolder.standardFolder(isRoot: geteuid() == 0, environment: Environment.value)
    } catch {
      throw Problem(error)
    }
    let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder.string)) ?? []).sorted()
    switch names.count {
    case 1: return folder.appending(names[0]).string
    case 0: throw Problem(RecoverabilityError.noState(folder))
    default:
      throw Problem(
        .usage, "there are several escrows: \(names.joined(separator: ", "))",
        hint: "name the escrow file, or its state folder with --state")
    }
  }
}

/// Whether there is anything at a path, a link that leads nowhere included.
enum Presence {
  static func isThere(_ path: FilePath) -> Bool {
    var status = Glibc.stat()
    return unsafe path.withPlatformString { unsafe lstat($0, &status) } == 0
  }
}
