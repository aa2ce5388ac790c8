"""A marked passphrase and the instance's secret show up nowhere: not beside the process, not in it, not behind it."""

import os
import pathlib
import random
import re
import resource
import shutil
import signal
import struct
import subprocess
import sys
import time

import instances
import pytest
from processes import Watcher, encodings, family, found_in_memory, is_stopped, read
from terminal import TerminalSession
from workbench import contents, escrow_identity, seal, tool

MARKER = "Wq7marker zebra-Ktx29 violin Oslo nimbus 5512"
SECRET = "uLcW3Q0mYb7zTq9sKp2vXn8aRd5eGh4jNf6tVy1wBs0xCk3i"


@pytest.fixture
def marked(bench, made):
    bench.passphrase = bench.file("passphrase", MARKER + "\n")
    bench.instance = made
    return bench


def appears(secrets, *places):
    """Which secrets stand in these bytes, in any of their forms."""
    return {secret for secret in secrets for place in places
            if any(form in place for form in encodings(secret) | {secret.encode().hex().encode()})}


def watched(bench, *arguments, **options):
    """Runs it, and gives all that others could see of it, with what it printed."""
    process = bench.start(*arguments, **options)
    watcher = Watcher(process.pid)
    output, errors = process.communicate(timeout=120)
    seen = watcher.finish()
    assert str(arguments[0]).encode() in seen and b"HOME=" in seen  # the watcher has watched
    return process.returncode, seen, output + errors


# Beside the process


def test_nothing_in_arguments_environment_and_output(marked):
    slow = ("--kdf", "4:64")
    status, seen, said = watched(marked, *marked.create_arguments(marked.instance, kdf=slow))
    assert status == 0 and not appears([MARKER, SECRET], seen, said)
    status, seen, said = watched(marked, "refresh", "--state", marked.state)
    assert status == 0 and not appears([MARKER, SECRET], seen, said)
    status, seen, said = watched(
        marked, "open", marked.escrow, "--into", "out", "--passphrase-file", marked.passphrase, "--json")
    assert status == 0 and not appears([MARKER, SECRET], seen, said)
    for thing in (marked.escrow, marked.instance.folder, marked.instance.config, marked.folder / "out"):
        for options in ((), ("--json",)):
            status, seen, said = watched(marked, "inspect", thing, *options)
            assert not appears([MARKER, SECRET], seen, said)


def test_the_child_that_gives_the_passphrase_sees_nothing_of_it(marked):
    """It writes down its own environment and its parent's arguments while it runs."""
    script = marked.file("give", """
        tr '\\0' '\\n' < /proc/self/environ > child-environment
        tr '\\0' ' ' < /proc/$PPID/cmdline > parent-arguments
        ls -l /proc/self/fd > child-files
        sleep 0.3
        cat passphrase
    """)
    status, seen, said = watched(
        marked, *marked.create_arguments(marked.instance, passphrase=False), "--passphrase-command", f". '{script}'")
    assert status == 0, said
    assert not appears([MARKER, SECRET], seen, said)
    environment = (marked.folder / "child-environment").read_text()
    assert "PATH=" in environment and MARKER not in environment
    assert "--passphrase-command" in (marked.folder / "parent-arguments").read_text()
    # No descriptor of ours leaks into it: its own three, and the folder that ls reads.
    files = re.findall(r" (\d+) -> (\S+)", (marked.folder / "child-files").read_text())
    assert {number for number, target in files if not target.startswith("/proc/")} <= {"0", "1", "2"}, files


