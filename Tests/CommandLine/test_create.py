"""create: what is sealed is what a restore needs, and what would not restore is not sealed."""

import os
import pathlib
import re
import shutil
import sqlite3
import stat
import subprocess
import tempfile

import instances
import pytest
import seal
from instances import LEGACY, SAMPLES, Instance, broken, sample
from workbench import FAST, contents, header_of, leftovers, rescue, sha256, tool, tree

SNAPSHOTS = [(name, path.name) for name in SAMPLES for path in sample(name).snapshots()]
ENGINES = {"sqlite3": "sqlite", "mysql": "m", "pgsql": "p"}  # mysql or mariadb, pgsql or postgresql


def test_there_are_as_many_samples_as_we_think():
    assert len(SNAPSHOTS) == 15
    assert all(sample(name).key_files() and sample(name).config_files() for name in SAMPLES)


# What is sealed


@pytest.mark.parametrize("name", SAMPLES)
def test_what_comes_out_is_what_went_in_byte_for_byte(bench, name):
    instance = sample(name)
    before = tree(instance.folder) if name == "sqlite-master" else None
    bench.create(instance)
    bench.succeed("open", bench.escrow, "--into", "out", "--passphrase-file", bench.passphrase)
    found = contents(bench.folder / "out")
    expected = instance.key_files() | instance.config_files()
    assert {path: data for path, data in found.items() if path.startswith(("config/", "keys/"))} == expected
    assert set(found) - set(expected) == {"README.txt", "manifest.json", "manifest.sig"}
    assert before is None or tree(instance.folder) == before

    rescued = bench.opened()
    assert rescued.members == found
    manifest = rescued.manifest
    assert manifest["schema"] == "provenkey.bundle/1" and manifest["revision"] == 1
    # That there is no snapshot, or that the recovery key was not tried, is told; nothing else is missing.
    assert {part["id"] for part in manifest["missing"]} <= {"snapshot", "recovery-password"}
    described = manifest["instance"]
    assert described["instance_id"] == instance.facts["instanceid"]
    assert described["encryption_mode"] == {"master": "master-key", "userkeys": "user-keys"}[instance.facts["mode"]]
    assert described["nextcloud_version"] == instance.facts["nextcloud_version_full"]
    assert described["uses_object_storage"] == (name == "s3")
    assert described["data_folder"] == instance.facts["datadirectory_original"]
    assert {"keys/" + key["path"] for key in manifest["keys"]} == set(instance.key_files())
    for key in manifest["keys"]:
        assert key["half"] == ("private" if key["path"].endswith(".privateKey") else "public")
        needs_password = key["role"] in ("user", "recovery")
        assert key["state"]["verdict"] == ("locked" if needs_password else "unlocks"), key
    assert bytes(instance.facts["secret"], "ascii") not in found["manifest.json"] + found["README.txt"]


@pytest.mark.parametrize("name,snapshot", SNAPSHOTS)
def test_the_snapshot_is_recorded_and_can_be_sealed_itself(bench, name, snapshot):
    instance = sample(name)
    place = instance.folder / snapshot
    options = [option for option in instance.options() if option != "--database-snapshot" and option != instance.database]
    common = ["create", *options, "--passphrase-file", bench.passphrase, *FAST, "--database-snapshot", place]

    bench.succeed(*common, "--output", "a.escrow.age", "--state", "a")
    recorded = bench.opened(bench.folder / "a.escrow.age")
    found = recorded.manifest["snapshot"]
    assert not recorded.group("database") and found.get("embedded") is None
    assert (found["size"], found["sha256"]) == (place.stat().st_size, sha256(place))
    assert found["place"] == str(place)
    assert found["engine"].startswith(ENGINES[instance.facts["db"]])
    if snapshot.endswith(".sqlite3"):
        with sqlite3.connect(f"file:{place}?mode=ro&immutable=1", uri=True) as database:
            rows, highest, version = database.execute(
                "SELECT count(*), max(fileid), max(encrypted) FROM oc_filecache").fetchone()
        assert found["highest_file_id"] == highest and found["highest_version"] == version
        assert found["rows"]["filecache"] == rows
        assert found["table_prefix"] == "oc_"
        assert found["nextcloud_version"] == instance.facts["nextcloud_version_full"]

    bench.succeed(*common, "--embed-database", "--output", "b.escrow.age", "--state", "b")
    embedded = bench.opened(bench.folder / "b.escrow.age")
    assert embedded.group("database") == {f"database/{snapshot}": place.read_bytes()}
    assert embedded.manifest["snapshot"]["embedded"] == f"database/{snapshot}"
    bench.succeed("open", "b.escrow.age", "--into", "out", "--passphrase-file", bench.passphrase)
    assert contents(bench.folder / "out") == embedded.members


