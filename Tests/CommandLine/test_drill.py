"""drill: what holds, what fails and what nobody can say, on real instances and on what was broken in them."""

import hashlib
import json
import os
import shutil
import signal
import sqlite3
import stat

import instances
import jsonschema
import pytest
from instances import SAMPLES, Instance, broken, sample
from workbench import PASSPHRASE, ROOT, Workbench, leftovers, sha256, tree

SNAPSHOTS = [(name, path.name) for name in SAMPLES for path in sample(name).snapshots()]
# What Nextcloud itself did, which no backup can help.
SERVERS_OWN = {"server-plain-version", "server-restored-version", "server-version-number", "server-lost-zero-byte"}
QUIET = {"escrow-opens", "keys-unlock", "secret-fits", "snapshot-whole", "snapshot-sealed", "secret-unwraps", "files-whole"}
SCHEMA = json.loads((ROOT / "docs" / "report.schema.json").read_text())
DOCUMENTED = (ROOT / "docs" / "drill.md").read_text()
VARIANTS = json.loads((instances.FOLDER / "nc32-broken" / "variants.json").read_text())


class Sealed:
    """An instance with an escrow of it."""

    def __init__(self, bench, instance, *options):
        self.bench = bench
        self.instance = instance
        bench.create(instance, *options)

    def drill(self, backup=None, snapshot=None, *options, status=None, passphrase=True, **settings):
        words = ["drill", self.bench.escrow, "--backup", backup or self.backup()]
        if snapshot is not False:
            words += ["--database-snapshot", snapshot or self.instance.snapshots()[0]]
        if passphrase:
            words += ["--passphrase-file", self.bench.passphrase]
        run = self.bench.run(*words, *options, **settings)
        assert status is None or run.status == status, run
        return run

    def report(self, backup=None, snapshot=None, *options, status):
        report = self.drill(backup, snapshot, "--json", *options, status=status).json
        assert report["schema"] == "provenkey.report/1"
        jsonschema.validate(report, SCHEMA)
        for finding in report["findings"]:
            assert f"`{finding['id']}`" in DOCUMENTED, finding
        assert report["verdict"] == {0: "holds", 3: "fails", 4: "unknown"}[status], report["findings"]
        return report

    def backup(self):
        """What a person would have copied: not `expected/`, in which everything lies decrypted."""
        if self.instance.objects.is_dir():
            return self.instance.objects
        external = self.instance.folder / "external"
        if not external.is_dir():
            return self.instance.data
        place = self.bench.folder / "backup"
        if not place.exists():
            place.mkdir()
            shutil.copytree(self.instance.data, place / "data")
            shutil.copytree(external, place / "external")
        return place


@pytest.fixture(scope="module")
def sealed(tmp_path_factory):
    """Escrows of the samples, each made once."""
    made = {}

    def get(name):
        if name not in made:
            made[name] = Sealed(Workbench(tmp_path_factory.mktemp(name)), sample(name))
        return made[name]
    return get


def ids(report, verdict=None):
    return {finding["id"] for finding in report["findings"] if verdict in (None, finding["verdict"])}


def finding(report, name):
    found = [finding for finding in report["findings"] if finding["id"] == name]
    assert len(found) == 1, (name, [finding["id"] for finding in report["findings"]])
    return found[0]


def passwords(sealed_one, users=True, recovery=True):
    """The options that give the passwords of nc32-userkeys."""
    bench = sealed_one.bench
    known = json.loads((sealed_one.instance.folder / "credentials.json").read_text())
    options = []
    if recovery:
        options += ["--recovery-password-file", bench.file("recovery", known["recovery_password"] + "\n")]
    if users:
        keys = known["private_key_passwords"]
        lines = [f"{user}{',' if index % 2 else chr(9)}{keys[user]}" for index, user in enumerate(sorted(keys))]
        options += ["--user-passwords", bench.file("users", "\n".join(lines) + "\n")]
    return options


