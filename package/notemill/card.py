"""The model card: facts from the recorded JSON alone, and what people wrote in model_card.md, named as theirs."""

import re
from collections.abc import Iterator, Mapping

import yaml

OUTCOMES = {"passed": "✓", "refused": "✗", "warned": "!", "not assessed": "-"}


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
    return (f"{cell(verdict['metric'])}: **{number(metric['figure'])}**{interval}, on {metric['n']:,} held-out rows "
            "that training never saw.")


def _checks(verdict: Mapping) -> str:
    rows = [f"| {OUTCOMES[check['outcome']]} | {cell(check['check'])} | {number(check['figure'])} | "
            f"{number(check['limit'])} | {check['outcome']}{': ' + cell(check['hint']) if check['hint'] else ''} |"
            for check in verdict["checks"]]
    return "\n".join(["| | check | figure | limit | outcome |", "|---|---|---|---|---|", *rows])


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
    yield f"commit {manifest['commit']}{dirty}" if manifest["commit"] else "no commit: made outside a git repository"
    yield "trained with " + ", ".join(f"{name} {version}" for name, version in sorted(manifest["trained_with"].items()))
    yield f"content {manifest['content']}"


def _lower(human: str) -> str:
    """Headings below the card's own; a # within code is none."""
    lines, within = [], False
    for line in human.strip().splitlines():
        within ^= line.lstrip().startswith(("```", "~~~"))
        lines.append(f"##{line}" if line.startswith("#") and not within else line)
    return "\n".join(lines)


def number(value: object) -> str:
    """A figure with four digits; nothing where there is none."""
    return "" if value is None else f"{value:.4g}"


def cell(text: object) -> str:
    """A text from data within Markdown: no markup of its own, no table cell's end, one line."""
    plain = " ".join(str(text).split())
    return re.sub(r"([\\|`*_\[\]>#~$])", r"\\\1", plain.replace("&", "&amp;").replace("<", "&lt;"))
