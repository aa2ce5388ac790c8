/// The bytes of one file of a backup, wherever they lie; any range of them can be read.
package protocol ContentSource {
  /// In bytes, as it was listed or opened.
  var size: Int64 { get }

  /// Reads from an offset until the buffer is full or the file ends.
  ///
  /// - Returns: how many bytes were read; fewer than the buffer holds only at the end of the file.
  func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws -> Int
}

/// Where decrypted bytes go, in order.
package protocol ContentSink: AnyObject {
  func write(_ bytes: RawSpan) throws
}