# What holds


@pytest.mark.parametrize("name,snapshot", SNAPSHOTS)
def test_every_file_of_every_sample_holds_with_every_form_of_snapshot(sealed, name, snapshot):
    one = sealed(name)
    before = tree(one.backup())
    options = passwords(one) if name == "userkeys" else []
    report = one.report(None, one.instance.folder / snapshot, "--all", *options, status=0)
    files = report["files"]
    assert files["tested"] == files["population"] == files["held"] > 75
    assert files["failed"] == files["unknown"] == 0
    assert report["level"] == 2
    assert not ids(report, "fails") and not ids(report, "unknown")
    assert report["snapshot"]["sha256"] == sha256(one.instance.folder / snapshot)
    assert report["snapshot"]["rows"] == finding(report, "snapshot-whole")["count"] > 100
    assert report["sample"]["upper_bound"] == 0
    assert report["summary"] == "A restore would work."
    # Each of the server's own bugs is told, and nothing else is.
    told = {finding["id"] for finding in report["findings"] if finding["verdict"] == "holds"} - QUIET
    assert SERVERS_OWN & told
    assert told <= SERVERS_OWN | {
        "unsigned-format", "object-without-row", "snapshot-other", "snapshot-before-sealing", "orphan-keys",
        "not-understood", "key-differs", "public-share-key"}, told
    assert tree(one.backup()) == before


@pytest.mark.parametrize("name", SAMPLES)
def test_a_plain_copy_beside_the_encrypted_files_is_not_taken_for_them(sealed, name):
    """The samples' folders as they stand, with `expected/` in them, which looks like folders of users."""
    one = sealed(name)
    options = passwords(one) if name == "userkeys" else []
    report = one.report(one.instance.folder, None, "--all", *options, status=0)
    assert "not-understood" in ids(report, "holds")


@pytest.mark.parametrize("name,counts", [
    ("sqlite-master", {"server-plain-version": 4, "server-restored-version": 1}),
    ("legacy", {"server-plain-version": 4, "server-restored-version": 1, "unsigned-format": 4}),
    ("external", {"server-plain-version": 4}),
    ("userkeys", {"server-plain-version": 1, "server-restored-version": 1}),
    ("s3", {"server-plain-version": 1, "server-version-number": 1}),
])
def test_the_servers_own_bugs_are_called_that(sealed, name, counts):
    one = sealed(name)
    options = passwords(one) if name == "userkeys" else []
    report = one.report(None, None, "--all", *options, status=0)
    for word, count in counts.items():
        assert finding(report, word)["count"] == count, report["findings"]
        assert finding(report, word)["verdict"] == "holds"


def test_without_passwords_nobody_can_say(sealed):
    one = sealed("userkeys")
    report = one.report(None, None, "--all", status=4)
    assert ids(report, "unknown") == {"user-keys-locked", "recovery-key-locked", "file-locked"}
    assert not ids(report, "fails")
    assert finding(report, "user-keys-locked")["count"] == 5
    some = one.report(None, None, "--all", *passwords(one, users=False), status=4)
    assert 0 < finding(some, "file-locked")["count"] < finding(report, "file-locked")["count"]
    assert ids(some, "unknown") == {"user-keys-locked", "file-locked"}


def test_a_password_that_a_reset_made_new_does_not_open_the_key(sealed):
    one = sealed("userkeys")
    users = one.bench.file("wrong", "dave,Dave-New-2\n")
    report = one.report(None, None, "--all", "--user-passwords", users, *passwords(one, users=False), status=4)
    wrong = finding(report, "user-password-wrong")
    assert wrong["examples"] == ["dave"] and wrong["verdict"] == "unknown"
    assert "before" in wrong["hint"]


