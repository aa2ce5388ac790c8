"""The official age vectors (C2SP/CCTV testkit), by rescue.py's own functions, and seal.py's plain age files."""

import hashlib
import io
import zlib

import pytest

import rescue
import seal
from conftest import ROOT

VECTORS = ROOT.parent / "shared/vectors/age-testkit"
ALL, SCRYPT, HYBRID = 143, 26, 19


def fields(path):
    head, _, body = path.read_bytes().partition(b"\n\n")
    found = {}
    for line in head.decode().splitlines():
        key, _, value = line.partition(": ")
        found.setdefault(key, []).append(value)
    return found, zlib.decompress(body) if found.get("compressed") == ["zlib"] else body


def decrypted(data, identities):
    """The payload of a plain age file."""
    source = rescue.age_bytes(io.BytesIO(data))
    header = rescue.read_header(source)
    rescue.check_known_stanzas(header)
    if header.of_type(rescue.SCRYPT):
        raise rescue.Refused("scrypt is not for rescue.py", "", 1)
    file_key, _ = rescue.unlock_with_identities(header, identities)
    rescue.check_header_mac(header, file_key)
    payload = rescue.Payload(source, file_key)
    parts = []
    while part := payload.read(70_000):
        parts.append(part)
    return b"".join(parts)


def known(identities):
    kinds = {"age-secret-key-pq-": rescue.HYBRID, "age-secret-key-": rescue.X25519}
    decoded = [rescue.bech32_decode(text) for text in identities]
    return [(kinds[prefix], secret) for prefix, secret in decoded]


@pytest.mark.skipif(not VECTORS.is_dir(), reason="the official age vectors are not here")
def test_every_official_vector_gives_what_it_expects():
    paths = sorted(VECTORS.iterdir())
    assert len(paths) == ALL
    tried = []
    for path in paths:
        vector, data = fields(path)
        if "passphrase" in vector:
            continue
        try:
            plain = decrypted(data, known(vector.get("identity", [])))
            outcome = "success"
            assert hashlib.sha256(plain).hexdigest() == vector["payload"][0], path.name
        except rescue.Refused as refused:
            outcome = "no match" if refused.status == rescue.WRONG_SECRET else "refused"
        expected = vector["expect"][0]
        if expected not in ("success", "no match"):
            expected = "refused"
        assert outcome == expected, path.name
        tried.append(path.name)
    assert len([name for name in tried if "hybrid" in name]) == HYBRID
    assert len(tried) == ALL - SCRYPT


@pytest.mark.skipif(not VECTORS.is_dir(), reason="the official age vectors are not here")
def test_seal_seals_to_the_recipient_of_the_official_identity():
    vector, _ = fields(VECTORS / "hybrid")
    prefix, seed = rescue.bech32_decode(vector["identity"][0])
    assert prefix == "age-secret-key-pq-" and seal.identity_text(seed) == vector["identity"][0]
    file_key = bytes.fromhex(vector["file key"][0])
    stanza = seal.recipient_stanza(seal.recipient_text(seed), file_key, seal.Randomness())
    sealed = seal.age_file([stanza], file_key, bytes(16), b"age")
    assert decrypted(sealed, [(rescue.HYBRID, seed)]) == b"age"


@pytest.mark.parametrize("size", [0, 1, 65535, 65536, 65537, 131072])
@pytest.mark.parametrize("kind", ["hybrid", "x25519"])
@pytest.mark.parametrize("armor", [False, True])
def test_plain_age_files_of_both_kinds(tmp_path, size, kind, armor):
    (tmp_path / "plain").write_bytes(b"p" * size)
    secret = bytes(range(32))
    recipient = seal.recipient_text(secret) if kind == "hybrid" else seal.x25519_recipient_text(secret)
    assert seal.main(["--plain", str(tmp_path / "plain"), "--recipient", recipient, "--into", str(tmp_path / "age")]
                     + ["--armor"] * armor) == 0
    identity = (rescue.HYBRID if kind == "hybrid" else rescue.X25519, secret)
    assert decrypted((tmp_path / "age").read_bytes(), [identity]) == b"p" * size
