"""inspect: says what a thing is, without secrets, and is not harmed by what it looks at."""

import json
import os
import re
import socket
import sqlite3
import subprocess

import pytest
import seal
from instances import SAMPLES, VECTORS, sample
from workbench import PASSPHRASE, contents, header_of, noise, tool

SECRETS_OF_CONFIG = ["secret", "passwordsalt", "dbpassword"]


def inspected(bench, thing, **settings):
    """The text and the JSON document on a thing; both without the secrets of any sample."""
    text = bench.succeed("inspect", thing, **settings)
    document = bench.succeed("inspect", thing, "--json", **settings)
    assert text.errors == document.errors == "" and text.output.endswith("\n")
    for secret in ALL_SECRETS:
        assert secret not in text.output and secret not in document.output
    assert document.json["schema"]
    return text.output, json.loads(document.output)


def secrets_of_samples():
    found = {PASSPHRASE, "Recovery-Fx-1", "testsecret"}
    for name in SAMPLES:
        text = sample(name).config.read_text()
        found |= {value for key in SECRETS_OF_CONFIG for value in re.findall(rf"'{key}' => '([^']+)'", text)}
    return found


ALL_SECRETS = secrets_of_samples()


def everything(document):
    """All values of a document as one text."""
    return json.dumps(document, ensure_ascii=False)


def test_there_are_secrets_to_look_for():
    assert len(ALL_SECRETS) >= 17


# What it knows


def test_an_escrow_file(bench, sealed_once):
    for data in (sealed_once.escrow.read_bytes(), seal.armored(sealed_once.escrow.read_bytes())):
        bench.escrow.write_bytes(data)
        text, document = inspected(bench, bench.escrow)
        for said in (text, everything(document)):
            assert "escrow" in said and "mlkem768x25519" in said and "provenkey/signer" in said
            assert "argon2id" in said.lower()
        assert re.search(r"\b64 MiB\b|\b65536 KiB\b", text) and "65536" in everything(document)
        assert text.isascii() or text.isprintable() or "\n" in text
    # Who the signer is shows, so that two files can be compared.
    key = header_of(sealed_once.escrow).stanzas[2].arguments[0].decode()
    assert key in text or key in everything(document)


def test_the_golden_file(bench):
    text, document = inspected(bench, VECTORS / "golden" / "format1-python.escrow.age")
    assert "argon2id" in text.lower()


def test_an_escrow_without_a_passphrase(bench):
    bench.escrow.write_bytes(seal.Escrow().seal([("config/config.php", b"x")]))
    text, _ = inspected(bench, bench.escrow)
    assert "mlkem768x25519" in text


def test_an_escrow_with_unknown_stanzas(bench):
    escrow = seal.Escrow(PASSPHRASE, passes=1, memory_kib=8)
    stanzas = escrow.stanzas() + [seal.stanza(["future/kind", "x"], b"body")]
    bench.escrow.write_bytes(seal.age_file(
        stanzas, escrow.file_key, escrow.nonce, escrow.tar([("config/config.php", b"x")])))
    text, document = inspected(bench, bench.escrow)
    assert "future/kind" in text + everything(document)


def test_an_age_file_of_another_kind(bench):
    plain = bench.file("plain", b"hello")
    seal.main(["--recipient", seal.x25519_recipient_text(os.urandom(32)), "--plain", str(plain), "--into",
               str(bench.folder / "x.age")])
    result = bench.run("inspect", bench.folder / "x.age")
    assert result.status in (0, 1) and "age" in (result.output + result.errors)
    assert "X25519" in result.output or result.status == 1


@pytest.mark.parametrize("name", SAMPLES)
def test_an_instance(bench, name):
    instance = sample(name)
    text, document = inspected(bench, instance.folder)
    for said in (text, everything(document)):
        assert instance.facts["instanceid"] in said and instance.facts["nextcloud_version_full"] in said


@pytest.mark.parametrize("name", SAMPLES)
def test_key_files(bench, name):
    for member, data in sample(name).key_files().items():
        path = bench.folder / os.path.basename(member)
        path.write_bytes(data)
        text, document = inspected(bench, path)
        assert "key" in text.lower()
        assert ("private" if member.endswith("privateKey") else "public") in text.lower()


