"""What rescue.py must refuse: each case leaves nothing behind and says why."""

import base64
import json
import tarfile

import pytest

import rescue
import seal
from conftest import MEMBERS


def sealed_tar(desk, tar):
    return seal.age_file(desk.escrow.stanzas(), desk.escrow.file_key, desk.escrow.nonce, tar)


def with_stanzas(desk, stanzas):
    return seal.age_file(stanzas, desk.escrow.file_key, desk.escrow.nonce, desk.escrow.tar(MEMBERS))


def rewritten(desk, change):
    """The escrow with its tar's (path, data) list changed, manifest and signature as they were."""
    return sealed_tar(desk, seal.tar_of(change(listed(desk, MEMBERS))))


def listed(desk, members):
    import io
    with tarfile.open(fileobj=io.BytesIO(desk.escrow.tar(members))) as tar:
        return [(member.name, tar.extractfile(member).read()) for member in tar]


def signed(desk, manifest, members=MEMBERS):
    """The escrow with another manifest (a dictionary or bytes), properly signed."""
    data = manifest if isinstance(manifest, bytes) else json.dumps(manifest).encode()
    return sealed_tar(desk, seal.bundle_tar(members, desk.escrow.signing_key, manifest_bytes=data))


SIGNER = seal.unpadded(seal.Escrow(seed="tests").public_key)


def manifest(sealed=MEMBERS, **changes):
    entries = [("README.txt", seal.README)] + sorted(sealed, key=lambda member: seal.member_order(member[0]))
    return seal.manifest_of(entries, {"signer": SIGNER, **changes})


# Secrets


def test_wrong_passphrase_of_equal_length(desk):
    wrong = desk.file("wrong", b"correct horse battery stapla\n")
    desk.refuse(desk.escrow.seal(MEMBERS), "--passphrase-file", wrong, status=12, saying="passphrase does not open")


@pytest.mark.parametrize("content", ["hybrid", "x25519"])
def test_wrong_identity(desk, content):
    text = seal.identity_text(bytes(32)) if content == "hybrid" else seal.x25519_identity_text(bytes(31) + b"\x01")
    wrong = desk.file("wrong", text.encode())
    desk.refuse(desk.escrow.seal(MEMBERS), "--identity", wrong, status=12, saying="not sealed to this identity")


def test_identity_files_that_hold_no_identity(desk):
    good = seal.identity_text(desk.escrow.identity)
    for content, saying in [
        (good[:-1] + ("Q" if good[-1] != "Q" else "P"), "no age identity"), (good.lower(), "no age identity"),
        (good.replace("-PQ-1", "-PQ-1B"), "no age identity"), ("# nothing", "holds no identity"), ("é",
        "no age identity"),
        (seal.recipient_text(desk.escrow.identity), "no age identity"),
        (seal.bech32_encode("age-plugin-x-", bytes(32)).upper(), "does not know"), ("age-encryption.org/v1\n",
        "encrypted"),
    ]:
        said = desk.refuse(desk.escrow.seal(MEMBERS), "--identity", desk.file("id", content.encode()), saying=saying)
        assert good[30:50] not in said.upper()


@pytest.mark.parametrize("content, status", [(b"", 12), (b"\n", 12), (b"\xff\xfe\n", 1), (b"x" * 70_000, 1)])
def test_passphrase_files_that_hold_no_passphrase(desk, content, status):
    desk.refuse(desk.escrow.seal(MEMBERS), "--passphrase-file", desk.file("wrong", content), status=status)


def test_a_passphrase_stanza_of_another_identity_is_refused(desk):
    """The commitment: the passphrase opens its stanza, but to an identity that the escrow is not sealed to."""
    stanzas = desk.escrow.stanzas()
    stanzas[0] = seal.argon2id_stanza(desk.escrow.passphrase, bytes(32), desk.escrow.salt, 1, 8)
    desk.refuse(with_stanzas(desk, stanzas), saying="not sealed to")
    other = seal.recipient_stanza(seal.recipient_text(bytes(32)), desk.escrow.file_key, None)
    desk.refuse(with_stanzas(desk, stanzas + [other]), saying="not sealed to")  # only the first hybrid stanza counts


# Stanzas


