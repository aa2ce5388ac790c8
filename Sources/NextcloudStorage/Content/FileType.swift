/// What the extension of a name promises about the content.
///
/// It is only asked for what cannot be an honest file: a name may lie, and content may be older than a convention. So a
/// photo that begins like any other known type, or like text, is left alone, and only noise counts as damage.
struct FileType: Equatable {
  /// `jpeg`, `text`, for reports.
  let name: String
  let isText: Bool

  private struct Magic {
    let name: String
    let offset: Int
    let bytes: StaticString
    let extensions: [String]
  }

  private static let zipped = [
    "zip", "docx", "xlsx", "pptx", "odt", "ods", "odp", "odg", "ott", "ots", "otp", "otg", "epub", "jar", "apk", "docm",
    "xlsm", "pptm",
  ]
  private static let magics: [Magic] = [
    Magic(name: "jpeg", offset: 0, bytes: "\u{FF}\u{D8}\u{FF}", extensions: ["jpg", "jpeg"]),
    Magic(name: "png", offset: 1, bytes: "PNG\r\n\u{1A}\n", extensions: ["png"]),
    Magic(name: "gif", offset: 0, bytes: "GIF8", extensions: ["gif"]),
    Magic(name: "pdf", offset: 0, bytes: "%PDF-", extensions: ["pdf"]),
    Magic(name: "zip", offset: 0, bytes: "PK\u{3}\u{4}", extensions: zipped),
    Magic(name: "zip", offset: 0, bytes: "PK\u{5}\u{6}", extensions: zipped),
    Magic(name: "zip", offset: 0, bytes: "PK\u{7}\u{8}", extensions: zipped),
    Magic(
      name: "mp4", offset: 4, bytes: "ftyp", extensions: ["mp4", "m4v", "m4a", "mov", "heic", "heif", "3gp", "avif"]),
    Magic(name: "quicktime", offset: 4, bytes: "moov", extensions: ["mov"]),
    Magic(name: "quicktime", offset: 4, bytes: "mdat", extensions: ["mov", "mp4"]),
    Magic(name: "quicktime", offset: 4, bytes: "wide", extensions: ["mov"]),
    Magic(name: "quicktime", offset: 4, bytes: "free", extensions: ["mov", "mp4"]),
    Magic(name: "mp3", offset: 0, bytes: "ID3", extensions: ["mp3"]),
    Magic(name: "7z", offset: 0, bytes: "7z\u{BC}\u{AF}\u{27}\u{1C}", extensions: ["7z"]),
    Magic(name: "gzip", offset: 0, bytes: "\u{1F}\u{8B}\u{8}", extensions: ["gz", "tgz", "svgz"]),
    Magic(name: "bzip2", offset: 0, bytes: "BZh", extensions: ["bz2"]),
    Magic(name: "xz", offset: 0, bytes: "\u{FD}7zXZ", extensions: ["xz"]),
    Magic(name: "zstd", offset: 0, bytes: "\u{28}\u{B5}\u{2F}\u{FD}", extensions: ["zst"]),
    Magic(name: "webp", offset: 8, bytes: "WEBP", extensions: ["webp"]),
    Magic(name: "wav", offset: 8, bytes: "WAVE", extensions: ["wav"]),
    Magic(name: "avi", offset: 8, bytes: "AVI ", extensions: ["avi"]),
    Magic(name: "tiff", offset: 0, bytes: "II*\u{0}", extensions: ["tif", "tiff", "dng", "nef", "cr2", "arw"]),
    Magic(name: "tiff", offset: 0, bytes: "MM\u{0}*", extensions: ["tif", "tiff", "dng", "nef"]),
    Magic(
      name: "ole", offset: 0, bytes: "\u{D0}\u{CF}\u{11}\u{E0}\u{A1}\u{B1}\u{1A}\u{E1}",
      extensions: ["doc", "xls", "ppt", "msg"]),
    Magic(name: "ogg", offset: 0, bytes: "OggS", extensions: ["ogg", "oga", "ogv", "opus"]),
    Magic(name: "flac", offset: 0, bytes: "fLaC", extensions: ["flac"]),
    Magic(name: "matroska", offset: 0, bytes: "\u{1A}\u{45}\u{DF}\u{A3}", extensions: ["mkv", "webm", "mka"]),
    Magic(name: "psd", offset: 0, bytes: "8BPS", extensions: ["psd"]),
    Magic(name: "sqlite", offset: 0, bytes: "SQLite format 3", extensions: ["sqlite", "sqlite3"]),
    Magic(name: "rar", offset: 0, bytes: "Rar!", extensions: ["rar"]),
  ]
  private static let textExtensions: Set<String> = [
    "txt", "md", "markdown", "csv", "tsv", "json", "xml", "html", "htm", "css", "js", "ts", "php", "py", "sh", "log",
    "ini",
    "conf", "yml", "yaml", "toml", "svg", "ics", "vcf", "eml", "tex", "bib", "c", "h", "cpp", "hpp", "java", "go", "rs",
    "swift", "sql", "srt", "vtt", "rtf", "org", "rst",
  ]

  /// What a name promises; `nil` for a name that promises nothing known.
  init?(name: String) {
    guard let dot = name.lastIndex(of: ".") else { return nil }
    let ending = name[name.index(after: dot)...].lowercased()
    if Self.textExtensions.contains(ending) {
      (self.name, isText) = ("text", true)
    } else if let magic = Self.magics.first(where: { $0.extensions.contains(ending) }) {
      (self.name, isText) = (magic.name, false)
    } else {
      return nil
    }
  }

  /// What content begins like, whatever its name; `nil` for what is not known.
  static func recognise(_ head: RawSpan) -> String? {
    for magic in magics where head.startsWithLatin1(magic.bytes, at: magic.offset) { return magic.name }
    // Frames of MPEG audio without a tag before them, and documents with something before their mark.
    if head.byteCount > 3, head.byte(0) == 0xff, head.byte(1) >= 0xe2, head.byte(1) != 0xff { return "mp3" }
    for offset in 0..<max(0, min(head.byteCount - 5, 1024)) where head.starts(with: "%PDF-", at: offset) {
      return "pdf"
    }
    return nil
  }
}

extension RawSpan {
  /// As `starts(with:)`, where each character up to U+00FF stands for the byte of that number.
  fileprivate func startsWithLatin1(_ text: StaticString, at offset: Int) -> Bool {
    text.withUTF8Buffer { text in
      var position = offset
      var index = 0
      while index < text.count {
        var value = unsafe text[index]
        if value >= 0x80 {
          // Two bytes of UTF-8 up to U+00FF.
          let next = unsafe text[index + 1]
          value = (value & 0x3) << 6 | next & 0x3f
          index += 1
        }
        guard position < byteCount, byte(position) == value else { return false }
        position += 1
        index += 1
      }
      return true
    }
  }
}
