"""The healthy instances that mutations are made in: the samples, each with its snapshots, an escrow and a first report."""

import contextlib
import copy
import hashlib
import json
import pathlib
import re
import shutil
import sqlite3
import subprocess
import sys
import zlib

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "Tests" / "CommandLine")]

import databases  # noqa: E402
import restoring  # noqa: E402
from instances import FOLDER, SAMPLES, broken, sample  # noqa: E402
from workbench import FAST, PASSPHRASE  # noqa: E402

CONTENT = re.compile(r"(files|files_versions|files_trashbin/files|files_trashbin/versions)/")
PAIR = (".privateKey", ".publicKey")


HAS_PHP = bool(shutil.which("php"))


def plain_config(folder):
    """The values of a healthy configuration as the server writes it, where there is no PHP to ask."""
    text = (folder / "config.php").read_text()
    return {key: {"true": True, "false": False}.get(value, value.strip("'"))
            for key, value in re.findall(r"^  '([^']+)' => ('[^']*'|true|false|\d+),$", text, re.MULTILINE)}


def php_config(folder):
    """What PHP makes of the configuration, as the server would load it; `None` where PHP fails."""
    if not HAS_PHP:
        return plain_config(folder)
    program = (
        'error_reporting(0); $all = []; $files = glob($argv[1] . "/*.config.php"); natsort($files);'
        'array_unshift($files, $argv[1] . "/config.php");'
        'ob_start(); foreach ($files as $file) { unset($CONFIG); include $file; if (!isset($CONFIG)) exit(1);'
        'if (!is_array($CONFIG)) exit(1); $all = array_merge($all, $CONFIG); }'
        'if (ob_get_clean() !== "") exit(1);'
        'echo json_encode($all, JSON_INVALID_UTF8_SUBSTITUTE);')
    done = subprocess.run(["php", "-n", "-r", program, "--", str(folder)], capture_output=True, timeout=60)
    if done.returncode or not done.stdout.startswith(b"{"):
        return None
    return json.loads(done.stdout)


