import Foundation
import NextcloudStorage
import SecretMemory
import SystemPackage
import Testing

@Suite struct ConfigurationMergeTests {
  /// Names without `.config.php`, in the order that PHP 8.2's `glob` and `natsort` give.
  @Test(arguments: [
    ["2", "10", "B", "a"], ["0", "00", "001", "01", "01a", "1", "1a"], ["a-1", "a 1", "a1", "a  2", "a_1"],
    ["1.05", "1.5", "1.9", "1.10"], ["X2", "x", "x01", "x1", "x2", "x10"], ["-5", "5-", " 5", "5"],
    ["a0", "a0b", "a00", "a00b"], ["u", "z", "ü"],
  ])
  func filesAreLoadedInNaturalOrder(names: [String]) {
    let expected = ["config.php"] + names.map { $0 + ".config.php" }
    #expect(ConfigurationFolder(names: expected).loaded == expected)
    #expect(ConfigurationFolder(names: expected.reversed()).loaded == expected)
  }

  @Test func onlyTheRightNamesAreLoaded() {
    let folder = ConfigurationFolder(names: [
      "config.php.bak", "config.php", "old.config.php", "config.old.php", ".hidden.config.php", "config.sample.php",
      "autoconfig.php", "X.CONFIG.PHP", ".htaccess", "CAN_INSTALL", "config.php~",
    ])
    #expect(folder.loaded == ["config.php", "old.config.php"])
    #expect(
      folder.ignored == [".hidden.config.php", "X.CONFIG.PHP", "config.old.php", "config.php.bak", "config.php~"])
    #expect(folder.warnings.count == 5)
  }

  @Test func theLastFileWinsKeyByKey() throws {
    let configuration = try ConfigurationText.read([
      ("config.php", "<?php $CONFIG = ['a' => 1, 'n' => ['x' => 1], 'same' => ['y' => 'z'], 5 => 'five'];"),
      ("2.config.php", "<?php\n$leak = 'leaked';\n$CONFIG['n'] = ['y' => 2]; $CONFIG['same'] = ['y' => 'z'];"),
      ("10.config.php", "<?php $CONFIG = ['b' => $leak, 9 => 'nine'];"),
      ("a.config.php", "<?php $CONFIG['c'] = isset($CONFIG); $x = 'no configuration';"),
      ("b.config.php", "<?php $CONFIG = 'no array';"),
    ])
    #expect(configuration.keys == ["a", "n", "same", "0", "b", "1", "c"])
    #expect(try configuration.keys(of: "n") == ["y"])
    #expect(try configuration.string("b") == "leaked")
    #expect(try configuration.string("1") == "nine")
    #expect(configuration.origin("n") == .init(file: "2.config.php", line: 3))
    #expect(configuration.warnings == ["'n' in config.php line 1 is overridden by 2.config.php line 3, which differs"])
    #expect(configuration.files.count == 5)
  }

  @Test func configIsForgottenBetweenFiles() throws {
    let configuration = try ConfigurationText.read([
      ("config.php", "<?php $CONFIG = ['a' => ['x' => 1]];"), ("a.config.php", "<?php $CONFIG['a']['y'] = 1;"),
    ])
    #expect(try configuration.keys(of: "a") == ["y"])
  }

  /// As the official container image does it: code in an extra file, and the copy that Nextcloud wrote.
  @Test func aContainersExtraFilesHideOnlyWhatTheySet() throws {
    let configuration = try ConfigurationText.read([
      (
        "config.php",
        """
        <?php
        $CONFIG = array (
          'secret' => 'abc',
          'objectstore' =>
          array (
            'arguments' =>
            array (
              'bucket' => 'cloud',
            ),
          ),
        );
        """
      ),
      (
        "apcu.config.php",
        """
        <?php
        $CONFIG = array(
          'memcache.local' => '\\OC\\Memcache\\APCu',
        );
        """
      ),
      (
        "redis.config.php",
        """
        <?php
        if (getenv('REDIS_HOST')) {
          $CONFIG = array(
            'memcache.locking' => '\\OC\\Memcache\\Redis',
            'redis' => array('host' => getenv('REDIS_HOST'), 'password' => (string) getenv('REDIS_HOST_PASSWORD')),
          );
          if (getenv('REDIS_HOST_PORT') !== false) {
            $CONFIG['redis']['port'] = (int) getenv('REDIS_HOST_PORT');
          } elseif (getenv('REDIS_HOST')[0] != '/') {
            $CONFIG['redis']['port'] = 6379;
          }
        }
        """
      ),
      (
        "s3.config.php",
        """
        <?php
        if (getenv('S3_BUCKET')) {
          $use_ssl = getenv('S3_SSL');
          $CONFIG = array(
            'objectstore' => array(
              'class' => '\\OC\\Files\\ObjectStore\\S3',
              'arguments' => array(
                'bucket' => getenv('S3_BUCKET'),
                'use_ssl' => (strtolower($use_ssl) === 'false' || $use_ssl == false) ? false : true,
              )
            )
          );
          if (getenv('S3_KEY_FILE')) {
            $CONFIG['objectstore']['arguments']['key'] = trim(file_get_contents(getenv('S3_KEY_FILE')));
          }
        }
        """
      ),
    ])
    #expect(try configuration.hexadecimal("secret") == "616263")
    #expect(try configuration.string("memcache.local") == "\\OC\\Memcache\\APCu")
    let bucket: Configuration.Path = ["objectstore", "arguments", "bucket"]
    let copy = ConfigurationError.Place(file: "config.php", line: 4)
    #expect(
      throws: ConfigurationError.dynamic(
        key: "objectstore.arguments.bucket", .init(file: "s3.config.php", line: 14),
        what: "an assignment under a condition", copy: copy)
    ) { try configuration.string(bucket) }
    #expect(try configuration.string(bucket, orCopy: true) == "cloud")
    #expect(try configuration.string(["objectstore", "arguments", "region"], orCopy: true) == nil)
    #expect(configuration.copy(of: "objectstore") == copy)
    #expect(Set(configuration.dynamicKeys.map(\.key)) == ["objectstore", "memcache.locking", "redis"])
    #expect(throws: ConfigurationError.self) { try configuration.string("redis", orCopy: true) }
  }

  @Test func aSnapsFirstConfigurationIsRead() throws {
    let configuration = try ConfigurationText.read(
      """
      <?php
      $snap_current = getenv('SNAP_DATA');
      $snap_name = 'nextcloud';
      $CONFIG = array(
      /**
       * Where apps are.
       */
      'apps_paths' => array(
        array('path' => '/snap/'.$snap_name.'/current/htdocs/apps', 'url' => '/apps', 'writable' => false),
        array('path' => $snap_current.'/nextcloud/extra-apps', 'url' => '/extra-apps', 'writable' => true),
      ),
      'supportedDatabases' => array('mysql'),
      'redis' => array('host' => getenv('REDIS_SOCKET'), 'port' => 0),
      'log_type' => 'file',
      );
      """)
    #expect(try configuration.string(["apps_paths", "0", "path"]) == "/snap/nextcloud/current/htdocs/apps")
    #expect(try configuration.integer(["redis", "port"]) == 0)
    #expect(configuration.dynamicKeys.map(\.key) == ["apps_paths.1.path", "redis.host"])
    #expect(configuration.dynamicKeys.first?.place.line == 2)
  }

  @Test func aLiveFolderIsRead() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "config-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = FilePath(folder.path)
    #expect(throws: ConfigurationError.missing(folder: folder.path)) { _ = try Configuration.load(folder: path) }
    for (name, text) in [("config.php", "'a' => 1"), ("x.config.php", "'a' => 2"), ("config.php.bak", "'a' => 3")] {
      try Data("<?php $CONFIG = [\(text)];".utf8).write(to: folder.appending(path: name))
    }
    let configuration = try Configuration.load(folder: path)
    #expect(try configuration.integer("a") == 2)
    #expect(try ConfigurationFolder(listing: path).ignored == ["config.php.bak"])
    try FileManager.default.createDirectory(
      at: folder.appending(path: "y.config.php"), withIntermediateDirectories: true)
    #expect(throws: ConfigurationError.self) { _ = try Configuration.load(folder: path) }
  }
}

