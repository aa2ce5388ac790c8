#!/usr/bin/env python3
"""Be the person at the terminal for `provenkey create … --generate-passphrase`, for the demo.

    demo-terminal.py PASSPHRASE_OUT COMMAND…

Runs the command in a pseudo-terminal and shows what it shows there. The ten words are read off the screen, the two that
the command asks for are typed back, and the passphrase is written to PASSPHRASE_OUT, a new file with mode 0600. Only a
demo may do that: a person writes the words on paper. The exit status is the command's.
"""

import os
import pathlib
import re
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "Tests" / "CommandLine"))
sys.dont_write_bytecode = True

from terminal import TerminalSession  # noqa: E402

WORDS = 10
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


def show(text):
    """What stands on the person's terminal; where ours is none, without the codes that move its cursor."""
    sys.stdout.write(text if sys.stdout.isatty() else CONTROL.sub("", text))
    sys.stdout.flush()


def words_in(screen):
    """The numbered words, in their order."""
    found = {int(number): word for number, word in re.findall(r"(?<!\S)(\d{1,2}) ([a-z]{4,8})(?!\S)", screen)}
    if sorted(found) != list(range(1, WORDS + 1)):
        raise AssertionError(f"the screen does not show {WORDS} numbered words")
    return [found[number] for number in range(1, WORDS + 1)]


def main(arguments):
    if len(arguments) < 2:
        print("usage: demo-terminal.py PASSPHRASE_OUT COMMAND…", file=sys.stderr)
        return 64
    place, command = arguments[0], arguments[1:]
    size = shutil.get_terminal_size((80, 24))
    environment = dict(os.environ, TERM=os.environ.get("TERM") or "xterm")
    session = TerminalSession(command, env=environment, size=(size.lines, size.columns), show=show)
    try:
        screen = session.expect(r"Write down all ten words:(.*)Press Enter when they are written down: ")
        words = words_in(screen.group(1))
        session.type("")
        for _ in range(2):
            number = int(session.expect(r"\bWord (\d+): ").group(1))
            show("(typed, and not shown)")
            session.type(words[number - 1])
        session.expect(r"\n")
    except AssertionError as problem:
        # It ended without asking, and its own words say why; or it asks for something else: ^C.
        if not session.has_ended:
            session.interrupt()
        status = session.wait()
        if status == 0:
            print(f"demo-terminal: {str(problem).split('; shown')[0]}", file=sys.stderr)
        return status or 1
    with open(place, "x", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        file.write(" ".join(words) + "\n")
    status = session.wait()
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