def test_without_a_snapshot_one_warning_says_why_it_matters(bench, made):
    result = bench.create(made)
    about = [line for line in result.warnings if "snapshot" in line]
    assert len(about) == 1 and len(about[0]) > 60
    with_one = bench.create(
        sample("sqlite-master"), "--database-snapshot", sample("sqlite-master").database, output="b.escrow.age", state="b")
    assert not [line for line in with_one.warnings if "snapshot" in line]


def test_the_data_folder_of_the_configuration_is_used(bench, made):
    bench.succeed(
        "create", "--instance", made.folder, "--output", bench.escrow, "--state", bench.state,
        "--passphrase-file", bench.passphrase, *FAST)
    assert bench.opened().group("keys") == made.key_files()


def test_data_folder_from_the_command_line_wins(bench, made):
    shutil.move(made.data, bench.folder / "elsewhere")
    made.data = bench.folder / "elsewhere"
    bench.create(made)
    assert bench.opened().group("keys") == made.key_files()


def test_all_configuration_files_are_sealed_and_merged(bench, made):
    made.change_config("'instanceid' => 'ocmadehere12',\n", "")
    (made.config.parent / "10-id.config.php").write_text("<?php $CONFIG = ['instanceid' => 'ocfromelsewh'];\n")
    (made.config.parent / "2-other.config.php").write_text("<?php $CONFIG = ['instanceid' => 'ocoverridden'];\n")
    (made.config.parent / "config.sample.php").write_text("<?php $CONFIG = ['instanceid' => 'ocsamplefile'];\n")
    bench.create(made)
    opened = bench.opened()
    assert opened.group("config") == made.config_files() and len(made.config_files()) == 3
    assert opened.manifest["instance"]["instance_id"] == "ocfromelsewh"


def test_key_root_below_the_data_folder(bench):
    """As `occ encryption:change-key-storage-root allkeys` leaves it."""
    instance = sample("sqlite-master").copy(bench.folder / "instance")
    (instance.data / "allkeys").mkdir()
    (instance.data / "allkeys" / ".oc_key_storage").write_text("Nextcloud will use this folder.\n")
    shutil.move(instance.data / "files_encryption", instance.data / "allkeys" / "files_encryption")
    with sqlite3.connect(instance.database) as database:
        database.execute("INSERT INTO oc_appconfig (appid, configkey, configvalue) "
                         "VALUES ('core', 'encryption_key_storage_root', 'allkeys')")
    database.close()
    bench.create(instance, "--database-snapshot", instance.database)
    opened = bench.opened()
    keys = opened.group("keys")
    # Nextcloud refuses the root without its marker, so it may be sealed as well.
    assert keys.pop("keys/allkeys/.oc_key_storage", None) in (None, b"Nextcloud will use this folder.\n")
    assert keys == instance.key_files() and all(path.startswith("keys/allkeys/") for path in keys)
    assert opened.manifest["instance"]["key_root"] == "allkeys"


