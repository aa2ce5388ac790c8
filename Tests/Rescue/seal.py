#!/usr/bin/env python3
"""Write escrow files of format 1, and plain age files, from docs/format.md alone: the other half of the proof.

    seal.py --passphrase-file F --into cloud.escrow.age [--identity-out F] FOLDER…
    seal.py --recipient age1… --plain FILE --into file.age          a plain age file, hybrid or X25519

Each FOLDER has the layout of a bundle: config/, keys/, database/, extra/. This is a helper of the tests, not a tool to
keep secrets with: it takes no care of memory, and with --seed everything but the hybrid encapsulation is predictable.
It shares no code with rescue.py, so that a mistake in one of them shows in the other.
"""

import argparse
import base64
import datetime
import hashlib
import hmac
import io
import json
import os
import sys
import tarfile
import unicodedata

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hpke import (
    AEAD, KDF, KEM, MLKEM768X25519PrivateKey, MLKEM768X25519PublicKey, Suite)
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

GROUPS = ("config", "keys", "database", "extra")
SEALED_AT = "2026-01-01T00:00:00Z"
README = b"This is a bundle that the tests sealed. There is nothing to restore from it.\n"


class Randomness:
    """Random bytes; with a seed, SHAKE-256("provenkey seal.py" | 0 | seed | 0 | purpose) in their place."""

    def __init__(self, seed=None):
        self.seed = seed

    def take(self, purpose, count):
        if self.seed is None:
            return os.urandom(count)
        material = b"\0".join([b"provenkey seal.py", self.seed.encode(), purpose.encode()])
        return hashlib.shake_256(material).digest(count)


# Encodings


def unpadded(data):
    return base64.b64encode(data).rstrip(b"=").decode()


def bech32_encode(prefix, data):
    letters = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
    bits = "".join(f"{byte:08b}" for byte in data)
    bits += "0" * (-len(bits) % 5)
    values = [int(bits[i:i + 5], 2) for i in range(0, len(bits), 5)]

    def polymod(items):
        checksum = 1
        for item in items:
            top = checksum >> 25
            checksum = ((checksum & 0x1FFFFFF) << 5) ^ item
            for i, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
                checksum ^= generator if (top >> i) & 1 else 0
        return checksum

    expanded = [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]
    checksum = polymod(expanded + values + [0] * 6) ^ 1
    values += [(checksum >> 5 * (5 - i)) & 31 for i in range(6)]
    return prefix + "1" + "".join(letters[value] for value in values)


def bech32_bytes(text):
    """The data of a Bech32 text that is known to be whole: encoded again it must be the same text."""
    letters = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
    prefix, _, rest = text.lower().rpartition("1")
    bits = "".join(f"{letters.index(letter):05b}" for letter in rest[:-6])
    data = bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits) // 8 * 8, 8))
    if bech32_encode(prefix, data) != text.lower():
        raise ValueError("this is no Bech32 text")
    return prefix, data


def hkdf(key, salt, info):
    return HKDF(algorithm=SHA256(), length=32, salt=salt, info=info).derive(key)


# Identities, recipients and stanzas


def hybrid_key(seed):
    expanded = hashlib.shake_256(seed).digest(96)
    return MLKEM768PrivateKey.from_seed_bytes(expanded[:64]), X25519PrivateKey.from_private_bytes(expanded[64:])


def identity_text(seed):
    return bech32_encode("age-secret-key-pq-", seed).upper()


def recipient_text(seed):
    mlkem, x25519 = hybrid_key(seed)
    return bech32_encode("age1pq", mlkem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw())


def x25519_identity_text(secret):
    return bech32_encode("age-secret-key-", secret).upper()


def x25519_recipient_text(secret):
    return bech32_encode("age", X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw())


def stanza(arguments, body):
    """A stanza as text; a body whose base64 fills its last line is followed by an empty line."""
    encoded = unpadded(body)
    lines = [encoded[i:i + 64] for i in range(0, len(encoded) + 1, 64)]
    return "-> " + " ".join(arguments) + "\n" + "".join(line + "\n" for line in lines)


def hybrid_stanza(recipient, file_key):
    """To the 1216 bytes of a hybrid recipient: 1184 of ML-KEM-768, 32 of X25519."""
    key = MLKEM768X25519PublicKey(
        MLKEM768PublicKey.from_public_bytes(recipient[:1184]), X25519PublicKey.from_public_bytes(recipient[1184:]))
    suite = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
    sealed = suite.encrypt(file_key, key, info=b"age-encryption.org/mlkem768x25519")
    return stanza(["mlkem768x25519", unpadded(sealed[:1120])], sealed[1120:])


def x25519_stanza(recipient, file_key, ephemeral):
    key = X25519PrivateKey.from_private_bytes(ephemeral)
    share = key.public_key().public_bytes_raw()
    wrap_key = hkdf(
        key.exchange(X25519PublicKey.from_public_bytes(recipient)), share + recipient, b"age-encryption.org/v1/X25519")
    return stanza(["X25519", unpadded(share)], ChaCha20Poly1305(wrap_key).encrypt(bytes(12), file_key, None))


