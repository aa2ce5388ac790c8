"""Some mutations in each run of the tests: the same ones always, and some that only this day has. The many: run.py."""

import datetime
import json
import os
import pathlib

import grounds as grounds_module
import judging
import mutating
import pytest
import run

# Samples that need no server, in parts, so that one drill takes little.
SAMPLES = ["sqlite-master", "userkeys", "s3"]
PARTS = 6
SHARES = 3
SEEDS = [("provenkey", 24), (str(datetime.date.today()), 6)]


@pytest.mark.parametrize("share", range(SHARES))
def test_every_mutation_that_matters_is_noticed(tmp_path, share):
    tool = pathlib.Path(os.environ["PROVENKEY"]).resolve()
    grounds = run.prepared([SAMPLES[share % len(SAMPLES)]], PARTS, tool, tmp_path, only={share})
    judge = judging.Judge(grounds, tool, tmp_path)
    try:
        for seed, count in SEEDS:
            # For whoever wants to see a failure again.
            print(f"seed {seed}-{share}")
            drawing = mutating.Drawing(f"{seed}-{share}", grounds, judging.other_file(grounds), grounds_module.HAS_PHP)
            records = [judge.attempt(number, drawing.draw(number)) for number in range(count // SHARES)]
            bad = [record for record in records if record["result"] in ("missed", "crashed")]
            assert not bad, json.dumps(bad, indent=1, ensure_ascii=False)
    finally:
        judge.close()


def test_the_judge_can_tell():
    """Negative control: what would be a miss is called one, and what cannot be noticed needs its reason."""
    seen = {"answer": "holds", "same": True, "elsewhere": False}
    assert judging.result_of(seen | {"reasons": ["other bytes"], "excuse": None}) == "missed"
    assert judging.result_of(seen | {"reasons": ["other bytes"], "excuse": "plain"}) == "cannot be noticed"
    assert judging.result_of(seen | {"reasons": [], "excuse": None}) == "harmless"
    assert judging.result_of(seen | {"reasons": ["other bytes"], "excuse": None, "answer": "fails"}) == "noticed"
    assert judging.result_of(seen | {"reasons": [], "excuse": None, "answer": "fails"}) == "alarmed"
    assert judging.result_of(seen | {"reasons": ["other bytes"], "excuse": "plain", "answer": "status -5"}) == "crashed"