@pytest.mark.parametrize("name,snapshot", [(name, path.name) for name in SAMPLES for path in sample(name).snapshots()])
def test_snapshots(bench, name, snapshot):
    instance = sample(name)
    text, document = inspected(bench, instance.folder / snapshot)
    engine = {"sqlite3": "sqlite", "mysql": "m[ya]", "pgsql": "p"}[instance.facts["db"]]
    assert re.search(engine, text, re.I)
    if snapshot.endswith("sqlite3"):
        with sqlite3.connect(f"file:{instance.folder / snapshot}?mode=ro&immutable=1", uri=True) as database:
            rows, highest = database.execute("SELECT count(*), max(fileid) FROM oc_filecache").fetchone()
        assert f"{rows} in filecache" in text and str(highest) in text


def test_the_tar_of_a_bundle_and_an_opened_bundle(bench, sealed_once):
    opened = sealed_once.opened()
    bench.file("bundle.tar", opened.tar)
    bench.succeed("open", sealed_once.escrow, "--into", "out", "--passphrase-file", sealed_once.passphrase)
    for thing in ("bundle.tar", "out"):
        text, document = inspected(bench, thing)
        for said in (text, everything(document)):
            assert opened.manifest["escrow"] in said and "ocmadehere12" in said
        assert "uLcW3Q0mYb7z" not in text + everything(document)


def test_nothing_is_written(bench):
    instance = sample("sqlite-master").copy(bench.folder / "instance")
    before = contents(bench.folder)
    for thing in ("instance", instance.database, instance.config):
        bench.run("inspect", thing)
    assert contents(bench.folder) == before  # no -wal, no -shm, no journal


# What it cannot know


@pytest.mark.parametrize("content", [
    b"", b"\n", noise(5000), b"\0" * 5000, b"SQLite format 3\0", b"SQLite format 3\0" + noise(5000),
    b"age-encryption.org/v1\n", b"age-encryption.org/v1\n-> \n", b"-----BEGIN AGE ENCRYPTED FILE-----\nAAAA\n",
    b"PGDMP", b"PGDMP" + noise(3000), b"\x1f\x8b", b"\x1f\x8b" + noise(3000), b"HBEGIN:", b"HBEGIN:a:HEND",
    b"-- MySQL dump", b"--\n-- PostgreSQL database dump\n--\n", b"<?php\n", b"{", b"[" * 100000, b"-> " * 10000,
    b"ustar\0" * 200, b"a|b|c|3"], ids=lambda content: repr(content[:12]))
def test_damaged_and_strange_files(bench, content):
    thing = bench.file("thing", content)
    for options in ((), ("--json",)):
        result = bench.run("inspect", thing, *options, timeout=20)
        assert result.status in (0, 1, 3, 4), result
        if result.status == 0:
            assert result.output and (not options or result.json)
        elif not result.output:
            result.has_two_lines()
            # What is an age file by its first line is called one; all else is called by its name.
            assert "thing" in result.problem[0] or "age" in content.decode("latin1").lower(), result


def test_damaged_tars(bench, sealed_once):
    tar = sealed_once.opened().tar
    for data in (tar[:600], tar[:3000], tar[:-20000], tar.replace(b"ustar", b"xstar", 1),
                 tar.replace(b'"schema"', b'"sch\xffma"'), seal.tar_of([("x", b"y")]), seal.tar_of([])):
        result = bench.run("inspect", bench.file("bundle.tar", data), timeout=20)
        assert result.status in (0, 1, 3), result
        if result.status == 1:
            result.has_two_lines()


def test_a_tar_that_claims_to_be_huge(bench):
    data = bytearray(seal.tar_of([("README.txt", b"x")]))
    data[124:136] = b"77777777777\0"
    checksum = sum(data[:148]) + 8 * 32 + sum(data[156:512])
    data[148:156] = b"%06o\0 " % checksum
    result = bench.run("inspect", bench.file("bundle.tar", bytes(data)), timeout=20)
    assert result.status in (0, 1), result