def test_a_sealed_recovery_password_needs_not_be_given(bench):
    recovery = bench.file("recovery", "Recovery-Fx-1\n")
    one = Sealed(bench, sample("userkeys"), "--recovery-password-file", recovery)
    recovery.unlink()
    report = one.report(None, None, "--all", status=4)
    assert "recovery-key-locked" not in ids(report)
    assert report["files"]["held"] > 90


def test_a_sealed_snapshot_is_used_and_nothing_of_it_is_left(bench):
    instance = sample("sqlite-master")
    one = Sealed(bench, instance, "--database-snapshot", instance.database, "--embed-database")
    private = bench.folder / "tmp"
    private.mkdir()
    run = one.drill(
        None, False, "--all", "--json", status=0, env=bench.environment | {"TMPDIR": str(private)})
    assert finding(run.json, "snapshot-sealed")["verdict"] == "holds"
    assert run.json["snapshot"]["is_the_sealed_one"] is True
    assert list(private.iterdir()) == []


def test_without_a_snapshot_versions_cannot_be_compared(sealed):
    one = sealed("sqlite-master")
    report = one.report(None, False, "--all", status=4)
    assert ids(report, "unknown") == {"snapshot-absent", "not-compared"}
    assert not ids(report, "fails")
    assert report.get("snapshot") is None


# What fails


EXPECTED = {
    # The secret and the private key are in the escrow: what the backup has of them does not matter.
    "a-wrong-secret": (0, set()),
    "b-master-private-missing": (0, set()),
    "c-foreign-master-public-raw": (0, set()),
    "d-bitflip-middle": (3, {"blocks-damaged"}),
    "d3-bitflip-header-padding": (0, {"odd-but-whole"}),
    # Neither a checksum nor a known type: see docs/drill.md.
    "d4-bitflip-iv": (0, set()),
    "e-truncated-midblock": (3, {"file-truncated"}),
    "e3-truncated-to-zero": (3, {"file-truncated"}),
    "e4-header-only": (3, {"file-truncated"}),
    "f-rollback": (3, {"snapshot-newer"}),
    "f3-block-removed": (3, {"blocks-damaged"}),
    "g-sharekey-missing": (3, {"file-key-missing"}),
    "g3-sharekey-truncated": (3, {"file-key-missing"}),
    "g5-orphan-key": (0, {"orphan-keys"}),
    "h-stale-db": (3, {"snapshot-older", "row-missing", "row-says-plain", "file-missing"}),
    "i-truncated-sqlite": (3, {"snapshot-damaged", "not-compared"}),
    "i3-sqlite-corrupt-page": (3, {"snapshot-damaged"}),
    "j-truncated-mysql": (3, {"snapshot-damaged"}),
    "j3-truncated-mysql-gz": (3, {"snapshot-damaged"}),
    "j4-truncated-pg-plain": (3, {"snapshot-damaged"}),
    "k-uncheckpointed-wal": (0, {"snapshot-log"}),
}


def test_every_variant_has_its_expectation():
    assert {variant["name"] for variant in VARIANTS} == set(EXPECTED)
    assert len(EXPECTED) == 21


def snapshot_of(variant, instance):
    """The snapshot that the variant is about."""
    for change in variant["ops"]:
        if change["path"].startswith("db."):
            return instance.folder / change["path"]
    return instance.snapshots()[0]


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant["name"])
def test_every_variant_gives_its_finding(sealed, tmp_path, variant):
    status, words = EXPECTED[variant["name"]]
    one = sealed(variant["base"].removeprefix("nc32-"))
    instance = broken(variant["name"], tmp_path / "broken")
    report = one.report(instance.data, snapshot_of(variant, instance), "--all", status=status)
    assert words <= ids(report), report["findings"]
    if status == 3:
        decisive = ids(report, "fails") | ids(report, "unknown")
        assert decisive <= words | {"not-compared"}, report["findings"]
        assert all(finding["hint"] for finding in report["findings"] if finding["verdict"] != "holds")
    if variant["name"] == "g-sharekey-missing":
        # The file and its version.
        assert finding(report, "file-key-missing")["count"] == 2
    if variant["name"] == "h-stale-db":
        found = finding(report, "snapshot-older")
        assert found["what"] == "the snapshot is older than 2 of the files checked"
        assert found["hint"].startswith("take it after, not before, the file copy")
        assert report["summary"].startswith("A restore would fail: the snapshot is older than 2 of the files checked")