def test_nothing_in_what_it_leaves_on_the_disk(marked):
    """State, escrow, home and the temporary folder: everything but the files that hold them anyway."""
    temporary = marked.folder / "tmp"
    temporary.mkdir()
    environment = dict(marked.environment, TMPDIR=str(temporary))
    marked.create(marked.instance, env=environment)
    marked.refresh(env=environment)
    identity = escrow_identity(marked.escrow, MARKER)
    held = {str(marked.passphrase.relative_to(marked.folder)), "instance/config/config.php"}
    for path, data in contents(marked.folder).items():
        if path not in held:
            assert not appears([MARKER, SECRET], data), path
            assert identity not in data and seal.identity_text(identity).encode() not in data.upper(), path
    assert os.listdir(temporary) == [] and os.listdir(marked.home) == []
    # The control: the same search finds them where they are.
    assert appears([MARKER], marked.passphrase.read_bytes()) and appears(
        [SECRET], marked.instance.config.read_bytes())


# In error texts


def test_nothing_in_error_texts(marked):
    marked.create(marked.instance)
    wrong = marked.file("wrong", MARKER + "x\n")
    said = [marked.run("open", marked.escrow, "--into", "out", "--passphrase-file", wrong).errors]
    said.append(marked.run("open", marked.escrow, "--into", "instance", "--passphrase-file", marked.passphrase).errors)
    said.append(marked.run(*marked.create_arguments(marked.instance)).errors)
    weak = marked.file("weak", "hunter2hunter2\n")
    said.append(marked.run(*marked.create_arguments(
        marked.instance, "--passphrase-file", weak, passphrase=False, output="b.escrow.age", state="b")).errors)
    assert "hunter2" not in said[-1] and "weak" in said[-1]
    text = marked.instance.config.read_text()
    for change in (f"'secret' => '{SECRET}' . getenv('X')", f"'secret' => '{SECRET}",
                   f"'secret' => \"{SECRET}$x\"", f"'secret' => '{SECRET}' => 1", f"'secret' => f('{SECRET}')",
                   f"'secret' => array('{SECRET}')", f"'{SECRET}' => getenv('X'), 'secret' => getenv('{SECRET}')"):
        marked.instance.config.write_text(text.replace(f"'secret' => '{SECRET}'", change))
        result = marked.run("refresh", "--state", marked.state)
        assert result.status != 0
        said.append(result.output + result.errors)
        said.append(repr(marked.run("inspect", marked.instance.folder)))
        said.append(repr(marked.run("inspect", marked.instance.config)))
    marked.instance.config.write_text(text)
    for damage in (lambda data: data[:-200], lambda data: data[:500] + b"x" + data[501:], lambda data: b""):
        key = next(marked.instance.data.rglob("master_*.privateKey"))
        data = key.read_bytes()
        key.write_bytes(damage(data))
        said.append(repr(marked.run("refresh", "--state", marked.state)))
        key.write_bytes(data)
    for text in said:
        assert len(text) > 20 and not appears([MARKER, SECRET], text.encode()), text


def test_a_wrong_recovery_password_is_not_shown(bench):
    password = bench.file("recovery", "Recovery-Fx-2-" + SECRET)
    result = bench.run(*bench.create_arguments(instances.sample("userkeys"), "--recovery-password-file", password))
    assert result.status == 3 and not appears([SECRET], repr(result).encode())


def test_a_passphrase_given_as_an_argument_is_not_repeated(marked):
    """It stands in the list of processes already; the error must not carry it on into logs."""
    for arguments in (["create", "--passphrase", MARKER], ["open", "x", "--passphrase=" + MARKER]):
        result = marked.run(*arguments)
        assert result.status == 64
        assert not appears([MARKER], repr(result).encode()), result


def test_an_identity_given_in_place_of_a_recipient_is_not_repeated(marked):
    """The two are easily mixed up, and logs keep what is printed."""
    identity = seal.x25519_identity_text(os.urandom(32))
    for text in (identity, identity.lower(), " " + identity):
        result = marked.run(*marked.create_arguments(marked.instance, "--recipient", text))
        assert result.status in (1, 64) and identity[20:50].lower() not in repr(result).lower(), result


# In memory


