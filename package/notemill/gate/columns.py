"""Columns that the gate section names: one that the recorded tables lack is told before the model is asked."""

from collections.abc import Iterator, Mapping
from contextlib import suppress

from notemill.errors import did_you_mean
from notemill.gate.evidence import Evidence
from notemill.gate.metrics import BadMetric

SHOWN = 40  # columns of a wide table


def check_columns(evidence: Evidence) -> None:
    """Raise BadMetric for a column that slices, fairness, group or leakage names and that there is not."""
    held_out = names(evidence.held_out)
    for keys, name in of_rows(evidence.config):
        check_column(evidence, keys, name, held_out, f"the held-out rows ({evidence.job['held_out']['name']}) have no")
    both = held_out
    with suppress(Exception):  # no training rows that can be read: the checks that want them say so
        both = list(dict.fromkeys([*held_out, *names(evidence.train)]))
    for keys, name in of_either(evidence.config):  # one that a table alone lacks is told by its check
        check_column(evidence, keys, name, both, "neither the held-out nor the training rows have a")


def names(table) -> list[str]:
    return [str(name) for name in table.columns]


def of_rows(config: Mapping) -> Iterator[tuple[tuple, str]]:
    """(where, column) of what says something of the held-out rows alone."""
    lists = {("slices",): config.get("slices", ()),
             ("fairness", "attributes"): config.get("fairness", {}).get("attributes", ())}
    for keys, declared in lists.items():
        for at, one in enumerate(declared):
            yield (*keys, at), one["column"] if isinstance(one, Mapping) else one
    if "group" in config:
        yield ("group",), config["group"]


def of_either(config: Mapping) -> Iterator[tuple[tuple, str]]:
    """(where, column) of what is looked for on both sides of the split."""
    leakage = config.get("leakage", {})
    yield from ((("leakage", "groups", at), name) for at, name in enumerate(leakage.get("groups", ())))
    if "time" in leakage:
        yield ("leakage", "time"), leakage["time"]


def check_column(evidence: Evidence, keys: tuple, name: str, columns: list[str], lack: str) -> None:
    others = [one for one in columns if one != evidence.target]
    if name in others:
        return
    more = f" and {len(others) - SHOWN} more" if len(others) > SHOWN else ""
    allowed = f"columns: {', '.join(others[:SHOWN])}{more}"
    if name == evidence.target:
        raise BadMetric(f"'{name}' is the target: rows are told apart by what is known of them beforehand", allowed,
                        "take it out", keys)
    raise BadMetric(f"{lack} column '{name}'", allowed, did_you_mean(name, others), keys)
