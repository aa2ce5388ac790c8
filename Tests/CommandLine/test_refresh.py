"""refresh: the next revision, without a passphrase; never a worse file than the one that is there."""

import fcntl
import json
import os
import shutil
import stat
import subprocess

import pytest
from instances import sample
from workbench import PASSPHRASE, Run, contents, header_of, leftovers, noise, rescue, sha256, tree

TIMES = 100


# The number of a revision that could not be written is not used again, and the state says so.
NUMBER_USED = ("state/escrow.json",)


def refused(bench, status, *options, saying=(), **settings):
    return bench.refuse(status, "refresh", "--state", bench.state, *options, saying=saying, **settings)


def test_a_hundred_times_with_no_passphrase_anywhere(sealed, made):
    sealed.passphrase.unlink()
    passphrase_stanza = header_of(sealed.escrow).stanzas[0]
    signer_stanza = header_of(sealed.escrow).stanzas[2]
    file_keys, escrow_id, revision = set(), sealed.opened().manifest["escrow"], 1
    for _ in range(TIMES):
        sealed.refresh(env={})
        header = header_of(sealed.escrow)
        for stanza, first in ((header.stanzas[0], passphrase_stanza), (header.stanzas[2], signer_stanza)):
            assert (stanza.arguments, stanza.body) == (first.arguments, first.body)
        file_keys.add(header.stanzas[1].arguments[0])
        opened = sealed.opened()
        assert opened.manifest["revision"] > revision and opened.manifest["escrow"] == escrow_id
        assert opened.group("keys") == made.key_files()
        revision = opened.manifest["revision"]
    assert revision == TIMES + 1 and len(file_keys) == TIMES
    assert not leftovers(sealed.folder)
    sealed.file("passphrase", PASSPHRASE)
    sealed.succeed("open", sealed.escrow, "--into", "out", "--passphrase-file", sealed.passphrase)
    assert contents(sealed.folder / "out") == sealed.opened().members


def test_by_the_name_of_the_file(sealed):
    sealed.succeed("refresh", sealed.escrow, "--state", sealed.state)
    assert sealed.opened().manifest["revision"] == 2


def test_the_state_records_what_stands_at_the_output(sealed):
    for revision in (1, 2):
        last = sealed.recorded()["last"]
        assert (last["number"], last["sha256"], last["size"]) == (
            revision, sha256(sealed.escrow), sealed.escrow.stat().st_size)
        sealed.refresh()
    assert stat.S_IMODE(sealed.escrow.stat().st_mode) == 0o600


def test_json_answer(sealed):
    assert sealed.refresh("--json").json


def test_what_changed_is_in_the_next_revision(sealed, made):
    made.change_config("'installed' => true", "'installed' => true, 'theme' => 'dark'")
    sealed.refresh()
    assert sealed.opened().group("config") == made.config_files()
    assert b"dark" in sealed.opened().members["config/config.php"]


def test_collecting_options_are_kept_and_can_be_changed(bench):
    instance = sample("sqlite-master").copy(bench.folder / "instance")
    extra = bench.file("rclone.conf", "first")
    bench.create(instance, "--database-snapshot", instance.database, "--embed-database", "--include", extra)
    extra.write_text("second")
    bench.refresh()
    opened = bench.opened()
    assert list(opened.group("extra").values()) == [b"second"]
    assert list(opened.group("database").values()) == [instance.database.read_bytes()]
    moved = bench.folder / "db-tonight.sqlite3"
    shutil.copy(instance.database, moved)
    bench.refresh("--database-snapshot", moved)
    assert bench.opened().manifest["snapshot"]["place"] == str(moved)
    assert list(bench.opened().group("database")) == ["database/db-tonight.sqlite3"]


def test_relative_paths_stay_right_in_another_folder(bench, made):
    bench.succeed("create", "--instance", "instance", "--output", "cloud.escrow.age", "--state", "state",
                  "--passphrase-file", "passphrase", "--kdf", "3:64", "--include", "passphrase")
    bench.refresh(cwd="/")
    assert bench.opened().manifest["revision"] == 2


def test_new_keys_are_in_the_next_revision(bench):
    instance = sample("userkeys").copy(bench.folder / "instance")
    erin = instance.data / "erin" / "files_encryption" / "OC_DEFAULT_MODULE"
    bench.create(instance)
    before = bench.opened().group("keys")
    shutil.copytree(instance.data / "dave" / "files_encryption" / "OC_DEFAULT_MODULE", erin)
    for half in ("privateKey", "publicKey"):
        (erin / f"dave.{half}").rename(erin / f"erin.{half}")
    result = bench.run("refresh", "--state", bench.state)
    # The wrapping says that they are dave's: told, and sealed only if a restore is not worse for it.
    assert "erin" in result.output + result.errors or result.status == 0, result
    assert set(before) <= set(bench.opened().group("keys"))


