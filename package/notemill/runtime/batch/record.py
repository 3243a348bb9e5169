"""What a run of batch scoring leaves to be known: what was scored, by what, what was not, and why."""

import os
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

REASONS = 100  # kinds of faults that are listed, the most frequent


def record_of(model, job: Mapping, outputs: Iterable[Mapping], began: float, *, resumed: int,
              cpu: float) -> dict:
    """The run's record, as JSON has it. `cpu`: seconds in other processes."""
    outputs = [output_facts(output, job) for output in outputs]
    known = ("distribution", "name", "version", "registry_version", "content")
    return {"format": 1, "status": "done", "model": {key: model.facts[key] for key in known if key in model.facts},
            "started": moment(began), "ended": moment(time.time()), "seconds": round(time.time() - began, 3),
            "cpu_seconds": round(time.process_time() + cpu, 3), "rows": sum(one["rows"] for one in outputs),
            "set_aside": sum(one["set_aside"] for one in outputs), "resumed_rows": resumed,
            "on_error": "aside" if job["aside"] else "stop", "outputs": outputs}


def output_facts(output: Mapping, job: Mapping) -> dict:
    inputs = [input_facts(one) for one in output["inputs"]]
    return {"output": output["target"], "bytes": os.path.getsize(output["target"]), "inputs": inputs,
            **{key: sum(one[key] for one in inputs) for key in ("rows", "set_aside")}}


def input_facts(one: Mapping) -> dict:
    counted: dict[tuple[str, str], list] = {}
    for part in one["parts"]:
        for column, words, count, first in part["reasons"]:
            known = counted.setdefault((column, words), [0, first])
            known[0] += count
    most = sorted(counted.items(), key=lambda item: -item[1][0])[:REASONS]
    return {"file": one["path"], "sha256": one["sha256"], "bytes": one["bytes"],
            "rows": sum(part["rows"] for part in one["parts"]),
            "set_aside": sum(part["bad"] for part in one["parts"]),
            "reasons": [{"column": column, "rule": words, "cells": count, "first": first}
                        for (column, words), (count, first) in most]}


def moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