@pytest.mark.parametrize("cost", ["33 8 1", "1 4194305 1", "1 8 2", "1 7 1", "9999999999 8 1"])
def test_costs_beyond_the_limits_are_refused_before_any_work(desk, cost, monkeypatch):
    monkeypatch.setattr(rescue, "Argon2id", None)
    stanzas = desk.escrow.stanzas()
    stanzas[0] = stanzas[0].replace(" 1 8 1\n", f" {cost}\n")
    desk.refuse(with_stanzas(desk, stanzas), saying="format 1 allows at most 32 passes")


@pytest.mark.parametrize("index, old, new", [
    (0, " 1 8 1\n", " 1 8\n"), (0, " 1 8 1\n", " 1 8 1 1\n"), (0, " 1 8 1\n", " 01 8 1\n"), (0, " 1 8 1\n",
    " +1 8 1\n"),
    (0, " 1 8 1\n", " 1 8 0\n"), (0, " 1 8 1\n", " 1 99999999999 1\n"), (0, "argon2id ", "argon2id AAAA"),
    (0, "argon2id ", "argon2id  "), (0, "\n\n", "\nAAAA\n"), (1, "mlkem768x25519 ", "mlkem768x25519 AAAA"),
    (1, "mlkem768x25519 ", "mlkem768x25519 x "), (2, "signer ", "signer x "), (2, "signer ", "signer AAAA"),
    (0, "provenkey/argon2id", "scrypt"), (1, "mlkem768x25519", "Mlkem768x25519"), (2, "provenkey/signer",
    "provenkey/other"),
])
def test_stanzas_that_are_not_as_specified(desk, index, old, new):
    stanzas = desk.escrow.stanzas()
    assert old in stanzas[index]
    stanzas[index] = stanzas[index].replace(old, new, 1)
    desk.refuse(with_stanzas(desk, stanzas))


@pytest.mark.parametrize("index", [0, 1, 2])
def test_base64_that_is_not_canonical(desk, index):
    """The last letter of a 16- or 32-byte value has unused bits; setting one must not be overlooked."""
    stanzas = desk.escrow.stanzas()
    words = stanzas[index].split(" ")
    value, separator, rest = words[2].partition("\n")  # "->", type, value
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    words[2] = value[:-1] + letters[letters.index(value[-1]) + 1] + separator + rest
    stanzas[index] = " ".join(words)
    desk.refuse(with_stanzas(desk, stanzas), "--identity", desk.identity, saying="canonical")


@pytest.mark.parametrize("order", [[0, 1, 2, 2], [0, 0, 1, 2], [0, 1], [0, 2], [1]])
def test_stanzas_twice_or_missing(desk, order):
    stanzas = desk.escrow.stanzas()
    desk.refuse(with_stanzas(desk, [stanzas[number] for number in order]), "--identity", desk.identity)


def test_the_order_of_the_stanzas_does_not_matter(desk):
    assert desk.run(with_stanzas(desk, desk.escrow.stanzas()[::-1]))[0] == 0


def test_a_scrypt_stanza_and_a_plain_age_file(desk):
    scrypt = seal.stanza(["scrypt", seal.unpadded(bytes(16)), "10"], bytes(32))
    desk.refuse(with_stanzas(desk, desk.escrow.stanzas() + [scrypt]))
    desk.refuse(with_stanzas(desk, desk.escrow.stanzas()[1:2]), "--identity", desk.identity,
        saying="not an escrow file")


# Signer


def test_a_forged_bundle_with_another_signer(desk):
    """Somebody who knows only the recipient seals a bundle of their own and signs it with their own key."""
    forger = seal.Escrow(seed="forger")
    tar = forger.tar([("config/config.php", b"evil")])
    hybrid = seal.recipient_stanza(seal.recipient_text(desk.escrow.identity), forger.file_key, None)
    own_certificate = [hybrid, seal.signer_stanza(forger.public_key, forger.identity)]
    desk.refuse(seal.age_file(own_certificate, forger.file_key, forger.nonce, tar), "--identity", desk.identity,
                saying="not certified")
    true_certificate = [hybrid, desk.escrow.stanzas()[2]]
    desk.refuse(seal.age_file(true_certificate, forger.file_key, forger.nonce, tar), "--identity", desk.identity,
                saying="not signed by")
    certificate_of_another_key = desk.escrow.stanzas()[2].split("\n")[1]
    mixed = [hybrid, f"-> provenkey/signer {seal.unpadded(forger.public_key)}\n{certificate_of_another_key}\n"]
    desk.refuse(seal.age_file(mixed, forger.file_key, forger.nonce, tar), "--identity", desk.identity,
                saying="not certified")


