"""open: gives back what was sealed, or refuses and leaves nothing."""

import os
import random
import shutil
import stat
import subprocess
import sys
import tarfile

import pytest
import seal
from instances import VECTORS
from workbench import (
    PASSPHRASE, contents, escrow_identity, header_of, leftovers, noise, opened_without_provenkey, rescue,
)

GOLDEN = VECTORS / "golden"


@pytest.fixture
def desk(bench, sealed_once):
    """A bench with a copy of an escrow in it."""
    shutil.copy(sealed_once.escrow, bench.escrow)
    bench.instance = sealed_once.instance
    return bench


def refused(desk, status, *options, path=None, **settings):
    options = options or ("--passphrase-file", desk.passphrase)
    return desk.refuse(status, "open", path or desk.escrow, "--into", "out", *options, **settings)


def opens(desk, path=None, into="out", *options):
    options = options or ("--passphrase-file", desk.passphrase)
    desk.succeed("open", path or desk.escrow, "--into", into, *options)
    return contents(desk.folder / into)


# What opens


def test_passphrase_and_identity_give_the_same_bytes(desk):
    expected = desk.opened().members
    assert opens(desk) == expected
    assert opens(desk, None, "by-identity", "--identity", desk.identity_file()) == expected
    assert not leftovers(desk.folder)