class Sampler:
    """Stops a process at random moments and searches what a core of it, and of its children, would hold."""

    def __init__(self, needles):
        self.needles = needles
        self.random = random.Random("memory")
        self.found, self.scanned, self.samples = set(), 0, 0

    def sample(self, process, longest):
        time.sleep(self.random.uniform(0, longest))
        try:
            process.send_signal(signal.SIGSTOP)
        except ProcessLookupError:
            return
        if process.poll() is not None:
            return
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline and not is_stopped(process.pid):
            time.sleep(0.001)
        for pid in family(process.pid):
            # Of what the person's own command holds we say nothing.
            if read(pid, "cmdline").startswith((b"/bin/sh", b"sh\0", b"sleep", b"cat")):
                continue
            found, scanned = found_in_memory(pid, self.needles)
            self.found |= {(needle, pid == process.pid) for needle in found}
            self.scanned += scanned
        self.samples += 1
        process.send_signal(signal.SIGCONT)


# How often a command is run, and stopped three times, for a look at its memory.
RUNS = 10
NEEDLES = sorted(encodings(MARKER) | encodings(SECRET))

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can read the memory of others")


def test_the_search_of_memory_finds_what_is_there():
    """The control: an ordinary process that holds the marker."""
    holder = subprocess.Popen(
        [sys.executable, "-c", "import sys, time; held = bytearray(sys.stdin.buffer.read()); print('ready', flush=True); "
         "time.sleep(60)"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        holder.stdin.write(MARKER.encode())
        holder.stdin.close()
        assert holder.stdout.readline() == b"ready\n"
        sampler = Sampler(NEEDLES)
        sampler.sample(holder, 0)
        halves = {MARKER.encode()[:len(MARKER) // 2], MARKER.encode()[len(MARKER) // 2:]}
        assert sampler.samples == 1 and halves <= {needle for needle, _ in sampler.found}
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()


@needs_root
@pytest.mark.parametrize("kind", ["file", "command", "open", "refresh"])
def test_a_core_of_the_live_process_would_hold_neither(marked, kind):
    """`refresh` has no passphrase, but the secret; `open` has it in the bundle that it writes."""
    def arguments():
        shutil.rmtree(marked.folder / "out", ignore_errors=True)
        if kind == "refresh":
            return ["refresh", "--state", marked.state]
        if kind == "open":
            return ["open", marked.escrow, "--into", "out", "--passphrase-file", marked.passphrase]
        shutil.rmtree(marked.state, ignore_errors=True)
        marked.escrow.unlink(missing_ok=True)
        source = {"file": ["--passphrase-file", marked.passphrase],
                  "command": ["--passphrase-command", "cat passphrase; sleep 0.05"]}[kind]
        return marked.create_arguments(marked.instance, *source, passphrase=False, kdf=("--kdf", "3:64"))

    def start():
        words = arguments()
        with open(marked.passphrase, "rb") as file:
            return marked.start(*words, stdin=file)

    if kind in ("open", "refresh"):
        marked.create(marked.instance)
    begin = time.monotonic()
    first = start()
    assert first.communicate()[0] is not None and first.returncode == 0
    longest = time.monotonic() - begin
    sampler = Sampler(NEEDLES)
    for _ in range(RUNS):
        process = start()
        for _ in range(3):
            sampler.sample(process, longest / 3)
        process.communicate(timeout=60)
    assert sampler.samples > RUNS and sampler.scanned > 1 << 20
    assert not sampler.found, [(needle.replace(b"\0", b""), "itself" if own else "child")
                               for needle, own in sampler.found]


def test_no_function_is_looked_up_while_a_secret_is_in_a_register():
    """The lazy lookup of a function (_dl_runtime_resolve) saves all vector registers on the stack, and with them what a
    copy of a secret has left there. A program that is bound at its start (-z now) has no such lookups.
    """
    data = pathlib.Path(tool()).read_bytes()
    assert data[:6] == b"\x7fELF\x02\x01"
    start, = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    flags = {}
    for number in range(count):
        kind, _, offset, _, _, length = struct.unpack_from("<IIQQQQ", data, start + number * size)
        if kind == 2:  # PT_DYNAMIC
            flags = dict(struct.iter_unpack("<QQ", data[offset:offset + length]))
    assert flags, "it is not linked dynamically"
    assert 24 in flags or flags.get(30, 0) & 8 or flags.get(0x6FFFFFFB, 0) & 1  # DT_BIND_NOW, DF_BIND_NOW, DF_1_NOW


@needs_root
def test_the_terminal_prompt_holds_nothing_in_memory(marked):
    session = TerminalSession(
        [tool(), *map(str, marked.create_arguments(marked.instance, passphrase=False, kdf=("--kdf", "4:64")))],
        cwd=marked.folder, env=dict(marked.environment, TERM="xterm"))
    session.expect("New passphrase: ")
    session.type(MARKER)
    session.expect("The same again: ")
    os.kill(session.pid, signal.SIGSTOP)
    time.sleep(0.05)
    found, scanned = found_in_memory(session.pid, NEEDLES)
    os.kill(session.pid, signal.SIGCONT)
    session.type(MARKER)
    assert session.wait() == 0, session.shown
    assert scanned > 1 << 16 and not found


# Behind it


def pattern_is_plain():
    try:
        with open("/proc/sys/kernel/core_pattern") as file:
            return file.read().strip() in ("core", "core.%p")
    except OSError:
        return False


def allow_cores():
    resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def may_allow_cores():
    return resource.getrlimit(resource.RLIMIT_CORE)[1] == resource.RLIM_INFINITY or os.geteuid() == 0


@pytest.mark.skipif(not (pattern_is_plain() and may_allow_cores()), reason="the system keeps no core files here")
def test_a_crash_leaves_no_core_and_prints_no_memory(marked):
    crashes = 0
    for moment in (0.02, 0.05, 0.1, 0.2, 0.4, 0.6):
        process = marked.start(
            *marked.create_arguments(marked.instance, kdf=("--kdf", "8:256")), preexec_fn=allow_cores,
            env=dict(marked.environment, SWIFT_BACKTRACE="enable=yes,interactive=no,color=no"))
        # Before it has begun there is nothing to hide, and nothing has been asked of the kernel.
        while b"Max core file size        0" not in read(process.pid, "limits") and process.poll() is None:
            time.sleep(0.002)
        time.sleep(moment)
        process.send_signal(signal.SIGSEGV)
        output, errors = process.communicate(timeout=60)
        # Swift's own report of a crash shows the memory that the registers point to.
        assert b"Registers:" not in errors and b"Backtrac" not in errors, errors
        crashes += process.returncode == -signal.SIGSEGV
        assert not appears([MARKER, SECRET], output, errors), (output, errors)
        assert not [name for name in os.listdir(marked.folder) if name.startswith("core")]
        shutil.rmtree(marked.state, ignore_errors=True)
        marked.escrow.unlink(missing_ok=True)
    assert crashes >= 3
    # The control: the same crash of an ordinary process leaves a core, and the marker is in it.
    subprocess.run(
        [sys.executable, "-c", "import os, sys; held = sys.stdin.buffer.read(); os.kill(os.getpid(), 11)"],
        input=MARKER.encode(), cwd=marked.folder, preexec_fn=allow_cores)
    cores = [name for name in os.listdir(marked.folder) if name.startswith("core")]
    assert cores and MARKER.encode() in (marked.folder / cores[0]).read_bytes()


def test_nobody_of_the_same_user_may_look_into_it(marked):
    """PR_SET_DUMPABLE is off: its files in /proc belong to root, and its limit of core files is 0."""
    process = marked.start(*marked.create_arguments(marked.instance, kdf=("--kdf", "8:256")))
    try:
        time.sleep(0.2)
        limits = read(process.pid, "limits").decode()
        assert re.search(r"Max core file size +0 +0 ", limits), limits
        if os.geteuid() != 0:
            with pytest.raises(PermissionError):
                open(f"/proc/{process.pid}/mem", "rb")
    finally:
        process.kill()
        process.communicate()