@pytest.mark.parametrize("name,word", [
    ("a-wrong-secret", "secret-wrong"), ("b-master-private-missing", "master-private"),
    ("c-foreign-master-public-raw", "key-fails"),
])
def test_an_escrow_of_broken_keys_fails(bench, name, word):
    instance = broken(name, bench.folder / "broken")
    one = Sealed(bench, instance, "--allow-incomplete")
    report = one.report(None, None, "--all", status=3)
    assert word in ids(report, "fails"), report["findings"]
    if name != "c-foreign-master-public-raw":
        # The keys are the finding; the files only follow from it.
        assert report["summary"].startswith("A restore would fail: the sealed secret" if name[0] == "a" else
                                            "A restore would fail: the private half")
        assert finding(report, "file-key-missing")["because"] == "no private key opens with what was sealed"
        assert report.get("level") is None


def copied(tmp_path, name="sqlite-master"):
    return sample(name).copy(tmp_path / "copy", everything=True)


def test_another_instances_backup_is_told_from_damage(sealed):
    report = sealed("mariadb-master").report(sample("pgsql-master").data, sample("pgsql-master").snapshots()[-1], status=3)
    assert {"master-private", "file-key-missing"} <= ids(report, "fails")
    assert "another instance" in finding(report, "file-key-missing")["hint"]


def test_a_users_folder_that_is_missing(sealed, tmp_path):
    instance = copied(tmp_path)
    shutil.rmtree(instance.data / "bob")
    report = sealed("sqlite-master").report(instance.data, None, "--all", status=3)
    assert finding(report, "home-missing")["examples"][0].startswith("bob: ")


def test_a_file_that_is_missing_is_told_from_a_version_that_was_restored(sealed, tmp_path):
    instance = copied(tmp_path)
    (instance.data / "alice/files/notes.txt").unlink()
    (instance.data / "alice/files_versions/notes.txt.v1760018000").unlink(missing_ok=True)
    report = sealed("sqlite-master").report(instance.data, None, "--all", status=3)
    assert "alice: notes.txt" in finding(report, "file-missing")["examples"]
    assert finding(report, "server-restored-version")["count"] == 1


def test_keys_that_lie_elsewhere_are_found_and_fail(sealed, tmp_path):
    instance = copied(tmp_path)
    keys = instance.data / "alice/files_encryption/keys/files"
    (keys / "earlier").mkdir()
    (keys / "notes.txt").rename(keys / "earlier" / "notes.txt")
    report = sealed("sqlite-master").report(instance.data, None, "--all", status=3)
    assert finding(report, "file-key-elsewhere")["count"] == 2
    assert any("earlier/notes.txt" in problem["detail"] for problem in report["files"]["problems"])


def change_rows(database, *statements):
    with sqlite3.connect(database) as connection:
        for statement in statements:
            assert connection.execute(statement).rowcount > 0, statement
        connection.execute("PRAGMA journal_mode = DELETE")
    connection.close()


ROW = "path = 'files/notes.txt' AND storage = (SELECT numeric_id FROM oc_storages WHERE id = 'home::alice')"


