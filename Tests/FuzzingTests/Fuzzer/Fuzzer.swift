import Glibc

/// What libFuzzer calls. Which kind of input it mutates stands in the environment, so that one program serves for all.
private let input: FuzzedInput = {
  let name = unsafe getenv("PROVENKEY_FUZZED_INPUT").flatMap { unsafe String(validatingCString: $0) } ?? ""
  guard let input = FuzzedInput(rawValue: name) else {
    complain("PROVENKEY_FUZZED_INPUT must be one of \(FuzzedInput.allCases.map(\.rawValue).joined(separator: " "))")
    exit(64)
  }
  return input
}()

private func complain(_ line: String) {
  let bytes = Array("fuzzing: \(line)\n".utf8)
  _ = unsafe bytes.withUnsafeBytes { unsafe write(STDERR_FILENO, $0.baseAddress, $0.count) }
}

/// - Parameters:
///   - start: of the bytes that libFuzzer lends; may be nil when there are none.
///   - count: how many there are.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = unsafe Array(UnsafeBufferPointer(start: start, count: count))
  guard let objection = input.objection(to: bytes) else { return 0 }
  complain(objection)
  abort()
}

/// libFuzzer's own main function under the name that SwiftPM gives to that of this program.
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
  _ count: UnsafeMutablePointer<CInt>,
  _ words: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
  _ test: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

@_cdecl("Fuzzer_main")
public func main(_ count: CInt, _ words: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> CInt {
  var count = count
  var words = unsafe words
  return unsafe runDriver(&count, &words) { start, count in unsafe testOneInput(start, count) }
}