def test_signatures_that_are_not_as_specified(desk):
    good = dict(listed(desk, MEMBERS))["manifest.sig"]
    raw = base64.b64decode(good)
    for bad in [good[:-1], good + b"\n", good.replace(b"==", b""), raw, b"", base64.b64encode(bytes(64)) + b"\n",
        b" " + good,
                base64.b64encode(raw[:63]) + b"\n", good[:-4] + bytes([good[-4] ^ 1]) + good[-3:], good * 40]:
        desk.refuse(rewritten(desk, lambda members: [
            (path, bad if path == "manifest.sig" else data) for path, data in members]))


# The tar


@pytest.mark.parametrize("index", range(7))
def test_each_member_changed_dropped_doubled_renamed_or_swapped(desk, index):
    def replaced(items):
        return lambda members: members[:index] + items(members) + members[index + 1:]

    desk.refuse(rewritten(desk, replaced(lambda m: [(m[index][0], m[index][1] + b"x")])))
    desk.refuse(rewritten(desk, replaced(lambda m: [(m[index][0], b"X" * len(m[index][1]) or b"y")])))
    desk.refuse(rewritten(desk, replaced(lambda m: [])))
    desk.refuse(rewritten(desk, replaced(lambda m: [m[index], m[index]])))
    desk.refuse(rewritten(desk, replaced(lambda m: [("keys/another", m[index][1])])))
    for other in range(7):
        if other != index:
            def swap(members, contents_only=False):
                changed = list(members)
                (a, b), (c, d) = members[index], members[other]
                changed[index], changed[other] = ((a, d), (c, b)) if contents_only else ((c, d), (a, b))
                return changed
            desk.refuse(rewritten(desk, swap))
            desk.refuse(rewritten(desk, lambda members: swap(members, contents_only=True)))


def entry(name, kind, target="", size=0):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, target, size
    return info


@pytest.mark.parametrize("kind", [
    tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE,
    tarfile.CONTTYPE,
    tarfile.AREGTYPE, tarfile.GNUTYPE_SPARSE, tarfile.GNUTYPE_LONGNAME, b"g", b"V"])
@pytest.mark.parametrize("listed_in_manifest", [True, False])
def test_links_folders_and_devices(desk, kind, listed_in_manifest):
    members = MEMBERS + ([("extra/x", b"")] if listed_in_manifest else [])
    entries = [pair for pair in listed(desk, members) if pair[0] != "extra/x"]
    desk.refuse(sealed_tar(desk, seal.tar_of(entries + [(entry("extra/x", kind, "/etc/passwd"), b"")])))


@pytest.mark.parametrize("path", [
    "/etc/passwd", "../evil", "keys/../../evil", "keys/./k", "keys//k", "keys/", "keys", "", ".", "..", "other/k",
    "evil",
    "keys/\0k", "keys/a\\k", "keys/a\nk", "keys/\x9bk", "keys/" + "d/" * 127 + "k", "keys/" + "x" * 256,
    "keys/" + "d/" * 2100 + "k", "manifest.json", "manifest.sig", "README.txt/k", "config.php"])
def test_paths_that_are_not_safe_even_when_signed(desk, path):
    good = [("config/config.php", b"")]
    said = desk.refuse(faithful(desk, good + [(path, b"")]))
    assert "is not safe to create" in said or "does not belong into a bundle" in said
    if path:  # and when only the tar says it
        desk.refuse(sealed_tar(desk, seal.tar_of(listed(desk, good) + [(path, b"")])))
    assert not (desk.folder / "evil").exists() and not (desk.folder.parent / "evil").exists()


