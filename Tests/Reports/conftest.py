"""The fixtures of the tests of reports. PROVENKEY names the command, PROVENKEY_SAMPLE_REPORTS the
folder that the Swift tests wrote samples to."""

import os
import pathlib
import shutil
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.dont_write_bytecode = True

NAMES = ("all-files", "fails", "holds", "hostile", "nothing", "unknown")
FOLDER = pathlib.Path(os.environ.get("PROVENKEY_SAMPLE_REPORTS") or pytest.exit("set PROVENKEY_SAMPLE_REPORTS", 4))

if {path.stem for path in FOLDER.glob("*.html")} != set(NAMES):
    pytest.exit(f"{FOLDER} does not hold the sample reports; run the Swift tests with it first", 4)
if not os.access(os.environ.get("PROVENKEY", ""), os.X_OK):
    pytest.exit("set PROVENKEY to the command that is to be tested", 4)
if not shutil.which("chromium"):
    pytest.exit("chromium is not installed; run scripts/install-needs", 4)


@pytest.fixture(scope="session")
def samples():
    return FOLDER


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    from browser import Browser

    with Browser(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser
