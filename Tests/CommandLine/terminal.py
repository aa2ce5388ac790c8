"""A person at a terminal, for tests and for the demo: runs a command in a pseudo-terminal, reads what is shown, types."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time


class TerminalSession:
    """A command that runs in a terminal of its own (its controlling one, so that /dev/tty is it)."""

    def __init__(self, command, cwd=None, env=None, size=(24, 80), show=None):
        self.shown = ""  # all that stood on the terminal, never wiped by the command's own clearing
        self.position = 0  # up to where expect() has read
        self.show = show
        self.status = None
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            if cwd:
                os.chdir(cwd)
            os.execvpe(command[0], command, env if env is not None else os.environ)
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))

    def _read(self, timeout):
        ready, _, _ = select.select([self.terminal], [], [], timeout)
        if not ready:
            return False
        try:
            data = os.read(self.terminal, 65536)
        except OSError:  # the other side is closed
            data = b""
        if not data:
            return None
        text = data.decode("utf-8", "replace").replace("\r\n", "\n")
        self.shown += text
        if self.show:
            self.show(text)
        return True

    def expect(self, pattern, timeout=60):
        """Waits until what is shown after the last match fits the pattern; gives the match."""
        end = time.monotonic() + timeout
        while True:
            match = re.compile(pattern, re.S).search(self.shown, self.position)
            if match:
                self.position = match.end()
                return match
            left = end - time.monotonic()
            if left <= 0 or self._read(left) is None:
                raise AssertionError(f"never shown: {pattern!r}; shown: {self.shown!r}")

    def echoes(self):
        """Whether the terminal would show what is typed."""
        return bool(termios.tcgetattr(self.terminal)[3] & termios.ECHO)

    def send(self, text):
        os.write(self.terminal, text.encode())

    def type(self, line):
        self.send(line + "\n")

    def wait(self, timeout=120):
        """Reads to the end and gives the exit status, 128 + n for a signal."""
        end = time.monotonic() + timeout
        while self._read(max(0.0, end - time.monotonic())):
            pass
        if time.monotonic() >= end:
            os.kill(self.pid, signal.SIGKILL)
        _, status = os.waitpid(self.pid, 0)
        os.close(self.terminal)
        self.status = os.waitstatus_to_exitcode(status)
        return self.status
