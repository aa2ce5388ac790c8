"""Redoes the random draw of a report by hand (docs/sampling.md).

    redraw.py REPORT.json          the numbers of the files that were drawn, from the report alone
    redraw.py REPORT.json LIST     the same, after checking that the list has the digest in the report
    (LIST has a record for each file: path, a zero byte, size or `missing`, a line feed)
"""

import hashlib
import heapq
import json
import sys


def draw(seed: bytes, list_digest: bytes, population: int, count: int) -> list[int]:
    key = hashlib.sha256(seed + list_digest).digest()

    def value(index):
        return hashlib.sha256(key + index.to_bytes(8, "big")).digest()[:16], index

    return sorted(heapq.nsmallest(count, range(population), value))


if __name__ == "__main__":
    with open(sys.argv[1], "rb") as file:
        sample = json.load(file)["sample"]
    if len(sys.argv) > 2:
        with open(sys.argv[2], "rb") as file:
            if hashlib.sha256(file.read()).hexdigest() != sample["list_digest"]:
                sys.exit("this is another list than the report's")
    print(*draw(bytes.fromhex(sample["seed"]), bytes.fromhex(sample["list_digest"]), sample["of"], sample["drawn"]), sep="\n")
