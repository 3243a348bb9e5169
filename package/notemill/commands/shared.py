"""What several commands do alike."""

import json
from collections.abc import Mapping

import click


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
