"""Where a passphrase comes from, what counts as the same, and what the terminal shows."""

import os
import pathlib
import re
import stat
import subprocess
import sys
import unicodedata

import pytest
from terminal import TerminalSession
from workbench import PASSPHRASE, contents, leftovers, seal, tool

UMLAUTS = "Grüße aus Ålesund, Čeština naïve 27 Zöpfe"


def opens(bench, *options, **settings):
    bench.succeed("open", bench.escrow, "--into", "out", *options, **settings)
    subprocess.run(["rm", "-r", bench.folder / "out"], check=True)


def creates(bench, made, *options, **settings):
    """An escrow whose passphrase comes from there and is PASSPHRASE."""
    bench.succeed(*bench.create_arguments(made, passphrase=False), *options, **settings)
    assert bench.opened().group("keys") == made.key_files()


# Sources


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_file(bench, made, ending):
    place = bench.file("given", PASSPHRASE + ending)
    creates(bench, made, "--passphrase-file", place)
    opens(bench, "--passphrase-file", place)


@pytest.mark.parametrize("ending", ["\n\n", " \n", "\t", "\r"])
def test_nothing_else_is_stripped_from_a_file(sealed, ending):
    wrong = sealed.file("wrong", PASSPHRASE + ending)
    assert sealed.run("open", sealed.escrow, "--into", "out", "--passphrase-file", wrong).status == 12


def test_descriptor(bench, made):
    creates(bench, made, "--passphrase-fd", "0", stdin_bytes=PASSPHRASE.encode() + b"\n")
    reading, writing = os.pipe()
    os.write(writing, PASSPHRASE.encode())
    os.close(writing)
    opens(bench, "--passphrase-fd", str(reading), pass_fds=[reading])
    os.close(reading)


def test_descriptors_that_are_none(bench, made):
    for number in ("1", "2", "-1", "x", "99999999999999999999"):
        result = bench.run(*bench.create_arguments(made, "--passphrase-fd", number, passphrase=False))
        assert result.status == 64, result
        result.has_two_lines()
    bench.refuse_create(1, made, "--passphrase-fd", "77", passphrase=False, saying="77")


def test_command(bench, made):
    creates(bench, made, "--passphrase-command", "cat passphrase")
    opens(bench, "--passphrase-command", f"printf '%s' '{PASSPHRASE}'")


@pytest.mark.parametrize("command", ["false", "exit 3", "true", "printf '\\n'", "nonexistent-command-here", "kill -9 $$",
                                     "head -c 100000 /dev/zero", "cat passphrase; exit 1"])
def test_commands_that_fail(bench, made, command):
    result = bench.run(*bench.create_arguments(made, "--passphrase-command", command, passphrase=False))
    assert result.status == 1 and not bench.escrow.exists(), result
    assert "provenkey: " in result.errors and "  hint: " in result.errors and not leftovers(bench.folder)


def test_a_command_that_talks_is_heard(bench, made):
    """Its standard error is ours: a password manager says why it failed."""
    result = bench.run(*bench.create_arguments(
        made, "--passphrase-command", "echo locked vault >&2; false", passphrase=False))
    assert result.status == 1 and "locked vault" in result.errors


def test_systemd_credential(bench, made):
    credentials = bench.folder / "credentials"
    credentials.mkdir()
    bench.file("credentials/passphrase", PASSPHRASE + "\n")
    environment = dict(bench.environment, CREDENTIALS_DIRECTORY=str(credentials))
    creates(bench, made, env=environment)
    opens(bench, env=environment)
    # An option counts more.
    wrong = bench.file("wrong", PASSPHRASE + "x")
    assert bench.run("open", bench.escrow, "--into", "out", "--passphrase-file", wrong, env=environment).status == 12


def test_two_sources(bench, made):
    for options in (["--passphrase-fd", "0"], ["--passphrase-command", "cat passphrase"], ["--generate-passphrase"]):
        result = bench.refuse_create(64, made, *options)
        assert "--passphrase-file" in result.problem[0] and options[0] in result.problem[0]


def test_no_source_and_no_terminal(bench, made):
    result = bench.refuse_create(1, made, passphrase=False, saying="terminal")
    assert "--passphrase-file" in result.problem[1]
    bench.refuse_create(1, made, "--generate-passphrase", passphrase=False, saying="terminal")
    bench.create(made)
    bench.refuse(1, "open", bench.escrow, "--into", "out", saying="terminal")