def test_included_files(bench, made):
    first = bench.file("rclone.conf", os.urandom(70000))
    (bench.folder / "other").mkdir()
    second = bench.file("other/repository key", b"")
    bench.create(made, "--include", first, "--include", "other/repository key")
    opened = bench.opened()
    assert sorted(opened.group("extra").values()) == sorted([first.read_bytes(), second.read_bytes()])
    assert {(entry["from"], opened.members[entry["path"]]) for entry in opened.manifest["included"]} == {
        (str(first), first.read_bytes()), (str(second), b"")}


def test_two_included_files_of_one_name(bench, made):
    for name in "ab":
        (bench.folder / name).mkdir()
        bench.file(f"{name}/key", name)
    arguments = bench.create_arguments(made, "--include", "a/key", "--include", "b/key")
    result = bench.run(*arguments)
    if result.status == 0:
        assert sorted(bench.opened().group("extra").values()) == [b"a", b"b"]
    else:
        assert not bench.escrow.exists() and "key" in result.has_two_lines().problem[0]


def test_readme_says_how_to_restore_this_instance(bench):
    instance = sample("pgsql-master")
    bench.create(instance, "--database-snapshot", instance.folder / "db.pg.dump")
    text = bench.opened().members["README.txt"].decode("ascii")
    for part in ("32.0.1.2", "ocx40ksrkh40", "/srv/nextcloud/nc32-pgsql-master/data", "pg_restore", "rescue.py",
                 sha256(instance.folder / "db.pg.dump"), str(instance.folder / "db.pg.dump")):
        assert part in text
    assert max(len(line) for line in text.splitlines() if str(bench.folder) not in line and "/srv" not in line
               and str(instance.folder) not in line) <= 80


def test_files_are_for_their_owner_only_whatever_the_umask(bench, made):
    bench.create(made, preexec_fn=lambda: os.umask(0))
    assert stat.S_IMODE(bench.escrow.stat().st_mode) == 0o600
    assert stat.S_IMODE(bench.state.stat().st_mode) == 0o700
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in bench.state.iterdir()} == {
        "escrow.json": 0o600, "signing.key": 0o600, "lock": 0o600}
    assert not leftovers(bench.folder)


def test_the_state_is_where_it_is_expected(bench, made):
    if os.geteuid() == 0:
        pytest.skip("root's state belongs to the system")
    arguments = [argument for argument in bench.create_arguments(made) if argument not in ("--state", bench.state)]
    bench.succeed(*arguments)
    assert (bench.home / ".local/state/provenkey/cloud/escrow.json").exists()


def test_the_header_is_that_of_format_1(sealed):
    header = header_of(sealed.escrow)
    assert [stanza.type for stanza in header.stanzas] == [rescue.ARGON2ID, rescue.HYBRID, rescue.SIGNER]
    assert [int(number) for number in header.stanzas[0].arguments[1:]] == [3, 65536, 1]
    rescue.check_known_stanzas(header)
    rescue.check_escrow_stanzas(header)
    # The signing key of the state is the one that is certified.
    seed = (sealed.state / "signing.key").read_bytes()
    key = seal.Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    assert rescue.unpadded_base64(header.stanzas[2].arguments[0]) == key


def test_the_default_cost_is_three_passes_over_256_mib(bench, made):
    bench.create(made, kdf=())
    assert [int(number) for number in header_of(bench.escrow).stanzas[0].arguments[1:]] == [3, 262144, 1]
    assert bench.opened().group("keys") == made.key_files()


def test_two_escrows_of_one_instance_share_no_secret(sealed, made):
    sealed.create(made, output="b.escrow.age", state="b")
    first, second = header_of(sealed.escrow), header_of(sealed.folder / "b.escrow.age")
    for one, other in zip(first.stanzas, second.stanzas):
        assert one.arguments[0] != other.arguments[0] and one.body != other.body


def test_json_answer(bench, made):
    assert bench.create(made, "--json").json


# Armor and further recipients


