internal import CUTF8Proc
package import SecretMemory

/// What a person types, as NFC UTF-8: the same characters give the same bytes on every keyboard.
package struct Passphrase: ~Copyable {
  /// The most bytes that are accepted, before normalisation.
  package static let limit = 4096

  let bytes: SecretBytes

  /// - Parameter typed: the bytes as they were typed; nothing is stripped.
  /// - Throws: `EscrowError.unusablePassphrase` when they are none, more than 4096 or no strict UTF-8.
  package init(_ typed: borrowing SecretBytes) throws(EscrowError) {
    self.bytes = try Self.normalized(typed, count: typed.count)
  }

  /// - Parameter content: what a file, pipe or credential holds; one line end behind the passphrase is left out.
  /// - Throws: `EscrowError.unusablePassphrase` as above.
  package init(contentOfFile content: borrowing SecretBytes) throws(EscrowError) {
    var count = content.count
    unsafe content.withUnsafeBytes { bytes in
      if count > 0, unsafe bytes[count - 1] == UInt8(ascii: "\n") {
        count -= 1
        if count > 0, unsafe bytes[count - 1] == UInt8(ascii: "\r") { count -= 1 }
      }
    }
    self.bytes = try Self.normalized(content, count: count)
  }

  private static func normalized(_ typed: borrowing SecretBytes, count: Int) throws(EscrowError) -> SecretBytes {
    guard count > 0 else { throw .unusablePassphrase("it is empty") }
    guard count <= limit else { throw .unusablePassphrase("it has more than \(limit) bytes") }
    do throws(SecretMemoryError) {
      // utf8proc works in the caller's memory: first code points of 4 bytes, then, in place, the UTF-8 of their NFC.
      let options = utf8proc_option_t(rawValue: UTF8PROC_COMPOSE.rawValue | UTF8PROC_STABLE.rawValue)
      let needed = unsafe typed.withUnsafeBytes { typed in
        unsafe utf8proc_decompose(typed.baseAddress?.assumingMemoryBound(to: UInt8.self), count, nil, 0, options)
      }
      guard needed > 0 else { return try refusal(of: needed) }
      // One code point more: utf8proc ends its result with a zero.
      var points = try SecretBytes(zeroed: (needed + 1) * 4)
      let encoded: Int = unsafe points.withUnsafeMutableBytes { points in
        unsafe typed.withUnsafeBytes { typed in
          let buffer = unsafe points.baseAddress?.assumingMemoryBound(to: utf8proc_int32_t.self)
          let input = unsafe typed.baseAddress?.assumingMemoryBound(to: UInt8.self)
          let written = unsafe utf8proc_decompose(input, count, buffer, needed, options)
          guard written == needed else { return -1 }
          return unsafe utf8proc_reencode(buffer, written, options)
        }
      }
      guard encoded > 0, encoded <= points.count else { return try refusal(of: encoded) }
      points.truncate(to: encoded)
      // A second owner of the right size, so that the longer allocation goes at once.
      return try points.duplicate()
    } catch {
      throw error == .parameters(notText) ? .unusablePassphrase(notText) : .memory(error)
    }
  }

  private static let notText = "it is not UTF-8 text"

  private static func refusal(of status: Int) throws(SecretMemoryError) -> SecretBytes {
    throw status == UTF8PROC_ERROR_NOMEM ? .outOfMemory(bytes: limit) : .parameters(notText)
  }
}