# Drift: what would not restore does not replace what does


def test_another_secret_in_the_configuration(sealed, made):
    made.change_config("uLcW3Q0mYb7zTq9sKp2vXn8aRd5eGh4jNf6tVy1wBs0xCk3i", "x" * 48)
    refused(sealed, 3, saying="secret")
    assert sealed.opened().manifest["revision"] == 1


def test_another_instance_id(bench):
    instance = sample("sqlite-master").copy(bench.folder / "instance")
    bench.create(instance)
    instance.change_config("occgiluser14", "occgiluser15")
    refused(bench, 3, saying="master_2794d910")


def test_a_key_that_is_gone(sealed, made):
    next(made.data.rglob("master_*.privateKey")).unlink()
    refused(sealed, 3, saying="master")


def test_the_instance_is_gone(sealed, made):
    shutil.rmtree(made.folder)
    refused(sealed, 1, saying="instance")


def test_the_snapshot_is_gone(bench):
    instance = sample("sqlite-master").copy(bench.folder / "instance")
    bench.create(instance, "--database-snapshot", instance.database)
    instance.database.unlink()
    refused(bench, 1, saying="db.sqlite3")


# The state


def test_no_state(bench, sealed_once):
    refused(bench, 1, saying="state")
    shutil.copy(sealed_once.escrow, bench.escrow)
    refused(bench, 1, bench.escrow, saying="state")


def test_no_names_at_all(bench):
    """Neither a file nor a state: with nothing recorded there is nothing to refresh."""
    result = bench.run("refresh", env=dict(bench.environment, XDG_STATE_HOME=str(bench.folder / "none")))
    assert result.status in (1, 64), result
    result.has_two_lines()


@pytest.mark.parametrize("content", [
    b"", b"{", b"null", b"[]", b"{}", b"\xff" * 50, b'{"schema":"provenkey.state/2"}', b"[" * 50000])
def test_a_damaged_state(sealed, content):
    (sealed.state / "escrow.json").write_bytes(content)
    refused(sealed, 1, saying="escrow.json")


@pytest.mark.parametrize("key", [
    "schema", "escrow", "recipient", "signer_stanza", "sources", "further_recipients"])
def test_a_state_that_lacks_something(sealed, key):
    state = sealed.recorded()
    del state[key]
    (sealed.state / "escrow.json").write_text(json.dumps(state))
    refused(sealed, 1, saying="escrow.json")


@pytest.mark.parametrize("change", [
    {"recipient": "age1pq1qqqq"}, {"escrow": "xyz"}, {"escrow": ""},
    {"signer_stanza": {"type": "X25519", "arguments": ["a"], "body": ""}},
    {"passphrase_stanza": {"type": "provenkey/argon2id", "arguments": ["a b", "\n"], "body": "AA=="}},
    {"further_recipients": ["nonsense"]}])
def test_a_state_that_was_changed(sealed, change):
    (sealed.state / "escrow.json").write_text(json.dumps(sealed.recorded() | change))
    refused(sealed, 1)


def test_a_state_of_another_escrow(sealed, made):
    """Its recipient and its stanzas do not belong together: such a file would open for nobody."""
    sealed.create(made, output="b.escrow.age", state="b")
    other = json.loads((sealed.folder / "b" / "escrow.json").read_text())
    (sealed.state / "escrow.json").write_text(
        json.dumps(sealed.recorded() | {"signer_stanza": other["signer_stanza"]}))
    refused(sealed, 1, saying="sign")


def test_a_numbering_at_its_end(sealed):
    """The largest number that JSON can carry everywhere: refused, not wrapped around."""
    state = sealed.recorded()
    state["last"]["number"] = 2**63 - 1
    (sealed.state / "escrow.json").write_text(json.dumps(state))
    refused(sealed, 1)


@pytest.mark.parametrize("content", [b"", b"short", noise(31), noise(33), noise(32)])
def test_a_signing_key_that_is_not_the_certified_one(sealed, content):
    """With 32 other bytes it signs, but nobody would accept the signature."""
    (sealed.state / "signing.key").write_bytes(content)
    refused(sealed, 1, saying="sign")