def recipient_stanza(text, file_key, randomness):
    prefix, data = bech32_bytes(text)
    if prefix == "age1pq":
        return hybrid_stanza(data, file_key)
    if prefix == "age":
        return x25519_stanza(data, file_key, randomness.take("ephemeral " + text, 32))
    raise ValueError("this recipient is neither age1pq1… nor age1…")


def argon2id_stanza(passphrase, identity, salt, passes, memory_kib):
    stretched = Argon2id(salt=salt, length=32, iterations=passes, lanes=1, memory_cost=memory_kib).derive(
        unicodedata.normalize("NFC", passphrase).encode())
    body = ChaCha20Poly1305(hkdf(stretched, b"", b"provenkey/argon2id/v1")).encrypt(bytes(12), identity, None)
    return stanza(["provenkey/argon2id", unpadded(salt), str(passes), str(memory_kib), "1"], body)


def signer_stanza(public_key, identity):
    certificate = hmac.new(hkdf(identity, b"", b"provenkey/signer/v1"), public_key, hashlib.sha256).digest()
    return stanza(["provenkey/signer", unpadded(public_key)], certificate)


# The age file


def age_file(stanzas, file_key, nonce, plaintext):
    """An age file of these stanzas (texts), with its MAC and its STREAM payload."""
    covered = ("age-encryption.org/v1\n" + "".join(stanzas) + "---").encode()
    mac = hmac.new(hkdf(file_key, b"", b"header"), covered, hashlib.sha256).digest()
    cipher = ChaCha20Poly1305(hkdf(file_key, nonce, b"payload"))
    chunks = [plaintext[i:i + 65536] for i in range(0, len(plaintext), 65536)] or [b""]
    sealed = [cipher.encrypt(i.to_bytes(11, "big") + bytes([i == len(chunks) - 1]), chunk, None)
              for i, chunk in enumerate(chunks)]
    return covered + b" " + unpadded(mac).encode() + b"\n" + nonce + b"".join(sealed)


def armored(data):
    text = base64.b64encode(data).decode()
    lines = [text[i:i + 64] for i in range(0, len(text), 64)]
    return "\n".join(["-----BEGIN AGE ENCRYPTED FILE-----", *lines, "-----END AGE ENCRYPTED FILE-----", ""]).encode()


# The bundle