def test_a_file_that_others_can_read_is_told(bench, made):
    assert not [line for line in bench.create(made).warnings if "passphrase" in line]
    bench.passphrase.chmod(0o644)
    result = bench.create(made, output="b.escrow.age", state="b")
    assert [line for line in result.warnings if "passphrase" in line and "600" in line]


def test_files_that_hold_none(bench, made):
    (bench.folder / "folder").mkdir()
    for name, content in (("empty", b""), ("newline", b"\n"), ("crlf", b"\r\n"), ("binary", b"\xff\xfe" * 20),
                          ("long", b"correct horse " * 1000), ("nul", b"\0" * 40)):
        result = bench.run(*bench.create_arguments(
            made, "--passphrase-file", bench.file(name, content), passphrase=False))
        assert result.status == 1 and not bench.escrow.exists(), (name, result)
        result.has_two_lines()
    for name in ("folder", "nowhere"):
        bench.refuse_create(1, made, "--passphrase-file", name, passphrase=False, saying=name)


def test_a_pipe_as_a_file(bench, made):
    """As a shell's <(…) gives it."""
    reading, writing = os.pipe()
    os.write(writing, PASSPHRASE.encode() + b"\n")
    os.close(writing)
    creates(bench, made, "--passphrase-file", f"/dev/fd/{reading}", pass_fds=[reading])
    os.close(reading)


def test_a_pipe_that_nobody_writes_to_can_be_interrupted(sealed):
    os.mkfifo(sealed.folder / "pipe")
    process = sealed.start("open", sealed.escrow, "--into", "out", "--passphrase-file", sealed.folder / "pipe")
    try:
        process.wait(timeout=0.7)
    except subprocess.TimeoutExpired:
        process.send_signal(2)
    process.communicate(timeout=10)
    assert process.returncode in (1, 130, -2) and not (sealed.folder / "out").exists()


def test_dev_zero_as_a_file_ends(bench, made):
    bench.refuse(1, *bench.create_arguments(made, "--passphrase-file", "/dev/zero", passphrase=False), timeout=10)


# Strength


@pytest.mark.parametrize("text", ["password", "Passw0rd!2024", "qwertyuiop asdfgh", "aaaaaaaaaaaaaaaaaaaa", "x"])
def test_weak_passphrases(bench, made, text):
    weak = bench.file("weak", text + "\n")
    bench.refuse_create(1, made, "--passphrase-file", weak, passphrase=False, saying=["weak", "--weak-passphrase"])
    bench.succeed(*bench.create_arguments(made, "--passphrase-file", weak, "--weak-passphrase", passphrase=False))
    opens(bench, "--passphrase-file", weak)


def test_an_empty_passphrase_is_never_taken(bench, made):
    empty = bench.file("empty", "\n")
    bench.refuse_create(1, made, "--passphrase-file", empty, "--weak-passphrase", passphrase=False, saying="empty")


# The same text


@pytest.mark.parametrize("sealing,opening", [("NFC", "NFD"), ("NFD", "NFC")])
def test_composed_and_decomposed_letters_are_the_same(bench, made, sealing, opening):
    assert unicodedata.normalize("NFC", UMLAUTS) != unicodedata.normalize("NFD", UMLAUTS)
    one = bench.file("one", unicodedata.normalize(sealing, UMLAUTS))
    other = bench.file("other", unicodedata.normalize(opening, UMLAUTS) + "\n")
    bench.succeed(*bench.create_arguments(made, "--passphrase-file", one, passphrase=False))
    opens(bench, "--passphrase-file", other)
    for form in ("NFC", "NFD"):
        assert bench.opened(passphrase=unicodedata.normalize(form, UMLAUTS)).group("keys")


def test_compatible_letters_are_not_the_same(bench, made):
    """NFC, not NFKC: a ligature is another letter."""
    bench.succeed(*bench.create_arguments(
        made, "--passphrase-file", bench.file("one", "ﬁnal " + PASSPHRASE), passphrase=False))
    wrong = bench.file("two", "final " + PASSPHRASE)
    assert bench.run("open", bench.escrow, "--into", "out", "--passphrase-file", wrong).status == 12


