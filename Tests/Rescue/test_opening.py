"""What seal.py seals, rescue.py opens."""

import io
import os
import pathlib
import signal
import subprocess
import sys
import tarfile

import pytest

import rescue
import seal
from conftest import MEMBERS, ROOT


def test_passphrase_opens_and_every_member_comes_back(desk):
    assert desk.run(desk.escrow.seal(MEMBERS))[0] == 0
    tree = desk.tree()
    assert {path: data for path, data in tree.items() if "/" in path} == dict(MEMBERS)
    assert set(tree) - {path for path, _ in MEMBERS} == {"README.txt", "manifest.json", "manifest.sig"}
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in (desk.folder / "out").rglob("*") if path.is_file())
    assert (desk.folder / "out").stat().st_mode & 0o777 == 0o700


def test_identity_opens_binary_and_armored_and_without_a_passphrase_stanza(desk):
    desk.escrow.passphrase = None
    sealed = desk.escrow.seal(MEMBERS)
    assert desk.run(sealed, "--identity", desk.identity)[0] == 0
    assert desk.run(seal.armored(sealed), "--identity", desk.identity, into="second")[0] == 0
    assert desk.tree() == desk.tree("second")
    desk.refuse(sealed, status=12, saying="no passphrase")


@pytest.mark.parametrize("size", [0, 1, 511, 512, 513, 65536 - 2048, 65536, 200_000])
def test_sizes_around_the_blocks_and_chunks(desk, size):
    data = bytes(range(256)) * (size // 256 + 1)
    assert desk.run(desk.escrow.seal([("database/snapshot.db", data[:size])]))[0] == 0
    assert desk.tree()["database/snapshot.db"] == data[:size]


def test_a_payload_that_fills_its_last_chunk(desk):
    tar = desk.escrow.tar(MEMBERS)
    full = tar + bytes(-len(tar) % 65536)
    sealed = seal.age_file(desk.escrow.stanzas(), desk.escrow.file_key, desk.escrow.nonce, full)
    assert desk.run(sealed)[0] == 0


def test_long_and_unicode_paths(desk):
    members = [("keys/" + "/".join(["ünïcode " + "x" * 80] * 5) + "/key", b"1"), ("keys/a" + "b" * 200, b"2"),
               ("keys/" + "d/" * 60 + "key", b"3")]
    assert desk.run(desk.escrow.seal(members))[0] == 0
    assert {path: data for path, data in desk.tree().items() if path.startswith("keys/")} == dict(members)


@pytest.mark.parametrize("typed", ["Gr\u00fc\u00dfe \u212b\n", "Gru\u0308\u00dfe A\u030a\r\n", "Gr\u00fc\u00dfe \u00c5"])
def test_a_passphrase_opens_however_the_keyboard_composed_it(desk, typed):
    desk.escrow.passphrase = "Gru\u0308\u00dfe \u00c5"
    typed_file = desk.file("typed", typed.encode())
    assert desk.run(desk.escrow.seal(MEMBERS), "--passphrase-file", typed_file)[0] == 0


def test_unknown_stanzas_and_unknown_manifest_names_are_ignored(desk):
    stanzas = desk.escrow.stanzas()
    stanzas[1:1] = [seal.stanza(["provenkey/later", "x"], b"y" * 48)]
    tar = desk.escrow.tar(MEMBERS, {"later": {"name": [1.5, None]}})
    assert desk.run(seal.age_file(stanzas, desk.escrow.file_key, desk.escrow.nonce, tar))[0] == 0


def test_a_further_recipient_opens_but_cannot_prove_the_signer(desk):
    secret = bytes(range(32))
    texts = [(seal.x25519_recipient_text(secret), seal.x25519_identity_text(secret)),
             (seal.recipient_text(secret), seal.identity_text(secret))]
    for number, (recipient, identity) in enumerate(texts):
        sealed = desk.escrow.seal(MEMBERS, recipients=[recipient])
        file = desk.file("admin", f"# a comment\n\n{identity}\n".encode())
        desk.refuse(sealed, "--identity", file, saying="cannot prove who sealed")
        assert desk.run(sealed, "--identity", file, "--unproven-signer", into=f"out{number}")[0] == 0
        both = desk.file("both", f"{identity}\n{seal.identity_text(desk.escrow.identity)}\n".encode())
        assert desk.run(sealed, "--identity", both, "--unproven-signer", into=f"both{number}")[0] == 0


def test_tar_output_is_the_payload_itself(desk):
    sealed = desk.escrow.seal(MEMBERS)
    assert desk.run(sealed, "--passphrase-file", desk.passphrase, "--tar", desk.folder / "b.tar", into=None)[0] == 0
    assert (desk.folder / "b.tar").read_bytes() == desk.escrow.tar(MEMBERS)
    assert (desk.folder / "b.tar").stat().st_mode & 0o777 == 0o600
    status, said = desk.run(sealed, "--passphrase-file", desk.passphrase, "--tar", desk.folder / "b.tar", into=None)
    assert status == 1 and "exists" in said


def command(*words, **options):
    return subprocess.run([sys.executable, str(ROOT / "rescue/rescue.py"), *map(str, words)], capture_output=True,
                          stdin=subprocess.DEVNULL, **options)


def test_the_command_writes_a_tar_to_standard_output_only_when_all_holds(desk):
    sealed = desk.escrow.seal(MEMBERS + [("database/snapshot.db", bytes(300_000))])
    good, bad = desk.file("good.age", sealed), desk.file("bad.age", sealed[:-1] + bytes([sealed[-1] ^ 1]))
    result = command(good, "--identity", desk.identity, "--tar", "-")
    assert result.returncode == 0
    with tarfile.open(fileobj=io.BytesIO(result.stdout)) as tar:
        assert len(tar.getnames()) == len(MEMBERS) + 4
    result = command(bad, "--identity", desk.identity, "--tar", "-")
    assert (result.returncode, result.stdout) == (1, b"")


def test_the_command_line_refuses_in_two_lines(desk):
    sealed = desk.file("good.age", desk.escrow.seal(MEMBERS))
    nothing = desk.file("nothing", b"")
    (desk.folder / "full").mkdir()
    desk.file("full/file", b"")
    for words, status in [
        ([], 64), ([sealed], 64), ([sealed, "--into", "a", "--tar", "b"], 64), ([sealed, "--no-such", "--into", "a"], 64),
        ([sealed, "--into", desk.folder / "a", "--identity", "i", "--passphrase-file", "p"], 64),
        ([desk.folder / "absent", "--into", desk.folder / "a"], 1), ([nothing, "--into", desk.folder / "a"], 1),
        ([sealed, "--into", desk.folder / "full", "--identity", desk.identity], 1),
        ([sealed, "--into", desk.folder / "no/such/place", "--identity", desk.identity], 1),
        ([sealed, "--into", desk.folder / "a", "--identity", nothing], 1),
        ([sealed, "--into", desk.folder / "a", "--passphrase-file", nothing], 12),
        ([sealed, "--into", desk.folder / "a"], 64),  # neither terminal nor file to read a passphrase from
    ]:
        result = command(*words, start_new_session=True)  # so that there is no /dev/tty either
        assert result.returncode == status, (words, result.stderr)
        assert result.stdout == b"" and result.stderr.count(b"\n") == 2 and result.stderr.startswith(b"rescue: "), words
        assert not (desk.folder / "a").exists()


def test_an_old_cryptography_is_named_with_what_to_do(tmp_path):
    (tmp_path / "cryptography").mkdir()
    (tmp_path / "cryptography/__init__.py").write_text("")
    result = command("x", "--into", "y", env={**os.environ, "PYTHONPATH": str(tmp_path)})
    assert result.returncode == 1
    assert b"missing or too old" in result.stderr and b"pip install 'cryptography>=48'" in result.stderr


def test_an_interruption_leaves_nothing(desk, monkeypatch):
    def interrupted(*_):
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(rescue, "zeros_to_the_end", interrupted)
    said = desk.refuse(desk.escrow.seal(MEMBERS), status=130)
    assert "interrupted" in said


def test_a_large_bundle_needs_little_memory(desk):
    """40 MB against a limit on the address space that would not hold them twice."""
    sealed = desk.file("large.age", desk.escrow.seal([("database/snapshot.db", bytes(40_000_000))]))
    script = ("import sys, resource; sys.path.insert(0, sys.argv[1]); import rescue\n"
              "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
              "status = rescue.main(sys.argv[2:])\n"
              "sys.exit(status or (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)")
    result = subprocess.run([sys.executable, "-c", script, str(ROOT / "rescue"), str(sealed), "--identity",
                             str(desk.identity), "--into", str(desk.folder / "out")], capture_output=True)
    assert result.returncode < 12, result.stderr  # MiB above what the imports took
    assert (desk.folder / "out/database/snapshot.db").stat().st_size == 40_000_000


def test_the_golden_file_opens_and_the_specification_tells_its_values(desk):
    golden = ROOT / "Vectors/golden"
    sealed = golden / "format1-python.escrow.age"
    passphrase = golden / "format1-python.passphrase.txt"
    assert desk.run(sealed, "--passphrase-file", passphrase)[0] == 0
    assert desk.run(sealed, "--identity", golden / "format1-python.identity.txt", into="second")[0] == 0
    assert desk.tree() == desk.tree("second")
    example = seal.Escrow(passphrase.read_text().rstrip("\n"), "format 1", 1, 64)
    members = [(path, data) for path, data in desk.tree().items() if "/" in path]
    tar = example.tar(members)
    stanzas = example.stanzas()
    specification = "".join((ROOT / "docs/format.md").read_text().split())
    values = [
        example.identity.hex(), example.salt.hex(), seal.unpadded(example.salt), example.file_key.hex(),
        example.nonce.hex(), example.public_key.hex(), example.id, seal.identity_text(example.identity),
        rescue.hashlib.sha256(tar).hexdigest(), rescue.hashlib.sha256(desk.tree()["manifest.json"]).hexdigest(),
        rescue.hashlib.shake_256(example.identity).hexdigest(96),
        rescue.hashlib.sha256(seal.bech32_bytes(seal.recipient_text(example.identity))[1]).hexdigest(),
        seal.hkdf(example.identity, b"", b"provenkey/signer/v1").hex(), seal.hkdf(example.file_key, b"", b"header").hex(),
        seal.hkdf(example.file_key, example.nonce, b"payload").hex(), "".join(stanzas[0].split()),
        "".join(stanzas[2].split()),
        rescue.unpadded_base64(stanzas[0].split("\n")[1].encode()).hex(),
        rescue.unpadded_base64(stanzas[2].split("\n")[1].encode()).hex(),
    ]
    missing = [value for value in values if value not in specification]
    assert missing == []
    assert all(stanza.encode() in sealed.read_bytes() for stanza in (stanzas[0], stanzas[2]))
    lines = sealed.read_bytes().split(b"-> mlkem768x25519 ")[1].split(b"\n")
    encapsulated, hybrid, mac = lines[0], lines[1], lines[4]
    for text in (hybrid, mac[4:], encapsulated[:28] + "…".encode()):
        assert text.decode() in specification


def test_seal_command_seals_what_rescue_opens(desk):
    (desk.folder / "f/keys").mkdir(parents=True)
    desk.file("f/keys/k", b"key")
    here = pathlib.Path(seal.__file__)
    result = subprocess.run([sys.executable, str(here), "--passphrase-file", desk.passphrase, "--into",
                             desk.folder / "cli.age", "--identity-out", desk.folder / "cli.id", "--kdf", "1,8", "--armor",
                             desk.folder / "f"], capture_output=True)
    assert result.returncode == 0, result.stderr
    assert desk.run(desk.folder / "cli.age", "--identity", desk.folder / "cli.id")[0] == 0
    assert desk.run(desk.folder / "cli.age", into="second")[0] == 0
    assert desk.tree()["keys/k"] == b"key"