def tar_of(members, modified=0):
    """A pax tar of (path, bytes) pairs in this order; a TarInfo in place of the path is written as it is."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT, encoding="utf-8") as tar:
        for path, data in members:
            entry = path
            if not isinstance(entry, tarfile.TarInfo):
                entry = tarfile.TarInfo(path)
                entry.mode, entry.mtime = 0o600, modified
                entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return stream.getvalue()


def member_order(path):
    group = path.split("/")[0]
    return (GROUPS.index(group) if group in GROUPS else -1), path.encode()


def key_record(path):
    """What can be said of a key file from its name alone; nothing here was tried."""
    name = path.rsplit("/", 1)[-1]
    identifier, _, half = name.rpartition(".")
    roles = {"master": "master", "pubShare": "public-share", "recoveryKey": "recovery"}
    return {
        "path": path[len("keys/"):], "role": roles.get(identifier.split("_")[0], "user"), "id": identifier or name,
        "half": "private" if half == "privateKey" else "public", "wrapping": "raw", "is_backup": False,
        "state": {"verdict": "locked"},
    }


def manifest_of(members, changes=None):
    """manifest.json for these (path, bytes) pairs, as a dictionary; changes replace its keys."""
    manifest = {
        "schema": "provenkey.bundle/1",
        "escrow": "00" * 16,
        "revision": 1,
        "sealed_at": SEALED_AT,
        "sealed_by": "seal.py",
        "signer": "",
        "instance": {
            "instance_id": "octest", "nextcloud_version": "32.0.1.2", "encryption_mode": "master-key", "key_ids": [],
            "key_root": "", "database_type": "sqlite3", "table_prefix": "oc_", "data_folder": "/var/www/data",
            "uses_object_storage": False,
        },
        "keys": [key_record(path) for path, _ in members if path.startswith("keys/")],
        "members": [
            {"path": path, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()} for path, data in members],
        "stores": [],
        "missing": [],
        "included": [],
    }
    manifest.update(changes or {})
    return manifest


def bundle_tar(members, signing_key, changes=None, manifest_bytes=None, readme=README):
    """The tar of a bundle that holds these (path, bytes) pairs in its groups."""
    listed = [("README.txt", readme)] + sorted(members, key=lambda member: member_order(member[0]))
    if manifest_bytes is None:
        changes = {"signer": unpadded(signing_key.public_key().public_bytes_raw()), **(changes or {})}
        manifest_bytes = (json.dumps(manifest_of(listed, changes), indent=2, ensure_ascii=False) + "\n").encode()
    signature = base64.b64encode(signing_key.sign(manifest_bytes)) + b"\n"
    modified = datetime.datetime.fromisoformat((changes or {}).get("sealed_at", SEALED_AT).replace("Z", "+00:00"))
    return tar_of([listed[0], ("manifest.json", manifest_bytes), ("manifest.sig", signature), *listed[1:]],
                  int(modified.timestamp()))


class Escrow:
    """The secrets of an escrow, random or from a seed, and what is sealed with them; tests replace parts of it."""

    def __init__(self, passphrase=None, seed=None, passes=3, memory_kib=262144):
        self.randomness = Randomness(seed)
        self.passphrase = passphrase
        self.identity = self.randomness.take("identity", 32)
        self.salt = self.randomness.take("salt", 16)
        self.file_key = self.randomness.take("file key", 16)
        self.nonce = self.randomness.take("nonce", 16)
        self.id = self.randomness.take("escrow", 16).hex()
        self.signing_key = Ed25519PrivateKey.from_private_bytes(self.randomness.take("signing key", 32))
        self.passes, self.memory_kib = passes, memory_kib

    @property
    def public_key(self):
        return self.signing_key.public_key().public_bytes_raw()

    def stanzas(self, recipients=()):
        result = []
        if self.passphrase is not None:
            result.append(
                argon2id_stanza(self.passphrase, self.identity, self.salt, self.passes, self.memory_kib))
        result.append(recipient_stanza(recipient_text(self.identity), self.file_key, self.randomness))
        result.append(signer_stanza(self.public_key, self.identity))
        return result + [recipient_stanza(text, self.file_key, self.randomness) for text in recipients]

    def tar(self, members, changes=None):
        return bundle_tar(members, self.signing_key, {"escrow": self.id, **(changes or {})})

    def seal(self, members, changes=None, recipients=()):
        return age_file(self.stanzas(recipients), self.file_key, self.nonce, self.tar(members, changes))


# The command


def members_below(folders):
    members = {}
    for folder in folders:
        for place, _, names in os.walk(folder):
            for name in names:
                path = os.path.relpath(os.path.join(place, name), folder).replace(os.sep, "/")
                if path.split("/")[0] not in GROUPS or path in members:
                    raise ValueError(f"{path} belongs to no group of a bundle, or is there twice")
                with open(os.path.join(place, name), "rb") as file:
                    members[path] = file.read()
    return sorted(members.items())


def passphrase_in(path):
    with open(path, "rb") as file:
        text = file.read().decode()
    return text[:-2] if text.endswith("\r\n") else text[:-1] if text.endswith("\n") else text


def main(words):
    parser = argparse.ArgumentParser(description="Seal escrow files for tests.")
    parser.add_argument("folders", nargs="*", metavar="FOLDER")
    parser.add_argument("--into", required=True, metavar="FILE")
    parser.add_argument("--passphrase-file", metavar="F")
    parser.add_argument("--identity-out", metavar="F", help="write the escrow identity here")
    parser.add_argument("--recipient", action="append", default=[], metavar="AGE1", help="a further age recipient")
    parser.add_argument("--plain", metavar="FILE", help="seal this file as a plain age file to the recipients")
    parser.add_argument("--manifest", metavar="JSON", help="a JSON file whose keys replace those of manifest.json")
    parser.add_argument("--kdf", default="3,262144", metavar="T,M", help="Argon2id passes and KiB")
    parser.add_argument("--seed", metavar="TEXT", help="make everything but the hybrid encapsulation predictable")
    parser.add_argument("--armor", action="store_true")
    options = parser.parse_args(words)
    if options.plain:
        if not options.recipient:
            parser.error("--plain needs a --recipient")
        randomness = Randomness(options.seed)
        file_key = randomness.take("file key", 16)
        with open(options.plain, "rb") as file:
            plaintext = file.read()
        stanzas = [recipient_stanza(text, file_key, randomness) for text in options.recipient]
        sealed = age_file(stanzas, file_key, randomness.take("nonce", 16), plaintext)
    else:
        passphrase = passphrase_in(options.passphrase_file) if options.passphrase_file else None
        passes, memory_kib = (int(number) for number in options.kdf.split(","))
        escrow = Escrow(passphrase, options.seed, passes, memory_kib)
        changes = {}
        if options.manifest:
            with open(options.manifest, "rb") as file:
                changes = json.load(file)
        sealed = escrow.seal(members_below(options.folders), changes, options.recipient)
        if options.identity_out:
            with open(options.identity_out, "w", opener=lambda p, f: os.open(p, f, 0o600)) as file:
                file.write(f"# public key: {recipient_text(escrow.identity)}\n{identity_text(escrow.identity)}\n")
    with open(options.into, "wb") as file:
        file.write(armored(sealed) if options.armor else sealed)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