@pytest.mark.parametrize("change,word", [
    ("encrypted = 0", "row-says-plain"),
    ("encrypted = encrypted + 7", "snapshot-newer"),
    ("size = size + 5, unencrypted_size = CASE unencrypted_size WHEN 0 THEN 0 ELSE unencrypted_size + 5 END",
     "row-size-wrong"),
    ("encrypted = 0, size = 8192 + 96 + size, unencrypted_size = 0", "scanned-instead-of-restored"),
])
def test_wrong_rows_are_mended_by_what_repair_sql_writes(sealed, tmp_path, change, word):
    one = sealed("sqlite-master")
    instance = copied(tmp_path)
    change_rows(instance.database, f"UPDATE oc_filecache SET {change} WHERE {ROW}")
    repairs = tmp_path / "repairs.sql"
    before = sha256(instance.database)
    report = one.report(instance.data, instance.database, "--all", "--repair-sql", repairs, status=3)
    assert ids(report, "fails") == {word}, report["findings"]
    assert "alice: notes.txt" in finding(report, word)["examples"]
    assert "mend" in finding(report, word)["hint"]
    assert sha256(instance.database) == before
    assert stat.S_IMODE(repairs.stat().st_mode) == 0o600
    text = repairs.read_text()
    assert text.count("BEGIN;") == text.count("COMMIT;") == 1 and "alice: notes.txt" in text
    for _ in range(2):
        # Twice: the second time changes nothing, and fails at nothing.
        with sqlite3.connect(instance.database) as connection:
            connection.executescript(text)
        connection.close()
    again = one.report(instance.data, instance.database, "--all", status=0)
    assert not ids(again, "fails")
    # The server's own mistakes were mended as well.
    assert "server-plain-version" not in ids(again)


def test_plain_files_that_the_database_calls_encrypted(sealed, tmp_path):
    instance = copied(tmp_path)
    change_rows(
        instance.database,
        "UPDATE oc_filecache SET encrypted = 1 WHERE path = 'files/before-encryption.txt'")
    report = sealed("sqlite-master").report(instance.data, instance.database, "--all", status=3)
    assert ids(report, "fails") == {"row-says-encrypted"}


def test_names_in_what_repair_sql_writes_stay_comments(sealed, tmp_path):
    instance = copied(tmp_path)
    hostile = "x\u2028; DROP TABLE oc_filecache;--\\! echo `id` '\".txt"
    change_rows(
        instance.database,
        "UPDATE oc_filecache SET encrypted = encrypted + 7, path = 'files/' || "
        + "'" + hostile.replace("'", "''") + "', path_hash = '" + md5("files/" + hostile) + f"' WHERE {ROW}")
    keys = instance.data / "alice/files_encryption/keys/files"
    (instance.data / "alice/files/notes.txt").rename(instance.data / "alice/files" / hostile)
    (keys / "notes.txt").rename(keys / hostile)
    repairs = tmp_path / "repairs.sql"
    sealed("sqlite-master").drill(
        instance.data, instance.database, "--all", "--repair-sql", repairs, status=3)
    lines = [line for line in repairs.read_text().splitlines() if line.strip()]
    for line in lines:
        assert line.startswith(("-- ", "BEGIN;", "COMMIT;", "UPDATE ", "  SET ", "  WHERE ")), line
    assert not any(mark in line for line in lines if line.startswith("--") for mark in ";'\"`\\")


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


def test_repairs_are_quoted_as_the_engine_wants(sealed, tmp_path):
    for name, begin, table in [
        ("mariadb-master", "START TRANSACTION;", "`oc_filecache`"), ("pgsql-master", "BEGIN;", '"oc_filecache"')]:
        one = sealed(name)
        repairs = tmp_path / name
        one.drill(None, None, "--all", "--repair-sql", repairs, status=0)
        assert begin in repairs.read_text() and f"UPDATE {table}" in repairs.read_text()


# The draw


