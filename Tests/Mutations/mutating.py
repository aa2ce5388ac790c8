"""Single mutations, drawn from a seed: what is changed, how, and in which of the samples."""

import contextlib
import dataclasses
import os
import pathlib
import random
import sqlite3
import tempfile

HEADER = BLOCK = 8192


@dataclasses.dataclass
class Mutation:
    ground: str
    snapshot: str
    # Whether it is made before sealing (`source`) or in the backup afterwards.
    when: str
    place: str
    kind: str
    detail: str
    # Path below the instance to new bytes, or to None for a file that is gone.
    changes: dict


class Nothing(Exception):
    """This kind does not apply to what was drawn; another one is drawn."""


def block_parts(content):
    """Named ranges of an encrypted file."""
    end = content.find(b"HEND", 0, HEADER) + 4
    parts = {"header": [(0, end)], "padding": [(end, HEADER)]}
    for start in range(HEADER, len(content), BLOCK):
        stop = min(start + BLOCK, len(content))
        block = content[start:stop]
        if b"00sig00" in block[-93:]:
            cut = stop - 96
            parts.setdefault("signature", []).append((cut + 29, cut + 93))
            tags = [(cut, cut + 6), (cut + 22, cut + 29), (cut + 93, cut + 96)]
        else:
            cut = stop - 24
            tags = [(cut, cut + 6), (cut + 22, cut + 24)]
        parts.setdefault("ciphertext", []).append((start, cut))
        parts.setdefault("iv", []).append((cut + 6, cut + 22))
        parts.setdefault("tags", []).extend(tags)
    return {name: [item for item in ranges if item[1] > item[0]] for name, ranges in parts.items()}


def flip(data, position, chance):
    bit = chance.randrange(8)
    changed = bytearray(data)
    changed[position] ^= 1 << bit
    return bytes(changed), f"bit {bit} of byte {position}"


def overwrite(data, position, chance, filling=None, longest=64):
    length = chance.randint(1, min(longest, len(data) - position))
    new = bytes(length) if filling == 0 else chance.randbytes(length)
    return data[:position] + new + data[position + length:], f"{length} bytes at {position}"


def bytes_changed(data, kind, chance, ranges=None, block=BLOCK):
    """A change within one file's bytes; `ranges` says where, for changes that have a place."""
    if not data:
        raise Nothing
    if ranges is None:
        ranges = [(0, len(data))]
    start, stop = chance.choice(ranges)
    position = chance.randrange(start, stop)
    if kind == "bit flip":
        return flip(data, position, chance)
    if kind == "overwriting":
        return overwrite(data, position, chance)
    if kind == "zero fill":
        return overwrite(data, position, chance, 0, chance.choice([1, 64, 512, 4096, 8192]))
    if kind == "truncation":
        size = chance.randrange(len(data))
        return data[:size], f"to {size} of {len(data)} bytes"
    if kind == "truncation at a block":
        sizes = [size for size in range(0, len(data), block)]
        size = chance.choice(sizes)
        return data[:size], f"to {size} of {len(data)} bytes"
    if kind == "swap of two blocks":
        blocks = list(range(0, len(data) - block + 1, block))
        if len(blocks) < 2:
            raise Nothing
        one, two = sorted(chance.sample(blocks, 2))
        changed = (data[:one] + data[two:two + block] + data[one + block:two] + data[one:one + block]
                   + data[two + block:])
        return changed, f"blocks at {one} and {two}"
    if kind == "block removed":
        blocks = list(range(0, len(data) - block + 1, block))
        if len(blocks) < 2:
            raise Nothing
        one = chance.choice(blocks)
        return data[:one] + data[one + block:], f"block at {one}"
    raise AssertionError(kind)


IN_A_FILE = ["bit flip"] * 6 + ["overwriting"] * 3 + ["zero fill"] * 2 + ["truncation"] * 2
BETWEEN_FILES = ["deletion", "swap of two files", "another file instead", "another instance's file"]


