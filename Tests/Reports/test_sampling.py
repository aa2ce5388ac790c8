"""The bound against scipy, and the draw redone from a report."""

import hashlib
import json
import pathlib
import random

import hypergeometric_grid as grid
from redraw import draw

VECTORS = pathlib.Path(__file__).parents[2] / "Vectors/sampling/hypergeometric.json"


def test_the_stored_grid_is_what_scipy_says_today():
    """The Swift tests compare the program with this file; here a part of it is computed again."""
    stored = {tuple(row[:4]): row[4:] for row in json.loads(VECTORS.read_text())["rows"]}
    assert len(stored) == 1786
    assert set(stored) == set(grid.points())
    seed = random.randrange(1 << 32)
    print("seed", seed)
    for point in random.Random(seed).sample(sorted(stored), 300):
        bound, by = grid.answer(point)
        assert (stored[point][0], stored[point][1]) == (bound, by), point
        if by == "scipy":
            assert grid.by_decimals(*point) == bound, point


def test_the_draw_is_redone_from_the_report(samples):
    sample = json.loads((samples / "fails.json").read_text())["sample"]
    records = b"".join(b"f\0%d\n" % size for size in range(12_345))
    assert sample["list_digest"] == hashlib.sha256(records).hexdigest()
    assert sample["seed"] == hashlib.sha256(b"x").hexdigest()
    again = draw(bytes.fromhex(sample["seed"]), bytes.fromhex(sample["list_digest"]), sample["of"], sample["drawn"])
    assert [file["index"] for file in sample["files"]] == again
    assert len(again) == 300
    failures = sample["failures"] + sample["unknown"]
    assert sample["upper_bound"] == grid.by_decimals(sample["of"], sample["drawn"], failures, 50_000)


def test_another_seed_or_list_draws_others():
    one = draw(b"a" * 32, b"b" * 32, 1000, 50)
    assert one != draw(b"c" * 32, b"b" * 32, 1000, 50)
    assert one != draw(b"a" * 32, b"c" * 32, 1000, 50)
    assert len(set(one)) == 50