def test_the_longest_passphrase(bench, made):
    text = "".join(chr(0x4E00 + number * 37 % 5000) for number in range(341))  # 1023 bytes
    creates_with = bench.file("long", text)
    bench.succeed(*bench.create_arguments(made, "--passphrase-file", creates_with, passphrase=False))
    opens(bench, "--passphrase-file", creates_with)
    assert bench.opened(passphrase=text).group("keys")


def test_a_passphrase_as_long_as_the_format_allows_opens(bench):
    """format.md: 1 to 4096 bytes. Whoever wrote the file, a reader of format 1 opens it."""
    text = "long passphrase " * 256
    assert len(text) == 4096
    escrow = seal.Escrow(text, passes=1, memory_kib=8)
    bench.escrow.write_bytes(escrow.seal([("config/config.php", b"x")]))
    opens(bench, "--passphrase-file", bench.file("long", text + "\n"))


# At the terminal


class AtTerminal:
    """A command in a pseudo-terminal, with its standard output and error in files of their own."""

    def __init__(self, bench, *arguments, **settings):
        self.output = open(bench.folder / "terminal-output", "w+b")
        self.errors = open(bench.folder / "terminal-errors", "w+b")
        self.session = TerminalSession(
            [tool(), *map(str, arguments)], cwd=bench.folder, env=dict(bench.environment, TERM="xterm-256color"),
            stdout=self.output.fileno(), stderr=self.errors.fileno(), **settings)

    def __getattr__(self, name):
        return getattr(self.session, name)

    def streams(self):
        """What went to standard output and error."""
        found = []
        for file in (self.output, self.errors):
            file.seek(0)
            found.append(file.read().decode())
        return found

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.output.close()
        self.errors.close()
        if self.session.status is None:
            os.kill(self.session.pid, 9)
            self.session.wait()


def test_prompt(bench, made):
    with AtTerminal(bench, *bench.create_arguments(made, passphrase=False)) as person:
        person.expect("New passphrase: ")
        assert not person.echoes()
        person.type("password1")
        person.expect("too weak")
        person.expect("New passphrase: ")
        person.type(PASSPHRASE)
        person.expect("The same again: ")
        person.type(PASSPHRASE + "x")
        person.expect("not the same")
        person.expect("New passphrase: ")
        person.type(PASSPHRASE)
        person.expect("The same again: ")
        assert not person.echoes()
        person.type(PASSPHRASE)
        assert person.wait() == 0, (person.shown, person.streams())
        assert PASSPHRASE not in person.shown + "".join(person.streams())
    with AtTerminal(bench, "open", bench.escrow, "--into", "out") as person:
        question = person.expect("Passphrase for ([^:]*): ")
        assert "cloud.escrow.age" in question[1] and not person.echoes()
        person.type(PASSPHRASE)
        assert person.wait() == 0
        assert PASSPHRASE not in person.shown + "".join(person.streams())
    assert contents(bench.folder / "out") == bench.opened().members


def test_mistyped_three_times(bench, made):
    with AtTerminal(bench, *bench.create_arguments(made, passphrase=False)) as person:
        for attempt in range(3):
            person.expect("New passphrase: ")
            person.type(PASSPHRASE)
            person.expect("The same again: ")
            person.type(f"{PASSPHRASE}{attempt}")
        assert person.wait() == 1
        assert "  hint: " in person.streams()[1]
    assert not bench.escrow.exists() and not bench.state.exists() or not (bench.state / "escrow.json").exists()


def test_a_wrong_passphrase_at_the_terminal(sealed):
    with AtTerminal(sealed, "open", sealed.escrow, "--into", "out") as person:
        person.expect("Passphrase for [^:]*: ")
        person.type(PASSPHRASE[::-1])
        assert person.wait() == 12
    assert not (sealed.folder / "out").exists()


@pytest.mark.parametrize("moment", ["New passphrase: ", "The same again: "])
def test_an_interrupt_gives_the_terminal_back(bench, made, moment):
    with AtTerminal(bench, *bench.create_arguments(made, passphrase=False)) as person:
        before = person.settings()
        person.expect("New passphrase: ")
        if moment != "New passphrase: ":
            person.type(PASSPHRASE)
            person.expect(moment)
        person.send("half a passphr")
        assert not person.echoes()
        person.keep_open()
        person.interrupt()
        _, status = os.waitpid(person.pid, 0)
        assert os.waitstatus_to_exitcode(status) == 130
        assert person.settings()[:4] == before[:4] and person.echoes()
        person.session.status = 130
        assert "half a" not in person.shown + "".join(person.streams())
    assert not bench.escrow.exists() and not leftovers(bench.folder)


