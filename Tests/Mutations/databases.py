"""Snapshots as the databases themselves read them: SQLite, and real servers of MariaDB and PostgreSQL that import them."""

import contextlib
import gzip
import hashlib
import json
import os
import pathlib
import shutil
import sqlite3
import subprocess
import tempfile
import time

POSTGRES = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/postgres"))

COLUMNS = {
    "filecache": ["fileid", "storage", "path", "path_hash", "parent", "name", "mimetype", "size", "encrypted",
                  "unencrypted_size", "checksum"],
    "storages": ["numeric_id", "id"],
    "appconfig": ["appid", "configkey", "configvalue"],
    "mimetypes": ["id", "mimetype"],
    "external_mounts": ["mount_id", "mount_point", "type"],
    "external_config": ["mount_id", "key", "value"],
    "external_options": ["mount_id", "key", "value"],
    "external_applicable": ["mount_id", "type", "value"],
}
REQUIRED = {"filecache", "storages", "appconfig", "mimetypes"}
# What of the settings reading files depends on.
SETTINGS = {("encryption", "masterKeyId"), ("encryption", "publicShareKeyId"), ("encryption", "recoveryKeyId"),
            ("encryption", "useMasterKey"), ("encryption", "encryptHomeStorage"), ("encryption", "enabled"),
            ("core", "encryption_enabled"), ("core", "default_encryption_module"),
            ("core", "encryption_key_storage_root")}


class NotImported(Exception):
    """The database refuses the snapshot; `rows` is what it has nevertheless, when it goes on after an error."""

    rows = None


class Rows:
    """What a restore needs of a database."""

    def __init__(self, tables, everything):
        # A digest of the whole database, to tell whether anything at all was changed; where it takes a server, it is
        # asked for only while that has this snapshot.
        self._everything = everything
        self.folder_types = {row["id"] for row in tables["mimetypes"] if row["mimetype"] == "httpd/unix-directory"}
        self.storages = {row["numeric_id"]: row["id"] for row in tables["storages"]}
        self.settings = {(row["appid"], row["configkey"]): row["configvalue"] for row in tables["appconfig"]
                         if (row["appid"], row["configkey"]) in SETTINGS}
        self.mounts = sorted(json.dumps(row, sort_keys=True) for name in sorted(COLUMNS) if name.startswith("external_")
                             for row in tables[name])
        self.mount_tables = {name: tables[name] for name in COLUMNS if name.startswith("external_")}
        self.files = {}
        for row in tables["filecache"]:
            for column in ("size", "encrypted", "unencrypted_size"):
                row[column] = int(row[column] or 0)
            row["is_folder"] = row["mimetype"] in self.folder_types
            self.files[(self.storages.get(row["storage"], f"nowhere:{row['storage']}"), row["path_hash"])] = row

    @property
    def everything(self):
        if callable(self._everything):
            self._everything = self._everything()
        return self._everything


