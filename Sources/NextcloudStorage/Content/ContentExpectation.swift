/// What the database snapshot says about one file; everything is optional, since a backup may come without a snapshot.
package struct ContentExpectation: Equatable, Sendable {
  /// `filecache.encrypted`: 0 for a plain file, else the version that every block's signature covers; nil without a row.
  package var version: Int64?
  /// What may be the length of the plaintext in bytes: `unencrypted_size` where it is set, else `size`.
  package var plainSizes: [Int64]
  /// `filecache.checksum` as it stands, `SHA1:… MD5:…`; digests of the plaintext that a client sent.
  package var checksum: String?
  /// The file's own name without folders, version and trash suffixes, for the magic bytes of known types.
  package var name: String
  /// Whether a file without a header may be content of ownCloud's first format: the row says encrypted.
  package var mayBeHeaderless: Bool { (version ?? 0) > 0 }
  /// Whether it is an earlier version of a file: those the server itself has written in plaintext (a folder COPY).
  package var isVersion: Bool
  /// The highest version to try when the expected one does not fit.
  package var highestVersion: Int64

  package init(
    version: Int64? = nil, plainSizes: [Int64] = [], checksum: String? = nil, name: String = "",
    isVersion: Bool = false, highestVersion: Int64 = 100
  ) {
    self.version = version
    self.plainSizes = plainSizes
    self.checksum = checksum
    self.name = name
    self.isVersion = isVersion
    self.highestVersion = highestVersion
  }

  /// What a row says.
  ///
  /// - Parameters:
  ///   - isObject: whether the file is an object of primary object storage, whose row has the object's own length as `size`.
  ///   - name: without folders, version and trash suffixes.
  package init(row: FileRow, isObject: Bool, name: String, isVersion: Bool, highestVersion: Int64 = 100) {
    var sizes = [row.size]
    if row.encrypted != 0 {
      let plain = row.unencryptedSize ?? 0
      if plain > 0 {
        // What Nextcloud goes by, whatever `size` says: a wrong one has it look for the last block in the wrong place.
        sizes = [plain]
      } else if isObject, row.size == Int64(ContentHeader.blockCount) {
        // A header and nothing else: 0 stands for an empty file here, and for "not kept" elsewhere.
        sizes = [0]
      }
    }
    self.init(
      version: row.encrypted, plainSizes: sizes, checksum: row.checksum, name: name, isVersion: isVersion,
      highestVersion: highestVersion)
  }
}
