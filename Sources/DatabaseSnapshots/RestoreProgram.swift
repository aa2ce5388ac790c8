internal import CProcess
internal import SystemPackage

#if canImport(Glibc)
  internal import Glibc
#endif

/// `pg_restore`, which alone reads the archives that `pg_dump` writes: their SQL, as it writes it to a pipe.
///
/// It runs in a process group of its own, without standard input, and is killed when nobody reads it any more.
final class RestoreProgram: DumpSource {
  let bytesTotal: Int64
  private(set) var bytesDone: Int64 = 0
  private(set) var fault: SnapshotFault?

  private let process: pid_t
  private let output: CInt
  private let errors: CInt
  private var hasEnded = false
  private var errorsHaveEnded = false
  private var words: [UInt8] = []

  private static let wordsLimit = 4096
  /// Older ones take `-f -` for the name of a file.
  private static let oldestRelease = 12

  /// - Parameters:
  ///   - path: a file in custom or tar format, or a folder.
  ///   - size: of it, in bytes.
  /// - Throws: `SnapshotError.restoreProgram` when it is not there, or too old.
  convenience init(_ path: FilePath, size: Int64) throws(SnapshotError) {
    let asked = try RestoreProgram(arguments: [FilePath("--version")], path, size: 0)
    let answer = String(decoding: try asked.all(limit: 1024), as: UTF8.self)
    guard let release = answer.split(whereSeparator: { !$0.isNumber }).first.flatMap({ Int($0) }) else {
      throw .restoreProgram(path, "pg_restore does not say which release it is")
    }
    guard release >= Self.oldestRelease else {
      throw .restoreProgram(path, "pg_restore is of release \(release), too old")
    }
    // A name that begins with a dash is no option.
    let name = path.isAbsolute ? path : FilePath(".").pushing(path)
    try self.init(arguments: [FilePath("-f"), FilePath("-"), name], path, size: size)
  }

  private init(arguments: [FilePath], _ path: FilePath, size: Int64) throws(SnapshotError) {
    bytesTotal = size
    var pipes: [CInt] = [-1, -1, -1, -1]
    let made = unsafe pipes.withUnsafeMutableBufferPointer { buffer -> Bool in
      guard let base = buffer.baseAddress else { return false }
      return unsafe process_pipe(base) == 0 && process_pipe(base + 2) == 0
    }
    guard made else { throw .restoreProgram(path, "\(Errno(rawValue: errno))") }
    (output, errors) = (pipes[0], pipes[2])
    let (code, started) = Self.spawn(arguments, output: pipes[1], errors: pipes[3])
    process = started
    _ = Glibc.close(pipes[1])
    _ = Glibc.close(pipes[3])
    guard code == 0 else {
      hasEnded = true
      throw .restoreProgram(
        path, code == ENOENT ? "it takes pg_restore, which is not installed" : "\(Errno(rawValue: code))")
    }
  }

  deinit {
    if !hasEnded, process > 0 {
      kill(-process, SIGKILL)
      var status: CInt = 0
      while unsafe waitpid(process, &status, 0) < 0, errno == EINTR {}
    }
    _ = Glibc.close(output)
    _ = Glibc.close(errors)
  }

  private static func spawn(_ arguments: [FilePath], output: CInt, errors: CInt) -> (CInt, pid_t) {
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    unsafe posix_spawn_file_actions_adddup2(&actions, output, 1)
    unsafe posix_spawn_file_actions_adddup2(&actions, errors, 2)
    unsafe process_close_from(&actions, 3)
    var attributes = posix_spawnattr_t()
    unsafe posix_spawnattr_init(&attributes)
    defer { unsafe posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    unsafe sigemptyset(&none)
    var all = sigset_t()
    unsafe sigfillset(&all)
    unsafe posix_spawnattr_setsigmask(&attributes, &none)
    unsafe posix_spawnattr_setsigdefault(&attributes, &all)
    unsafe posix_spawnattr_setpgroup(&attributes, 0)
    unsafe posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
    let path = unsafe getenv("PATH").flatMap { unsafe String(validatingCString: $0) } ?? "/usr/bin:/bin"
    var argv =
      unsafe [strdup("pg_restore")] + arguments.map { unsafe $0.withPlatformString { unsafe strdup($0) } } + [nil]
    var environment = unsafe [strdup("PATH=" + path), strdup("LC_ALL=C"), nil]
    defer {
      for index in unsafe argv.indices { unsafe free(argv[index]) }
      for index in unsafe environment.indices { unsafe free(environment[index]) }
    }
    var process: pid_t = 0
    let code = unsafe posix_spawnp(&process, "pg_restore", &actions, &attributes, &argv, &environment)
    return (code, code == 0 ? process : 0)
  }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws(SnapshotError) -> Int {
    while !hasEnded {
      var waiting = [
        pollfd(fd: output, events: Int16(POLLIN), revents: 0),
        pollfd(fd: errorsHaveEnded ? -1 : errors, events: Int16(POLLIN), revents: 0),
      ]
      if unsafe poll(&waiting, 2, -1) < 0 {
        if errno == EINTR { continue }
        break
      }
      if waiting[1].revents != 0 { takeWords() }
      guard waiting[0].revents != 0 else { continue }
      let count = unsafe Glibc.read(output, buffer.baseAddress, buffer.count)
      if count > 0 {
        bytesDone = min(bytesTotal, bytesDone + Int64(count))
        return count
      }
      if count < 0, errno == EINTR { continue }
      break
    }
    end()
    return 0
  }

  /// What it says about errors: the last of it counts.
  private func takeWords() {
    var piece = [UInt8](repeating: 0, count: 4096)
    let count = unsafe Glibc.read(errors, &piece, piece.count)
    if count <= 0 {
      if !(count < 0 && errno == EINTR) { errorsHaveEnded = true }
      return
    }
    words += piece[..<count]
    if words.count > Self.wordsLimit { words.removeFirst(words.count - Self.wordsLimit) }
  }

  private func end() {
    guard !hasEnded else { return }
    while !errorsHaveEnded { takeWords() }
    hasEnded = true
    var status: CInt = 0
    while unsafe waitpid(process, &status, 0) < 0, errno == EINTR {}
    guard status != 0 else { return }
    let lines = String(decoding: words, as: UTF8.self).split(separator: "\n")
    let mark = "pg_restore: error: "
    let line = lines.last { $0.hasPrefix(mark) }?.dropFirst(mark.count) ?? lines.last ?? "pg_restore failed"
    fault = .damaged(String(line.prefix(200)))
  }

  private func all(limit: Int) throws(SnapshotError) -> [UInt8] {
    var answer = [UInt8](repeating: 0, count: limit)
    var filled = 0
    while filled < limit {
      let start = filled
      let count: Int
      do {
        count = try unsafe answer.withUnsafeMutableBytes { bytes in
          try unsafe read(into: UnsafeMutableRawBufferPointer(rebasing: bytes[start...]))
        }
      } catch let error as SnapshotError {
        throw error
      } catch {
        break
      }
      if count == 0 { break }
      filled += count
    }
    return Array(answer[..<filled])
  }
}