def test_armored(bench, made):
    bench.create(made, "--armor")
    assert bench.escrow.read_bytes().startswith(b"-----BEGIN AGE ENCRYPTED FILE-----\n")
    assert bench.opened().group("keys") == made.key_files()
    bench.succeed("open", bench.escrow, "--into", "out", "--passphrase-file", bench.passphrase)
    assert contents(bench.folder / "out") == bench.opened().members
    bench.refresh()
    assert bench.escrow.read_bytes().startswith(b"-----BEGIN AGE ENCRYPTED FILE-----\n")
    assert bench.opened().manifest["revision"] == 2


def test_further_recipients_open_each_revision(bench, made):
    classical, hybrid = os.urandom(32), os.urandom(32)
    bench.create(
        made, "--recipient", seal.x25519_recipient_text(classical), "--recipient", seal.recipient_text(hybrid))
    for revision in (1, 2):
        expected = bench.opened()
        for name, text in (("x25519", seal.x25519_identity_text(classical)), ("hybrid", seal.identity_text(hybrid))):
            identity = bench.file(name, text + "\n")
            bench.refuse(1, "open", bench.escrow, "--into", "out", "--identity", identity, saying="who sealed")
            bench.succeed("open", bench.escrow, "--into", f"{name}-{revision}", "--identity", identity,
                          "--accept-unproven-signer")
            assert contents(bench.folder / f"{name}-{revision}") == expected.members
        if shutil.which("age"):
            plain = subprocess.run(["age", "-d", "-i", bench.folder / "x25519", bench.escrow], capture_output=True)
            assert plain.returncode == 0 and plain.stdout == expected.tar, plain.stderr
        assert expected.manifest["revision"] == revision
        bench.refresh()


@pytest.mark.parametrize("text", ["age1", "ssh-ed25519 AAAA", "age1pq1qqqq", "AGE-SECRET-KEY-1QQQ", ""])
def test_recipients_that_are_none(bench, made, text):
    result = bench.run(*bench.create_arguments(made, "--recipient", text))
    assert result.status in (1, 64) and not bench.escrow.exists()
    result.has_two_lines()


# Older releases


def legacy(version, mode, folder):
    """A data folder of an older release as an instance; its excerpts have no database."""
    source = LEGACY / version / mode
    if not source.is_dir():
        pytest.skip("the excerpts of older releases are not here")
    (folder / "config").mkdir(parents=True)
    shutil.copy(LEGACY / version / "config.php", folder / "config" / "config.php")
    shutil.copytree(source, folder / "data")
    return Instance(folder)


@pytest.mark.parametrize("version", ["09.0.0", "13.0.0", "20.0.1", "25.0.0"])
def test_master_keys_of_every_generation(bench, version):
    instance = legacy(version, "master", bench.folder / "instance")
    bench.create(instance)
    opened = bench.opened()
    assert opened.group("keys") == instance.key_files() and len(instance.key_files()) == 2
    assert {key["state"]["verdict"] for key in opened.manifest["keys"]} == {"unlocks"}


@pytest.mark.parametrize("version", ["08.0.8", "09.0.0", "13.0.0", "20.0.1", "25.0.0"])
def test_recovery_keys_of_every_generation(bench, version):
    instance = legacy(version, "recovery", bench.folder / "instance")
    password = bench.file("recovery", "recovery\n")
    bench.create(instance, "--recovery-password-file", password, "--allow-incomplete")
    opened = bench.opened()
    assert opened.group("keys") == instance.key_files() and len(instance.key_files()) == 2
    assert {(key["role"], key["state"]["verdict"]) for key in opened.manifest["keys"]} == {("recovery", "unlocks")}


@pytest.mark.parametrize("mode", ["user", "pubshare"])
@pytest.mark.parametrize("version", ["08.0.8", "09.0.0", "13.0.0", "20.0.1", "25.0.0"])
def test_other_keys_of_every_generation(bench, version, mode):
    instance = legacy(version, mode, bench.folder / "instance")
    bench.create(instance, "--allow-incomplete")
    opened = bench.opened()
    assert opened.group("keys") == instance.key_files() and len(instance.key_files()) == 2
    role, verdict = {"user": ("user", "locked"), "pubshare": ("public-share", "unlocks")}[mode]
    assert {(key["role"], key["state"]["verdict"]) for key in opened.manifest["keys"]} == {(role, verdict)}