def sqlite_rows(path, prefix="oc_"):
    """Reads a copy, since SQLite writes beside a database with a log."""
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder) / "db"
        shutil.copy(path, copy)
        if pathlib.Path(f"{path}-wal").exists():
            shutil.copy(f"{path}-wal", f"{copy}-wal")
        copy.chmod(0o600)
        try:
            with contextlib.closing(sqlite3.connect(copy)) as database:
                answer = database.execute("PRAGMA integrity_check").fetchall()
                if answer != [("ok",)]:
                    raise NotImported(f"integrity check: {answer[0][0]}")
                everything = hashlib.sha256()
                for line in database.iterdump():
                    everything.update(line.encode("utf-8", "surrogateescape"))
                tables = {}
                known = {name for name, in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
                for table, columns in COLUMNS.items():
                    if table not in REQUIRED and prefix + table not in known:
                        tables[table] = []
                        continue
                    names = ", ".join(f'"{column}"' for column in columns)
                    tables[table] = [dict(zip(columns, row)) for row in database.execute(
                        f"SELECT {names} FROM {prefix}{table}")]
                return Rows(tables, everything.hexdigest())
        except (sqlite3.Error, UnicodeError, ValueError, OverflowError) as problem:
            raise NotImported(f"SQLite: {problem}") from None


def wait_for(command, process):
    for _ in range(600):
        if subprocess.run(command, capture_output=True, cwd="/").returncode == 0:
            return
        assert process.poll() is None, "the server has ended"
        time.sleep(0.1)
    raise AssertionError("the server does not answer")


def _tables(ask, build, schema):
    tables = {}
    known = set(ask(f"SELECT table_name FROM information_schema.tables WHERE table_schema = '{schema}'").split())
    for table, columns in COLUMNS.items():
        if table not in REQUIRED and f"oc_{table}" not in known:
            tables[table] = []
            continue
        lines = ask(f"SELECT {build}({', '.join(columns)}) FROM oc_{table}")
        tables[table] = [dict(zip(columns, json.loads(line))) for line in lines.splitlines() if line]
    return tables


class MariaDB:
    """A server on a socket of its own, for as long as the block lasts."""

    def __init__(self, scratch):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="m", dir=scratch))
        self.client = ["--no-defaults", f"--socket={self.folder}/s", "--user=root", "--default-character-set=utf8mb4"]

    def __enter__(self):
        user = [f"--user={'root' if os.geteuid() == 0 else os.environ.get('USER', 'nobody')}"]
        subprocess.run(
            ["mariadb-install-db", "--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db",
             f"--datadir={self.folder}/data", *user], check=True, capture_output=True)
        self.server = subprocess.Popen(
            ["mariadbd", "--no-defaults", f"--datadir={self.folder}/data", f"--socket={self.folder}/s",
             "--skip-networking", "--innodb-flush-log-at-trx-commit=0", "--innodb-log-file-size=8M",
             "--skip-innodb-doublewrite", "--innodb-file-per-table=0", f"--pid-file={self.folder}/pid", *user],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(["mariadb", *self.client, "-e", "SELECT 1"], self.server)
        return self

    def __exit__(self, *_):
        self.server.terminate()
        self.server.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, *words, **options):
        return subprocess.run(["mariadb", *self.client, *words], capture_output=True, timeout=120, **options)

    def rows(self, text, schema=None, is_archive=False):
        problem = self._import(text, schema)
        if problem:
            problem = NotImported("MariaDB: " + problem)
            self._import(text, schema, "--force")
            with contextlib.suppress(NotImported, ValueError):
                problem.rows = self._imported()
            raise problem
        return self._imported()

    def _import(self, text, schema, *words):
        self._run("-e", "DROP DATABASE IF EXISTS nc; CREATE DATABASE nc CHARACTER SET utf8mb4", check=True)
        if schema:
            self._run("nc", input=schema, check=True)
        done = self._run(*words, "--binary-mode", "nc", input=text)
        return done.stderr.decode("utf-8", "replace").strip()[:200] if done.returncode else None

    def _imported(self):
        def ask(question):
            done = self._run("-N", "--raw", "--batch", "nc", "-e", question)
            if done.returncode:
                raise NotImported("MariaDB: " + done.stderr.decode("utf-8", "replace").strip()[:200])
            return done.stdout.decode("utf-8", "surrogateescape")
        tables = _tables(ask, "JSON_ARRAY", "nc")
        return Rows(tables, self._everything)

    def _everything(self):
        dump = subprocess.run(["mariadb-dump", *self.client, "--skip-comments", "--order-by-primary", "nc"],
                              capture_output=True, check=True).stdout
        return hashlib.sha256(dump).hexdigest()

    def schema(self):
        """Of what was imported last, for dumps that hold nothing but rows."""
        return subprocess.run(["mariadb-dump", *self.client, "--no-data", "nc"], capture_output=True, check=True).stdout

    def dumps(self, statement):
        """What was imported last, after a change, in the forms of the sample."""
        self._run("nc", "-e", statement, check=True)
        forms = {
            "db.mysql.sql": [], "db.mysql-skip-extended-insert.sql": ["--skip-extended-insert"],
            "db.mysql-hexblob-ansi.sql": ["--hex-blob", "--compatible=ansi", "--complete-insert"],
            "db.mysql-opt-variants.sql": ["--skip-opt", "--no-create-info", "--replace", "--skip-comments"]}
        found = {name: subprocess.run(["mariadb-dump", *self.client, *words, "nc"], capture_output=True,
                                      check=True).stdout for name, words in forms.items()}
        return found | {"db.mysql.sql.gz": gzip.compress(found["db.mysql.sql"])}


