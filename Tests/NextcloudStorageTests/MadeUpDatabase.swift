import Foundation
import GRDB
import SystemPackage

@testable import NextcloudStorage

/// A snapshot of an instance that never was: a few rows in the tables of Nextcloud.
struct MadeUpDatabase {
  var storages: [(number: Int, id: String)] = []
  var files: [(storage: Int, path: String)] = []
  var encrypted = 1
  var modified = 1_760_000_000
  var mounts: [(id: Int, point: String, type: Int, folder: String?)] = []
  var mountUsers: [(mount: Int, user: String)] = []
  var teamFolders: [(id: Int, point: String)] = []
  var users: [String] = []

  /// Rows get numbers from 1 on, in their order.
  func read() throws -> InstanceDatabase {
    let folder = try TemporaryFolder()
    let file = folder.url.appending(path: "made-up.db")
    try write(file)
    return try .read(FilePath(file.path), tablePrefix: "oc_")
  }

  private func write(_ file: URL) throws {
    let queue = try DatabaseQueue(path: file.path)
    try queue.write { db in
      try db.execute(
        sql: """
          CREATE TABLE oc_storages (numeric_id INTEGER, id TEXT, available INTEGER);
          CREATE TABLE oc_appconfig (appid TEXT, configkey TEXT, configvalue TEXT);
          CREATE TABLE oc_mimetypes (id INTEGER, mimetype TEXT);
          CREATE TABLE oc_users (uid TEXT);
          CREATE TABLE oc_external_mounts (mount_id INTEGER, mount_point TEXT, type INTEGER);
          CREATE TABLE oc_external_config (mount_id INTEGER, key TEXT, value TEXT);
          CREATE TABLE oc_external_applicable (mount_id INTEGER, type INTEGER, value TEXT);
          CREATE TABLE oc_group_folders (folder_id INTEGER, mount_point TEXT);
          CREATE TABLE oc_filecache (fileid INTEGER PRIMARY KEY, storage INTEGER, path TEXT, path_hash TEXT,
            mimetype INTEGER, size INTEGER, mtime INTEGER, encrypted INTEGER, unencrypted_size INTEGER, checksum TEXT);
          INSERT INTO oc_mimetypes VALUES (1, 'httpd/unix-directory'), (2, 'text/plain');
          """)
      for storage in storages {
        try db.execute(sql: "INSERT INTO oc_storages VALUES (?, ?, 1)", arguments: [storage.number, storage.id])
      }
      for (index, file) in files.enumerated() {
        let isFolder = file.path.hasSuffix("/")
        let path = isFolder ? String(file.path.dropLast()) : file.path
        try db.execute(
          sql: "INSERT INTO oc_filecache VALUES (?, ?, ?, ?, ?, 100, ?, ?, 0, NULL)",
          arguments: [
            index + 1, file.storage, path, try LibCrypto.md5Hex(path), isFolder ? 1 : 2, modified,
            isFolder ? 0 : encrypted,
          ])
      }
      for mount in mounts {
        try db.execute(
          sql: "INSERT INTO oc_external_mounts VALUES (?, ?, ?)", arguments: [mount.id, mount.point, mount.type])
        if let folder = mount.folder {
          try db.execute(sql: "INSERT INTO oc_external_config VALUES (?, 'datadir', ?)", arguments: [mount.id, folder])
        }
      }
      for (mount, user) in mountUsers {
        try db.execute(sql: "INSERT INTO oc_external_applicable VALUES (?, 3, ?)", arguments: [mount, user])
      }
      for folder in teamFolders {
        try db.execute(sql: "INSERT INTO oc_group_folders VALUES (?, ?)", arguments: [folder.id, folder.point])
      }
      for user in users { try db.execute(sql: "INSERT INTO oc_users VALUES (?)", arguments: [user]) }
    }
  }
}
