"""Dumps that real servers write now, with all the options that change what a dump looks like: each says the same."""

import gzip
import os
import pathlib
import shutil
import subprocess
import time

import pytest
from instances import FOLDER

POSTGRES = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/postgres"))


def wait_for(command, process):
    for _ in range(300):
        if subprocess.run(command, capture_output=True).returncode == 0:
            return
        assert process.poll() is None, "the server has ended"
        time.sleep(0.1)
    raise AssertionError("the server does not answer")


@pytest.fixture(scope="module")
def mariadb(tmp_path_factory):
    """A server on a socket of its own, with the instance's database `nc`."""
    if not shutil.which("mariadbd"):
        pytest.skip("mariadb-server is not installed")
    folder = tmp_path_factory.mktemp("m")
    socket = folder / "s"
    user = [f"--user={'root' if os.geteuid() == 0 else os.environ.get('USER', 'nobody')}"]
    subprocess.run(["mariadb-install-db", "--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db",
                    f"--datadir={folder}/data", *user], check=True, capture_output=True)
    server = subprocess.Popen(
        ["mariadbd", "--no-defaults", f"--datadir={folder}/data", f"--socket={socket}", "--skip-networking",
         "--innodb-flush-log-at-trx-commit=0", "--innodb-log-file-size=8M", f"--pid-file={folder}/pid", *user],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    client = ["--no-defaults", f"--socket={socket}", "--user=root"]
    try:
        wait_for(["mariadb", *client, "-e", "SELECT 1"], server)
        subprocess.run(["mariadb", *client, "-e", "CREATE DATABASE nc CHARACTER SET utf8mb4"], check=True)
        with open(FOLDER / "nc32-mariadb-master/db.mysql.sql", "rb") as dump:
            subprocess.run(["mariadb", *client, "nc"], stdin=dump, check=True)
        yield lambda *options: subprocess.run(
            ["mariadb-dump", *client, *options], check=True, capture_output=True).stdout
    finally:
        server.terminate()
        server.wait()


@pytest.fixture(scope="module")
def postgresql():
    """A server on a socket of its own, with the instance's database `nc`; it refuses to be root."""
    if not POSTGRES:
        pytest.skip("postgresql is not installed")
    programs = POSTGRES[-1].parent
    switch = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    # Short, since a socket's path may have 107 bytes only, and where that user may look.
    folder = pathlib.Path(subprocess.run(
        [*switch, "mktemp", "-d", "/tmp/pgXXXXXX"], check=True, capture_output=True, text=True).stdout.strip())
    run = dict(check=True, capture_output=True, cwd="/")
    try:
        subprocess.run([*switch, programs / "initdb", "--no-sync", "--encoding=UTF8", "--locale=C", "--auth=trust",
                        "--username=nc", folder / "data"], **run)
        server = subprocess.Popen(
            [*switch, programs / "postgres", "-D", folder / "data", "-k", folder, "-c", "listen_addresses=", "-c", "fsync=off"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")
        try:
            client = ["--host", folder, "--username", "nc"]
            wait_for(["psql", *client, "-c", "SELECT 1", "postgres"], server)
            subprocess.run(["createdb", *client, "nc"], **run)
            subprocess.run(["psql", *client, "-q", "-f", FOLDER / "nc32-pgsql-master/db.pg.sql", "nc"], **run)
            yield lambda *options: subprocess.run(["pg_dump", *client, *options, "nc"], **run).stdout
        finally:
            subprocess.run([*switch, programs / "pg_ctl", "-D", folder / "data", "-m", "immediate", "stop"],
                           capture_output=True, cwd="/")
            server.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def facts(bench, path):
    """What `inspect` says of a snapshot, without what belongs to the file."""
    answer = bench.succeed("inspect", path, "--json").json
    answer = answer.get("snapshot", answer)
    assert answer.get("is_complete") in (True, None)
    return {key: answer[key] for key in ("table_prefix", "rows", "highest_file_id", "highest_version", "key_ids")}


MARIADB = [
    ["nc"], ["--skip-extended-insert", "nc"], ["--hex-blob", "nc"], ["--compatible=ansi", "--complete-insert", "nc"],
    ["--skip-opt", "--no-create-info", "--replace", "nc"], ["--insert-ignore", "--skip-comments", "nc"],
    ["--databases", "nc"], ["--compact", "nc"], ["--order-by-primary", "--tz-utc", "nc"],
    ["--all-databases"], ["--routines", "--triggers", "--events", "--single-transaction", "nc"],
]


@pytest.mark.parametrize("options", MARIADB, ids=lambda options: " ".join(options))
def test_mariadb(bench, mariadb, options):
    expected = facts(bench, FOLDER / "nc32-mariadb-master/db.mysql.sql")
    assert expected["rows"]["filecache"] == 404
    dump = mariadb(*options)
    path = bench.folder / "dump.sql"
    path.write_bytes(dump)
    assert facts(bench, path) == expected
    path.write_bytes(gzip.compress(dump))
    assert facts(bench, path) == expected


PG_DUMP = [
    [], ["--inserts"], ["--column-inserts"], ["--rows-per-insert=50"], ["--column-inserts", "--data-only"],
    ["--quote-all-identifiers"], ["--clean", "--if-exists", "--create"], ["--no-owner", "--no-comments"],
    ["--format=custom"], ["--format=custom", "--inserts"], ["--format=tar"],
]


@pytest.mark.parametrize("options", PG_DUMP, ids=lambda options: " ".join(options) or "plain")
def test_postgresql(bench, postgresql, options):
    expected = facts(bench, FOLDER / "nc32-pgsql-master/db.pg.sql")
    assert expected["rows"]["filecache"] == 402
    path = bench.folder / "dump"
    path.write_bytes(postgresql(*options))
    assert facts(bench, path) == expected


def test_an_archive_without_pg_restore(bench):
    """One clear line, and what to install."""
    archive = FOLDER / "nc32-pgsql-master/db.pg.dump"
    (bench.folder / "empty").mkdir()
    answer = bench.run("inspect", archive, env=dict(bench.environment, PATH=str(bench.folder / "empty")))
    assert answer.status != 0 and "pg_restore, which is not installed" in answer.errors
    assert "postgresql-client" in answer.errors
