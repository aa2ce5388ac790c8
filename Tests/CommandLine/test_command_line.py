"""The contract of the command line: help, usage, exit statuses, streams."""

import os
import re
import resource
import subprocess
import sys

import pytest
from workbench import FAST, Run, contents, leftovers, seal, tool

COMMANDS = ["create", "refresh", "open", "inspect"]


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["help"], *([command, "--help"] for command in COMMANDS),
                                       *(["help", command] for command in COMMANDS)], ids=" ".join)
def test_help(bench, arguments):
    result = bench.run(*arguments)
    assert result.status == 0 and result.errors == "", result
    assert re.search(r"exit status", result.output, re.I)
    statuses = re.findall(r"^ +(\d+)  ", result.output, re.M)
    # What is quick and writes nothing needs no status of its own for ^C.
    assert {"0", "1", "64"} <= set(statuses) and ("130" in statuses or "inspect" in arguments)
    assert max(len(line) for line in result.output.splitlines() if not line.startswith("USAGE: ")) <= 120
    assert "\t" not in result.output and "TODO" not in result.output


def test_help_of_the_program_names_every_command(bench):
    text = bench.succeed("--help").output
    for command in COMMANDS:
        assert re.search(rf"^ +{command}\b", text, re.M)


@pytest.mark.parametrize("command,options", [
    ("create", ["--instance", "--output", "--data", "--objects", "--database-snapshot", "--embed-database", "--include",
                "--recovery-password-file", "--recipient", "--allow-incomplete", "--state", "--kdf", "--armor", "--json",
                "--progress", "--passphrase-file", "--passphrase-fd", "--passphrase-command", "--generate-passphrase",
                "--weak-passphrase"]),
    ("refresh", ["--state", "--database-snapshot", "--json"]),
    ("open", ["--into", "--passphrase-file", "--passphrase-fd", "--passphrase-command", "--identity",
              "--accept-unproven-signer", "--json"]),
    ("inspect", ["--json"])])
def test_every_option_is_in_the_help(bench, command, options):
    text = bench.succeed(command, "--help").output
    for option in options:
        assert re.search(rf"(?<![\w-]){option}(?![\w-])", text), option


def test_the_statuses_of_open_are_told(bench):
    assert re.search(r"^ +12 ", bench.succeed("open", "--help").output, re.M)
    assert re.search(r"^ +3 ", bench.succeed("create", "--help").output, re.M)


def test_version(bench):
    assert re.fullmatch(r"provenkey \d+\.\d+\.\d+\S*\n", bench.succeed("--version").output)


@pytest.mark.parametrize("arguments", [
    ["--nonsense"], ["nonsense"], ["create", "--nonsense"], ["create"], ["create", "--instance"], ["open"],
    ["open", "x"], ["open", "x", "y", "--into", "z"], ["refresh", "a", "b"], ["inspect"], ["inspect", "a", "b"],
    ["create", "--kdf", "x"], ["create", "--progress", "loud"], ["open", "--into"], ["-x"]], ids=" ".join)
def test_wrong_usage(bench, arguments):
    result = bench.refuse(64, *arguments)
    assert "--help" in result.problem[1]


@pytest.mark.parametrize("cost", ["", "1", "1:", ":8", "0:8", "1:0", "-1:8", "33:8", "1:4097", "1:8:1", "1.5:8", "1:8MiB",
                                  "99999999999999999999:8", "1:99999999999999999999", " 1:8", "１:８"])
def test_costs_that_are_none(bench, made, cost):
    result = bench.refuse_create(64, made, kdf=("--kdf", cost), saying="kdf")
    assert result.status == 64


@pytest.mark.parametrize("cost", ["1:8", "32:8", "2:64", "1:128"])
def test_costs_that_protect_nothing(bench, made, cost):
    """Said before the passphrase is asked for, as everything about the command line is."""
    marker = bench.folder / "asked"
    result = bench.refuse_create(
        64, made, "--passphrase-command", f"touch '{marker}'; cat passphrase", passphrase=False, kdf=("--kdf", cost))
    assert "64 MiB" in " ".join(result.problem) and not marker.exists()


def test_no_arguments_at_all(bench):
    result = bench.run()
    assert result.status in (0, 64)
    assert "create" in result.output + result.errors


@pytest.mark.parametrize("value", ["--output", "--instance", "--into"])
def test_empty_paths(bench, made, value):
    words = (["open", made.config, "--into", ""] if value == "--into" else
             ["create", "--instance", "" if value == "--instance" else made.folder,
              "--output", "" if value == "--output" else bench.escrow, "--state", bench.state,
              "--passphrase-file", bench.passphrase, *FAST])
    result = bench.run(*words)
    assert result.status in (1, 64), result
    result.has_two_lines()
    assert not bench.escrow.exists()


def test_an_output_that_is_not_called_escrow(bench, made):
    """The name is a convention that inspection, stores and people rely on."""
    result = bench.run(*bench.create_arguments(made, output="keys.bin"))
    if result.status == 0:
        assert bench.opened(bench.folder / "keys.bin").group("keys") == made.key_files()
    else:
        assert result.status == 64 and ".escrow.age" in " ".join(result.has_two_lines().problem)


# Streams


