"""Killed at any moment: the file at the output path always opens, and the next run clears up what was left."""

import fcntl
import os
import random
import re
import shutil
import signal
import subprocess
import time

import pytest
from instances import broken
from workbench import contents, leftovers, sha256, tool, tree

# How often each command is killed. Issue 2 asks for 200 kills of refresh.
KILLS_OF_REFRESH = 200
KILLS_OF_CREATE = 50
KILLS_OF_OPEN = 50


def duration(run):
    """How long it takes, the longest of three."""
    def once():
        start = time.monotonic()
        run()
        return time.monotonic() - start
    return max(once() for _ in range(3))


class Killer:
    """Kills at random moments of a run that takes about so long; counts the kills that hit."""

    def __init__(self, longest, name):
        self.random = random.Random(name)
        self.longest = longest
        self.hits = 0

    def kill(self, process, number=signal.SIGKILL):
        try:
            process.wait(timeout=self.random.uniform(0, self.longest * 1.05))
        except subprocess.TimeoutExpired:
            process.send_signal(number)
        process.wait()
        process.stdout.close()
        process.stderr.close()
        was_hit = process.returncode == -number
        self.hits += was_hit
        return was_hit


def test_refresh(sealed, made):
    """Each time the digest has changed the file is opened in full, and each tenth time as well."""
    killer = Killer(duration(sealed.refresh), "refresh")
    known, revision = sha256(sealed.escrow), sealed.opened().manifest["revision"]
    changes, number = 0, 0
    while killer.hits < KILLS_OF_REFRESH:
        number += 1
        assert number < 3 * KILLS_OF_REFRESH, "too few of the runs were still running when they were killed"
        killer.kill(sealed.start("refresh", "--state", sealed.state))
        digest = sha256(sealed.escrow)
        state = sealed.recorded()
        assert digest in [state[key]["sha256"] for key in ("last", "pending") if state.get(key)]
        if digest != known or number % 10 == 0:
            opened = sealed.opened()
            assert opened.group("keys") == made.key_files()
            assert opened.manifest["revision"] > revision if digest != known else opened.manifest["revision"] == revision
            changes += digest != known
            known, revision = digest, opened.manifest["revision"]
        if number % 25 == 0:
            sealed.refresh()
            assert not leftovers(sealed.folder)
            known, now = sha256(sealed.escrow), sealed.opened().manifest["revision"]
            assert now > revision
            revision = now
    sealed.refresh()
    assert not leftovers(sealed.folder) and sorted(os.listdir(sealed.state)) == ["escrow.json", "lock", "signing.key"]
    sealed.succeed("open", sealed.escrow, "--into", "out", "--passphrase-file", sealed.passphrase)
    assert contents(sealed.folder / "out") == sealed.opened().members


def test_create(bench, made):
    """There is no escrow, or one that opens and can be refreshed; and then create works as if nothing had been."""
    def forget():
        bench.escrow.unlink(missing_ok=True)
        shutil.rmtree(bench.state, ignore_errors=True)

    def once():
        forget()
        bench.create(made)

    killer = Killer(duration(once), "create")
    forget()
    number = 0
    while killer.hits < KILLS_OF_CREATE:
        number += 1
        assert number < 5 * KILLS_OF_CREATE
        was_hit = killer.kill(bench.start(*bench.create_arguments(made)))
        if bench.escrow.exists():
            assert bench.opened().group("keys") == made.key_files()
            bench.refresh()
            assert bench.opened().manifest["revision"] == 2
            assert not leftovers(bench.folder)
            forget()
        elif number % 5 == 0:
            assert was_hit
            bench.create(made)
            assert not leftovers(bench.folder) and bench.opened().group("keys") == made.key_files()
            bench.refresh()
            forget()
    bench.create(made)
    assert not leftovers(bench.folder)


def test_open(sealed):
    """The folder is not there, or whole."""
    expected = sealed.opened().members
    place = sealed.folder / "out"

    def once():
        shutil.rmtree(place, ignore_errors=True)
        sealed.succeed("open", sealed.escrow, "--into", place, "--passphrase-file", sealed.passphrase)

    killer = Killer(duration(once), "open")
    number = 0
    while killer.hits < KILLS_OF_OPEN:
        number += 1
        assert number < 5 * KILLS_OF_OPEN
        shutil.rmtree(place, ignore_errors=True)
        killer.kill(sealed.start("open", sealed.escrow, "--into", place, "--passphrase-file", sealed.passphrase))
        assert not place.exists() or contents(place) == expected
    once()
    assert contents(place) == expected and not leftovers(sealed.folder)


def test_refresh_with_a_snapshot_that_has_a_log(bench):
    """It is read from a copy, and a copy of a database must not stay behind either."""
    instance = broken("k-uncheckpointed-wal", bench.folder / "instance")
    temporary = bench.folder / "tmp"
    temporary.mkdir()
    environment = dict(bench.environment, TMPDIR=str(temporary))
    before = tree(instance.folder)
    bench.create(instance, "--database-snapshot", instance.database, "--allow-incomplete", env=environment)
    killer = Killer(duration(lambda: bench.refresh(env=environment)), "log")
    for _ in range(KILLS_OF_OPEN // 4):
        killer.kill(bench.start("refresh", "--state", bench.state, env=environment))
        assert bench.opened().manifest["snapshot"]
    assert killer.hits > 3
    bench.refresh(env=environment)
    assert tree(temporary) == {} and not leftovers(bench.folder) and tree(instance.folder) == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=["INT", "TERM", "HUP"])