def test_a_draw_can_be_repeated(sealed):
    one = sealed("sqlite-master")
    first = one.report(None, None, "--files", "10", status=0)
    sample_part = first["sample"]
    assert sample_part["drawn"] == 10 and len(sample_part["files"]) == 10
    assert 10 < first["files"]["tested"] < first["files"]["population"]
    assert first["files"]["tested"] == 10 + sample_part["always"]
    assert 0 < sample_part["upper_bound"] < first["files"]["population"]
    again = one.report(None, None, "--files", "10", "--seed", sample_part["seed"], status=0)
    for key in ("seed", "list_digest", "files", "upper_bound", "always", "statement"):
        assert again["sample"][key] == sample_part[key]
    other = one.report(None, None, "--files", "10", "--seed", "another", status=0)
    assert other["sample"]["files"] != sample_part["files"]
    surer = one.report(None, None, "--files", "10", "--seed", sample_part["seed"], "--confidence", "99%", status=0)
    assert surer["sample"]["upper_bound"] > sample_part["upper_bound"]


def test_with_few_files_one_of_every_part_is_tested(sealed):
    report = sealed("legacy").report(None, None, "--files", "0", status=0)
    parts = {(part["dimension"], part["name"]): part for part in report["files"]["strata"]}
    assert all(part["tested"] > 0 for part in parts.values()), parts
    assert len([name for dimension, name in parts if dimension == "format"]) >= 8
    assert report["sample"]["drawn"] == 0
    assert any("not chosen" in line for line in report["not_tested"])


# Answers and refusals


def test_the_answer_is_one_screen_with_the_verdict_first(sealed):
    run = sealed("sqlite-master").drill(None, None, "--all", status=0)
    lines = run.output.splitlines()
    assert lines[0] == "A restore would work." and len(lines) < 24 and run.errors == ""
    assert all(len(line) <= 80 for line in lines) and "\x1b" not in run.output


def test_the_page_is_written_also_when_the_verdict_is_bad(sealed, tmp_path):
    instance = broken("d-bitflip-middle", tmp_path / "broken")
    page = tmp_path / "page.html"
    run = sealed("sqlite-master").drill(instance.data, None, "--all", "--html", page, status=3)
    assert "1 file is damaged" in page.read_text() and "1 file is damaged" in run.output
    assert stat.S_IMODE(page.stat().st_mode) == 0o600


def test_progress_as_lines(sealed):
    run = sealed("sqlite-master").drill(None, None, "--all", "--progress", "json", status=0)
    lines = [json.loads(line) for line in run.errors.splitlines()]
    assert [line["stage"] for line in lines if line["finished"]] == [
        "opening the escrow", "trying the keys", "reading the snapshot", "listing the backup", "testing files"]
    last = lines[-1]
    assert last["done"] == last["total"] and last["unit"] == "files"


def started(one, private, *options):
    """A drill that has just opened the escrow."""
    process = one.bench.start(
        "drill", one.bench.escrow, "--backup", one.backup(), "--passphrase-file", one.bench.passphrase, "--all",
        "--progress", "json", *options, env=one.bench.environment | {"TMPDIR": str(private)})
    assert json.loads(process.stderr.readline())["stage"] == "opening the escrow"
    return process


def test_interrupted_it_leaves_nothing(sealed, tmp_path):
    private = tmp_path / "tmp"
    private.mkdir()
    page = tmp_path / "page.html"
    process = started(
        sealed("userkeys"), private, "--database-snapshot", sample("userkeys").database, "--html", page)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130 and output == b"" and b"provenkey: interrupted" in errors
    assert list(private.iterdir()) == [] and not page.exists() and not leftovers(tmp_path)


def test_what_a_killed_drill_left_of_the_snapshot_goes_with_the_next(bench):
    instance = sample("sqlite-master")
    one = Sealed(bench, instance, "--database-snapshot", instance.database, "--embed-database")
    private = bench.folder / "tmp"
    private.mkdir()
    process = started(one, private)
    process.kill()
    process.communicate()
    one.drill(None, False, "--files", "1", status=0, env=bench.environment | {"TMPDIR": str(private)})
    assert list(private.iterdir()) == []


