"""The model card: facts from the recorded JSON alone, and what people wrote in model_card.md, named as theirs."""

import re
from collections.abc import Iterator, Mapping

import yaml

from notemill.gate.meaning import SIGNS
from notemill.gate.verdict import NOT_ASKED, parts_of
from notemill.text import number

WITH_PARTS = ("slices", "fairness")  # whom the model serves, one by one
NO_COMMIT = "no commit: outside a git repository, or before its first commit"
FENCE = re.compile(r"(`{3,})[^`]*$|(~{3,})")
ODD_FENCE = re.compile(r"[\s>*+\-\d.)]+(```|~~~)")  # indented, or in a list: where it ends is not for us to tell
WITHIN = r"((?:[>\s]|[-*+]\s|\d{1,9}[.)]\s)*)"  # a quotation, an item of a list
HEADING = re.compile(WITHIN + r"(#{1,6})(?=\s|$)")
UNDERLINE = re.compile(WITHIN + r"(=+|-+)\s*$")
INDENTED = re.compile(r" {4}| {0,3}\t")
HTML = re.compile(r"""<(?=[A-Za-z/!?])(?!https?://[^\s<>="']+>)""")  # <https://...> is a link


def render(manifest: Mapping, verdict: Mapping, schema: Mapping, human: str = "") -> str:
    """The card as Markdown with YAML front matter (Hugging Face's model-index). A figure stands with its n and
    interval."""
    parts = [_front_matter(manifest, verdict), f"# {manifest['name']}", _what(manifest, schema),
             "## How good it is", _figures(verdict), "## What it was checked for", _checks(verdict),
             "## What a row holds", _columns(schema), "## Where it comes from", _origin(manifest)]
    if human.strip():
        parts += ["## In the words of its people", "Written by hand in model_card.md of the project.", _lower(human)]
    return "\n\n".join(parts) + "\n"


def _front_matter(manifest: Mapping, verdict: Mapping) -> str:
    metric = _check(verdict, "metric")
    result = {"task": {"type": f"tabular-{manifest['task']}"},
              "metrics": [{"type": verdict["metric"], "value": metric["figure"], "name": verdict["metric"]}]}
    facts = {"library_name": "scikit-learn", "tags": ["tabular", manifest["task"], "notemill"],
             "model-index": [{"name": manifest["name"], "results": [result]}]}
    return f"---\n{yaml.safe_dump(facts, sort_keys=False, allow_unicode=True)}---"


def _check(verdict: Mapping, name: str) -> Mapping:
    return next(check for check in verdict["checks"] if check["check"] == name)


def _what(manifest: Mapping, schema: Mapping) -> str:
    target = schema["target"]
    classes = ", ".join(cell(target["names"].get(str(label), label)) for label in target.get("classes", ()))
    said = f" {cell(target['description'])}." if target.get("description") else ""
    return (f"Predicts **{cell(target['name'])}**" + (f" ({classes})" if classes else "") + f": a {manifest['task']} "
            f"trained on {schema['rows']['train']:,} rows.{said}")


def _figures(verdict: Mapping) -> str:
    metric = _check(verdict, "metric")
    interval = ""
    if metric["low"] is not None:
        interval = f", 95 % interval {number(metric['low'])} to {number(metric['high'])}"
    return (f"{cell(verdict['metric'])}: **{number(metric['figure'])}**{interval}, on {metric['n']:,} held-out rows"
            + (" that training never saw." if _is_held_out(verdict) else "."))


def _is_held_out(verdict: Mapping) -> bool:
    """Whether the gate found that training did not see the rows: only then may the card say so."""
    return any(check["check"] == "held_out" and check["outcome"] == "passed" for check in verdict["checks"])


def _checks(verdict: Mapping) -> str:
    rows = [line for check in verdict["checks"] if check["outcome"] != NOT_ASKED for line in _check_rows(check)]
    unasked = [cell(check["check"]) for check in verdict["checks"] if check["outcome"] == NOT_ASKED]
    more = ["", f"Not asked for: {', '.join(unasked)}."] if unasked else []
    return "\n".join(["| | check | figure | 95 % interval | n | limit | outcome |", "|---|---|---|---|---|---|---|",
                      *rows, *more])