class PostgreSQL:
    """The same; it refuses to be root."""

    def __init__(self, _scratch):
        self.programs = POSTGRES[-1].parent
        self.switch = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        # Short, since a socket's path may have 107 bytes only, and where that user may look.
        self.folder = pathlib.Path(subprocess.run(
            [*self.switch, "mktemp", "-d", "/tmp/pgXXXXXX"], check=True, capture_output=True,
            text=True).stdout.strip())
        self.client = ["--host", str(self.folder), "--username", "nc"]

    def __enter__(self):
        subprocess.run(
            [*self.switch, self.programs / "initdb", "--no-sync", "--encoding=UTF8", "--locale=C", "--auth=trust",
             "--username=nc", self.folder / "data"], check=True, capture_output=True, cwd="/")
        self.server = subprocess.Popen(
            [*self.switch, self.programs / "postgres", "-D", self.folder / "data", "-k", self.folder, "-c",
             "listen_addresses=", "-c", "fsync=off", "-c", "full_page_writes=off"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")
        wait_for(["psql", *self.client, "-c", "SELECT 1", "postgres"], self.server)
        return self

    def __exit__(self, *_):
        subprocess.run([*self.switch, self.programs / "pg_ctl", "-D", self.folder / "data", "-m", "immediate", "stop"],
                       capture_output=True, cwd="/")
        self.server.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, *words, **options):
        return subprocess.run([*map(str, words)], capture_output=True, timeout=120, cwd="/", **options)

    def rows(self, text, schema=None, is_archive=False):
        problem = self._import(text, schema, is_archive, goes_on=False)
        if problem:
            problem = NotImported("PostgreSQL: " + problem)
            self._import(text, schema, is_archive, goes_on=True)
            with contextlib.suppress(NotImported, ValueError):
                problem.rows = self._imported()
            raise problem
        return self._imported()

    def _import(self, text, schema, is_archive, goes_on):
        # By the name of the file, as a person would: an archive stays one when its first bytes are damaged.
        self._run("dropdb", *self.client, "--if-exists", "--force", "nc")
        self._run("createdb", *self.client, "--template=template0", "nc", check=True)
        if schema:
            self._run("psql", *self.client, "-q", "-X", "-v", "ON_ERROR_STOP=1", "nc", input=schema, check=True)
        if is_archive:
            with tempfile.NamedTemporaryFile() as file:
                file.write(text)
                file.flush()
                done = self._run("pg_restore", *self.client, "--no-owner", *([] if goes_on else ["--exit-on-error"]),
                                 "-d", "nc", file.name)
        else:
            done = self._run(
                "psql", *self.client, "-q", "-X", "-v", f"ON_ERROR_STOP={0 if goes_on else 1}", "nc", input=text)
        return done.stderr.decode("utf-8", "replace").strip()[:200] if done.returncode else None

    def _imported(self):
        def ask(question):
            done = self._run("psql", *self.client, "-X", "-q", "-A", "-t", "-c", question, "nc")
            if done.returncode:
                raise NotImported("PostgreSQL: " + done.stderr.decode("utf-8", "replace").strip()[:200])
            return done.stdout.decode("utf-8", "surrogateescape")
        tables = _tables(ask, "json_build_array", "public")
        return Rows(tables, self._everything)

    def _everything(self):
        dump = self._run("pg_dump", *self.client, "--inserts", "nc", check=True).stdout
        lines = [line for line in dump.splitlines() if not line.startswith((b"\\", b"--"))]
        return hashlib.sha256(b"\n".join(sorted(lines))).hexdigest()

    def schema(self):
        return self._run("pg_dump", *self.client, "--schema-only", "nc", check=True).stdout

    def dumps(self, statement):
        self._run("psql", *self.client, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", statement, "nc", check=True)
        forms = {
            "db.pg.sql": [], "db.pg-inserts.sql": ["--inserts"],
            "db.pg-column-inserts.sql": ["--column-inserts", "--data-only"],
            "db.pg.dump": ["--format=custom"], "db.pg-z0.dump": ["--format=custom", "--compress=0"]}
        return {name: self._run("pg_dump", *self.client, *words, "nc", check=True).stdout
                for name, words in forms.items()}


def have_mariadb():
    return bool(shutil.which("mariadbd") and shutil.which("mariadb-install-db"))


def have_postgresql():
    return bool(POSTGRES)