class Ground:
    """One sample in a folder: `data` or what a backup of it holds, `config`, snapshots, and an escrow of it."""

    def __init__(self, name, folder, part=None):
        self.sample = name
        # Of a part of the files, `sqlite-master/1`; the whole sample otherwise.
        self.name = name if part is None else f"{name}/{part}"
        self.part = part
        self.folder = folder
        self.place = folder / "instance"
        self.is_external = name == "external"
        self.is_objects = name == "s3"
        self.backup = self.place / "backup" if self.is_external else (
            self.place / "objects" if self.is_objects else self.place / "data")
        self.data = self.place / "backup/data" if self.is_external else self.place / "data"
        self.escrow = folder / "cloud.escrow.age"
        self.passphrase = folder / "passphrase"

    @property
    def has_sqlite(self):
        return (self.place / "db.sqlite3").exists()

    # Making it

    def make(self):
        source = sample(self.sample)
        self.place.mkdir(parents=True)
        shutil.copytree(source.folder / "config", self.place / "config")
        shutil.copytree(source.data, self.data)
        for extra in ("external", "objects"):
            if (source.folder / extra).is_dir():
                shutil.copytree(
                    source.folder / extra, self.backup / extra if extra == "external" else self.place / extra)
        for path in source.snapshots():
            shutil.copy(path, self.place)
        for path in self.place.rglob("*"):
            path.chmod(0o700 if path.is_dir() else 0o600)
        self.passphrase.write_text(PASSPHRASE + "\n")
        self.passphrase.chmod(0o600)
        if self.sample == "userkeys":
            known = json.loads((source.folder / "credentials.json").read_text())
            for name, text in [
                    ("recovery", known["recovery_password"]),
                    ("users", "\n".join(f"{uid},{word}" for uid, word in known["private_key_passwords"].items()))]:
                (self.folder / name).write_text(text + "\n")
                (self.folder / name).chmod(0o600)
        if self.has_sqlite:
            self._add_checksums()
            self._make_log()
        return self

    def make_part(self, whole, parts, databases_of):
        """Of a whole one that was loaded: every file whose keys belong to this part, as if the others had been
        deleted for good, in the backup and in the database. Whatever shares a key stays together."""
        shutil.copytree(whole.folder, self.folder)
        self.rows = whole.rows
        fileids = []
        for known, row in sorted(whole.rows.files.items()):
            path = None if row["is_folder"] else self.path_of(self.rows, known[0], row)
            if path is None:
                continue
            place = self.key_place(self.rows, known[0], row)
            # A version of a file on an external storage lies in a home.
            owner = known[0] if self.is_objects else ""
            if zlib.crc32(f"{owner} {place}".encode()) % parts == self.part:
                continue
            fileids.append(row["fileid"])
            (self.place / path).unlink(missing_ok=True)
            if self.is_objects:
                for other_known, other in self.rows.files.items():
                    if other_known[0] == known[0] and other["path"].startswith(place + "/"):
                        fileids.append(other["fileid"])
                        (self.place / f"objects/urn:oid:{other['fileid']}").unlink(missing_ok=True)
            else:
                shutil.rmtree(self.place / place, ignore_errors=True)
        statement = f"DELETE FROM oc_filecache WHERE fileid IN ({', '.join(map(str, sorted(set(fileids))))})"
        if self.has_sqlite:
            (self.place / "log.sqlite3-wal").unlink()
            with contextlib.closing(sqlite3.connect(self.place / "db.sqlite3")) as database:
                with database:
                    database.execute(statement)
                database.execute("VACUUM")
                database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._make_log()
        else:
            for name, data in databases_of(self).dumps(statement).items():
                (self.place / name).write_bytes(data)
        return self

    def _add_checksums(self):
        """As clients that send them do: for every second file that this instance knows the plaintext of."""
        self.rows = databases.sqlite_rows(self.place / "db.sqlite3")
        with contextlib.closing(sqlite3.connect(self.place / "db.sqlite3")) as database, database:
            for row in sorted(self.rows.files.values(), key=lambda row: row["fileid"]):
                plain = self.expected(row)
                if plain is not None and row["fileid"] % 2 and row["size"] + row["unencrypted_size"] > 0 and len(
                        plain) in (row["size"], row["unencrypted_size"]):
                    database.execute("UPDATE oc_filecache SET checksum = ? WHERE fileid = ?",
                                     (f"SHA1:{hashlib.sha1(plain).hexdigest()}", row["fileid"]))
        with contextlib.closing(sqlite3.connect(self.place / "db.sqlite3")) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _make_log(self):
        """A second snapshot, of which the database alone is older, and only the log beside it makes it whole."""
        path = self.place / "log.sqlite3"
        shutil.copy(self.place / "db.sqlite3", path)
        with contextlib.closing(sqlite3.connect(path)) as database:
            database.execute("PRAGMA journal_mode = WAL")
            with database:
                database.execute("UPDATE oc_filecache SET encrypted = encrypted + 4 WHERE encrypted > 0")
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            database.execute("PRAGMA wal_autocheckpoint = 0")
            with database:
                database.execute("UPDATE oc_filecache SET encrypted = encrypted - 4 WHERE encrypted > 0")
            copies = [(name, pathlib.Path(name).read_bytes()) for name in (str(path), f"{path}-wal")]
        for name, data in copies:
            pathlib.Path(name).write_bytes(data)
        pathlib.Path(f"{path}-shm").unlink(missing_ok=True)

    def expected(self, row):
        """The plaintext that the sample came with."""
        storage = self.rows.storages[row["storage"]]
        for start, place in [("home::", ""), ("object::user:", "")]:
            if storage.startswith(start):
                path = FOLDER / f"nc32-{self.sample}" / "expected" / storage[len(start):] / row["path"]
                break
        else:
            if "/external/" not in storage:
                return None
            path = FOLDER / f"nc32-{self.sample}" / "expected/external" / storage.split("/external/")[1] / row["path"]
        return path.read_bytes() if path.is_file() else None

    # What there is

    def snapshots(self):
        return sorted(path.name for path in self.place.iterdir()
                      if path.is_file() and path.name.startswith(("db.", "log.")) and not path.name.endswith("-wal"))

    def read(self, relative):
        path = self.place / relative
        return path.read_bytes() if path.is_file() else None

    def relative(self, path):
        return str(path.relative_to(self.place))

    def contents(self):
        """All files but configuration and snapshots, as relative paths, in order."""
        base = [self.backup] + ([self.data] if self.is_objects else [])
        return sorted(self.relative(path) for place in base for path in place.rglob("*") if path.is_file())

    def load(self, rows):
        """Takes the healthy rows, and sorts what there is by what it is."""
        self.rows = rows
        self.config = php_config(self.place / "config")
        private, self.pair_paths = self.key_pairs(rows)
        self.private_keys, self.pairs = self.unlocked(self.config, self.read, private)
        self.reader = restoring.Reader(self.config, self.private_keys, self.sample == "userkeys")
        self.content_rows = {}
        for known, row in sorted(rows.files.items()):
            if not row["is_folder"]:
                path = self.path_of(rows, known[0], row)
                if path is not None:
                    self.content_rows[path] = known
        self.content_paths = sorted(path for path in self.content_rows if (self.place / path).is_file())
        everything = self.contents()
        if self.is_objects:
            keys = {f"objects/urn:oid:{row['fileid']}" for row in rows.files.values()
                    if "files_encryption/" in row["path"] and row["path"].endswith((".shareKey", "/fileKey"))}
            self.key_paths = sorted(path for path in everything if path in keys)
        else:
            self.key_paths = sorted(path for path in everything
                                    if "files_encryption/" in path and path.endswith((".shareKey", "/fileKey"))
                                    and path not in self.content_rows)
        self.outcome = self.outcomes(rows, self.read)

    def key_pairs(self, rows):
        """Relative paths of private keys by id, and of all halves."""
        if self.is_objects:
            names = {f"objects/urn:oid:{row['fileid']}": row["path"] for row in rows.files.values()
                     if row["path"].endswith(PAIR) and not CONTENT.match(row["path"])}
        else:
            names = {path: path for path in self.contents()
                     if path.endswith(PAIR) and "/files/" not in path.replace("data/files_encryption", "")
                     and "OC_DEFAULT_MODULE/" in path}
        self.pair_names = names
        return ({name.rsplit("/", 1)[1].removesuffix(".privateKey"): path for path, name in names.items()
                 if name.endswith(".privateKey")}, sorted(names))

    def unlocked(self, config, read, private):
        """The private keys that open, and what each half gives, to compare; broken ones give their problem."""
        passwords = {}
        if (self.folder / "users").exists():
            passwords = dict(line.split(",", 1) for line in (self.folder / "users").read_text().splitlines())
        accepts_raw = config.get("encryption.key_storage_migrated") is False
        secret = str(config.get("secret")).encode()
        keys, found = {}, {}
        for path, name in sorted(self.pair_names.items()):
            identity = name.rsplit("/", 1)[1].rsplit(".", 1)[0]
            data = read(path)
            try:
                if data is None:
                    raise restoring.Unreadable("missing")
                raw = restoring.key_file(data, secret, accepts_raw)
                if name.endswith(".publicKey"):
                    found[path] = ("public", restoring.public_key(raw).public_numbers().n)
                    continue
                if identity.startswith("master_"):
                    password, salt = secret, identity
                elif identity.startswith("pubShare_"):
                    password, salt = b"", ""
                elif identity.startswith("recoveryKey_"):
                    if not (self.folder / "recovery").exists():
                        continue
                    password, salt = (self.folder / "recovery").read_text().strip().encode(), ""
                else:
                    password, salt = passwords[identity].encode(), identity
                key = restoring.private_key(raw, password, salt, config)
                keys[identity] = key
                found[path] = ("private", key.private_numbers().public_numbers.n)
            except restoring.Unreadable as problem:
                found[path] = ("broken", str(problem))
            except (KeyError, ValueError, TypeError) as problem:
                found[path] = ("broken", repr(problem))
        return keys, found

    # Where the server finds things

    def external_of(self, rows, storage):
        """(folder below external/, mount point, personal user) of an external storage, as the rows set it up."""
        for mount in rows.mount_tables["external_mounts"]:
            places = [row["value"] for row in rows.mount_tables["external_config"]
                      if row["mount_id"] == mount["mount_id"] and row["key"] == "datadir"]
            if places and f"local::{places[0].rstrip('/')}/" == storage:
                users = [row["value"] for row in rows.mount_tables["external_applicable"]
                         if row["mount_id"] == mount["mount_id"] and str(row["type"]) == "3"]
                personal = users[0] if str(mount["type"]) == "2" and users else None
                return places[0].rstrip("/").rsplit("/", 1)[1], mount["mount_point"].strip("/"), personal
        return None

    def path_of(self, rows, storage, row):
        """Where the content of a row lies in the backup; `None` for what is no content."""
        path = row["path"] or ""
        if self.is_objects:
            return f"objects/urn:oid:{row['fileid']}" if storage.startswith(
                "object::user:") and CONTENT.match(path) else None
        if storage.startswith("home::"):
            return f"{self.relative(self.data)}/{storage[6:]}/{path}" if CONTENT.match(path) else None
        if self.is_external and "/external/" in storage:
            place = self.external_of(rows, storage)
            return f"backup/external/{place[0]}/{path}" if place else None
        return None

    def key_place(self, rows, storage, row):
        """Where the server would look for the keys of a row: a folder of the backup, or in object storage a path."""
        path = row["path"]
        user = storage.split("::", 1)[1].removeprefix("user:")
        if path.startswith("files_versions/"):
            below = "files/" + path.split("/", 1)[1].rsplit(".v", 1)[0]
        elif path.startswith("files_trashbin/versions/"):
            first, _, rest = path[len("files_trashbin/versions/"):].partition("/")
            if rest:
                rest = rest.rsplit(".v", 1)[0]
            else:
                name, _, deleted = first.rpartition(".d")
                first = f"{name.rsplit('.v', 1)[0]}.d{deleted}"
            below = "files_trashbin/files/" + first + ("/" + rest if rest else "")
        else:
            below = path
        if self.is_objects:
            return f"files_encryption/keys/{below}/OC_DEFAULT_MODULE"
        base = f"{self.relative(self.data)}/{user}/files_encryption/keys"
        if self.is_external:
            mounts = [self.external_of(rows, name) for name in rows.storages.values() if name.startswith("local::")]
            if storage.startswith("local::"):
                _, mount, personal = self.external_of(rows, storage)
                below = f"files/{mount}/{path}"
                base = f"{self.relative(self.data)}/{personal + '/' if personal else ''}files_encryption/keys"
            else:
                for place in mounts:
                    if place and not place[2] and below.startswith(f"files/{place[1]}/"):
                        base = f"{self.relative(self.data)}/files_encryption/keys"
        return f"{base}/{below}/OC_DEFAULT_MODULE"

    def keys_of(self, rows, storage, row, read):
        """The files of the key folder that the server would look into, by name."""
        place = self.key_place(rows, storage, row)
        if self.is_objects:
            if getattr(rows, "folders", None) is None:
                rows.folders = {}
                for (owner, _), other in rows.files.items():
                    if "files_encryption/keys/" in (other["path"] or ""):
                        folder, _, name = other["path"].rpartition("/")
                        rows.folders.setdefault((owner, folder), {})[name] = other["fileid"]
            paths = {name: f"objects/urn:oid:{fileid}"
                     for name, fileid in rows.folders.get((storage, place), {}).items()}
        else:
            paths = {name: f"{place}/{name}" for name in self.folder_names(self.place / place)}
        found = {name: read(path) for name, path in paths.items()}
        return {name: data for name, data in found.items() if data is not None}

    def folder_names(self, folder):
        """Names as they are in the healthy instance: mutations change no names."""
        cache = self.__dict__.setdefault("_names", {})
        known = self.relative(folder)
        if known not in cache:
            cache[known] = sorted(path.name for path in folder.iterdir() if path.is_file()) if folder.is_dir() else []
        return cache[known]

    def moved(self, folder):
        """The same ground, with a copy of its files that a worker may change."""
        shutil.copytree(self.folder, folder)
        ground = copy.copy(self)
        fresh = Ground(self.sample, folder, self.part)
        for name in ("folder", "place", "backup", "data", "escrow", "passphrase"):
            setattr(ground, name, getattr(fresh, name))
        return ground

    def outcomes(self, rows, read):
        """(storage, path hash) of each content row to what reading it gives."""
        found = {}
        for known, row in rows.files.items():
            if row["is_folder"]:
                continue
            path = self.path_of(rows, known[0], row)
            if path is None:
                continue
            keys = self.keys_of(rows, known[0], row, read)
            found[known] = self.reader.read(row, read(path), keys)
        return found

    def is_encrypted(self, path):
        data = self.read(path)
        return data.startswith(b"HBEGIN:oc_encryption_module") and self.rows.files[
            self.content_rows[path]]["encrypted"] > 0

    def versions_of(self, path):
        """Older versions of a file that lie in the backup."""
        storage, _ = known = self.content_rows[path]
        start = self.rows.files[known]["path"]
        if not start.startswith("files/"):
            return []
        start = "files_versions/" + start[len("files/"):] + ".v"
        return sorted(other for other, (place, digest) in self.content_rows.items()
                      if place == storage and self.rows.files[(place, digest)]["path"].startswith(start)
                      and (self.place / other).is_file())

    # The command

    def sealing(self, escrow, state):
        words = ["create", "--instance", self.place, "--data", self.data, "--output", escrow, "--state", state,
                 "--passphrase-file", self.passphrase, *FAST]
        if self.is_objects:
            words += ["--objects", self.backup, "--database-snapshot", self.place / "db.sqlite3"]
        return words

    def drill(self, snapshot, escrow=None, backup=None):
        words = ["drill", escrow or self.escrow, "--backup", backup or self.backup, "--passphrase-file",
                 self.passphrase, "--all", "--json"]
        if snapshot is not None:
            words += ["--database-snapshot", self.place / snapshot]
        if self.sample == "userkeys":
            words += ["--recovery-password-file", self.folder / "recovery", "--user-passwords", self.folder / "users"]
        return words


__all__ = ["Ground", "SAMPLES", "broken", "sample", "FOLDER", "php_config", "HAS_PHP"]