# Refusing what would not restore


BROKEN = {
    "a-wrong-secret": "secret",
    "b-master-private-missing": "master",
    "c-foreign-master-public-raw": "master",
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_would_not_restore_is_not_sealed_unless_one_insists(bench, name):
    instance = broken(name, bench.folder / "instance")
    bench.refuse_create(3, instance, saying=BROKEN[name])
    bench.create(instance, "--allow-incomplete")
    opened = bench.opened()
    missing = opened.manifest["missing"]
    assert missing and all(part["id"] and part["what"] and part["hint"] for part in missing)
    assert BROKEN[name] in " ".join(f"{part['id']} {part['what']} {part['hint']}" for part in missing).lower()
    assert opened.group("keys") == instance.key_files()
    assert "MISSING" in opened.members["README.txt"].decode()
    # What was allowed once is allowed each night, and stays in the manifest.
    bench.refresh()
    assert bench.opened().manifest["missing"] == missing


def test_no_keys_at_all(bench, made):
    shutil.rmtree(made.data / "files_encryption")
    bench.refuse_create(3, made, saying="key")


def test_no_data_folder(bench, made):
    shutil.rmtree(made.data)
    result = bench.refuse(
        1, "create", "--instance", made.folder, "--output", bench.escrow, "--state", bench.state, "--passphrase-file",
        bench.passphrase, *FAST, saying=str(made.data))
    assert "--data" in " ".join(result.problem)


def test_a_truncated_key(bench, made):
    key = next(made.data.rglob("master_*.privateKey"))
    key.write_bytes(key.read_bytes()[:-100])
    bench.refuse_create(3, made, saying="master_0a1b2c3d")


def test_an_empty_key(bench, made):
    next(made.data.rglob("master_*.publicKey")).write_bytes(b"")
    bench.refuse_create(3, made, saying="master_0a1b2c3d")


def test_a_public_key_of_another_pair(bench, made):
    """Wrapped with the right secret, a fine key, but not the other half."""
    other = instances.made(bench.folder / "other")
    shutil.copy(next(other.data.rglob("master_*.publicKey")), next(made.data.rglob("master_*.publicKey")))
    bench.refuse_create(3, made, saying="master_0a1b2c3d")


def test_another_instance_id(bench):
    """The instance id salts the key's password: the secret alone would pass."""
    instance = sample("sqlite-master").copy(bench.folder / "instance")
    instance.change_config("occgiluser14", "occgiluser15")
    bench.refuse_create(3, instance, saying="master_2794d910")


def test_a_foreign_key_that_lies_there_too(bench, made):
    """A pair of another instance beside the right one: nobody may be told that it unlocks."""
    other = instances.made(bench.folder / "other", secret="fQ7rT2yU9iO4pA6sD1fG3hJ5kL8zX0cVbN7mQ2wE5rT9yU1i")
    keys = made.data / "files_encryption" / "OC_DEFAULT_MODULE"
    for half in ("privateKey", "publicKey"):
        shutil.copy(next(other.data.rglob(f"master_*.{half}")), keys / f"master_ffffffff.{half}")
    result = bench.run(*bench.create_arguments(made))
    assert "master_ffffffff" in result.errors, result
    if result.status == 0:
        states = {key["id"]: key["state"]["verdict"] for key in bench.opened().manifest["keys"]}
        assert states["master_ffffffff"] == "fails" and states["master_0a1b2c3d"] == "unlocks"
    else:
        assert result.status == 3 and not bench.escrow.exists()


def test_no_configuration(bench, made):
    made.config.unlink()
    bench.refuse_create(1, made, saying="config")


@pytest.mark.parametrize("key", ["secret", "instanceid"])
def test_a_value_that_is_not_there(bench, made, key):
    text = made.config.read_text()
    made.config.write_text("".join(line for line in text.splitlines(True) if f"'{key}'" not in line))
    result = bench.run(*bench.create_arguments(made))
    assert result.status in (1, 3) and key in result.has_two_lines().problem[0]
    assert not bench.escrow.exists() and not leftovers(bench.folder)


@pytest.mark.parametrize("value", ["getenv('NC_SECRET')", "$secret", "file_get_contents('/run/secret')", "SECRET"])
def test_a_secret_that_only_php_knows(bench, made, value):
    text = made.config.read_text()
    made.config.write_text(re.sub(r"('secret' => )'[^']*'", lambda match: match[1] + value, text))
    result = bench.refuse_create((1, 3), made, saying=["secret", "config.php"])
    assert re.search(r"\b4\b", " ".join(result.problem)), result


def test_other_values_that_only_php_knows_do_not_matter(bench, made):
    made.change_config("'installed' => true", "'dbpassword' => getenv('DB'), 'installed' => true")
    bench.create(made)


@pytest.mark.parametrize("content", [b"", b"<?php\n", b"<?php $CONFIG = ", b"not php at all", b"\0\xff" * 100,
                                     b"<?php $CONFIG = array('secret' => <<<X\nabc\nX\n);", b"<?php $CONFIG = " + b"[" * 100000])
def test_configurations_that_are_none(bench, made, content):
    made.config.write_bytes(content)
    result = bench.run(*bench.create_arguments(made), timeout=20)
    assert result.status in (1, 3) and not bench.escrow.exists()
    result.has_two_lines()


def test_not_an_instance(bench):
    (bench.folder / "empty").mkdir()
    for place in ("empty", "nowhere", bench.passphrase):
        bench.refuse(1, "create", "--instance", place, "--output", bench.escrow, "--state", bench.state,
                     "--passphrase-file", bench.passphrase, *FAST)


def test_a_truncated_snapshot(bench):
    instance = broken("i-truncated-sqlite", bench.folder / "instance")
    bench.refuse_create(3, instance, "--database-snapshot", instance.database, saying="db.sqlite3")
    bench.create(instance, "--database-snapshot", instance.database, "--allow-incomplete")
    assert any("snapshot" in part["id"] + part["what"] for part in bench.opened().manifest["missing"])


def test_a_snapshot_whose_log_holds_the_newest_rows(bench):
    """Copied with its write-ahead log: the file alone is older than the data. Nothing beside it may change either."""
    instance = broken("k-uncheckpointed-wal", bench.folder / "instance")
    beside = instance.folder / "db.sqlite3-wal"
    before = tree(instance.folder)
    shutil.copytree(instance.folder, bench.folder / "scratch")
    with sqlite3.connect(bench.folder / "scratch" / "db.sqlite3") as database:
        rows, highest = database.execute("SELECT count(*), max(fileid) FROM oc_filecache").fetchone()
    database.close()
    result = bench.run(*bench.create_arguments(instance, "--database-snapshot", instance.database, "--embed-database"))
    assert tree(instance.folder) == before
    said = (result.output + result.errors).lower()
    if result.status != 0:
        assert result.status == 3 and ("log" in said or "wal" in said), result
        return
    opened = bench.opened()
    assert opened.manifest["snapshot"]["highest_file_id"] == highest
    assert opened.manifest["snapshot"]["rows"]["filecache"] == rows
    # Either the log is in the bundle as well, or somebody was told.
    assert beside.read_bytes() in opened.group("database").values() or "wal" in said or "log" in said, result


def test_a_snapshot_that_is_none(bench, made):
    for name, content in (("noise", os.urandom(5000)), ("empty", b""), ("text", "SELECT me\n" * 100)):
        result = bench.run(*bench.create_arguments(made, "--database-snapshot", bench.file(name, content)))
        assert result.status in (1, 3) and not bench.escrow.exists(), (name, result)
        assert name in result.has_two_lines().problem[0]
    bench.refuse_create(1, made, "--database-snapshot", "nowhere", saying="nowhere")


def test_embedding_needs_a_snapshot(bench, made):
    result = bench.run(*bench.create_arguments(made, "--embed-database"))
    assert result.status == 64 and "--database-snapshot" in " ".join(result.has_two_lines().problem)


def test_an_include_that_is_not_there(bench, made):
    bench.refuse_create(1, made, "--include", "nowhere.conf", saying="nowhere.conf")
    (bench.folder / "folder").mkdir()
    bench.refuse_create(1, made, "--include", "folder", saying="folder")


# Where it cannot be written


def test_an_output_that_exists_is_not_touched(bench, made):
    bench.escrow.write_text("mine")
    bench.refuse(1, *bench.create_arguments(made), saying="cloud.escrow.age")
    assert bench.escrow.read_text() == "mine"


def test_an_output_that_is_a_link_or_a_folder_is_not_touched(bench, made):
    bench.escrow.symlink_to(bench.folder / "elsewhere")
    bench.refuse(1, *bench.create_arguments(made), saying="cloud.escrow.age")
    bench.escrow.unlink()
    bench.escrow.mkdir()
    bench.refuse(1, *bench.create_arguments(made), saying="cloud.escrow.age")


def test_a_state_that_exists_is_not_touched(sealed, made):
    """It holds the signing key of another escrow, which could never be refreshed again."""
    sealed.refuse(1, *sealed.create_arguments(made, output="other.escrow.age"), saying="state")


def test_a_folder_that_does_not_exist(bench, made):
    bench.refuse_create(1, made, output="nowhere/cloud.escrow.age", saying="nowhere")


def test_a_read_only_disk(bench, made, small_disk):
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    bench.refuse_create(1, made, output=small_disk / "cloud.escrow.age", saying="cloud.escrow.age")
    bench.refuse_create(1, made, state=small_disk / "state", saying="state")


def test_a_folder_of_somebody_else(bench, made, tmp_path_factory):
    folder = bench.folder / "locked"
    folder.mkdir()
    command = [tool()]
    if os.geteuid() == 0:
        # Nobody must be able to reach everything but the output folder.
        above = pathlib.Path(tempfile.gettempdir())
        for place in (bench.folder, *bench.folder.parents):
            if place.is_relative_to(above) and place != above:
                place.chmod(0o755)
        for place, _, files in os.walk(made.folder):
            os.chmod(place, 0o755)
            for file in files:
                os.chmod(os.path.join(place, file), 0o644)
        bench.passphrase.chmod(0o644)
        command = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", *command]
        probe = subprocess.run([*command, "--version"], capture_output=True)
        if probe.returncode != 0:
            pytest.skip("nobody else may run the command here")
    folder.chmod(0o555)
    home = bench.folder / "nobodys"
    home.mkdir()
    home.chmod(0o777)
    before = tree(bench.folder)
    done = subprocess.run(
        [*command, *map(str, bench.create_arguments(made, output=folder / "c.escrow.age", state=home / "state"))],
        env=dict(bench.environment, HOME=str(home)), capture_output=True, text=True, stdin=subprocess.DEVNULL)
    folder.chmod(0o755)
    assert done.returncode == 1 and "c.escrow.age" in done.stderr, done
    assert [line[:8] for line in done.stderr.splitlines() if "warning" not in line] == ["provenke", "  hint: "]
    assert set(tree(bench.folder)) - set(before) <= {"nobodys/state", "nobodys/state/lock"}


def test_a_full_disk(bench, made, small_disk):
    big = bench.file("big", os.urandom(2 << 20))
    bench.refuse_create(1, made, "--include", big, output=small_disk / "cloud.escrow.age", saying="space")
    assert os.listdir(small_disk) == []
    assert not (bench.state / "escrow.json").exists() and not (bench.state / "signing.key").exists()


def test_a_full_disk_for_the_state(bench, made, small_disk):
    state = small_disk / "state"
    with open(small_disk / "filler", "wb", buffering=0) as file, pytest.raises(OSError):
        while True:
            file.write(bytes(4096))
    result = bench.run(*bench.create_arguments(made, state=state))
    assert result.status == 1 and "space" in " ".join(result.has_two_lines().problem).lower()
    assert not bench.escrow.exists() and not leftovers(bench.folder, small_disk)


# One key for each user


@pytest.fixture
def users():
    return sample("userkeys")


def on_their_own(result):
    """The users of whom it says that some of their files only their own password opens."""
    return {user for user in ("admin", "alice", "bob", "carol@example.org", "dave") for line in result.output.splitlines()
            if "only their own passwords open files of:" in line and f" {user} (" in line}


def test_without_the_recovery_password_all_users_are_on_their_own(bench, users):
    assert on_their_own(bench.create(users)) == {"admin", "alice", "bob", "carol@example.org", "dave"}
    opened = bench.opened()
    assert len([key for key in opened.manifest["keys"] if key["role"] == "user"]) == 10
    assert not any(b"Recovery-Fx-1" in data for data in opened.members.values())


def test_with_the_recovery_password_those_who_allowed_it_are_not(bench, users):
    password = bench.file("recovery", "Recovery-Fx-1\n")
    result = bench.create(users, "--recovery-password-file", password, "--database-snapshot", users.database)
    assert "Recovery-Fx-1" not in result.output + result.errors
    assert on_their_own(result) == {"admin", "bob", "dave"}
    opened = bench.opened()
    states = {(key["role"], key["half"]): key["state"]["verdict"] for key in opened.manifest["keys"]}
    assert states["recovery", "private"] == states["recovery", "public"] == "unlocks"
    assert [data.strip() for data in opened.group("extra").values()] == [b"Recovery-Fx-1"]
    # A refresh needs no passphrase of the escrow; the recovery password is read again.
    bench.refresh()
    assert bench.opened().group("extra") == opened.group("extra")


def test_a_wrong_recovery_password(bench, users):
    password = bench.file("recovery", "Recovery-Fx-2\n")
    bench.refuse_create(3, users, "--recovery-password-file", password, saying="recovery")
    bench.refuse_create(1, users, "--recovery-password-file", "nowhere", saying="nowhere")


def test_a_recovery_password_where_there_is_no_recovery_key(bench, made):
    """It is proven and sealed where there is a key that it opens; else somebody is mistaken, and is told."""
    result = bench.run(*bench.create_arguments(made, "--recovery-password-file", bench.file("recovery", "x\n")))
    if result.status == 0:
        assert [line for line in result.warnings if "recovery" in line], result
    else:
        assert result.status in (1, 3, 64) and "recovery" in result.has_two_lines().problem[0]


# While it runs


def test_it_needs_no_terminal_and_no_home(bench, made):
    bench.create(made, env={"PATH": os.environ["PATH"]})


def test_names_that_are_no_text(bench, made):
    """A folder whose name is no UTF-8, as old file systems have them."""
    strange = os.fsencode(bench.folder) + b"/inst\xff\nance"
    os.rename(made.folder, strange)
    result = subprocess.run(
        [tool().encode(), b"create", b"--instance", strange, b"--data", strange + b"/data", b"--output",
         os.fsencode(bench.escrow), b"--state", os.fsencode(bench.state), b"--passphrase-file",
         os.fsencode(bench.passphrase), b"--kdf", b"3:64"],
        env=bench.environment, capture_output=True, stdin=subprocess.DEVNULL)
    if result.returncode == 0:
        assert len(bench.opened().group("keys")) == 4
    else:
        assert result.returncode in (1, 64) and not bench.escrow.exists(), result
    assert result.stderr.count(b"\n") <= 3, result


def test_progress_as_json(bench, made):
    result = bench.create(made, "--progress", "json")
    lines = [line for line in result.problem if line]
    assert lines and all('"schema":"provenkey.progress/1"' in line for line in lines), result


