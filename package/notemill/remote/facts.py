"""What a shared store says of results and runs: what is put there, and what is taken of what is found there.

Whoever may write there may have written anything: what has not the form that we write is not taken.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache

from notemill import schemas
from notemill.files import canonical_json
from notemill.schemas.check import find

RUN = ("format", "notemill", "run", "project", "reason", "started", "ended", "git", "environment", "machine",
       "pipeline", "package", "contract", "steps")
GIT = ("commit", "branch", "author", "dirty")
ENVIRONMENT = ("python", "implementation", "distributions")
MACHINE = ("system", "cpus", "memory_mb")
STEP = ("step", "notebook", "notebook_sha256", "params", "inputs", "seconds", "cpu_seconds", "peak_mb")


def result_facts(result: Mapping) -> dict:
    """What is shared of a step's result."""
    return {name: result[name] for name in schema()["$defs"]["result"]["required"]}


def run_facts(record: Mapping) -> dict:
    """What is shared of a run's record: who made it of what, with which libraries, and what each step cost."""
    return {**picked(record, RUN), "git": record["git"] and picked(record["git"], GIT),
            "environment": picked(record["environment"], ENVIRONMENT), "machine": picked(record["machine"], MACHINE),
            "steps": [picked(step, STEP) for step in record["steps"]]}


def picked(facts: Mapping, names: tuple) -> dict:
    return {name: facts[name] for name in names}


def read_result(data: bytes, outputs: Mapping[str, str]) -> dict | None:
    """A result that says what ours do, with a file for each of the step's `outputs`; None where it is none."""
    found = parsed(data, "result")
    if found is None or {name: one["file"] for name, one in found["outputs"].items()} != dict(outputs):
        return None
    return result_facts(found)


def read_run(data: bytes, run: str) -> dict | None:
    """The facts of that run; None where they are another's, or none."""
    found = parsed(data, "run")
    return run_facts(found) if found and found["run"] == run else None


def parsed(data: bytes, kind: str) -> dict | None:
    """JSON of that form, its numbers finite and its times real."""
    try:
        found = json.loads(data)
        canonical_json(found)
        if any(find(found, schema()["$defs"][kind], schema(), ())):
            return None
        for moment in times(found):
            datetime.fromisoformat(moment)
    except (ValueError, RecursionError):
        return None
    return found


def times(found: Mapping) -> Iterator[str]:
    yield from (found[name] for name in ("started", "ended"))


@cache
def schema() -> dict:
    return schemas.load("shared")
