"""What several commands do alike."""

import json
from collections.abc import Mapping, Sequence

import click

from notemill.project import Project


def print_json(value: object) -> None:
    """The one object on standard output that `--json` promises."""
    click.echo(json.dumps(value, allow_nan=False))


def by_step(pairs: Mapping[str, object]) -> dict[str, dict[str, object]]:
    """{"train.max_iter": 3} as {"train": {"max_iter": 3}}."""
    result: dict[str, dict[str, object]] = {}
    for key, value in pairs.items():
        step, _, name = key.partition(".")
        result.setdefault(step, {})[name] = value
    return result


def last_facts(project: Project, step: str, statuses: Sequence[str]) -> tuple[str | None, dict]:
    """The last run in which the step came to one of `statuses`, and the step's part of its record; (None, {})."""
    for run in reversed(project.run_names()):
        if facts := facts_in(project.record(run) or {}, step, statuses):
            return run, facts
    return None, {}


def facts_in(record: Mapping, step: str, statuses: Sequence[str]) -> dict:
    """The step's part of a run's record; {} where it did not come to one of `statuses`."""
    return next((facts for facts in record.get("steps", [])
                 if facts["step"] == step and facts.get("status") in statuses), {})
