"""What of a record is text that people or programs wrote: there alone secrets are looked for.

A secret whose value is `done`, `train` or `2026` must not tear the record apart: names of steps and runs, states,
digests, times, counts, files and keys are what others hold on to.
"""

from collections.abc import Mapping

from notemill.redact import Redactor

TEXTS = ("title", "purpose", "reason", "reasons", "warnings")
PARTS = {"error": ("name", "message", "got", "allowed"), "git": ("branch", "author"), "ci": ("link",),
         "machine": ("host", "system")}


def shown_record(record: Mapping, redactor: Redactor) -> dict:
    """A record without secrets."""
    return {**_shown(record, redactor), "steps": [shown_step(step, redactor) for step in record["steps"]]}


def shown_step(step: Mapping, redactor: Redactor) -> dict:
    """A step of a record without secrets."""
    names = [f"{need}." for need in step["needs"]]
    inputs = {name: shown_input(found, names, redactor) for name, found in step["inputs"].items()}
    return {**_shown(step, redactor), "inputs": inputs, "params": shown_params(step["params"], redactor),
            "components": shown_components(step["components"], redactor)}


def shown_components(components: Mapping | None, redactor: Redactor) -> dict | None:
    """The parts of a fingerprint: all but parameters are names and digests."""
    return components and {**components, "params": shown_params(components["params"], redactor)}


def shown_params(params: Mapping, redactor: Redactor) -> dict:
    return {name: redactor.json(value) for name, value in params.items()}


def shown_input(found: Mapping, names: list[str], redactor: Redactor) -> dict:
    """An input; another step's output, one of `names`, is no text."""
    source = found.get("from")
    if not isinstance(source, str) or source.startswith(tuple(names)):
        return dict(found)
    return {**found, "from": redactor.text(source)}


def _shown(facts: Mapping, redactor: Redactor) -> dict:
    texts = {name: redactor.json(facts[name]) for name in TEXTS if name in facts}
    parts = {name: {**facts[name], **{key: redactor.json(facts[name][key]) for key in keys if key in facts[name]}}
             for name, keys in PARTS.items() if facts.get(name)}
    return {**facts, **texts, **parts}