def _check_rows(check: Mapping) -> Iterator[str]:
    """A check, and below it each slice or group that was looked at."""
    yield _row(check["check"], check)
    for part in parts_of(check) if check["check"] in WITH_PARTS else ():
        yield _row(f"{check['check']}, {part['name']}", part)


def _row(name: str, check: Mapping) -> str:
    low, high = check["low"], check["high"]
    interval = "" if low is None or high is None else f"{number(low)} to {number(high)}"
    hint = f": {cell(check['hint'])}" if check["hint"] else ""
    return (f"| {SIGNS.get(check['outcome'], '')} | {cell(name)} | {number(check['figure'])} | {interval} | "
            f"{number(check['n'])} | {number(check['limit'])} | {check['outcome'] or ''}{hint} |")


def _columns(schema: Mapping) -> str:
    rows = [f"| {cell(column['name'])} | {column['type']} | {cell(column.get('unit') or '')} | {cell(_limits(column))} "
            f"| {cell(column.get('description') or '')} |"
            for column in schema["columns"] if column["role"] in ("feature", "time")]
    return "\n".join(["| column | type | unit | range or categories | |", "|---|---|---|---|---|", *rows])


def _limits(column: Mapping) -> str:
    if "range" in column:
        return " to ".join("any" if end is None else str(end) for end in column["range"])
    found = [str(category) for category in column.get("categories", ())]
    return ", ".join(found[:12]) + (", ..." if len(found) > 12 else "")


def _origin(manifest: Mapping) -> str:
    return "\n".join(f"- {line}" for line in _origins(manifest))


def _origins(manifest: Mapping) -> Iterator[str]:
    yield f"run {manifest['run']} of {manifest['created'][:10]}"
    dirty = ", with changes that were not committed" if manifest["dirty"] else ""
    yield f"commit {manifest['commit']}{dirty}" if manifest["commit"] else NO_COMMIT
    yield "trained with " + ", ".join(f"{name} {version}" for name, version in sorted(manifest["trained_with"].items()))
    yield f"content {manifest['content']}"


def _lower(human: str) -> str:
    """Headings below the card's own, and no raw HTML; blocks of code stay as they are, where they surely are some."""
    lines: list[str] = []
    fence, sure = "", True
    for line in re.split(r"\r\n|\r|\n", human.strip()):
        opened = FENCE.match(line)
        if fence:
            fence = "" if _closes(line, fence) else fence
            lines.append(line)
        elif opened and sure:
            fence = opened[1] or opened[2]
            lines.append(line)
        else:
            sure = sure and not ODD_FENCE.match(line)
            _add_text(lines, HTML.sub("&lt;", line))
    return "\n".join(lines)


def _closes(line: str, fence: str) -> bool:
    return bool(re.fullmatch(rf" {{0,3}}{fence[0]}{{{len(fence)},}}[ \t]*", line))


def _add_text(lines: list[str], line: str) -> None:
    """Add a line that is no code; a heading, by # or by a line under it, two levels lower."""
    under = UNDERLINE.match(line)
    if INDENTED.match(line):
        lines.append(line)
    elif under and lines and lines[-1].strip():
        _add_underline(lines, line, *under.groups())
    else:
        lines.append(HEADING.sub(lambda found: found[1] + _deeper(len(found[2])), line, count=1))


def _add_underline(lines: list[str], line: str, within: str, marks: str) -> None:
    """Of one plain line of text: a heading by #. Of anything else no heading, but a line across or text."""
    if not within.strip() and re.match(r" {0,3}\w", lines[-1]) and not re.match(WITHIN, lines[-1])[1].strip():
        lines[-1] = f"{_deeper(1 if marks[0] == '=' else 2)} {lines[-1].strip()}"
    elif marks[0] == "=":
        lines.append(f"{within}\\{marks}")
    else:
        lines += [within.rstrip() if set(within) <= {">", " "} else "", line]


def _deeper(level: int) -> str:
    return "#" * min(6, level + 2)


def cell(text: object) -> str:
    """A text from data within Markdown: no markup of its own, no table cell's end, one line."""
    plain = " ".join(str(text).split())
    return re.sub(r"([\\|`*_\[\]>#~$])", r"\\\1", plain.replace("&", "&amp;").replace("<", "&lt;"))
