"""What others on the machine could see of a running process: arguments, environment, and memory as a core would hold it."""

import os
import re
import threading
import time


def children(pid):
    found = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children") as file:
                found += [int(child) for child in file.read().split()]
    except OSError:
        pass
    return found


def family(pid):
    """The process and all its descendants."""
    found = [pid]
    for process in found:
        found += [child for child in children(process) if child not in found]
    return found


def read(pid, name):
    try:
        with open(f"/proc/{pid}/{name}", "rb") as file:
            return file.read()
    except OSError:
        return b""


class Watcher(threading.Thread):
    """Collects arguments and environment of a process and all its descendants for as long as it runs."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid = pid
        self.seen = {}  # pid: set of bytes
        self.is_over = threading.Event()
        self.start()

    def run(self):
        while not self.is_over.is_set():
            for pid in family(self.pid):
                self.seen.setdefault(pid, set()).update({read(pid, "cmdline"), read(pid, "environ")})
            time.sleep(0.001)

    def finish(self):
        self.is_over.set()
        self.join()
        return b"\n".join(data for group in self.seen.values() for data in group)


def dumped_regions(pid):
    """The memory that a core dump would hold: what was written to, and is not marked as not to be dumped (`dd`)."""
    regions, region, anonymous = [], None, 0
    for line in read(pid, "smaps").decode(errors="replace").splitlines():
        start = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+)", line)
        if start:
            region = (int(start[1], 16), int(start[2], 16), start[3])
        elif line.startswith("Anonymous:"):
            anonymous = int(line.split()[1])
        elif line.startswith("VmFlags:") and region:
            if anonymous and "r" in region[2] and "dd" not in line.split()[1:]:
                regions.append(region[:2])
    return regions


def found_in_memory(pid, needles):
    """Which of these byte strings a core of the process would hold; the process should be stopped."""
    found, scanned = set(), 0
    try:
        with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
            for start, end in dumped_regions(pid):
                rest = b""
                for place in range(start, end, 8 << 20):
                    try:
                        data = os.pread(memory.fileno(), min(8 << 20, end - place), place)
                    except OSError:
                        break
                    scanned += len(data)
                    found |= {needle for needle in needles if needle in rest + data}
                    rest = data[-256:]
    except OSError:
        pass
    return found, scanned


def encodings(text):
    """A secret in the forms in which a program may hold it: halves of its UTF-8, UTF-16 and code points of 4 bytes.

    Halves, since what is left of a copy in freed memory has lost its beginning, and of one in a register its end.
    """
    data = text.encode()
    return {data[:len(data) // 2], data[len(data) // 2:], text.encode("utf-16-le"), text.encode("utf-32-le")}


def is_stopped(pid):
    """Whether every thread has stopped."""
    for thread in os.listdir(f"/proc/{pid}/task"):
        if read(pid, f"task/{thread}/stat").rpartition(b") ")[2][:1] not in b"tT":
            return False
    return True
