"""The sample instances, what a restore of each needs (found here without provenkey), and instances made on the spot."""

import base64
import hashlib
import hmac
import json
import pathlib
import shutil
import sqlite3

from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
VECTORS = ROOT / "Vectors"
FOLDER = VECTORS / "instances"
LEGACY = ROOT.parent / "shared" / "fixtures" / "legacy"

KEY_ENDINGS = (".privateKey", ".publicKey", ".private.key", ".public.key")


class Instance:
    """An instance's folder, with what must be in its escrow."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.data = self.folder / "data"
        self.objects = self.folder / "objects"
        self.config = self.folder / "config" / "config.php"

    @property
    def name(self):
        return self.folder.name

    @property
    def facts(self):
        return json.loads((self.folder / "instance.json").read_text())

    @property
    def database(self):
        return self.folder / "db.sqlite3"

    def snapshots(self):
        return sorted(path for path in self.folder.iterdir() if path.name.startswith("db.") and path.is_file())

    def options(self):
        """What `create` must be told to find everything."""
        found = ["--instance", self.folder, "--data", self.data]
        if self.objects.is_dir():
            found += ["--objects", self.objects, "--database-snapshot", self.database]
        return found

    def config_files(self):
        """Member to bytes, for config/."""
        return {f"config/{path.name}": path.read_bytes() for path in (self.folder / "config").glob("*config.php")}

    def key_files(self):
        """Member to bytes, for keys/: every half of a key pair, wherever it lies; not the keys of single files."""
        if self.objects.is_dir():
            return self._keys_in_objects()
        return {
            f"keys/{path.relative_to(self.data)}": path.read_bytes()
            for path in self.data.rglob("*") if path.name.endswith(KEY_ENDINGS) and path.is_file()}

    def _keys_in_objects(self):
        with sqlite3.connect(f"file:{self.database}?mode=ro&immutable=1", uri=True) as database:
            rows = database.execute(
                "SELECT f.fileid, f.path FROM oc_filecache f JOIN oc_storages s ON s.numeric_id = f.storage "
                "WHERE s.id LIKE 'object::store:%'").fetchall()
        return {f"keys/{path}": (self.objects / f"urn:oid:{fileid}").read_bytes()
                for fileid, path in rows if path.endswith(KEY_ENDINGS)}

    def copy(self, folder, everything=False):
        """A copy that may be changed: configuration, key pairs and snapshots; with `everything` the files as well."""
        shutil.copytree(self.folder / "config", folder / "config")
        for path in self.folder.iterdir():
            if path.is_file():
                shutil.copy(path, folder)
        if everything:
            shutil.copytree(self.data, folder / "data")
        else:
            (folder / "data").mkdir()
            for member, data in self.key_files().items():
                path = folder / "data" / member[len("keys/"):]
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
        return Instance(folder)

    def change_config(self, old, new):
        text = self.config.read_text()
        assert text.count(old) == 1, (old, text.count(old))
        self.config.write_text(text.replace(old, new))


def sample(name):
    return Instance(FOLDER / f"nc32-{name}")


SAMPLES = ["sqlite-master", "mariadb-master", "pgsql-master", "userkeys", "legacy", "external", "s3"]


def broken(name, folder):
    """The variant of nc32-broken with that name, in a folder of its own."""
    variants = json.loads((FOLDER / "nc32-broken" / "variants.json").read_text())
    variant = next(variant for variant in variants if variant["name"] == name)
    instance = Instance(FOLDER / variant["base"]).copy(folder, everything=True)
    for path in variant["replace"]:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(FOLDER / "nc32-broken" / name / path, folder / path)
    for path in variant["delete"]:
        (folder / path).unlink()
    for change in variant["ops"]:
        with open(folder / change["path"], "r+b") as file:
            if change["op"] == "truncate":
                file.truncate(change["size"])
            else:
                assert change["op"] == "fill"
                file.seek(change["offset"])
                file.write(bytes([change["byte"]]) * change["length"])
    return instance


# An instance made here, whose secrets are ours to choose and whose keys cost nothing to unlock


def _rsa_pair():
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return (
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
        key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))


def _private_key_blob(pem, password):
    """As ownCloud wrote it before there was a key derivation: AES-256-CFB under the password itself, not signed."""
    iv = b"0123456789abcdef"
    encryptor = Cipher(algorithms.AES(password[:32].ljust(32, b"\0")), CFB(iv)).encryptor()
    ciphertext = base64.b64encode(encryptor.update(pem) + encryptor.finalize())
    return b"HBEGIN:cipher:AES-256-CFB:HEND" + ciphertext + b"00iv00" + iv + b"xx"


def _wrapped(data, secret):
    """As Nextcloud has wrapped key files since 20.0.1 (ICrypto, version 2)."""
    text = json.dumps({"key": base64.b64encode(data).decode(), "uid": None}, separators=(",", ":")).encode()
    text += bytes([16 - len(text) % 16]) * (16 - len(text) % 16)
    iv = bytes(range(16))
    key = hashlib.pbkdf2_hmac("sha1", secret, b"phpseclib", 1000, 16)
    encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    ciphertext = (encryptor.update(text) + encryptor.finalize()).hex()
    mac_key = hashlib.sha512(secret + b"a").hexdigest().encode()
    mac = hmac.new(mac_key, (ciphertext + iv.hex()).encode(), hashlib.sha512).hexdigest()
    return f"{ciphertext}|{iv.hex()}|{mac}|2".encode()


def made(folder, secret="uLcW3Q0mYb7zTq9sKp2vXn8aRd5eGh4jNf6tVy1wBs0xCk3i", version="32.0.1.2"):
    """A master-key instance with these secrets, wrapped keys and no key derivation: quick to prove."""
    instance = Instance(folder)
    keys = instance.data / "files_encryption" / "OC_DEFAULT_MODULE"
    keys.mkdir(parents=True)
    instance.config.parent.mkdir()
    for name, password in (("master_0a1b2c3d", secret.encode()), ("pubShare_0a1b2c3d", b"")):
        private, public = _rsa_pair()
        (keys / f"{name}.privateKey").write_bytes(_wrapped(_private_key_blob(private, password), secret.encode()))
        (keys / f"{name}.publicKey").write_bytes(_wrapped(public, secret.encode()))
    instance.config.write_text(f"""<?php
$CONFIG = array (
  'passwordsalt' => 'c0ffee',
  'secret' => '{secret}',
  'datadirectory' => '{instance.data}',
  'dbtype' => 'sqlite3',
  'version' => '{version}',
  'installed' => true,
  'instanceid' => 'ocmadehere12',
);
""")
    return instance
