package import SystemPackage

/// What went wrong with a file, in the words of a person.
package struct FileError: Error, Equatable {
  /// What was being done, as the start of a sentence: "cannot read".
  package let action: String
  /// The file or folder it was being done to.
  package let path: FilePath
  /// The reason.
  package let cause: Cause

  package enum Cause: Equatable, Sendable {
    /// The kernel's answer.
    case system(Errno)
    /// The file is longer than the reader accepts; the limit is in bytes.
    case longerThan(limit: Int)
    /// There is something of another kind at the path: "a folder", "a device".
    case notRegular(String)
    /// Another process holds the lock of the file or folder.
    case locked
    /// Something else, in words.
    case other(String)
  }

  package init(_ action: String, _ path: FilePath, _ cause: Cause) {
    self.action = action
    self.path = path
    self.cause = cause
  }

  /// What happened, on one line.
  package var problem: String { "\(action) \(path): \(cause)" }

  /// What a person can do about it, on one line.
  package var hint: String {
    switch cause {
    case .system(.noSuchFileOrDirectory): "check the path; nothing was changed"
    case .system(.permissionDenied), .system(.notPermitted):
      "run as a user that may, or change the permissions; nothing was changed"
    case .system(.noSpace), .system(.diskQuotaExceeded): "make room and try again; the old file is untouched"
    case .system(.readOnlyFileSystem): "choose a place that can be written; nothing was changed"
    case .system(.fileExists): "choose another name, or move away what is there; nothing was changed"
    case .system(.notDirectory): "a part of the path is no folder; check the path; nothing was changed"
    case .system(.directoryNotEmpty): "name a new or an empty folder; nothing was changed"
    case .system(.resourceBusy): "the folder is a mount point or in use; name a folder in it; nothing was changed"
    case .longerThan: "this is probably another file than the one meant"
    case .notRegular: "name a regular file"
    case .locked: "wait until the other provenkey has finished"
    case .system, .other: "nothing was changed"
    }
  }
}

extension FileError.Cause: CustomStringConvertible {
  package var description: String {
    switch self {
    case .system(let errno): errno.description
    case .longerThan(let limit): "longer than \(limit) bytes"
    case .notRegular(let kind): "is \(kind)"
    case .locked: "another process is using it"
    case .other(let why): why
    }
  }
}