def faithful(desk, members):
    """The escrow of a signer who means harm: manifest and tar agree, in just this order, whatever the paths are."""
    entries = [("README.txt", seal.README)] + members
    data = json.dumps(seal.manifest_of(entries, {"signer": SIGNER})).encode()
    signature = base64.b64encode(desk.escrow.signing_key.sign(data)) + b"\n"
    return sealed_tar(desk, seal.tar_of(
        [entries[0], ("manifest.json", data), ("manifest.sig", signature), *entries[1:]]))


@pytest.mark.parametrize("members", [
    [("keys/k", b""), ("config/config.php", b"")], [("extra/e", b""), ("keys/k", b"")],
    [("keys/k", b""), ("keys/k", b"")], [("keys/k", b""), ("extra/e", b""), ("keys/l", b"")], [("README.txt",
        seal.README)]])
def test_orders_and_repetitions_even_when_signed(desk, members):
    desk.refuse(faithful(desk, members), saying="twice or in another order")


def test_a_readme_above_its_limit(desk):
    tar = seal.bundle_tar(MEMBERS, desk.escrow.signing_key, readme=bytes(1024 * 1024 + 1))
    desk.refuse(sealed_tar(desk, tar), saying="larger than 1024 KiB")


def test_faithful_bundles_open(desk):
    """The control of the tests above."""
    assert desk.run(faithful(desk, [("config/config.php", b""), ("keys/l", b""), ("keys/k", b"")]))[0] == 0


def test_a_path_that_is_not_utf8_and_one_below_a_file(desk):
    tar = seal.tar_of(listed(desk, MEMBERS) + [("keys/KKKK", b"")])
    header = tar.index(b"keys/KKKK")
    block = bytearray(tar[header:header + 512])
    block[5:9] = b"\xff\xfe\xfd\xfc"
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    desk.refuse(sealed_tar(desk, tar[:header] + bytes(block) + tar[header + 512:]), saying="not UTF-8")
    desk.refuse(desk.escrow.seal([("keys/k", b"file"), ("keys/k/k", b"below it")]), saying="as a folder")


def test_tars_that_are_not_well_formed(desk):
    tar = desk.escrow.tar(MEMBERS)
    end = len(tar.rstrip(b"\0")) // 512 * 512 + 512
    for bad in [
        b"", bytes(512), bytes(1024), tar[:end], tar[:end + 512], tar[:end - 512], tar[:700], tar + b"x",
            tar[:-1] + b"x",
        tar + tar, tar[:end] + bytes(512) + tar[:512], tar.replace(b"ustar\x0000", b"ustar  \0"),
        tar.replace(b"README", b"readme", 1), tar[:600] + b"x" + tar[601:], b"\x1f\x8b" + tar,
        tar[:103] + b"7" + tar[104:], tar[:148] + bytes(8) + tar[156:], tar[:148] + b"\xff" * 8 + tar[156:], tar[512:],
    ]:
        desk.refuse(sealed_tar(desk, bad))
    assert desk.run(sealed_tar(desk, tar[:end] + bytes(1024)))[0] == 0  # the least that must be accepted


@pytest.mark.parametrize("record", [
    {"GNU.sparse.major": "1"}, {"linkpath": "/etc/passwd"}, {"size": "-1"}, {"size": "1e3"}, {"size": str(10**17)},
    {"path": "../evil"}, {"path": "keys/other"}])
def test_pax_records_that_change_a_member(desk, record):
    pairs = listed(desk, MEMBERS)
    info = entry(pairs[-1][0], tarfile.REGTYPE, size=len(pairs[-1][1]))
    info.pax_headers = record
    desk.refuse(sealed_tar(desk, seal.tar_of(pairs[:-1] + [(info, pairs[-1][1])])))
    info.pax_headers = {"comment": "is ignored", "mtime": "1.5"}
    assert desk.run(sealed_tar(desk, seal.tar_of(pairs[:-1] + [(info, pairs[-1][1])])))[0] == 0


# The manifest


@pytest.mark.parametrize("changes", [
    {"schema": "provenkey.bundle/2"}, {"schema": None}, {"escrow": "00" * 15}, {"escrow": "AA" * 16}, {"escrow": 5},
    {"revision": 0}, {"revision": True}, {"revision": "1"}, {"revision": 2**53}, {"revision": 1.0}, {"members": {}},
    {"signer": ""}, {"signer": "A" * 43},
    {"signer": SIGNER + "="}, {"signer": None}, {"snapshot": {"embedded": "database/x"}}, {"members": []},
    {"members": [5]}, {"members": None}])
