"""The JSON report keeps to docs/report.schema.json, and the schema refuses what is not a report."""

import copy
import json
import pathlib

import jsonschema
import pytest

from conftest import NAMES

SCHEMA = json.loads((pathlib.Path(__file__).parents[2] / "docs/report.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

# The sample of hostile names has statuses and verdicts that no drill gives.
HONEST = [name for name in NAMES if name != "hostile"]


def load(samples, name):
    return json.loads((samples / f"{name}.json").read_text())


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)

    def objects(node):
        if isinstance(node, dict):
            if node.get("type") == "object":
                yield node
            for child in node.values():
                yield from objects(child)
        elif isinstance(node, list):
            for child in node:
                yield from objects(child)

    assert all("additionalProperties" in node for node in objects(SCHEMA))
    assert len(list(objects(SCHEMA))) == 14


@pytest.mark.parametrize("name", HONEST)
def test_reports_keep_to_it(samples, name):
    report = load(samples, name)
    VALIDATOR.validate(report)
    files = report["files"]
    assert files["held"] + files["failed"] + files["unknown"] == files["tested"]


def paths(node, at=()):
    yield at
    if isinstance(node, dict):
        for key, child in node.items():
            yield from paths(child, (*at, key))
    elif isinstance(node, list) and node:
        yield from paths(node[0], (*at, 0))


def test_a_field_more_or_of_another_kind_is_refused(samples):
    report = load(samples, "fails")
    refused = 0
    for path in paths(report):
        for change in ("other", "more"):
            changed = copy.deepcopy(report)
            parent, node = None, changed
            for key in path:
                parent, node = node, node[key]
            if change == "more":
                if not isinstance(node, dict):
                    continue
                node["surprise"] = "x"
            elif parent is None:
                continue
            else:
                parent[path[-1]] = ["x"] if not isinstance(node, list) else "x"
            assert not VALIDATOR.is_valid(changed), (path, change)
            refused += 1
    assert refused > 100


def test_reasons_are_there_exactly_where_something_does_not_hold(samples):
    report = load(samples, "fails")
    for finding in report["findings"]:
        changed = copy.deepcopy(report)
        other = changed["findings"][report["findings"].index(finding)]
        if other["verdict"] == "holds":
            other["because"] = "x"
        else:
            del other["because"]
        assert not VALIDATOR.is_valid(changed)