class Drawing:
    """Draws mutations of prepared grounds: the same seed and number, the same mutation."""

    def __init__(self, seed, grounds, others_of, has_php=True):
        self.seed = seed
        self.grounds = grounds
        self.others_of = others_of
        # Without PHP nobody says what a damaged configuration means.
        self.weights = [46, 15, 25, 6 if has_php else 0, 6, 2]

    def draw(self, number):
        for attempt in range(1000):
            chance = random.Random(f"{self.seed}:{number}:{attempt}")
            ground = self.grounds[chance.choice(sorted(self.grounds))]
            place = chance.choices(
                ["content", "file key", "snapshot", "config", "key pair", "key pair in the backup"],
                self.weights)[0]
            try:
                mutation = getattr(self, "_" + place.split(" in ")[0].replace(" ", "_"))(ground, chance, place)
            except Nothing:
                continue
            if any(ground.read(path) != data for path, data in mutation.changes.items()):
                return mutation
        raise AssertionError("nothing can be drawn")

    def _between(self, ground, paths, kind, chance):
        path = chance.choice(paths)
        if kind == "deletion":
            return path, {path: None}, path
        if kind == "another instance's file":
            other = self.others_of(ground, path)
            if other is None:
                raise Nothing
            return path, {path: other}, path
        second = chance.choice(paths)
        one, two = ground.read(path), ground.read(second)
        if one == two:
            raise Nothing
        changes = {path: two} | ({second: one} if kind == "swap of two files" else {})
        return path, changes, f"{path} and {second}"

    def _snapshot_for(self, ground, chance):
        """Some form of a snapshot, for what is not about the snapshot."""
        return chance.choice(ground.snapshots())

    def _content(self, ground, chance, place):
        kind = chance.choice(IN_A_FILE + ["truncation at a block", "swap of two blocks", "block removed",
                                          "older version instead", *BETWEEN_FILES])
        snapshot = self._snapshot_for(ground, chance)
        if kind == "older version instead":
            path = chance.choice(ground.content_paths)
            versions = ground.versions_of(path)
            if not versions:
                raise Nothing
            version = chance.choice(versions)
            changes, detail = {path: ground.read(version)}, f"{path} as {version}"
        elif kind in BETWEEN_FILES:
            path, changes, detail = self._between(ground, ground.content_paths, kind, chance)
        else:
            path = chance.choice(ground.content_paths)
            data = ground.read(path)
            ranges = None
            if ground.is_encrypted(path):
                parts = {name: ranges for name, ranges in block_parts(data).items() if ranges}
                if kind in ("bit flip", "overwriting", "zero fill"):
                    part = chance.choice(sorted(parts))
                    ranges = parts[part]
                    place = f"content: {part}"
            changed, detail = bytes_changed(data, kind, chance, ranges)
            changes, detail = {path: changed}, f"{path}: {detail}"
        if place == "content":
            place = "content: whole files" if kind in BETWEEN_FILES or kind.startswith("older") else (
                "content: blocks" if ground.is_encrypted(path) else "content: plain")
        return Mutation(ground.name, snapshot, "backup", place, kind, detail, changes)

    def _file_key(self, ground, chance, place):
        kind = chance.choice(IN_A_FILE + BETWEEN_FILES)
        snapshot = self._snapshot_for(ground, chance)
        if kind in BETWEEN_FILES:
            path, changes, detail = self._between(ground, ground.key_paths, kind, chance)
        else:
            path = chance.choice(ground.key_paths)
            changed, detail = bytes_changed(ground.read(path), kind, chance)
            changes, detail = {path: changed}, f"{path}: {detail}"
        return Mutation(ground.name, snapshot, "backup", place, kind, detail, changes)

    def _key_pair(self, ground, chance, place):
        kind = chance.choice(IN_A_FILE + BETWEEN_FILES)
        paths = ground.pair_paths
        if kind in BETWEEN_FILES:
            path, changes, detail = self._between(ground, paths, kind, chance)
        else:
            path = chance.choice(paths)
            changed, detail = bytes_changed(ground.read(path), kind, chance)
            changes, detail = {path: changed}, f"{path}: {detail}"
        when = "backup" if place.endswith("backup") else "source"
        return Mutation(ground.name, ground.snapshots()[0], when, place, kind, detail, changes)

    def _config(self, ground, chance, place):
        paths = sorted(ground.relative(path) for path in (ground.place / "config").iterdir())
        kind = chance.choice(IN_A_FILE + ["deletion", "another instance's file", "line removed", "in a secret"])
        if kind in ("deletion", "another instance's file"):
            path, changes, detail = self._between(ground, paths, kind, chance)
        else:
            path = chance.choice(paths)
            data = ground.read(path)
            if kind == "line removed":
                lines = data.splitlines(keepends=True)
                line = chance.randrange(len(lines))
                changed, detail = b"".join(lines[:line] + lines[line + 1:]), f"line {line + 1}"
            elif kind == "in a secret":
                found = [data.find(str(ground.config[key]).encode()) for key in ("secret", "instanceid")]
                ranges = [(start, start + 12) for start in found if start >= 0]
                if not ranges:
                    raise Nothing
                changed, detail = bytes_changed(data, "bit flip", chance, ranges)
                kind = "bit flip"
            else:
                changed, detail = bytes_changed(data, kind, chance)
            changes, detail = {path: changed}, f"{path}: {detail}"
        return Mutation(ground.name, ground.snapshots()[0], "source", place, kind, detail, changes)

    # Snapshots

    def _snapshot(self, ground, chance, place):
        name = chance.choice(ground.snapshots())
        if name.startswith("log."):
            return self._log(ground, chance, name)
        data = ground.read(name)
        if name.endswith(".sqlite3"):
            return self._sqlite(ground, chance, name, data)
        if name.endswith((".gz", ".dump")):
            kind = chance.choice(IN_A_FILE + ["another instance's file"])
            place = f"snapshot: {'gzip' if name.endswith('.gz') else 'custom format'}"
        else:
            kind = chance.choice(IN_A_FILE + ["line removed", "line twice", "swap of two lines", "digit changed",
                                              "another instance's file"])
            place = "snapshot: dump"
        if kind == "another instance's file":
            other = self.others_of(ground, name)
            if other is None:
                raise Nothing
            changed, detail = other, "all of it"
        elif kind in ("line removed", "line twice", "swap of two lines"):
            lines = data.splitlines(keepends=True)
            one = self._line(lines, chance)
            two = one if kind != "swap of two lines" else self._line(lines, chance)
            detail = f"line {one + 1}" + (f" and {two + 1}" if two != one else "")
            if kind == "line removed":
                changed = b"".join(lines[:one] + lines[one + 1:])
            elif kind == "line twice":
                changed = b"".join(lines[:one] + [lines[one]] + lines[one:])
            else:
                lines[one], lines[two] = lines[two], lines[one]
                changed = b"".join(lines)
        elif kind == "digit changed":
            place_of = [at for at in self._near_row(ground, data, chance) if 48 <= data[at] <= 57]
            if not place_of:
                raise Nothing
            at = chance.choice(place_of)
            digit = bytes([48 + (data[at] - 48 + chance.randint(1, 9)) % 10])
            changed, detail = data[:at] + digit + data[at + 1:], f"byte {at}"
        else:
            ranges = None
            if place == "snapshot: dump" and chance.random() < 0.6:
                near = self._near_row(ground, data, chance)
                ranges = [(near.start, near.stop)]
            changed, detail = bytes_changed(data, kind, chance, ranges)
        return Mutation(ground.name, name, "backup", place, kind, f"{name}: {detail}", {name: changed})

    @staticmethod
    def _near_row(ground, data, chance):
        """Where the row of some file stands: from somewhat before its path to somewhat behind it."""
        path = chance.choice(sorted(row["path_hash"] for row in ground.rows.files.values() if not row["is_folder"]))
        at = data.find(path.encode())
        if at < 0:
            raise Nothing
        return range(max(0, at - 80), min(len(data), at + 140))

    @staticmethod
    def _line(lines, chance):
        if chance.random() < 0.6:
            found = [number for number, line in enumerate(lines) if b"files/" in line or b"oc_filecache" in line]
            if found:
                return chance.choice(found)
        return chance.randrange(len(lines))

    def _sqlite(self, ground, chance, name, data):
        kind = chance.choice(IN_A_FILE + ["truncation at a page", "swap of two pages", "row changed", "row changed",
                                          "row changed", "row removed", "another instance's file"])
        place = "snapshot: SQLite"
        if kind == "another instance's file":
            other = self.others_of(ground, name)
            if other is None:
                raise Nothing
            changed, detail = other, "all of it"
        elif kind in ("row changed", "row removed"):
            changed, detail = self._statement(ground, data, kind, chance)
        elif kind in ("truncation at a page", "swap of two pages"):
            changed, detail = bytes_changed(
                data, kind.replace("page", "block"), chance, block=int.from_bytes(data[16:18], "big"))
        else:
            ranges = None
            if chance.random() < 0.6:
                near = self._near_row(ground, data, chance)
                ranges = [(near.start, near.stop)]
            changed, detail = bytes_changed(data, kind, chance, ranges)
        return Mutation(ground.name, name, "backup", place, kind, f"{name}: {detail}", {name: changed})

    @staticmethod
    def _statement(ground, data, kind, chance):
        """A change that leaves the database whole."""
        row = ground.rows.files[ground.content_rows[chance.choice(sorted(ground.content_rows))]]
        statement = "DELETE FROM oc_filecache WHERE fileid = ?"
        if kind == "row changed":
            column = chance.choice(["encrypted", "encrypted", "size", "unencrypted_size", "storage", "path"])
            change = {"path": "path || 'x'", "storage": "storage % 3 + 1"}.get(
                column, f"max(0, {column} + {chance.choice([-5, -1, 1, 1, 2, 100, 8096])})")
            statement = f"UPDATE oc_filecache SET {column} = {change} WHERE fileid = ?"
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "db"
            path.write_bytes(data)
            try:
                with contextlib.closing(sqlite3.connect(path)) as database:
                    with database:
                        database.execute(statement, (row["fileid"],))
                    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            except sqlite3.IntegrityError:
                raise Nothing from None
            return path.read_bytes(), f"{statement.replace('?', str(row['fileid']))}"

    def _log(self, ground, chance, name):
        kind = chance.choice(IN_A_FILE + ["deletion"])
        log = f"{name}-wal"
        if kind == "deletion":
            changes, detail = {log: None}, log
        else:
            changed, detail = bytes_changed(ground.read(log), kind, chance)
            changes, detail = {log: changed}, f"{log}: {detail}"
        return Mutation(ground.name, name, "backup", "snapshot: SQLite's log", kind, detail, changes)


def apply(place, changes):
    """Makes the changes below a folder, and returns how to undo them."""
    undo = {}
    for relative, data in changes.items():
        path = place / relative
        status = path.stat() if path.exists() else None
        undo[relative] = (path.read_bytes(), status) if status else (None, None)
        if data is None:
            path.unlink(missing_ok=True)
        else:
            path.write_bytes(data)
            if status:
                # A copy that went wrong keeps its time.
                os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    return undo


def restore(place, undo):
    for relative, (data, status) in undo.items():
        path = place / relative
        if data is None:
            path.unlink(missing_ok=True)
        else:
            path.write_bytes(data)
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
