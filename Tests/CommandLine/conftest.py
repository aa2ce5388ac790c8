"""The fixtures of the tests that drive the command from outside: PROVENKEY names it."""

import os
import pathlib
import signal
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.dont_write_bytecode = True

if not os.access(os.environ.get("PROVENKEY", ""), os.X_OK):
    pytest.exit("set PROVENKEY to the command that is to be tested", returncode=4)

# A shell that runs the tests in the background has them ignore ^C, and the command would, as it should, do so too.
signal.signal(signal.SIGINT, signal.default_int_handler)
for ignored in (signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM):
    signal.signal(ignored, signal.SIG_DFL)

import instances  # noqa: E402
from workbench import Workbench  # noqa: E402


@pytest.fixture
def bench(tmp_path):
    return Workbench(tmp_path)


@pytest.fixture
def made(tmp_path):
    """An instance whose secrets are known to nobody else, in `instance/` of the bench."""
    return instances.made(tmp_path / "instance")


@pytest.fixture
def sealed(bench, made):
    """The bench with an escrow of `made` in it."""
    bench.create(made)
    return bench


@pytest.fixture(scope="session")
def sealed_once(tmp_path_factory):
    """One escrow for all tests that only look at it, or at copies."""
    bench = Workbench(tmp_path_factory.mktemp("sealed"))
    bench.instance = instances.made(bench.folder / "instance")
    bench.create(bench.instance)
    return bench


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 1 MiB; needs root."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", place], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("mounting is not permitted")
    yield place
    subprocess.run(["umount", "-l", place], check=True)