def test_an_input_that_ends(bench, made):
    with AtTerminal(bench, *bench.create_arguments(made, passphrase=False)) as person:
        person.expect("New passphrase: ")
        person.send("\x04")
        assert person.wait() == 1
    assert not bench.escrow.exists()


def test_a_terminal_is_no_descriptor_to_read_from(bench, made):
    with AtTerminal(bench, *bench.create_arguments(made, "--passphrase-fd", "0", passphrase=False)) as person:
        assert person.wait() == 64
        assert "terminal" in person.streams()[1]


# Ten words


def words_on(screen):
    found = dict(re.findall(r"(?<!\S)(\d{1,2}) ([a-z]{4,8})(?!\S)", screen))
    assert sorted(map(int, found)) == list(range(1, 11)), screen
    return [found[str(number)] for number in range(1, 11)]


def answer(person, words):
    numbers = []
    for _ in range(2):
        numbers.append(int(person.expect(r"\bWord (\d+): ")[1]))
        person.type(words[numbers[-1] - 1])
    assert numbers[0] != numbers[1]


@pytest.mark.parametrize("columns", [20, 80, 200])
def test_generated(bench, made, columns):
    with AtTerminal(bench, *bench.create_arguments(made, "--generate-passphrase", passphrase=False),
                    size=(24, columns)) as person:
        words = words_on(person.expect("all ten words:(.*)Press Enter when they are written down: ")[1])
        assert not person.echoes()
        person.type("")
        # They are taken off the screen before anything else is asked.
        person.expect(r"\x1b\[\d+A\x1b\[J")
        answer(person, words)
        assert person.wait() == 0, (person.shown, person.streams())
        output, errors = person.streams()
        for word in words:
            assert not re.search(rf"\b{word}\b", output + errors) or word in ("provenkey", "escrow"), (word, output, errors)
        assert " ".join(words) not in person.shown
    assert bench.opened(passphrase=" ".join(words)).group("keys") == made.key_files()
    for path, data in contents(bench.folder).items():
        assert " ".join(words).encode() not in data, path


def test_generated_passphrases_differ(bench, made):
    seen = set()
    for _ in range(3):
        with AtTerminal(bench, *bench.create_arguments(made, "--generate-passphrase", passphrase=False)) as person:
            seen.add(tuple(words_on(person.expect("all ten words:(.*)Press Enter")[1])))
            person.interrupt()
            assert person.wait() == 130
    assert len(seen) == 3 and not bench.escrow.exists()


def test_generated_and_not_written_down(bench, made):
    with AtTerminal(bench, *bench.create_arguments(made, "--generate-passphrase", passphrase=False)) as person:
        for _ in range(3):
            person.expect("all ten words:(.*)Press Enter when they are written down: ")
            person.type("")
            person.expect(r"\bWord (\d+): ")
            person.type("wrong")
        assert person.wait() == 1
    assert not bench.escrow.exists() and not leftovers(bench.folder)


def test_the_person_of_the_demo(bench, made):
    """scripts/demo-terminal.py reads the words off the screen, types two back and keeps the passphrase in a file."""
    script = pathlib.Path(__file__).resolve().parent.parent.parent / "scripts" / "demo-terminal.py"
    arguments = bench.create_arguments(made, "--generate-passphrase", passphrase=False)
    done = subprocess.run(
        [sys.executable, script, bench.folder / "words", tool(), *map(str, arguments)], capture_output=True, text=True,
        env=bench.environment, cwd=bench.folder, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done
    assert "Write down all ten words" in done.stdout and "\x1b" not in done.stdout
    words = (bench.folder / "words").read_text().strip()
    assert len(words.split(" ")) == 10 and stat.S_IMODE((bench.folder / "words").stat().st_mode) == 0o600
    opens(bench, "--passphrase-file", bench.folder / "words")
    # What goes wrong comes out with the command's own words and status.
    done = subprocess.run(
        [sys.executable, script, bench.folder / "other", tool(), "inspect", "x", "--nonsense"], capture_output=True, text=True,
        env=bench.environment, cwd=bench.folder, stdin=subprocess.DEVNULL)
    assert done.returncode == 64 and "--nonsense" in done.stdout and "^C" not in done.stdout and not (bench.folder / "other").exists()