def test_signals_that_ask(bench, made, number):
    """They end the command with its own status, and nothing remains but what was there."""
    def once():
        bench.escrow.unlink(missing_ok=True)
        shutil.rmtree(bench.state, ignore_errors=True)
        bench.create(made, kdf=("--kdf", "4:64"))

    killer = Killer(duration(once), "signals")
    ended = []
    for _ in range(6):
        bench.escrow.unlink(missing_ok=True)
        shutil.rmtree(bench.state, ignore_errors=True)
        process = bench.start(*bench.create_arguments(made, kdf=("--kdf", "4:64")))
        killer.kill(process, number)
        ended.append(process.returncode)
        # Before the program has begun there is nobody to catch it: a shell says 130 for that too.
        assert process.returncode in (0, 130, -number), process.returncode
        assert not leftovers(bench.folder)
        if bench.escrow.exists():  # the signal may have come when all was done
            assert bench.opened().group("keys") == made.key_files()
            bench.refresh()
        else:
            assert process.returncode != 0
            assert not (bench.state / "signing.key").exists() and not (bench.state / "escrow.json").exists()
    assert set(ended) - {0}

    bench.escrow.unlink(missing_ok=True)
    shutil.rmtree(bench.state, ignore_errors=True)
    bench.create(made)
    killer = Killer(duration(bench.refresh), "refresh signals")
    for _ in range(6):
        before = sha256(bench.escrow)
        process = bench.start("refresh", "--state", bench.state)
        killer.kill(process, number)
        assert process.returncode in (0, 130, -number)
        assert not leftovers(bench.folder)
        assert sha256(bench.escrow) != before or process.returncode != 0
        assert bench.opened().group("keys") == made.key_files()


# Not at random: at each step of writing


STEPS = ["openat", "write", "fsync", "fdatasync", "renameat", "renameat2", "rename", "linkat", "unlinkat", "ftruncate"]


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not here")
def test_refresh_killed_at_each_write_sync_and_rename(sealed, made):
    """The moments that chance seldom meets: before and after each call that changes a file."""
    command = [tool(), "refresh", "--state", str(sealed.state)]
    log = sealed.folder / "trace"
    done = subprocess.run(["strace", "-f", "-o", log, "-e", "trace=" + ",".join(STEPS), *command],
                          capture_output=True, env=sealed.environment, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        pytest.skip("strace may not trace here")
    calls = [match[1] for match in re.finditer(r"^\d+ +(\w+)\(", log.read_text(), re.M)]
    # Of the calls that open files only those that can make one.
    lines = [line for line in log.read_text().splitlines() if re.match(r"^\d+ +\w+\(", line)]
    interesting, counts = [], {}
    for call, line in zip(calls, lines):
        counts[call] = counts.get(call, 0) + 1
        if call != "openat" or "O_CREAT" in line:
            interesting.append((call, counts[call]))
    assert len(interesting) > 6, lines
    revision = sealed.opened().manifest["revision"]
    killed = 0
    for call, when in interesting:
        done = subprocess.run(
            ["strace", "-f", "-o", "/dev/null", "-e", f"inject={call}:signal=KILL:when={when}", *command],
            capture_output=True, env=sealed.environment, stdin=subprocess.DEVNULL)
        killed += done.returncode not in (0, 1)
        opened = sealed.opened()
        assert opened.manifest["revision"] >= revision and opened.group("keys") == made.key_files()
        revision = opened.manifest["revision"]
        sealed.refresh()
        assert not leftovers(sealed.folder), (call, when)
        assert sealed.opened().manifest["revision"] > revision
        revision = sealed.opened().manifest["revision"]
    assert killed >= len(interesting) // 2


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not here")
@pytest.mark.parametrize("call,error", [
    ("write", "ENOSPC"), ("fsync", "EIO"), ("renameat,renameat2,rename", "EIO")])
def test_each_write_sync_and_rename_can_fail(sealed, made, call, error):
    """Instead of a kill the kernel says no: one clear line, and the old or the new file, as the status says."""
    command = [tool(), "refresh", "--state", str(sealed.state)]
    failures = 0
    for when in range(1, 12):
        before = sealed.escrow.read_bytes()
        done = subprocess.run(
            ["strace", "-f", "-o", "/dev/null", "-e", f"inject={call}:error={error}:when={when}", *command],
            capture_output=True, env=sealed.environment, stdin=subprocess.DEVNULL, text=True)
        if "ptrace" in done.stderr:
            pytest.skip("strace may not trace here")
        opened = sealed.opened()
        assert opened.group("keys") == made.key_files()
        if done.returncode != 0:
            failures += 1
            assert done.returncode == 1 and done.stdout == "", done
            if call != "write" or done.stderr:  # the write that failed may have been the one to standard error
                assert [line[:8] for line in done.stderr.splitlines() if "warning" not in line] == [
                    "provenke", "  hint: "], done
        elif sealed.escrow.read_bytes() == before:
            raise AssertionError(f"status 0, but there is no new revision: {call} {when}: {done}")
        sealed.refresh()
        assert not leftovers(sealed.folder), (call, when)
    assert failures


def test_a_temporary_file_of_a_living_process_is_not_cleared_away(sealed):
    """Only what is nobody's any more: a file that another process still holds locked stays."""
    living = sealed.folder / f".{sealed.escrow.name}.provenkey-0123456789abcdef.tmp"
    dead = sealed.folder / f".{sealed.escrow.name}.provenkey-fedcba9876543210.tmp"
    other = sealed.folder / ".other.tmp"
    for path in (living, dead, other):
        path.write_text("x")
    with open(living) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        sealed.refresh()
    assert living.exists() and not dead.exists() and other.exists()