def test_manifests_with_a_field_that_is_wrong(desk, changes):
    desk.refuse(signed(desk, manifest(**changes)))


@pytest.mark.parametrize("data", [b"", b"[]", b"5", b"{}", b"\xff{}", b"[" * 100_000, b'{"schema": ', b"null",
    b"x" * 100])
def test_manifests_that_are_no_manifest(desk, data):
    desk.refuse(signed(desk, data), saying="manifest.json")


@pytest.mark.parametrize("change", [
    lambda m: m.append(m[1]), lambda m: m.reverse(), lambda m: m.pop(0), lambda m: m.pop(), lambda m: m.insert(1,
    m.pop(0)),
    lambda m: m[1].update(size=-1), lambda m: m[1].update(size=1), lambda m: m[1].update(sha256="00" * 32),
    lambda m: m[1].update(sha256="A" * 64), lambda m: m[1].pop("size"), lambda m: m[1].update(path="keys/\ud800"),
    lambda m: m[1].update(path=5), lambda m: m.insert(1, m.pop(3)), lambda m: m[0].update(size=5)])
def test_member_lists_that_do_not_fit(desk, change):
    good = manifest()
    change(good["members"])
    desk.refuse(signed(desk, good))


def test_a_signed_manifest_made_here_opens(desk):
    """The control of the tests above: unchanged, their manifest is accepted."""
    assert desk.run(signed(desk, manifest()))[0] == 0


# Damage


def small_escrow(desk):
    """An escrow file as small as can be: no zeros after the end of its tar but the two blocks."""
    tar = desk.escrow.tar([])
    return sealed_tar(desk, tar[:len(tar.rstrip(b"\0")) // 512 * 512 + 512 + 1024])


def test_every_truncation_and_anything_appended(desk):
    sealed = small_escrow(desk)
    for length in range(len(sealed)):
        assert desk.run(sealed[:length], "--identity", desk.identity)[0] == 1, length
    for tail in (b"\0", b"\n", bytes(16), sealed):
        desk.refuse(sealed + tail, "--identity", desk.identity)
    assert [path.name for path in desk.folder.iterdir() if path.is_dir()] == []
    large = desk.escrow.seal([("database/snapshot.db", bytes(200_000))])
    for length in [len(large) - 1, len(large) - 16, *range(len(large) - 65600, 60_000, -65552 // 2)]:
        desk.refuse(large[:length], "--identity", desk.identity)


def test_every_byte_damaged(desk):
    """One bit of every byte, each bit in turn; with the passphrase in the header, since its stanza is there."""
    sealed = small_escrow(desk)
    header = sealed.index(b"\n--- ") + 48 + 1
    hybrid = sealed.index(b"-> mlkem")
    for position in range(len(sealed)):
        damaged = bytearray(sealed)
        damaged[position] ^= 1 << position % 8
        secret = ["--passphrase-file", desk.passphrase] if position < header else ["--identity", desk.identity]
        status, said = desk.run(bytes(damaged), *secret)
        assert status == 1 or status == 12 and position < hybrid, (position, said)
    assert [path.name for path in desk.folder.iterdir() if path.is_dir()] == []
    assert desk.run(sealed)[0] == 0


def test_armor_that_is_not_strict(desk):
    text = seal.armored(desk.escrow.seal(MEMBERS))
    lines = text.split(b"\n")
    for bad in [text[:-40], b"x" + text, text + b"x", text.replace(b"\n", b"\n\n", 3),
        lines[0] + b"\n" + b"\n".join(lines[2:]),
                text.replace(b"AGE", b"age"), text[:200] + b"*" + text[201:], b"\n".join(lines[1:]),
                text.replace(lines[5], lines[5][:60])]:
        desk.refuse(bad, "--identity", desk.identity)
    assert desk.run(b" \r\n" + text.replace(b"\n", b"\r\n") + b"\n \n", "--identity", desk.identity)[0] == 0
