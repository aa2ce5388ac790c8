package import EscrowBundle
internal import FoundationEssentials
internal import NextcloudKeys

/// The README.txt of a bundle: what it is and how to restore by hand, with this instance's own paths and versions.
///
/// It is read by somebody who may never have heard of provenkey, so it uses plain words, 78 columns and ASCII.
package enum RestoreInstructions {
  /// The text for the bundle that a manifest describes.
  package static func text(for manifest: Manifest) -> String {
    [
      heading(manifest), contents(manifest), needs(manifest), steps(manifest), warnings(manifest), byHand,
    ].joined(separator: "\n")
  }

  private static func heading(_ manifest: Manifest) -> String {
    let title = "Escrow of the Nextcloud \(manifest.instance.instanceID), revision \(manifest.revision)"
    return """
      \(title)
      \(String(repeating: "=", count: title.count))

      Sealed \(instant(manifest.sealedAt)) by \(manifest.sealedBy).
      Nextcloud version \(manifest.instance.nextcloudVersion ?? "unknown"), \(mode(manifest)).

      This folder holds what makes the encrypted files of that Nextcloud readable
      again. Whoever has this folder and the files can read everything: keep it to
      yourself, and delete it when the restore is done.

      """
  }

  /// A time as it is read: `2026-11-23 10:31 UTC`.
  private static func instant(_ time: Date?) -> String {
    guard let time else { return "at an unknown time" }
    let text = time.ISO8601Format()
    return "\(text.prefix(10)) \(text.dropFirst(11).prefix(5)) UTC"
  }

  private static func mode(_ manifest: Manifest) -> String {
    switch manifest.instance.encryptionMode {
    case .masterKey: "one master key for all files"
    case .userKeys: "a key for each user"
    }
  }

  private static func contents(_ manifest: Manifest) -> String {
    var lines = [
      "WHAT IS IN HERE", "",
      "  config/        config.php, with secret, instanceid, passwordsalt",
      "  keys/          \(manifest.keys.count) key files, at their places below the data folder",
    ]
    if let snapshot = manifest.snapshot, snapshot.embedded != nil {
      lines.append("  database/      the database, as of \(instant(snapshot.takenAt))")
    }
    if !manifest.included.isEmpty {
      lines.append("  extra/         what else was thought to be needed:")
      for file in manifest.included { lines.append("                 \(file.path), was \(file.from)") }
    }
    lines.append("  manifest.json  the list of all this with SHA-256, ids, versions and dates")
    return lines.joined(separator: "\n") + "\n"
  }

  private static func needs(_ manifest: Manifest) -> String {
    let instance = manifest.instance
    var lines = [
      "WHAT YOU NEED BESIDES", "",
      "  1. The backup of the files: the data folder, which was at",
      "     \(instance.dataFolder)",
      instance.usesObjectStorage
        ? "     and the bucket with the objects (config.php names it under objectstore)."
        : "     with every folder called files_encryption in it.",
    ]
    if let backup = manifest.backup { lines.append("     It is kept at \(backup).") }
    if let snapshot = manifest.snapshot {
      if let embedded = snapshot.embedded {
        lines.append("  2. The database: it is here, \(embedded) (\(snapshot.engine)).")
      } else {
        lines += [
          "  2. The database snapshot (\(snapshot.engine)), which was at",
          "     \(snapshot.place)",
          "     taken \(instant(snapshot.takenAt)), \(snapshot.size) bytes, SHA-256",
          "     \(snapshot.sha256)",
        ]
      }
      lines += [
        "     It must be as new as the files: a file that changed after the snapshot",
        "     was taken is refused with \"Bad Signature\" although every key is right.",
      ]
    } else {
      lines += [
        "  2. A snapshot of the database, as new as the files. None was named when this",
        "     was sealed. Without it files can still be decrypted, but Nextcloud itself",
        "     will not accept them.",
      ]
    }
    lines.append(
      "  3. A server with Nextcloud \(instance.nextcloudVersion ?? "of the same version"); the very same version.")
    return lines.joined(separator: "\n") + "\n"
  }

  private static func steps(_ manifest: Manifest) -> String {
    let instance = manifest.instance
    var lines = [
      "RESTORE, STEP BY STEP", "",
      "  The order matters: a Nextcloud that starts without its old keys makes new",
      "  ones. Do not open it in a browser, and do not run occ, before step 7.", "",
      "  1. Install Nextcloud \(instance.nextcloudVersion ?? "") and keep the web server stopped.",
      "  2. Put the database back:",
      "       \(databaseCommand(manifest))",
      "  3. Copy config/ over the config folder of the new Nextcloud. Change in it only",
      "     what differs on the new machine: datadirectory, dbhost, dbname, dbuser,",
      "     dbpassword. Never change secret, instanceid, passwordsalt and version.",
    ]
    if instance.usesObjectStorage {
      lines += [
        "  4. Give the new Nextcloud access to the bucket (objectstore in config.php).",
        "     The keys are objects in it; keys/ is a second copy, for the case that",
        "     they are lost there.",
      ]
    } else {
      lines += [
        "  4. Put the backup of the data folder at datadirectory.",
        "  5. Copy the keys over it, so that they lie where they lay before:",
        "       cp -a keys/. \(instance.dataFolder)/",
      ]
    }
    lines += [
      "  6. Give the files to the user of the web server:",
      "       chown -R www-data:www-data \(instance.dataFolder)",
      "  7. Start it, and as the user of the web server:",
      "       php occ maintenance:mode --off",
      "       php occ encryption:status",
      "       php occ maintenance:data-fingerprint",
      "     Do not run files:scan before the database is back: it forgets the version",
      "     numbers that the signatures of the files depend on.",
      "  8. Open a file of each user. That is the proof.",
    ]
    if instance.encryptionMode == .userKeys {
      lines += [
        "", "  Every user has a key of their own here. A user needs the password with which",
        "  the key was last saved. The recovery key opens the files of those users who",
        "  had switched that on in their settings.",
      ]
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func databaseCommand(_ manifest: Manifest) -> String {
    let dump = manifest.snapshot?.embedded?.text ?? "SNAPSHOT"
    switch manifest.instance.databaseType {
    case "mysql": return "mysql NEWDATABASE < \(dump)"
    case "pgsql":
      return manifest.snapshot?.engine == "postgresql-custom"
        ? "pg_restore --no-owner -d NEWDATABASE \(dump)" : "psql NEWDATABASE < \(dump)"
    case "sqlite3", nil: return "cp \(dump) \(manifest.instance.dataFolder)/owncloud.db"
    case .some(let other): return "with the tools of \(other), from \(dump)"
    }
  }

  private static func warnings(_ manifest: Manifest) -> String {
    guard !manifest.missing.isEmpty else { return "" }
    var lines = ["WHAT WAS MISSING WHEN THIS WAS SEALED", ""]
    for part in manifest.missing { lines += ["  - \(part.what)", "    \(part.hint)"] }
    return lines.joined(separator: "\n") + "\n"
  }

  private static let byHand = """
    WITHOUT PROVENKEY

      The escrow file is a standard age file with a standard tar inside. age 1.3 or
      newer opens it, given the escrow identity (a line AGE-SECRET-KEY-PQ-1...):

        age -d -i identity.txt cloud.escrow.age | tar x

      rescue.py of the provenkey sources opens it with the passphrase and needs
      nothing but Python and its cryptography package.

    """
}
