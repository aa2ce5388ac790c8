"""Runs many mutations and keeps score: `run.py PROVENKEY --seed S --count N --results FILE`; see docs/mutations.md."""

import argparse
import json
import multiprocessing
import os
import pathlib
import secrets
import shutil
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import judging  # noqa: E402
import mutating  # noqa: E402
import scoreboard  # noqa: E402
from grounds import HAS_PHP  # noqa: E402


def prepared(names, parts, tool, scratch, only=None):
    """Healthy grounds: each sample, or its parts."""
    wholes = {name: judging.Ground(name, scratch / "grounds" / name).make() for name in names}
    judge = judging.Judge(wholes, tool, scratch)

    def load(grounds):
        for ground in grounds.values():
            # Bytes of the healthy instance, whatever a worker does to its copy.
            place = ground.place
            ground.original = lambda path, place=place: (place / path).read_bytes()
        judging.load(grounds, judge)
    try:
        load(wholes)
        grounds = wholes
        if parts > 1:
            grounds = {}
            for whole in wholes.values():
                if whole.is_external:
                    # Its storages are few files each, and are recognised by them.
                    grounds[whole.name] = whole
                    continue
                for part in sorted(only or range(parts)):
                    ground = judging.Ground(whole.sample, scratch / "parts" / f"{whole.sample}-{part}", part)
                    if not whole.has_sqlite:
                        judge.rows_of(whole, judging.first_snapshot(whole))
                    grounds[ground.name] = ground.make_part(whole, parts, lambda ground: judge.server(ground)[0])
            load({name: ground for name, ground in grounds.items() if name not in wholes})
    finally:
        judge.close()
    return grounds


def work(worker, workers, grounds, tool, scratch, seed, results, lock):
    """Does the mutations of its own share of the grounds; each of them is sealed and looked at healthy only once."""
    scratch = scratch / f"worker-{worker}"
    scratch.mkdir()
    names = sorted(grounds)[worker::workers]
    mine = {}
    judge = judging.Judge(mine, tool, scratch)
    # Draws in what nobody changes.
    drawing = mutating.Drawing(seed, grounds, judging.other_file(grounds), HAS_PHP)
    try:
        for number in todo:
            mutation = drawing.draw(number)
            if mutation.ground not in names:
                continue
            if mutation.ground not in mine:
                mine[mutation.ground] = grounds[mutation.ground].moved(scratch / mutation.ground.replace("/", "-"))
            record = judge.attempt(number, mutation)
            with lock, open(results, "a", encoding="utf-8") as file:
                file.write(json.dumps(record, ensure_ascii=False) + "\n")
    finally:
        judge.close()


todo = []


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tool", type=pathlib.Path)
    parser.add_argument("--seed", default="")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--parts", type=int, default=6, help="in how many parts of its files each sample is tested")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--results", type=pathlib.Path, default=pathlib.Path("mutations.jsonl"))
    parser.add_argument("--scratch", type=pathlib.Path, default=None)
    parser.add_argument("--again", help="only what came out like this before, with the same numbers")
    parser.add_argument("--numbers", help="only these, separated by commas")
    parser.add_argument("--scoreboard", type=pathlib.Path, help="write it there, as Markdown; into its place where the file has one")
    arguments = parser.parse_args()
    seed = arguments.seed or secrets.token_hex(8)
    print(f"seed {seed}, {arguments.count} mutations", flush=True)
    done = []
    if arguments.results.exists():
        done = [json.loads(line) for line in arguments.results.read_text(encoding="utf-8").splitlines()]
    if arguments.again:
        again = {record["number"] for record in done if record["result"] in arguments.again.split(",")}
        done = [record for record in done if record["number"] not in again]
        arguments.results.write_text(
            "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in done), encoding="utf-8")
    wanted = range(arguments.count) if not arguments.numbers else map(int, arguments.numbers.split(","))
    finished = {record["number"] for record in done}
    todo.extend(number for number in wanted if number not in finished)
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="mutations-", dir=arguments.scratch))
    try:
        if todo:
            started = time.monotonic()
            grounds = prepared(judging.SAMPLES, arguments.parts, arguments.tool.resolve(), scratch)
            print(f"prepared in {time.monotonic() - started:.0f} s", flush=True)
            context = multiprocessing.get_context("fork")
            lock = context.Lock()
            workers = [context.Process(target=work, args=(
                worker, arguments.workers, grounds, arguments.tool.resolve(), scratch, seed, arguments.results, lock))
                for worker in range(arguments.workers)]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
            print(f"{len(todo)} mutations in {time.monotonic() - started:.0f} s", flush=True)
            if any(worker.exitcode for worker in workers):
                sys.exit("a worker has failed")
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    records = sorted((json.loads(line) for line in arguments.results.read_text(encoding="utf-8").splitlines()),
                     key=lambda record: record["number"])
    text = scoreboard.table(records)
    print(text)
    if arguments.scoreboard:
        scoreboard.write(arguments.scoreboard, text, seed, len(records))
    bad = [record for record in records if record["result"] in ("missed", "crashed")]
    for record in bad:
        print(json.dumps(record, ensure_ascii=False))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