def test_the_wrong_passphrase(sealed):
    one = sealed("sqlite-master")
    wrong = one.bench.file("wrong-passphrase", "not " + PASSPHRASE + "\n")
    one.bench.refuse(
        12, "drill", one.bench.escrow, "--backup", one.backup(), "--passphrase-file", wrong, saying="passphrase")


@pytest.mark.parametrize("words,status,saying", [
    (["--backup", "nowhere"], 1, "no backup"),
    (["--backup", "passphrase"], 1, "no folder"),
    (["--backup", ".", "--database-snapshot", "nowhere.sql"], 1, "nowhere.sql"),
    (["--backup", ".", "--html", "nowhere/page.html"], 1, "nowhere"),
    (["--backup", ".", "--repair-sql", "nowhere/fix.sql"], 1, "nowhere"),
    (["--backup", ".", "--repair-sql", "a", "--html", "a"], 64, "same file"),
    (["--backup", ".", "--files", "3", "--all"], 64, "either"),
    (["--backup", ".", "--files", "-1"], 64, ""),
    (["--backup", ".", "--confidence", "1.5"], 64, "0.999999"),
    (["--backup", ".", "--external", "archive"], 64, "name=folder"),
    (["--backup", "."] + ["--external", "a=b"] * 2, 64, "twice"),
    (["--backup", ""], 64, "empty"),
    ([], 64, "backup"),
    (["--backup", ".", "--user-passwords", "bad-list"], 1, "line 2"),
    (["--backup", ".", "--user-passwords", "nowhere"], 1, "nowhere"),
    (["--backup", ".", "--recovery-password-file", "recovery"], 1, "no recovery key"),
    (["--backup", ".", "--external", "archive=nowhere"], 1, "archive"),
])
def test_what_is_refused(made, bench, words, status, saying):
    bench.create(made)
    bench.file("bad-list", "alice,secret-one\nbobsecret-two\n")
    bench.file("recovery", "Something\n")
    (bench.folder / "empty").mkdir()
    words = [str(bench.folder / "empty") if word == "." else word for word in words]
    result = bench.refuse(
        status, "drill", bench.escrow, *words, "--passphrase-file", bench.passphrase, saying=saying)
    assert "secret-one" not in result.errors and "secret-two" not in result.errors


def test_an_empty_folder_is_no_backup(sealed, tmp_path):
    report = sealed("sqlite-master").report(tmp_path, False, status=3)
    assert "backup-empty" in ids(report, "fails")


def test_what_cannot_be_read_is_unknown(sealed, tmp_path):
    if os.geteuid() == 0:
        pytest.skip("root reads everything")
    instance = copied(tmp_path)
    (instance.data / "alice/files/notes.txt").chmod(0)
    report = sealed("sqlite-master").report(instance.data, None, "--all", status=4)
    assert ids(report, "unknown") == {"file-unreadable"}


def test_an_external_storage_that_is_not_there_is_unknown(sealed):
    one = sealed("external")
    report = one.report(one.instance.data, None, "--all", status=4)
    assert ids(report, "unknown") == {"external-not-in-backup"}
    assert any("external storage" in line for line in report["not_tested"])


def test_nothing_secret_is_said_or_left(sealed, tmp_path):
    one = sealed("userkeys")
    private = tmp_path / "tmp"
    private.mkdir()
    page = tmp_path / "page.html"
    run = one.drill(
        None, None, "--all", "--json", "--html", page, *passwords(one), status=0,
        env=one.bench.environment | {"TMPDIR": str(private)})
    said = run.output + run.errors + page.read_text()
    known = json.loads((one.instance.folder / "credentials.json").read_text())
    facts = one.instance.facts
    for secret in [*known["users"].values(), "Dave-Old-1", known["recovery_password"], facts["secret"], PASSPHRASE]:
        assert secret not in said
    assert list(private.iterdir()) == [] and not leftovers(tmp_path, one.bench.folder)