/// The sample instances that stand beside the repository while it is being built.
private enum ConfigurationSamples {
  static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: "shared/fixtures")

  /// Config folders with the instanceid that their Nextcloud made.
  static let folders: [(folder: String, instance: String?, version: String, files: Int)] = [
    ("nc32-sqlite-master/config", "occgiluser14", "32.0.1.2", 1), ("nc32-mariadb-master/config", nil, "32.0.1.2", 1),
    ("nc32-pgsql-master/config", nil, "32.0.1.2", 1), ("nc32-userkeys/config", nil, "32.0.1.2", 1),
    ("nc32-legacy/config", nil, "32.0.1.2", 1), ("nc32-external/config", nil, "32.0.1.2", 1),
    ("nc32-s3/config", "ocvlhwsbi5dw", "32.0.1.2", 2), ("legacy/08.0.8", "ocg45by1ynpf", "8.0.8.0", 1),
    ("legacy/09.0.0", "ocfpxvgrexon", "9.0.0.19", 1), ("legacy/13.0.0", "ochm0flhsasc", "13.0.0.14", 1),
    ("legacy/20.0.1", "och9tobpvdn7", "20.0.1.1", 1), ("legacy/25.0.0", "ocpa2mmg3te5", "25.0.0.18", 1),
  ]
}

@Suite(.enabled(if: FileManager.default.fileExists(atPath: ConfigurationSamples.root.path)))
struct ConfigurationSampleTests {
  @Test(arguments: ConfigurationSamples.folders)
  func realConfigurationsAreReadWhole(folder: String, instance: String?, version: String, files: Int) throws {
    let configuration = try Configuration.load(folder: FilePath(ConfigurationSamples.root.appending(path: folder).path))
    #expect(configuration.files.count == files)
    #expect(try configuration.string("version") == version)
    #expect(try configuration.string("datadirectory")?.hasPrefix("/") == true)
    #expect(configuration.kind("secret") == .string && configuration.kind("passwordsalt") == .string)
    #expect(try configuration.hexadecimal("secret").count == 96)
    #expect(try configuration.bool("installed") == true)
    #expect(configuration.dynamicKeys.isEmpty && configuration.warnings.isEmpty)
    let found = try #require(try configuration.string("instanceid"))
    #expect(instance == nil ? found.hasPrefix("oc") && found.utf8.count == 12 : found == instance)
  }
}
