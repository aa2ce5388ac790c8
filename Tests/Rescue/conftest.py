"""Paths and fixtures that the tests of rescue.py share."""

import os
import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(HERE), str(ROOT / "rescue")]
sys.dont_write_bytecode = True

import rescue  # noqa: E402
import seal  # noqa: E402

PASSPHRASE = "correct horse battery staple"
MEMBERS = [
    ("config/config.php", b"<?php $CONFIG = [];\n"),
    ("keys/files_encryption/OC_DEFAULT_MODULE/master_1d941d00.privateKey", b"private"),
    ("keys/files_encryption/OC_DEFAULT_MODULE/master_1d941d00.publicKey", b"public"),
    ("extra/rclone.conf", b""),
]


class Desk:
    """A folder with an escrow's secrets, and a way to run rescue.py in this process and look at what it left."""

    def __init__(self, folder, capsys):
        self.folder = folder
        self.capsys = capsys
        self.escrow = seal.Escrow(PASSPHRASE, seed="tests", passes=1, memory_kib=8)
        self.passphrase = self.file("passphrase", (PASSPHRASE + "\n").encode())
        self.identity = self.file("identity", (seal.identity_text(self.escrow.identity) + "\n").encode())

    def file(self, name, data):
        (self.folder / name).write_bytes(data)
        return self.folder / name

    def run(self, sealed, *options, into="out"):
        """Exit status and standard error of rescue.py on these bytes."""
        path = self.file("cloud.escrow.age", sealed) if isinstance(sealed, bytes) else sealed
        words = [str(path), *map(str, options or ("--passphrase-file", self.passphrase))]
        status = rescue.main(words + (["--into", str(self.folder / into)] if into else []))
        return status, self.capsys.readouterr().err

    def refuse(self, sealed, *options, status=1, saying=None):
        """Runs rescue.py, which must refuse in two lines and leave nothing behind."""
        before = sorted(os.listdir(self.folder)) + ["cloud.escrow.age"]
        found, said = self.run(sealed, *options)
        assert found == status, said
        assert said.count("\n") == 2 and said.startswith("rescue: "), said
        assert saying is None or saying in said
        assert set(os.listdir(self.folder)) <= set(before)
        return said

    def tree(self, name="out"):
        base = self.folder / name
        return {str(path.relative_to(base)): path.read_bytes() for path in base.rglob("*") if path.is_file()}


@pytest.fixture
def desk(tmp_path, capsys):
    return Desk(tmp_path, capsys)