def test_only_the_owner_can_read_what_was_opened(desk):
    desk.succeed("open", desk.escrow, "--into", "out", "--passphrase-file", desk.passphrase,
                 preexec_fn=lambda: os.umask(0))
    for path in [desk.folder / "out", *(desk.folder / "out").rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_into_an_empty_folder_and_by_a_relative_path(desk):
    (desk.folder / "out").mkdir()
    assert opens(desk, "cloud.escrow.age") == desk.opened().members


def test_json_answer(desk):
    result = desk.succeed("open", desk.escrow, "--into", "out", "--passphrase-file", desk.passphrase, "--json")
    assert result.json


def test_the_golden_file_of_format_1(bench):
    path = GOLDEN / "format1-python.escrow.age"
    expected = opened_copy(bench, path, (GOLDEN / "format1-python.passphrase.txt").read_text().strip()).members
    for name, options in (("a", ("--passphrase-file", GOLDEN / "format1-python.passphrase.txt")),
                          ("b", ("--identity", GOLDEN / "format1-python.identity.txt"))):
        assert opens(bench, path, name, *options) == expected


def opened_copy(bench, path, passphrase):
    """rescue.py writes beside the file that it opens, and Vectors stays as it is."""
    shutil.copy(path, bench.folder / "copy")
    return opened_without_provenkey(bench.folder / "copy", passphrase)


NAMES = ["extra/" + name for name in (
    "plain", "with space", "Übersicht – Köln.txt", "日本語", "e\u0301", "-rf", "a'\"$`b", "x" * 255)]


def test_what_seal_py_sealed(bench):
    escrow = seal.Escrow(PASSPHRASE, passes=1, memory_kib=8)
    deep = "keys/" + "/".join(f"folder number {number}" for number in range(60)) + "/key"
    members = [(name, os.urandom(number * 700)) for number, name in enumerate(NAMES)]
    members += [("config/config.php", b"<?php\n"), (deep, b"deep"), ("database/db.sql", os.urandom(300000))]
    bench.escrow.write_bytes(escrow.seal(members))
    found = opens(bench)
    assert {path: found.pop(path) for path in dict(members)} == dict(members)
    assert set(found) == {"README.txt", "manifest.json", "manifest.sig"}
    bench.escrow.write_bytes(seal.armored(escrow.seal(members)))
    assert opens(bench, None, "armored").items() >= dict(members).items()


def test_an_escrow_without_a_passphrase(bench):
    escrow = seal.Escrow(passes=1, memory_kib=8)
    bench.escrow.write_bytes(escrow.seal([("config/config.php", b"x")]))
    result = refused(bench, 12)
    assert "--identity" in " ".join(result.problem) or "share" in " ".join(result.problem)
    identity = bench.file("identity", seal.identity_text(escrow.identity) + "\n")
    assert opens(bench, None, "out", "--identity", identity)["config/config.php"] == b"x"


# The wrong secret


@pytest.mark.parametrize("change", [
    lambda text: text[:-1] + chr(ord(text[-1]) ^ 1), lambda text: text.swapcase(), lambda text: text[::-1],
    lambda text: text + " ", lambda text: text[:-1]])
def test_a_wrong_passphrase(desk, change):
    wrong = desk.file("wrong", change(PASSPHRASE) + "\n")
    refused(desk, 12, "--passphrase-file", wrong, saying="passphrase")


def test_a_wrong_identity(desk):
    for text in (seal.identity_text(os.urandom(32)), seal.x25519_identity_text(os.urandom(32))):
        refused(desk, 12, "--identity", desk.file("wrong", text + "\n"), saying="identity")


@pytest.mark.parametrize("content", [b"", b"\n", b"# only a comment\n", b"AGE-SECRET-KEY-PQ-1QQQQ\n", noise(100),
                                     b"age1pq1qqqqqqqq\n", b"\xff\xfe\n", b"A" * 100000])
def test_identity_files_that_are_none(desk, content):
    result = desk.run("open", desk.escrow, "--into", "out", "--identity", desk.file("wrong", content))
    assert result.status in (1, 12), result
    assert "wrong" in result.has_two_lines().problem[0]
    assert content.strip()[:20].decode("latin1") not in result.errors or len(content) < 3
    assert not (desk.folder / "out").exists()


def test_a_mistyped_identity_is_not_shown(desk):
    text = desk.identity_file().read_text().strip()
    wrong = desk.file("wrong", text[:-1] + ("Q" if text[-1] != "Q" else "P") + "\n")
    result = refused(desk, 1, "--identity", wrong)
    assert text[20:40] not in result.errors.upper()


# Where it goes


def test_a_folder_with_something_in_it(desk):
    (desk.folder / "out").mkdir()
    (desk.folder / "out" / ".hidden").write_text("mine")
    refused(desk, 1, saying="out")
    shutil.rmtree(desk.folder / "out")
    (desk.folder / "out").write_text("a file")
    refused(desk, 1, saying="out")
    (desk.folder / "out").unlink()
    (desk.folder / "elsewhere").mkdir()
    (desk.folder / "out").symlink_to(desk.folder / "elsewhere")
    result = desk.run("open", desk.escrow, "--into", "out", "--passphrase-file", desk.passphrase)
    assert result.status == 1 and not contents(desk.folder / "elsewhere")


def test_the_place_is_looked_at_before_the_passphrase(desk):
    """Nobody types ten words to learn that a folder is not empty."""
    (desk.folder / "out").mkdir()
    (desk.folder / "out" / "file").write_text("mine")
    marker = desk.folder / "asked"
    refused(desk, 1, "--passphrase-command", f"touch '{marker}'; cat passphrase", saying="out")
    assert not marker.exists()


def test_a_folder_below_one_that_is_not_there(desk):
    desk.refuse(1, "open", desk.escrow, "--into", "not/there", "--passphrase-file", desk.passphrase, saying="not")


def test_a_full_disk(desk, small_disk):
    """The bundle is larger than the disk: nothing of it stays."""
    escrow = seal.Escrow(PASSPHRASE, passes=1, memory_kib=8)
    desk.escrow.write_bytes(escrow.seal([("extra/a", b"x" * 100), ("extra/b", os.urandom(2 << 20))]))
    desk.refuse(1, "open", desk.escrow, "--into", small_disk / "out", "--passphrase-file", desk.passphrase,
                saying="space")
    assert os.listdir(small_disk) == []


# Damage


def refuse_all(desk, variants):
    """Each of these byte strings must be refused, with nothing written; gives the statuses."""
    statuses = []
    for name, data in variants:
        desk.escrow.write_bytes(data)
        result = desk.run("open", desk.escrow, "--into", "out", "--passphrase-file", desk.passphrase)
        assert result.status in (1, 12), (name, result)
        result.has_two_lines()
        assert not (desk.folder / "out").exists() and not leftovers(desk.folder), name
        statuses.append(result.status)
    return statuses


def test_flipped_bits(desk):
    """A sample, spread over all parts; the Swift tests flip each bit."""
    data = desk.escrow.read_bytes()
    header = data.index(b"\n--- ") + 1
    end = data.index(b"\n", header) + 1
    chosen = random.Random("flipped bits")
    places = [0, 20, 22, 60, *chosen.sample(range(header), 12), header + 5, end - 2, end, end + 15, end + 16,
              *chosen.sample(range(end + 16, len(data)), 16), len(data) - 17, len(data) - 16, len(data) - 1]

    def flipped(place):
        changed = bytearray(data)
        changed[place] ^= 1 << chosen.randrange(8)
        return bytes(changed)

    statuses = refuse_all(desk, [(place, flipped(place)) for place in places])
    # Beyond the passphrase's own stanza nothing can be mistaken for a wrong passphrase.
    stanza = data.index(b"-> mlkem768x25519")
    assert all(status == 1 for place, status in zip(places, statuses) if place >= stanza)


def test_truncations(desk):
    data = desk.escrow.read_bytes()
    header = data.index(b"\n--- ") + 1
    end = data.index(b"\n", header) + 1
    lines = [place + 1 for place in range(end) if data[place:place + 1] == b"\n"]
    payload = random.Random("truncations").sample(range(end + 16, len(data)), 8)
    places = sorted({0, 1, 21, *lines[::3], header, header + 4, end - 1, end, end + 1, end + 15, end + 16, end + 17,
                     end + 32, end + 48, *payload, len(data) - 17, len(data) - 16, len(data) - 1})
    statuses = refuse_all(desk, [(place, data[:place]) for place in places])
    assert set(statuses) == {1}


def test_whole_chunks_cut_off_or_added(bench):
    """At the border of a chunk, where a stream without an end mark would look whole."""
    escrow = seal.Escrow(PASSPHRASE, passes=1, memory_kib=8)
    data = escrow.seal([("extra/a", os.urandom(200000))])
    header = data.index(b"\n--- ") + 1
    payload = data.index(b"\n", header) + 1 + 16
    chunk = 65536 + 16
    starts = range(payload, len(data), chunk)
    assert len(starts) > 3
    cut = [(f"cut at {place}", data[:place]) for place in starts]
    without = [(f"without {place}", data[:place] + data[place + chunk:]) for place in starts]
    swapped = data[:payload] + data[payload + chunk:payload + 2 * chunk] + data[payload:payload + chunk] \
        + data[payload + 2 * chunk:]
    twice = data[:payload + chunk] + data[payload:]
    assert set(refuse_all(bench, [*cut, *without, ("swapped", swapped), ("twice", twice), ("more", data + b"\0"),
                                  ("a chunk more", data + data[-chunk:]), ("doubled", data + data)])) == {1}


def test_damaged_armor(desk):
    armored = seal.armored(desk.escrow.read_bytes())
    assert opens_armored(desk, armored)
    lines = armored.split(b"\n")
    variants = {
        "no end": b"\n".join(lines[:-2]) + b"\n", "a line less": b"\n".join(lines[:5] + lines[6:]),
        "lines swapped": b"\n".join(lines[:5] + [lines[6], lines[5]] + lines[7:]),
        "longer line": b"\n".join(lines[:5] + [lines[5] + lines[6]] + lines[7:]),
        "something behind": armored + b"x\n", "something before": b"x\n" + armored,
        "another letter": armored.replace(lines[20], b"*" + lines[20][1:]), "cut": armored[:len(armored) // 2]}
    assert set(refuse_all(desk, variants.items())) == {1}


def opens_armored(desk, data):
    (desk.folder / "armored").write_bytes(data)
    return opens(desk, desk.folder / "armored", "armored-out")


# Files of another kind


@pytest.mark.parametrize("content", [b"", b"\n", b"age-encryption.org/v1\n", b"age-encryption.org/v2\n-> X25519 a\n",
                                     b"-----BEGIN AGE ENCRYPTED FILE-----\n", b"PK\x03\x04" * 100, os.urandom(4000),
                                     b"SQLite format 3\0" * 100])
def test_no_age_file(bench, content):
    bench.escrow.write_bytes(content)
    refused(bench, 1)


def test_an_age_file_that_is_no_escrow(bench):
    secret = os.urandom(32)
    plain = bench.file("plain", b"hello")
    for recipient in (seal.recipient_text(secret), seal.x25519_recipient_text(secret)):
        seal.main(["--recipient", recipient, "--plain", str(plain), "--into", str(bench.escrow)])
        refused(bench, 1, saying="escrow")
        identity = bench.file("identity", seal.identity_text(secret) + "\n")
        refused(bench, 1, "--identity", identity, saying="escrow")


def test_a_cost_that_would_take_the_machine(bench):
    """Refused at once, before the passphrase is asked for: the source of it does not exist."""
    for passes, memory in ((33, 8), (1, 4 * 1024 * 1024 + 1), (9999999999, 9999999999), (1, 7)):
        escrow = seal.Escrow(PASSPHRASE, passes=1, memory_kib=8)
        data = escrow.seal([("config/config.php", b"x")])
        bench.escrow.write_bytes(data.replace(b" 1 8 1\n", f" {passes} {memory} 1\n".encode(), 1))
        refused(bench, 1, "--passphrase-file", bench.passphrase, timeout=10)


def test_things_that_are_no_file(bench):
    os.mkfifo(bench.folder / "pipe")
    (bench.folder / "folder").mkdir()
    for path in (bench.folder / "pipe", bench.folder / "folder", "/dev/zero", "/dev/null", bench.folder / "nowhere"):
        refused(bench, 1, path=path, timeout=10)


# Forgeries: well encrypted to the right recipient, but not by the instance


class Forger:
    """Somebody who knows the recipient and has an escrow file, but neither passphrase nor signing key."""

    def __init__(self, desk):
        self.header = header_of(desk.escrow)
        self.own_key = seal.Ed25519PrivateKey.generate()
        # The escrow identity stands in for the recipient that a forger would have found in the state folder.
        self.recipient = seal.bech32_bytes(seal.recipient_text(escrow_identity(desk.escrow)))[1]
        self.genuine = opened_without_provenkey(desk.escrow)

    def copied(self, kind):
        stanza = self.header.of_type(kind)[0]
        return seal.stanza([part.decode() for part in [stanza.type, *stanza.arguments]], stanza.body)

    def sealed(self, tar, signer=None):
        file_key = os.urandom(16)
        return seal.age_file(
            [self.copied(rescue.ARGON2ID), seal.hybrid_stanza(self.recipient, file_key),
             signer or self.copied(rescue.SIGNER)], file_key, os.urandom(16), tar)

    def own_tar(self):
        return seal.bundle_tar([("config/config.php", b"forged")], self.own_key)

    def members(self):
        return list(self.genuine.members.items())


@pytest.fixture
def forger(desk):
    return Forger(desk)


def test_the_forger_can_copy(desk, forger):
    """The control: what is refused below is refused for the reason named, not for a mistake of the forger."""
    desk.escrow.write_bytes(forger.sealed(forger.genuine.tar))
    assert opens(desk) == forger.genuine.members
    desk.escrow.write_bytes(forger.sealed(seal.tar_of(forger.members())))
    assert opens(desk, None, "again") == forger.genuine.members


def test_another_signer(desk, forger):
    own = forger.own_key.public_key().public_bytes_raw()
    genuine = forger.header.of_type(rescue.SIGNER)[0]
    stanzas = {
        "certificate of the other key": seal.stanza(["provenkey/signer", seal.unpadded(own)], genuine.body),
        "certificate of nothing": seal.stanza(["provenkey/signer", seal.unpadded(own)], os.urandom(32)),
        "certificate with another identity": seal.signer_stanza(own, os.urandom(32)),
    }
    for name, stanza in stanzas.items():
        desk.escrow.write_bytes(forger.sealed(forger.own_tar(), stanza))
        refused(desk, 1, saying="sign")
        refused(desk, 1, "--identity", desk.identity_file(), saying="sign")
    desk.escrow.write_bytes(forger.sealed(forger.own_tar()))
    refused(desk, 1, saying="sign")
    # Whoever opens it with a key of their own cannot tell: not without being asked to.
    refused(desk, 1, "--identity", desk.identity_file(), "--accept-unproven-signer", saying="sign")


def test_another_escrows_signer(desk, forger):
    """A whole and honest bundle of another instance, put in place of this one's."""
    other = seal.Escrow(PASSPHRASE, passes=1, memory_kib=8)
    desk.escrow.write_bytes(forger.sealed(
        other.tar([("config/config.php", b"x")]), seal.signer_stanza(other.public_key, other.identity)))
    refused(desk, 1, saying="sign")


def test_members_swapped_in_the_tar(desk, forger):
    members = forger.members()
    variants = []
    for place in range(len(members) - 1):
        swapped = list(members)
        swapped[place], swapped[place + 1] = swapped[place + 1], swapped[place]
        variants.append((f"order {place}", swapped))
        contents_swapped = list(members)
        contents_swapped[place] = (members[place][0], members[place + 1][1])
        contents_swapped[place + 1] = (members[place + 1][0], members[place][1])
        variants.append((f"contents {place}", contents_swapped))
    for place in range(len(members)):
        variants.append((f"without {place}", members[:place] + members[place + 1:]))
        variants.append((f"twice {place}", members[:place] + [members[place]] + members[place:]))
        longer = list(members)
        longer[place] = (members[place][0], members[place][1] + b"\n")
        variants.append((f"longer {place}", longer))
    variants.append(("one more", members + [("extra/more", b"x")]))
    assert set(refuse_all(
        desk, [(name, forger.sealed(seal.tar_of(changed))) for name, changed in variants])) == {1}


def test_a_tar_that_is_none(desk, forger):
    tar = forger.genuine.tar
    variants = {
        "empty": b"", "zeros": bytes(10240), "cut": tar[:5000], "no end": tar.rstrip(b"\0"),
        "behind the end": tar + b"x" * 512, "noise": os.urandom(20000),
        "a second tar": tar + seal.tar_of([("extra/more", b"x")])}
    assert set(refuse_all(desk, [(name, forger.sealed(data)) for name, data in variants.items()])) == {1}


# Hostile, but rightly signed: an instance that was taken over


def special(path, kind, link=""):
    entry = tarfile.TarInfo(path)
    entry.type, entry.linkname, entry.mode = kind, link, 0o600
    return entry


@pytest.mark.parametrize("path", [
    "../outside", "extra/../../outside", "/tmp/outside", "extra//x", "extra/./x", "extra/", "extra", "other/x", "x",
    "extra/" + "y" * 256, "extra/a\0b", "extra/new\nline", "extra/\x1b[2J", "", ".", "config/../extra/x", "manifest.json/x"])
def test_paths_that_lead_elsewhere(bench, path):
    escrow = seal.Escrow(PASSPHRASE, passes=1, memory_kib=8)
    try:
        sealed = escrow.seal([("config/config.php", b"x"), (path, b"outside")])
    except (ValueError, UnicodeError):
        pytest.skip("no tar can say that")
    bench.escrow.write_bytes(sealed)
    refused(bench, 1)
    assert not (bench.folder / "outside").exists() and not os.path.exists("/tmp/outside")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_members_that_are_no_files(bench, kind):
    escrow = seal.Escrow(PASSPHRASE, passes=1, memory_kib=8)
    listed = [("README.txt", seal.README), ("extra/x", b"")]
    manifest = seal.json.dumps(seal.manifest_of(listed, {"escrow": escrow.id})).encode()
    signature = seal.base64.b64encode(escrow.signing_key.sign(manifest)) + b"\n"
    tar = seal.tar_of([listed[0], ("manifest.json", manifest), ("manifest.sig", signature),
                       (special("extra/x", kind, "/etc/passwd"), b"")])
    bench.escrow.write_bytes(seal.age_file(escrow.stanzas(), escrow.file_key, escrow.nonce, tar))
    refused(bench, 1)


@pytest.mark.parametrize("changes", [
    {"schema": "provenkey.bundle/2"}, {"schema": 1}, {"escrow": "short"}, {"revision": 0}, {"revision": "1"},
    {"members": []}, {"members": None}, {"members": [{"path": "README.txt"}]}, {"signer": "A" * 43},
    {"snapshot": {"place": "/x", "engine": "sqlite", "size": 1, "sha256": "0" * 64, "rows": {},
                  "embedded": "database/not-there"}}])
def test_manifests_that_say_something_else(bench, changes):
    escrow = seal.Escrow(PASSPHRASE, passes=1, memory_kib=8)
    bench.escrow.write_bytes(escrow.seal([("config/config.php", b"x")], changes))
    refused(bench, 1)


def test_names_that_a_terminal_would_act_on_are_shown_harmless(bench):
    escrow = seal.Escrow(PASSPHRASE, passes=1, memory_kib=8)
    bench.escrow.write_bytes(escrow.seal([("extra/x\u202e", b"x")], {"sealed_by": "\x1b]0;title\x07"}))
    result = bench.run("open", bench.escrow, "--into", "out", "--passphrase-file", bench.passphrase)
    for text in (result.output, result.errors):
        assert not set(text) & {"\x1b", "\u202e", "\x07"}, result


# With the other program


def test_rescue_py_as_a_program(desk):
    armored = desk.folder / "armored"
    armored.write_bytes(seal.armored(desk.escrow.read_bytes()))
    expected = opens(desk)
    for number, (path, options) in enumerate((
            (desk.escrow, ["--passphrase-file", desk.passphrase]), (desk.escrow, ["--identity", desk.identity_file()]),
            (armored, ["--passphrase-file", desk.passphrase]))):
        done = subprocess.run(
            [sys.executable, rescue.__file__, path, "--into", desk.folder / f"rescued{number}", *options],
            capture_output=True)
        assert done.returncode == 0, done
        assert contents(desk.folder / f"rescued{number}") == expected


def test_an_interrupt_leaves_nothing(desk):
    """^C while the passphrase is being worked on."""
    escrow = seal.Escrow(PASSPHRASE, passes=16, memory_kib=262144)
    desk.escrow.write_bytes(escrow.seal([("config/config.php", b"x")]))
    process = desk.start("open", desk.escrow, "--into", "out", "--passphrase-file", desk.passphrase)
    try:
        process.communicate(timeout=1)
    except subprocess.TimeoutExpired:
        process.send_signal(2)
    output, errors = process.communicate(timeout=60)
    assert process.returncode in (130, -2), (process.returncode, errors)
    assert output == b"" and not (desk.folder / "out").exists() and not leftovers(desk.folder)