def test_an_answer_goes_to_standard_output_and_nothing_else_does(bench, made, sealed_once):
    result = bench.create(made)
    assert "cloud.escrow.age" in result.output
    assert all(line.startswith("provenkey: warning: ") for line in result.errors.splitlines())
    assert bench.succeed("inspect", sealed_once.escrow).errors == ""


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["inspect", "ESCROW"], ["inspect", "ESCROW", "--json"]],
                         ids=" ".join)
def test_a_full_standard_output(bench, sealed_once, arguments):
    words = [str(sealed_once.escrow) if word == "ESCROW" else word for word in arguments]
    with open("/dev/full", "wb") as full:
        result = bench.run(*words, stdout=full)
    assert result.status == 1 and len(result.problem) == 2, result
    assert "output" in result.problem[0]


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["inspect", "ESCROW"]], ids=" ".join)
def test_a_closed_standard_output(bench, sealed_once, arguments):
    words = [str(sealed_once.escrow) if word == "ESCROW" else word for word in arguments]
    result = bench.run(*words, preexec_fn=lambda: os.close(1))
    assert result.status == 1 and len(result.problem) == 2, result


@pytest.mark.parametrize("arguments", [["--help"], ["inspect", "ESCROW", "--json"]], ids=" ".join)
def test_a_reader_that_left(bench, sealed_once, arguments):
    words = [str(sealed_once.escrow) if word == "ESCROW" else word for word in arguments]
    reading, writing = os.pipe()
    os.close(reading)
    result = bench.run(*words, stdout=writing)
    os.close(writing)
    assert result.status == 0 and result.errors == "", result


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)], ids=str)
def test_closed_streams_never_reach_a_file(bench, made, closed):
    """A file that is opened then gets number 0, 1 or 2: answers and warnings must not land in it."""
    def close():
        for number in closed:
            os.close(number)

    for arguments in (bench.create_arguments(made), ["refresh", "--state", bench.state],
                      ["open", bench.escrow, "--into", "out", "--passphrase-file", bench.passphrase]):
        status = bench.run(*arguments, preexec_fn=close).status
        assert status in (0, 1), status
        assert status == 0 or 1 in closed
        for path in (bench.state / "escrow.json", bench.state / "signing.key", bench.state / "lock"):
            assert b"provenkey:" not in path.read_bytes() and b"cloud.escrow.age\n" not in path.read_bytes(), path
        if bench.escrow.exists():
            assert bench.opened().group("keys") == made.key_files()
        else:
            bench.create(made)
    if (bench.folder / "out").exists():
        assert contents(bench.folder / "out") == bench.opened().members
    assert not leftovers(bench.folder)


def test_what_was_sealed_stands_although_it_could_not_be_told(bench, made):
    with open("/dev/full", "wb") as full:
        result = bench.run(*bench.create_arguments(made), stdout=full)
    assert result.status == 1 and bench.opened().group("keys") == made.key_files()
    bench.refresh()


def test_a_full_standard_error(bench, made):
    with open("/dev/full", "wb") as full:
        assert bench.run(*bench.create_arguments(made), stderr=full).status == 0
        assert bench.run("inspect", "nowhere", stderr=full).status == 1


def test_no_colours_and_no_cursor_codes_where_there_is_no_terminal(bench, made):
    environment = dict(bench.environment, TERM="xterm-256color", CLICOLOR_FORCE="0")
    result = bench.create(made, env=environment)
    assert "\x1b" not in result.output + result.errors and "\r" not in result.output + result.errors


def test_in_any_locale_and_with_a_strange_environment(bench, made, sealed_once):
    for environment in ({}, {"LANG": "C"}, {"LC_ALL": "tr_TR.UTF-8"}, {"LC_ALL": "nonsense"}, {"HOME": ""},
                        {"TMPDIR": "/nowhere"}, {"XDG_STATE_HOME": "relative"}, {"CREDENTIALS_DIRECTORY": "/nowhere"}):
        result = bench.run("open", sealed_once.escrow, "--into", "out", "--passphrase-file", bench.passphrase,
                           env=environment)
        assert result.status == 0, (environment, result)
        subprocess.run(["rm", "-r", bench.folder / "out"], check=True)


def test_too_little_memory_gives_a_clear_line(bench, sealed_once):
    """An escrow whose passphrase costs more memory than may be had."""
    # Not sealed with that cost for real: the memory must be asked for before the passphrase can turn out wrong.
    data = seal.Escrow("x" * 30, passes=1, memory_kib=8).seal([("config/config.php", b"x")])
    bench.escrow.write_bytes(data.replace(b" 1 8 1\n", b" 1 1048576 1\n", 1))
    result = bench.run(
        "open", bench.escrow, "--into", "out", "--passphrase-file", bench.passphrase,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (700 << 20, 700 << 20)))
    assert result.status == 1, result
    assert "memory" in result.has_two_lines().problem[0]


def test_the_working_folder_may_be_gone(bench, sealed_once):
    gone = bench.folder / "gone"
    gone.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", "import os, sys; os.rmdir(os.getcwd()); os.execv(sys.argv[1], sys.argv[1:])", tool(),
         "inspect", sealed_once.escrow], cwd=gone, capture_output=True, env=bench.environment)
    run = Run(done.returncode, done.stdout, done.stderr)
    assert run.status == 0, run