def test_a_cost_that_would_take_the_machine_is_only_told(bench):
    data = seal.Escrow(PASSPHRASE, passes=1, memory_kib=8).seal([("config/config.php", b"x")])
    bench.escrow.write_bytes(data.replace(b" 1 8 1\n", b" 9999999999 9999999999 1\n", 1))
    result = bench.run("inspect", bench.escrow, timeout=10)
    assert result.status in (0, 1)


def test_devices_pipes_and_sockets_do_not_hang(bench):
    os.mkfifo(bench.folder / "pipe")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(bench.folder / "socket"))
    for thing in ("pipe", "socket", "/dev/zero", "/dev/null", "/dev/tty", "/proc/self/mem"):
        bench.refuse(1, "inspect", thing, timeout=10)
    listener.close()


def test_huge_and_sparse_files_are_quick(bench):
    with open(bench.folder / "huge", "wb") as file:
        file.truncate(1 << 40)
    result = bench.run("inspect", "huge", timeout=20)
    assert result.status == 1
    result.has_two_lines()


def test_links_in_a_circle_and_things_that_are_not_there(bench):
    (bench.folder / "circle").symlink_to("circle")
    (bench.folder / "dangling").symlink_to("nowhere")
    for thing in ("circle", "dangling", "nowhere", "", "passphrase/x"):
        result = bench.run("inspect", thing)
        assert result.status in (1, 64), result
        result.has_two_lines()


def test_folders(bench):
    (bench.folder / "empty").mkdir()
    (bench.folder / "other").mkdir()
    (bench.folder / "other" / "file").write_text("x")
    for thing in ("empty", "other", "/proc/self/fd"):
        bench.refuse(1, "inspect", thing, timeout=20)


def test_what_may_not_be_read(bench, made):
    made.config.chmod(0)
    made.data.chmod(0)
    locked = bench.file("locked", b"x", mode=0)
    command = [tool()]
    if os.geteuid() == 0:
        for place in (bench.folder, *bench.folder.parents[:2]):
            place.chmod(0o755)
        command = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", *command]
        if subprocess.run([*command, "--version"], capture_output=True).returncode != 0:
            pytest.skip("nobody else may run the command here")
    try:
        for thing in (locked, made.folder, made.data):
            done = subprocess.run([*command, "inspect", thing], capture_output=True, text=True, timeout=20,
                                  env=bench.environment)
            assert done.returncode == 1 and done.stdout == "", done
            assert [line[:8] for line in done.stderr.splitlines()] == ["provenke", "  hint: "], done
    finally:
        made.config.chmod(0o600)
        made.data.chmod(0o700)


def test_names_that_a_terminal_would_act_on(bench, sealed_once):
    for name in (b"\x1b[2Jx.age", b"new\nline", b"\xe2\x80\xaereversed", b"\xff\xfe", b"-dash"):
        path = os.fsencode(bench.folder) + b"/" + name
        for data in (sealed_once.escrow.read_bytes(), b"junk"):
            with open(path, "wb") as file:
                file.write(data)
            done = subprocess.run([tool().encode(), b"inspect", path], capture_output=True, env=bench.environment)
            assert done.returncode == (0 if data != b"junk" else 1), done
            said = done.stdout + done.stderr
            assert b"\x1b" not in said and b"\xe2\x80\xae" not in said
            if data == b"junk":
                assert done.stderr.count(b"\n") == 2, done
        os.unlink(path)


def test_hostile_text_inside_is_shown_harmless(bench, made):
    """Names and ids from files of unknown origin."""
    made.change_config("'instanceid' => 'ocmadehere12'", "'instanceid' => \"oc\\x1b[2Jx\"")
    evil = seal.tar_of([("README.txt", b"x"), ("manifest.json", json.dumps(seal.manifest_of(
        [("README.txt", b"x")], {"sealed_by": "\x1b]0;x\x07", "escrow": "\x1b[2J"})).encode())])
    bench.file("evil.tar", evil)
    header = (b"age-encryption.org/v1\n-> " + b"a\x1b[2J b\n\n--- " + b"A" * 43 + b"\n" + bytes(100))
    bench.file("evil.age", header)
    for thing in (made.folder, "evil.tar", "evil.age"):
        for options in ((), ("--json",)):
            result = bench.run("inspect", thing, *options)
            assert not set(result.output + result.errors) & {"\x1b", "\x07"}, result
