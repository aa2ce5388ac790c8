"""A person at a terminal, for tests and for the demo: runs a command in a pseudo-terminal, reads what is shown, types."""

import codecs
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time

TIOCGPTN = 0x80045430  # ioctl_tty(2): the number of a pseudo-terminal


class TerminalSession:
    """A command that runs in a terminal of its own (its controlling one, so that /dev/tty is it).

    All three standard streams are the terminal, but for those that `stdin`, `stdout` and `stderr` (descriptors) replace.
    """

    def __init__(self, command, cwd=None, env=None, size=(24, 80), show=None, stdin=None, stdout=None, stderr=None):
        self.shown = ""  # all that stood on the terminal, never wiped by the command's own clearing
        self.position = 0  # up to where expect() has read
        self.show = show
        self.status = None
        self.has_ended = False  # the command let go of the terminal
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._rest = ""
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            try:
                # Before the command can ask for it: whoever has the other end open may set it.
                fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
                for number, replacement in enumerate((stdin, stdout, stderr)):
                    if replacement is not None:
                        os.dup2(replacement, number)
                if cwd:
                    os.chdir(cwd)
                os.execvpe(command[0], command, env if env is not None else os.environ)
            finally:
                os._exit(127)

    def _read(self, timeout):
        """Takes what is there within that time: True; nothing: False; the other side is closed: None."""
        ready, _, _ = select.select([self.terminal], [], [], max(0.0, timeout))
        if not ready:
            return False
        try:
            data = os.read(self.terminal, 65536)
        except OSError:  # the other side is closed
            data = b""
        if not data:
            self.has_ended = True
            return None
        text = self._rest + self._decode(data)
        # CR LF may be cut in two.
        self._rest = "\r" if text.endswith("\r") else ""
        text = text[:len(text) - len(self._rest)].replace("\r\n", "\n")
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

    def settings(self):
        """The terminal's settings, to compare; without the flag of the kernel that input waits to be read again."""
        settings = termios.tcgetattr(self.terminal)
        settings[3] &= ~termios.PENDIN
        return settings

    def keep_open(self):
        """Holds the command's side of the terminal as well, so that its settings outlive the command."""
        number = struct.unpack("I", fcntl.ioctl(self.terminal, TIOCGPTN, bytes(4)))[0]
        return os.open(f"/dev/pts/{number}", os.O_RDWR | os.O_NOCTTY)

    def send(self, text):
        os.write(self.terminal, text.encode())

    def type(self, line):
        self.send(line + "\n")

    def interrupt(self):
        """^C"""
        self.send("\x03")

    def wait(self, timeout=120):
        """Reads to the end and gives the exit status, -n for signal n."""
        end = time.monotonic() + timeout
        while (more := self._read(end - time.monotonic())) is not None and time.monotonic() < end:
            if more is False:
                break
        if time.monotonic() >= end:
            os.kill(self.pid, signal.SIGKILL)
        _, status = os.waitpid(self.pid, 0)
        os.close(self.terminal)
        self.status = os.waitstatus_to_exitcode(status)
        return self.status
