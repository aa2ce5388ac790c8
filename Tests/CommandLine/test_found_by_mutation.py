"""Damage that a drill once passed over, each found by random mutation (Tests/Mutations)."""

import shutil
import sqlite3

import pytest
from instances import sample
from test_drill import Sealed, finding, ids, passwords


@pytest.fixture
def one(bench, tmp_path):
    def make(name):
        instance = sample(name).copy(tmp_path / "copy", everything=True)
        if (sample(name).folder / "objects").is_dir():
            shutil.copytree(sample(name).folder / "objects", tmp_path / "copy" / "objects")
        if (sample(name).folder / "credentials.json").exists():
            shutil.copy(sample(name).folder / "credentials.json", tmp_path / "copy")
        return Sealed(bench, instance)
    return make


def flip(path, position):
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("whose", ["alice", "recoveryKey_cdd4ccfa"])
def test_a_damaged_share_key_beside_one_that_opens_the_file(one, whose):
    drill = one("userkeys")
    keys = drill.instance.data / "alice/files_encryption/keys/files/notes.txt/OC_DEFAULT_MODULE"
    flip(keys / f"{whose}.shareKey", 700)
    report = drill.report(None, None, "--all", *passwords(drill), status=3)
    assert ids(report, "fails") == {"share-key-damaged"}
    assert "alice: notes.txt" in finding(report, "share-key-damaged")["examples"]
    assert any(whose in problem["detail"] for problem in report["files"]["problems"])


def test_a_share_key_of_another_file_beside_one_that_opens_it(one):
    drill = one("userkeys")
    keys = drill.instance.data / "alice/files_encryption/keys/files"
    name = "OC_DEFAULT_MODULE/recoveryKey_cdd4ccfa.shareKey"
    shutil.copy(keys / "original.txt" / name, keys / "notes.txt" / name)
    report = drill.report(None, None, "--all", *passwords(drill), status=3)
    assert ids(report, "fails") == {"share-key-damaged"}
    assert "alice: notes.txt" in finding(report, "share-key-damaged")["examples"]


def test_the_damaged_key_of_an_empty_file(one):
    drill = one("sqlite-master")
    flip(next((drill.instance.data / "bob/files_encryption/keys/files/empty").rglob("*.shareKey")), 400)
    report = drill.report(None, None, "--all", status=3)
    assert ids(report, "fails") == {"share-key-damaged"}
    assert finding(report, "share-key-damaged")["examples"] == ["bob: empty"]


def test_zeros_in_a_table_of_a_dump_that_no_file_needs(one):
    drill = one("pgsql-master")
    dump = drill.instance.folder / "db.pg.sql"
    data = dump.read_bytes()
    place = data.index(b"CREATE TABLE public.oc_jobs")
    dump.write_bytes(data[:place] + bytes(12) + data[place + 12:])
    report = drill.report(None, dump, "--all", status=3)
    assert ids(report, "fails") == {"snapshot-damaged"}
    assert "zeros" in str(finding(report, "snapshot-damaged"))


def test_an_index_that_lacks_a_row(one):
    drill = one("sqlite-master")
    database = drill.instance.database
    with sqlite3.connect(database) as connection:
        row = connection.execute("SELECT path_hash FROM oc_filecache WHERE path = 'files/notes.txt'").fetchone()[0]
        connection.execute("PRAGMA journal_mode = DELETE")
    connection.close()
    data = database.read_bytes()
    # Once in the table, once in each index: each but the table's is preceded by no path.
    places = [place for place in range(len(data)) if data.startswith(row.encode(), place)]
    index = next(place for place in places if data[place - 15:place] != b"files/notes.txt")
    flip(database, index)
    report = drill.report(None, database, "--all", status=3)
    assert "snapshot-damaged" in ids(report, "fails")


def test_a_name_in_the_snapshot_that_is_not_the_end_of_its_path(one, tmp_path):
    drill = one("sqlite-master")
    snapshot = shutil.copy(drill.instance.snapshots()[0], tmp_path / "changed.db")
    with sqlite3.connect(snapshot) as database:
        database.execute("UPDATE oc_filecache SET name = 'notes.tyt' WHERE path = 'files/notes.txt'")
    report = drill.report(None, snapshot, "--all", status=3)
    assert ids(report, "fails") == {"snapshot-names-damaged"}
    assert finding(report, "snapshot-names-damaged")["examples"] == ["files/notes.txt"]


def test_the_share_key_of_the_owner_is_missing_beside_another_that_opens_the_file(one):
    drill = one("userkeys")
    (drill.instance.data / "alice/files_encryption/keys/files/notes.txt/OC_DEFAULT_MODULE/alice.shareKey").unlink()
    report = drill.report(None, None, "--all", *passwords(drill), status=3)
    assert ids(report, "fails") == {"share-key-damaged"}
    assert "alice: notes.txt" in finding(report, "share-key-damaged")["examples"]


def test_the_size_that_nextcloud_goes_by_is_the_one_that_counts(one, tmp_path):
    drill = one("userkeys")
    snapshot = shutil.copy(drill.instance.snapshots()[0], tmp_path / "changed.db")
    with sqlite3.connect(snapshot) as database:
        changed = database.execute(
            "UPDATE oc_filecache SET unencrypted_size = unencrypted_size + 1 "
            "WHERE unencrypted_size > 0 AND path LIKE 'files/%' AND mimetype <> 2").rowcount
    assert changed > 0
    report = drill.report(None, snapshot, "--all", *passwords(drill), status=3)
    assert ids(report, "fails") == {"row-size-wrong"}