def test_no_signing_key(sealed):
    (sealed.state / "signing.key").unlink()
    refused(sealed, 1, saying="signing.key")


def test_the_state_is_locked(sealed):
    with open(sealed.state / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused(sealed, 1, saying=["lock", "another"])
    sealed.refresh()


def test_two_at_once(sealed):
    for _ in range(5):
        before = sealed.opened().manifest["revision"]
        processes = [sealed.start("refresh", "--state", sealed.state) for _ in range(4)]
        ended = [Run(process.wait(), *process.communicate()) for process in processes]
        statuses = [run.status for run in ended]
        assert 0 in statuses and set(statuses) <= {0, 1}, ended
        for run in ended:
            assert run.status == 0 or "another" in run.has_two_lines().problem[0]
        assert sealed.opened().manifest["revision"] == before + statuses.count(0)
    assert not leftovers(sealed.folder)


# The place of the escrow


def test_the_escrow_was_deleted(sealed):
    sealed.escrow.unlink()
    sealed.refresh()
    assert sealed.opened().manifest["revision"] == 2


def test_the_escrow_was_replaced_by_something_else(sealed):
    """Whatever is decided, it is whole: the other file untouched and named, or the next revision in its place."""
    sealed.escrow.write_text("something else")
    result = sealed.run("refresh", "--state", sealed.state)
    if result.status == 0:
        assert sealed.opened().manifest["revision"] == 2
    else:
        assert "cloud.escrow.age" in result.has_two_lines().problem[0]
        assert sealed.escrow.read_text() == "something else"


def test_an_older_revision_was_put_back(sealed):
    """Numbers only grow, whatever lies at the output path."""
    old = sealed.escrow.read_bytes()
    sealed.refresh()
    sealed.escrow.write_bytes(old)
    result = sealed.run("refresh", "--state", sealed.state)
    assert sealed.opened().manifest["revision"] == (3 if result.status == 0 else 1)


def test_a_folder_or_a_link_stands_at_its_place(sealed):
    sealed.escrow.unlink()
    sealed.escrow.mkdir()
    refused(sealed, 1, saying="cloud.escrow.age", may_change=NUMBER_USED)
    sealed.escrow.rmdir()
    target = sealed.file("target", "mine")
    sealed.escrow.symlink_to(target)
    refused(sealed, 1, saying="cloud.escrow.age", may_change=NUMBER_USED)


def test_a_full_disk(bench, made, small_disk):
    escrow = small_disk / "cloud.escrow.age"
    bench.create(made, output=escrow)
    before = escrow.read_bytes()
    with open(small_disk / "filler", "wb", buffering=0) as file, pytest.raises(OSError):
        while True:
            file.write(bytes(4096))
    refused(bench, 1, saying="space", may_change=NUMBER_USED)
    assert escrow.read_bytes() == before and sorted(os.listdir(small_disk)) == ["cloud.escrow.age", "filler"]
    (small_disk / "filler").unlink()
    bench.refresh()
    assert bench.opened(escrow).manifest["revision"] >= 2


def test_a_full_disk_for_the_state(bench, made, small_disk):
    """The state must say what is at the output: neither moves on without the other."""
    state = small_disk / "state"
    bench.create(made, state=state)
    with open(small_disk / "filler", "wb", buffering=0) as file, pytest.raises(OSError):
        while True:
            file.write(bytes(4096))
    bench.refuse(1, "refresh", "--state", state, saying="space")
    (small_disk / "filler").unlink()
    bench.succeed("refresh", "--state", state)
    assert bench.opened().manifest["revision"] >= 2 and not leftovers(bench.folder)


def test_a_read_only_folder(bench, made, small_disk):
    escrow = small_disk / "cloud.escrow.age"
    bench.create(made, output=escrow)
    before = tree(small_disk)
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    refused(bench, 1, saying="cloud.escrow.age", may_change=NUMBER_USED)
    subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
    assert tree(small_disk) == before
    bench.refresh()


def test_options_of_create_are_not_taken(sealed):
    for option in (["--kdf", "3:64"], ["--passphrase-file", sealed.passphrase], ["--output", "x"]):
        refused(sealed, 64, *option)


def test_the_recipient_is_enough(sealed):
    """What refresh has can seal, and cannot open: nothing in the state is the escrow identity."""
    identity = rescue.unlock_with_passphrase(
        header_of(sealed.escrow), rescue.normalized_passphrase(PASSPHRASE))[1]
    for path in sealed.state.iterdir():
        data = path.read_bytes()
        assert identity not in data and identity.hex().encode() not in data.lower()
