"""Secrets out of what goes to MLflow, where people or programs wrote it: there alone they are looked for.

A secret whose value is `done`, `train` or `2026` must not tear a run apart: its name, its steps' names, states, times,
digests and ids are what MLflow, and the next attempt to publish, find it by.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from notemill.lineage.spool import PARENT, SpoolRun
from notemill.redact import BINARY, MASK

Redact = Callable[[str], str]
TEXTS = ("title", "purpose", "reason", "reasons", "warnings", "params")
PARTS = {"error": ("name", "message", "got", "allowed"), "git": ("branch", "author"), "ci": ("link",),
         "machine": ("host", "system")}
# The keys of a notebook whose values are the format's own words, and not the notebook's.
FORMAT = ("cell_type", "output_type", "id", "name", "kernelspec", "language_info", "tags", "status")


def clean_record(record: Mapping, redact: Redact) -> dict:
    """A run's record; it was redacted when it was written, but perhaps before a secret was declared one."""
    return {**_clean_facts(record, redact), "steps": [_clean_step(step, redact) for step in record["steps"]]}


def _clean_step(step: Mapping, redact: Redact) -> dict:
    own = tuple(f"{need}." for need in step.get("needs") or ())
    inputs = {name: found if str(found["from"]).startswith(own) else {**found, "from": redact(str(found["from"]))}
              for name, found in (step.get("inputs") or {}).items()}
    parts = step.get("components")
    if parts and "params" in parts:
        parts = {**parts, "params": clean_value(parts["params"], redact)}
    metrics = {redact(name): value for name, value in (step.get("metrics") or {}).items()}
    return {**_clean_facts(step, redact), "inputs": inputs, "components": parts, "metrics": metrics}


def _clean_facts(facts: Mapping, redact: Redact) -> dict:
    texts = {name: clean_value(facts[name], redact) for name in TEXTS if name in facts}
    if "params" in texts:   # their names are the pipeline's
        texts["params"] = {name: clean_value(value, redact) for name, value in (facts["params"] or {}).items()}
    parts = {name: {**facts[name], **{key: clean_value(facts[name][key], redact) for key in keys if key in facts[name]}}
             for name, keys in PARTS.items() if facts.get(name)}
    return {**facts, **texts, **parts}


def clean_value(value: object, redact: Redact) -> object:
    """A JSON value, in keys, texts, and numbers that are a secret as a whole."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {redact(key): clean_value(item, redact) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [clean_value(item, redact) for item in value]
    if isinstance(value, int | float) and redact(repr(value)) == MASK:
        return MASK
    return value


def clean_logged(run: SpoolRun, redact: Redact) -> SpoolRun:
    """What a notebook logged in one of its runs: all of it is its own words, but for the run that it is nested in."""
    tags = {redact(name): value if name == PARENT else redact(value) for name, value in run.tags.items()}
    return replace(run, name=redact(run.name or ""), tags=tags, datasets=tuple(_clean_dataset(one, redact)
                                                                               for one in run.datasets),
                   params={redact(name): redact(value) for name, value in run.params.items()},
                   metrics=tuple((redact(metric[0]), *metric[1:]) for metric in run.metrics))


def _clean_dataset(one: Mapping, redact: Redact) -> dict:
    texts = {name: one[name] and redact(one[name]) for name in ("name", "source", "schema", "profile")}
    return {**one, **texts, "tags": {name: redact(value) for name, value in one["tags"].items()}}


def clean_notebook(value: object, redact: Redact, key: str = "", told: bool = False) -> object:
    """A notebook: sources, outputs and metadata, not the words of its format, nor what pictures hold.

    `told`: within an output's data, where no word is the format's."""
    if BINARY.match(key) or (key in FORMAT and not told):
        return value
    told = told or "/" in key
    if isinstance(value, Mapping):
        return {redact(name) if told else name: clean_notebook(item, redact, name, told)
                for name, item in value.items()}
    if isinstance(value, list) and value and all(isinstance(line, str) for line in value):
        joined = "".join(value)     # a secret may begin in one line and end in the next
        return value if redact(joined) == joined else redact(joined).splitlines(keepends=True)
    if isinstance(value, list):
        return [clean_notebook(item, redact, "", told) for item in value]
    return clean_value(value, redact)


def rename_ids(text: str, names: Mapping[str, str], redact: Redact) -> str:
    """A text with new ids in place of old ones, and without secrets in between."""
    if not names:
        return redact(text)
    pieces = re.split(f"({'|'.join(map(re.escape, names))})", text)
    return "".join(names[piece] if number % 2 else redact(piece) for number, piece in enumerate(pieces))
