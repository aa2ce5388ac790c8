"""Whether a mutation matters, whether it could be noticed at all, and whether the drill noticed it."""

import contextlib
import dataclasses
import hashlib
import json
import os
import shutil
import subprocess
import time

import databases
import mutating
import restoring
from grounds import Ground, php_config
from instances import SAMPLES

# What a config.php says that only it knows: nothing in a backup contradicts another value.
READ_FROM_CONFIG = {"secret", "instanceid", "encryption.legacy_format_support", "encryption.key_storage_migrated",
                    "encryption_skip_signature_check", "cipher", "dbtableprefix", "datadirectory", "objectstore"}
MAGICS = {"jpg": b"\xff\xd8\xff", "png": b"\x89PNG", "gif": b"GIF8", "pdf": b"%PDF-", "zip": b"PK", "docx": b"PK",
          "odt": b"PK", "gz": b"\x1f\x8b"}
TEXTS = {"txt", "md", "csv", "json", "html", "xml"}


@dataclasses.dataclass
class Judgement:
    """Why it matters, in words; empty when a restore gives the same. And why nothing can notice it, if so."""
    reasons: list
    excuse: str | None
    # Whether anything in the snapshot or configuration is other than it was, though not what reading files needs.
    changes_elsewhere: bool = False


class Judge:
    """One worker's: grounds of its own, and servers that start when they are needed first."""

    def __init__(self, grounds, tool, scratch):
        self.grounds = grounds
        self.tool = tool
        self.scratch = scratch
        self.stack = contextlib.ExitStack()
        self.servers = {}
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(scratch), "LANG": "C.UTF-8",
                            "TMPDIR": str(scratch)}

    def close(self):
        self.stack.close()

    # What the databases say

    def server(self, ground):
        if ground.sample not in self.servers:
            kind = databases.MariaDB if ground.sample.startswith("mariadb") else databases.PostgreSQL
            server = self.stack.enter_context(kind(self.scratch))
            server.rows(ground.original("db.mysql.sql" if kind is databases.MariaDB else "db.pg.sql"))
            self.servers[ground.sample] = server, server.schema()
        return self.servers[ground.sample]

    def rows_of(self, ground, name):
        """Reads a snapshot as it lies there."""
        if name.endswith(".sqlite3"):
            return databases.sqlite_rows(ground.place / name)
        server, schema = self.server(ground)
        text = (ground.place / name).read_bytes()
        if name.endswith(".gz"):
            done = subprocess.run(["gzip", "-dc"], input=text, capture_output=True)
            if done.returncode:
                raise databases.NotImported("gzip: " + done.stderr.decode().strip())
            text = done.stdout
        rows_only = "opt-variants" in name or "column-inserts" in name
        return server.rows(text, schema if rows_only else None, is_archive=name.endswith(".dump"))

    # Judging

    def judge(self, ground, mutation):
        """To be called while the mutation is applied."""
        if mutation.place == "key pair in the backup":
            return Judgement([], None)
        reasons, excuses, elsewhere = [], [], False
        rows, reader = ground.rows, ground.reader

        def read(path):
            return mutation.changes[path] if path in mutation.changes else ground.read(path)
        if mutation.place.startswith("snapshot"):
            try:
                rows = self.rows_of(ground, mutation.snapshot)
            except databases.NotImported as problem:
                # All that is read is there all the same: only the rest, of which nothing knows what it should be.
                is_elsewhere = problem.rows is not None and not self.differing_rows(ground, problem.rows) and (
                    self.outcomes(ground, problem.rows, reader, read) == ground.outcome)
                return Judgement(
                    [f"cannot be imported: {problem}"[:200]],
                    "a statement about a table that no file needs: only importing it tells" if is_elsewhere else None)
            reasons += self.differing_rows(ground, rows)
            elsewhere = rows.everything != ground.everything
        if mutation.when == "source":
            config = php_config(ground.place / "config")
            if config is None or not isinstance(config.get("secret"), str):
                return Judgement(["the configuration cannot be read"], None)
            changed = sorted(key for key in set(config) | set(ground.config)
                             if config.get(key) != ground.config.get(key))
            elsewhere = bool(changed)
            keys, pairs = ground.unlocked(config, ground.read, {})
            for path, pair in ground.pairs.items():
                if pairs.get(path) != pair:
                    reasons.append(f"key pair: {ground.pair_names[path]}: {str(pairs.get(path))[:80]}")
            reader = restoring.Reader(config, keys, ground.sample == "userkeys")
            if not reasons and set(changed) & (READ_FROM_CONFIG - {"secret", "instanceid"}):
                reasons.append("settings: " + ", ".join(changed))
                excuses.append("a setting that nothing contradicts")
        outcomes = self.outcomes(ground, rows, reader, read)
        for known, before in ground.outcome.items():
            after = outcomes.get(known, ("refused", "no row"))
            if before[0] == "refused" or after == before:
                continue
            row = ground.rows.files[known]
            reasons.append(f"{row['path']}: {' '.join(map(str, after[:2]))[:60]}")
            excuses.append(self.excuse(ground, mutation, known, before, after))
        excuse = None
        if reasons and len(excuses) == len(reasons) and all(excuses):
            excuse = excuses[0]
        return Judgement(reasons[:20], excuse, elsewhere)

    @staticmethod
    def outcomes(ground, rows, reader, read):
        kept, ground.reader = ground.reader, reader
        try:
            return ground.outcomes(rows, read)
        finally:
            ground.reader = kept

    @staticmethod
    def needed(ground, rows):
        """What of each row restoring depends on, besides what reading shows."""
        found, tree = {}, set()
        by_id = {row["fileid"]: row for row in rows.files.values()}
        for (storage, digest), row in rows.files.items():
            path = row["path"] or ""
            is_home = storage.startswith(("home::", "object::user:"))
            if is_home and not (path == "" or path.split("/")[0] in ("files", "files_versions", "files_trashbin")):
                continue
            if not is_home and not (ground.is_external and "/external/" in storage):
                continue
            found[(storage, digest)] = (path, row["is_folder"])
            if path:
                parent = by_id.get(row["parent"])
                if (row["name"] != path.rsplit("/", 1)[-1] or parent is None
                        or (parent["path"] or "") != path.rpartition("/")[0] or parent["storage"] != row["storage"]):
                    tree.add(path)
        return found, tree

    def differing_rows(self, ground, rows):
        reasons = []
        before, before_tree = self.needed(ground, ground.rows)
        after, after_tree = self.needed(ground, rows)
        for known in before.keys() - after.keys():
            reasons.append(f"row lost: {known[0]} {before[known][0]}")
        for known in before.keys() & after.keys():
            if before[known] != after[known]:
                reasons.append(f"row differs: {known[0]} {before[known][0]}")
        reasons += [f"not where it is listed: {path}" for path in sorted(after_tree - before_tree)]
        reasons += [f"setting: {key}" for key in sorted(rows.settings.keys() | ground.rows.settings.keys())
                    if rows.settings.get(key) != ground.rows.settings.get(key)]
        if rows.mounts != ground.rows.mounts:
            reasons.append("external storages")
        return reasons

    @staticmethod
    def excuse(ground, mutation, known, before, after):
        """Why nothing can notice that this file reads differently; `None` where something could."""
        row = ground.rows.files[known]
        if after[0] != "given" or after[2:] != before[2:] or row["checksum"] or mutation.when == "source" or (
                mutation.place.startswith("snapshot")):
            return None
        path = next(path for path, place in ground.content_rows.items() if place == known)
        if row["encrypted"] == 0:
            return "plain file without a checksum"
        data = ground.original(path)
        fields, _ = restoring.header_of(data[:8192])
        is_cfb = "CFB" in fields.get("cipher", "")
        if b"00sig00" not in data[8192:16384][-93:]:
            return "unsigned format without a checksum"
        changed = mutation.changes.get(path)
        if changed is None:
            return None
        if len(changed) == len(data) and changed[8192:] != data[8192:]:
            differing = [at for at in range(8192, len(data)) if changed[at] != data[at]]
            parts = mutating.block_parts(data)
            if all(any(start <= at < stop for start, stop in parts["iv"]) for at in differing):
                blocks = {(at - 8192) // 8192 for at in differing}
                ending = row["path"].split("/")[-1]
                ending = ending.split(".v1")[0].split(".d1")[0].rpartition(".")[2].lower()
                plain = ground.expected(row) or b""
                size = 8096 if fields.get("encoding") == "binary" else 6072
                if ending in MAGICS and plain.startswith(MAGICS[ending]) and 0 in blocks:
                    return None
                if ending in TEXTS and not is_cfb and max(
                        len(plain[block * size:(block + 1) * size]) for block in blocks) >= 256:
                    try:
                        plain.decode()
                        return None
                    except UnicodeDecodeError:
                        pass
                if is_cfb:
                    return "initialisation vector in CFB: 16 bytes differ, no checksum"
                return "initialisation vector, neither checksum nor known type"
        if changed[8192:] == data[8192:]:
            return "header: nothing signs the cipher's name, no checksum"
        return "another file's content under the same key, version and length"

    # Running

    def run(self, words, limit=300):
        started = time.monotonic()
        process = subprocess.Popen(
            [self.tool, *map(str, words)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=self.environment, cwd=self.scratch, start_new_session=True)
        try:
            output, errors = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return None, b"", b"", limit
        return process.returncode, output, errors, time.monotonic() - started

    def told(self, output):
        """What a report says, to compare; without what merely names the file."""
        report = json.loads(output)
        return {
            "verdict": report["verdict"],
            "findings": sorted([finding["id"], finding["verdict"], finding.get("count"), finding["examples"]]
                               for finding in report["findings"] if finding["id"] != "snapshot-other"),
            "problems": sorted([problem["path"], problem["status"]] for problem in report["files"]["problems"]),
        }

    def baseline(self, ground, name):
        """What the drill says of a healthy one, sealed when it is needed first; both only once."""
        if not ground.escrow.exists():
            status, _, errors, _ = self.run(ground.sealing(ground.escrow, ground.folder / "state"))
            assert status == 0, (ground.name, errors.decode())
            ground.sealed_with = errors
            ground.baselines = {}
        if name not in ground.baselines:
            status, output, errors, _ = self.run(ground.drill(name))
            assert status == 0, (ground.name, name, errors.decode(), output.decode()[-3000:])
            ground.baselines[name] = self.told(output)
        return ground.baselines[name]

    def attempt(self, number, mutation):
        """Applies a mutation, judges it, drills, and undoes it; the record of it."""
        ground = self.grounds[mutation.ground]
        baseline = self.baseline(ground, mutation.snapshot)
        undo = mutating.apply(ground.place, mutation.changes)
        escrow, state = self.scratch / "mutated.escrow.age", self.scratch / "mutated-state"
        record = {"number": number, **{key: getattr(mutation, key) for key in (
            "ground", "snapshot", "when", "place", "kind", "detail")}}
        try:
            judgement = self.judge(ground, mutation)
            record |= {"reasons": judgement.reasons, "excuse": judgement.excuse,
                       "elsewhere": judgement.changes_elsewhere}
            seconds = 0
            if mutation.when == "source":
                status, output, errors, seconds = self.run(ground.sealing(escrow, state))
                record["sealing"] = status
                if errors != ground.sealed_with:
                    record["said"] = errors.decode("utf-8", "replace")[:300]
                if status != 0:
                    # Sealing says so too when a restore would fail.
                    record["answer"] = "refused" if status in (1, 3, 4) else f"status {status}"
            else:
                escrow = ground.escrow
            if mutation.when != "source" or record.get("sealing") == 0:
                status, output, errors, more = self.run(ground.drill(mutation.snapshot, escrow))
                seconds += more
                record["status"] = status
                if status in (0, 3, 4):
                    told = self.told(output)
                    record["answer"] = told["verdict"]
                    record["told"] = [item for item in told["findings"] if item not in baseline["findings"]] + [
                        item for item in told["problems"] if item not in baseline["problems"]][:5]
                    record["same"] = told == baseline
                else:
                    record["answer"] = "refused" if status == 1 else f"status {status}"
                    record["said"] = errors.decode("utf-8", "replace")[:300]
            record["seconds"] = round(seconds, 2)
        finally:
            mutating.restore(ground.place, undo)
            if mutation.when == "source":
                shutil.rmtree(state, ignore_errors=True)
                escrow.unlink(missing_ok=True)
        record["result"] = result_of(record)
        return record


def result_of(record):
    """One word for the scoreboard."""
    answer = record["answer"]
    if answer not in ("holds", "fails", "unknown", "refused"):
        return "crashed"
    alarmed = answer != "holds"
    told = not record.get("same", True) or bool(record.get("said"))
    if record["reasons"]:
        if alarmed:
            return "noticed"
        if told:
            return "told"
        return "cannot be noticed" if record["excuse"] else "missed"
    if alarmed:
        return "alarmed"
    return "elsewhere" if record["elsewhere"] else "harmless"


def first_snapshot(ground):
    """One that holds everything, and that reads quickly."""
    return next(name for name in ("db.sqlite3", "db.mysql.sql", "db.pg.sql") if (ground.place / name).exists())


def load(grounds, judge):
    """Reads all that is healthy, through the databases themselves."""
    for ground in grounds.values():
        rows = judge.rows_of(ground, first_snapshot(ground))
        # All forms of a snapshot hold the same.
        ground.everything = rows.everything
        ground.load(rows)
        check(ground)


def check(ground):
    """The reading that judges is itself proved on what the samples came with."""
    given = 0
    for known, outcome in ground.outcome.items():
        plain = ground.expected(ground.rows.files[known])
        if outcome[0] == "given":
            assert outcome[1] == hashlib.sha256(plain).hexdigest(), (ground.name, known)
            given += 1
    refused = [outcome for outcome in ground.outcome.values() if outcome[0] == "refused"]
    assert given > (70 if ground.part is None else 5) and len(refused) <= 5, (ground.name, given, refused)


def other_file(grounds):
    """A file of the same kind and, where there is one, the same name in another instance."""
    order = sorted(grounds)

    def find(ground, path):
        start = order.index(ground.name)
        for name in order[start + 1:] + order[:start]:
            other = grounds[name]
            if path.startswith(("db.", "config/")):
                found = other.read(path)
            elif path in ground.pair_names:
                ending = ground.pair_names[path].rsplit("/", 1)[1]
                kind, ending = ending.split("_")[0], ending.rsplit(".", 1)[1]
                found = next((other.read(candidate) for candidate, candidate_name in sorted(other.pair_names.items())
                              if candidate_name.rsplit("/", 1)[1].startswith(kind + "_")
                              and candidate_name.endswith(ending)), None)
            else:
                kind = "content_paths" if path in ground.content_rows else "key_paths"
                candidates = getattr(other, kind)
                found = other.read(candidates[sum(path.encode()) % len(candidates)])
            if found is not None:
                return found
        return None
    return find


__all__ = ["Ground", "Judge", "SAMPLES", "first_snapshot", "load", "other_file", "result_of"]
