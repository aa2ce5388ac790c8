"""The scoreboard: mutations by place and kind, and what became of them."""

import collections
import datetime

COLUMNS = ["noticed", "told", "missed", "cannot be noticed", "alarmed", "elsewhere", "harmless", "crashed"]


def _lines(records, key, title):
    groups = collections.defaultdict(collections.Counter)
    for record in records:
        groups[key(record)][record["result"]] += 1
    lines = [f"| {title} | mutations | matter | " + " | ".join(COLUMNS) + " |",
             "|---|" + "---:|" * (len(COLUMNS) + 2)]
    total = collections.Counter()
    for name in sorted(groups):
        lines.append(_line(name, groups[name]))
        total.update(groups[name])
    lines.append(_line("**all**", total))
    return lines


def _line(name, counts):
    matter = sum(counts[column] for column in COLUMNS[:4])
    cells = [sum(counts.values()), matter] + [counts[column] for column in COLUMNS]
    return f"| {name} | " + " | ".join(str(cell) if cell else "·" for cell in cells) + " |"


def table(records):
    lines = _lines(records, lambda record: record["place"], "place")
    lines += ["", *_lines(records, lambda record: record["kind"], "kind")]
    lines += ["", *_lines(records, lambda record: record["ground"].split("/")[0] + ", " + record["snapshot"], "instance, snapshot")]
    excuses = collections.Counter(
        record["excuse"] for record in records if record["result"] == "cannot be noticed")
    lines += ["", "| what cannot be noticed | mutations |", "|---|---:|"]
    lines += [f"| {reason} | {count} |" for reason, count in sorted(excuses.items())]
    return "\n".join(lines) + "\n"


def write(path, text, seed, count):
    """Puts it between the marks of a document, or makes one of it."""
    start, end = "<!-- scoreboard -->\n", "<!-- end of the scoreboard -->\n"
    head = f"{count:,} mutations, seed `{seed}`, {datetime.date.today()}.\n\n"
    before, after = "", ""
    if path.exists() and start in path.read_text(encoding="utf-8"):
        before, rest = path.read_text(encoding="utf-8").split(start)
        before, after = before + start + "\n", "\n" + end + rest.split(end)[1]
    path.write_text(before + head + text + after, encoding="utf-8")
