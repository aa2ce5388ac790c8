"""The reports of real drills: their draw redone from what lies on the disk, their schema, their page, their one screen."""

import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import unicodedata

import jsonschema
import pytest

from redraw import draw
from test_page import OVERFLOW
from test_schema import VALIDATOR

INSTANCE = pathlib.Path(__file__).parents[2] / "Vectors/instances/nc32-sqlite-master"


class Place:
    """A sealed instance with its backup."""

    def __init__(self, folder):
        self.folder = folder
        shutil.copytree(INSTANCE, folder / "instance")
        self.data = folder / "instance/data"
        self.passphrase = folder / "passphrase"
        self.passphrase.write_text("eleven words are plenty for a test that nobody will attack\n")
        self.passphrase.chmod(0o600)
        self.escrow = folder / "cloud.escrow.age"
        self.database = folder / "instance/db.sqlite3"
        made = self.run(
            "create", "--instance", folder / "instance", "--data", self.data, "--database-snapshot", self.database,
            "--output", self.escrow, "--state", folder / "state", "--kdf", "3:64")
        assert made.returncode == 0, made.stderr

    def run(self, *arguments):
        command = [os.environ["PROVENKEY"], *map(str, arguments), "--passphrase-file", str(self.passphrase)]
        return subprocess.run(command, capture_output=True, text=True, timeout=120)

    def drill(self, *options, status=0, backup=None):
        done = self.run(
            "drill", self.escrow, "--backup", backup or self.data, "--database-snapshot", self.database, *options)
        assert done.returncode == status, done.stderr
        return done.stdout

    def report(self, *options, **settings):
        report = json.loads(self.drill("--json", *options, **settings))
        VALIDATOR.validate(report)
        files = report["files"]
        assert files["held"] + files["failed"] + files["unknown"] == files["tested"]
        return report


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return Place(tmp_path_factory.mktemp("drill"))


@pytest.fixture(scope="module")
def damaged(place, tmp_path_factory):
    """A backup with one changed block."""
    data = tmp_path_factory.mktemp("damaged") / "data"
    shutil.copytree(place.data, data)
    with open(data / "bob/files/bin/random-20k.bin", "r+b") as file:
        file.seek(9000)
        file.write(b"changed")
    return data


def test_the_draw_is_redone_from_the_report_and_the_disk(place):
    one = place.report("--files", "7", "--seed", "one")
    sample = one["sample"]
    again = draw(bytes.fromhex(sample["seed"]), bytes.fromhex(sample["list_digest"]), sample["of"], sample["drawn"])
    assert [file["index"] for file in sample["files"]] == again
    assert sample["seed"] == hashlib.sha256(b"one").hexdigest()

    # Two draws of all but one file show the whole list; its digest follows from the names and sizes on the disk.
    everything = sample["of"]
    paths = {}
    for seed in ("one", "two", "three"):
        for file in place.report("--files", everything - 1, "--seed", seed)["sample"]["files"]:
            assert paths.setdefault(file["index"], file["path"]) == file["path"]
    assert sorted(paths) == list(range(everything))
    digest = hashlib.sha256()
    for index in range(everything):
        path = place.data / paths[index]
        size = str(path.stat().st_size) if path.is_file() else "missing"
        digest.update(paths[index].encode() + b"\0" + size.encode() + b"\n")
    assert digest.hexdigest() == sample["list_digest"]


def test_the_same_seed_repeats_the_run_and_another_does_not(place):
    one = place.report("--files", "7", "--seed", "one")
    assert place.report("--files", "7", "--seed", "one")["sample"] == one["sample"]
    assert place.report("--files", "7", "--seed", one["sample"]["seed"])["sample"] == one["sample"]
    assert place.report("--files", "7", "--seed", "two")["sample"]["files"] != one["sample"]["files"]
    first, second = (place.report("--files", "7")["sample"]["seed"] for _ in range(2))
    assert first != second


def test_one_of_each_is_tested_besides_the_draw(place):
    report = place.report("--files", "0")
    assert report["sample"]["drawn"] == 0
    assert report["sample"]["upper_bound"] == report["sample"]["of"]
    strata = report["files"]["strata"]
    assert {stratum["dimension"] for stratum in strata} == {"user", "storage", "kind", "format"}
    assert all(stratum["tested"] >= 1 for stratum in strata), strata
    every = place.report("--all")["files"]["strata"]
    assert {(part["dimension"], part["name"]) for part in every} == {(part["dimension"], part["name"]) for part in strata}


def test_all_files_leave_nothing_to_be_bounded(place):
    sample = place.report("--all")["sample"]
    assert (sample["upper_bound"], sample["files"], sample["drawn"]) == (0, [], sample["of"])
    assert sample["statement"] == f"all {sample['of']} files were tested"


def test_a_damaged_file_is_in_every_report(place, damaged, browser, tmp_path):
    report = place.report("--all", status=3, backup=damaged)
    assert report["verdict"] == "fails"
    assert report["sample"]["upper_bound"] == report["files"]["failed"] == 1
    assert [problem["path"] for problem in report["files"]["problems"] if problem["verdict"] == "fails"] == [
        "bob/files/bin/random-20k.bin"]

    html = tmp_path / "report.html"
    screen = place.drill("--all", "--html", html, status=3, backup=damaged)
    assert screen.startswith("A restore would fail: ")
    for dark in (False, True):
        page = browser.open(html, 360, dark=dark)
        assert page.run(OVERFLOW) == [0, 0]
        assert page.requests == [html.resolve().as_uri()]
        assert page.complaints == []
        assert page.run("document.querySelector('h1').textContent").startswith("A restore would fail: ")
        assert page.run("document.body.textContent.includes('bob/files/bin/random-20k.bin')")
        page.close()


def test_the_screen_is_one_screen(place, damaged):
    for backup, status, verdict in ((place.data, 0, "A restore would work."), (damaged, 3, "A restore would fail: ")):
        for count in (("--all",), ("--files", "20", "--seed", "x")):
            # A few files may miss the damaged one.
            done = place.run("drill", place.escrow, "--backup", backup, "--database-snapshot", place.database, *count)
            if count == ("--all",):
                assert done.returncode == status
                assert done.stdout.startswith(verdict)
            lines = done.stdout.splitlines()
            assert len(lines) <= 23
            assert all(sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line) <= 80 for line in lines)
            assert "\x1b" not in done.stdout


def test_a_refused_schema_is_noticed(place):
    """The validation above can fail."""
    report = place.report("--files", "1")
    del report["sample"]["seed"]
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(report)
