"""A folder to work in: runs provenkey as a program among others, and looks at what it left, without its help."""

import base64
import contextlib
import hashlib
import io
import json
import os
import pathlib
import random
import stat
import subprocess
import sys
import tarfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "rescue"), str(ROOT / "Tests" / "Rescue")]

import rescue  # noqa: E402
import seal  # noqa: E402

# Good enough for the estimate, and found nowhere by chance.
PASSPHRASE = "velvet quorum Zx94 glacier tulip obsidian"
# The least cost that is accepted: it matters in no test that does not say so.
FAST = ("--kdf", "3:64")


def tool():
    """The command to test."""
    return str(pathlib.Path(os.environ["PROVENKEY"]).resolve())


class Run:
    """What a run of the command ended with."""

    def __init__(self, status, output, errors):
        self.status = status
        self.output = output.decode("utf-8", "replace")
        self.errors = errors.decode("utf-8", "replace")

    @property
    def warnings(self):
        return [line for line in self.errors.splitlines() if line.startswith("provenkey: warning: ")]

    @property
    def problem(self):
        """The lines of standard error that are no warnings."""
        return [line for line in self.errors.splitlines() if not line.startswith("provenkey: warning: ")]

    @property
    def json(self):
        document = json.loads(self.output)
        assert isinstance(document["schema"], str) and document["schema"].startswith("provenkey."), document
        return document

    def __repr__(self):
        return f"status {self.status}\n--- output\n{self.output}--- errors\n{self.errors}"

    def has_two_lines(self):
        """The form of every refusal: what happened, and what to do."""
        assert self.output == "", self
        assert len(self.problem) == 2, self
        assert self.problem[0].startswith("provenkey: ") and len(self.problem[0]) > 20, self
        assert self.problem[1].startswith("  hint: ") and len(self.problem[1]) > 12, self
        assert "\x1b" not in self.errors and self.errors.endswith("\n"), self
        return self


class Opened:
    """A bundle that was recovered without provenkey."""

    def __init__(self, members, tar):
        self.members = members
        self.tar = tar
        self.manifest = json.loads(members["manifest.json"])

    def group(self, name):
        return {path: data for path, data in self.members.items() if path.startswith(name + "/")}


class Workbench:
    """Names below are relative to its folder; paths elsewhere are absolute."""

    def __init__(self, folder):
        self.folder = folder
        self.home = folder / "home"
        self.home.mkdir()
        self.passphrase = self.file("passphrase", PASSPHRASE + "\n")
        self.escrow = folder / "cloud.escrow.age"
        self.state = folder / "state"
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(self.home), "LANG": "C.UTF-8"}

    def file(self, name, content, mode=0o600):
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        path.chmod(mode)
        return path

    # Running

    def start(self, *arguments, **options):
        """Starts it with no terminal, no input and next to no environment."""
        settings = dict(
            cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, start_new_session=True)
        settings.update(options)
        return subprocess.Popen([tool(), *map(str, arguments)], **settings)

    def run(self, *arguments, timeout=120, stdin_bytes=None, **options):
        if stdin_bytes is not None:
            options["stdin"] = subprocess.PIPE
        process = self.start(*arguments, **options)
        try:
            output, errors = process.communicate(stdin_bytes, timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise
        return Run(process.returncode, output or b"", errors or b"")

    def succeed(self, *arguments, **options):
        result = self.run(*arguments, **options)
        assert result.status == 0, result
        return result

    def create_arguments(self, instance, *options, output=None, state=None, passphrase=True, kdf=FAST):
        return [
            "create", *instance.options(), "--output", output or self.escrow, "--state", state or self.state,
            *(["--passphrase-file", self.passphrase] if passphrase else []), *kdf, *options]

    def create(self, instance, *options, output=None, state=None, passphrase=True, kdf=FAST, **settings):
        return self.succeed(*self.create_arguments(
            instance, *options, output=output, state=state, passphrase=passphrase, kdf=kdf), **settings)

    def refresh(self, *options, **settings):
        return self.succeed("refresh", "--state", self.state, *options, **settings)

    def refuse(self, status, *arguments, saying=(), may_change=(), **settings):
        """Runs what must be refused: two lines, and everything in the folder as it was, but for `may_change`.

        `status` is a number, or several where the contract leaves it open.
        """
        before = tree(self.folder)
        result = self.run(*arguments, **settings)
        assert result.status in ([status] if isinstance(status, int) else status), result
        result.has_two_lines()
        for word in [saying] if isinstance(saying, str) else saying:
            assert word.lower() in " ".join(result.problem).lower(), (word, result)
        after = tree(self.folder)
        # A lock stays, as a lock must; it holds nothing.
        appeared = {path: what for path, what in after.items() if path not in before}
        harmless = {path for path, what in appeared.items()
                    if what == ("folder", 0o700) or (path.endswith("lock") and what[:2] == ("file", 0))}
        assert not set(appeared) - harmless, appeared
        assert {path: what for path, what in after.items() if path in before and path not in may_change} == {
            path: what for path, what in before.items() if path not in may_change}
        return result

    def refuse_create(self, status, instance, *options, saying=(), **settings):
        result = self.refuse(status, *self.create_arguments(instance, *options, **settings), saying=saying)
        assert not self.escrow.exists()
        return result

    # Looking

    def opened(self, path=None, passphrase=PASSPHRASE, identity=None):
        """Opens an escrow with rescue.py, in this process."""
        return opened_without_provenkey(path or self.escrow, passphrase, identity)

    def recorded(self):
        """escrow.json of the state folder."""
        return json.loads((self.state / "escrow.json").read_text())

    def identity_file(self, path=None, passphrase=PASSPHRASE, name="identity"):
        return self.file(name, seal.identity_text(escrow_identity(path or self.escrow, passphrase)) + "\n")


def header_of(path):
    with open(path, "rb") as file:
        return rescue.read_header(rescue.age_bytes(file))


KNOWN_IDENTITIES = {}


def escrow_identity(path, passphrase=PASSPHRASE):
    """The 32 bytes that the passphrase protects; worked out once for each stanza, since that is meant to be slow."""
    header = header_of(path)
    stanza = header.of_type(rescue.ARGON2ID)[0]
    known = (tuple(stanza.arguments), stanza.body, passphrase)
    if known not in KNOWN_IDENTITIES:
        KNOWN_IDENTITIES[known] = rescue.unlock_with_passphrase(header, rescue.normalized_passphrase(passphrase))[1]
    return KNOWN_IDENTITIES[known]


def opened_without_provenkey(path, passphrase=PASSPHRASE, identity=None):
    place = pathlib.Path(str(path) + ".opened")
    secret = pathlib.Path(str(path) + ".secret")
    if identity is None:
        # Its stanza is the first hybrid one, so the signer is checked just the same.
        secret.write_text(seal.identity_text(escrow_identity(path, passphrase)))
    try:
        words = ["--identity", str(identity or secret)]
        # Not main(): it would forbid core dumps and catch signals in this process.
        with contextlib.redirect_stdout(io.StringIO()):
            rescue.open_escrow(rescue.parse_arguments([str(path), "--tar", str(place), *words]))
        tar = place.read_bytes()
    finally:
        place.unlink(missing_ok=True)
        secret.unlink(missing_ok=True)
    members = {}
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        for member in archive:
            assert member.isreg() and member.mode == 0o600 and member.uid == member.gid == 0, member
            assert member.name not in members
            members[member.name] = archive.extractfile(member).read()
    return Opened(members, tar)


def tree(folder):
    """Everything below a folder: path to kind, size, digest and mode; links are not followed."""
    found = {}
    for place, folders, files in os.walk(folder):
        for name in folders + files:
            path = os.path.join(place, name)
            status = os.lstat(path)
            if stat.S_ISREG(status.st_mode):
                with open(path, "rb") as file:
                    data = file.read()
                what = ("file", len(data), hashlib.sha256(data).hexdigest(), stat.S_IMODE(status.st_mode))
            elif stat.S_ISDIR(status.st_mode):
                what = ("folder", stat.S_IMODE(status.st_mode))
            else:
                what = ("other", status.st_mode)
            found[os.path.relpath(path, folder)] = what
    return found


def contents(folder):
    """Path to bytes of all files below a folder."""
    folder = pathlib.Path(folder)
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def leftovers(*folders):
    """Temporary files and folders that a run left."""
    return [str(path) for folder in folders for path in pathlib.Path(folder).rglob("*")
            if path.name.endswith(".tmp") or ".provenkey-" in path.name]


def noise(count):
    """The same bytes in every run, so that tests named by them can be dealt out to several processes."""
    return random.Random(count).randbytes(count)


def sha256(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


def unpadded(text):
    return base64.b64decode(text + b"=" * (-len(text) % 4))
