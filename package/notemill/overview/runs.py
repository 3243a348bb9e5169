"""The last runs, and how their figures went from run to run."""

import math
from collections.abc import Mapping, Sequence

from notemill import lineage
from notemill.overview.steps import plain
from notemill.project import Project

LOOKED_AT = 60      # runs
SHOWN = 20
MOST_SERIES = 6
SPREAD = ("_sd", "_std", "_low", "_high")  # ends of names of figures that are told with another
COUNTS = ("n", "rows")  # names under which notebooks write down how many rows a figure rests on


def runs_of(project: Project, names: Sequence[str], records: Sequence[Mapping]) -> dict:
    """{"count", "pending", "shown": newest first, "series"}."""
    shown = [run_row(record) for record in reversed(records[-SHOWN:])]
    return {"count": len(names), "unreadable": min(len(names), LOOKED_AT) - len(records), "shown": shown,
            "pending": lineage.pending_runs(project.runs), "series": series(records[-SHOWN:], metric_of(project))}


def metric_of(project: Project) -> str | None:
    return (project.pipeline.gate or {}).get("metric")


def run_row(record: Mapping) -> dict:
    """One run in a line."""
    statuses = [step.get("status") for step in record["steps"]]
    git, error = record.get("git") or {}, record.get("error") or {}
    return plain({"run": record["run"], "started": record.get("started"), "reason": record.get("reason"),
                  "status": record.get("status"), "seconds": record.get("seconds"),
                  "ran": sum(status in ("done", "failed") for status in statuses),
                  "reused": statuses.count("reused"), "skipped": statuses.count("skipped"),
                  "commit": git.get("commit"), "dirty": git.get("dirty"),
                  "error": error.get("got"), "step": error.get("step"), "changed": reasons(record)})


def reasons(record: Mapping) -> list[str]:
    """Why steps ran, each reason once."""
    found = [str(reason) for step in record["steps"] if step.get("status") in ("done", "failed")
             for reason in step.get("reasons") or []]
    return list(dict.fromkeys(found))


def series(records: Sequence[Mapping], first: str | None) -> list[dict]:
    """Figures that notebooks wrote down, run by run: the gate's metric first, then those that most runs have, each
    step's in turn."""
    found: dict[tuple[str, str], list[dict]] = {}
    for record in records:
        for step in record["steps"]:
            metrics = step.get("metrics") if isinstance(step.get("metrics"), Mapping) else {}
            for name, value in metrics.items():
                if is_figure(value) and name not in COUNTS:
                    found.setdefault((str(step.get("step")), name), []).append(
                        {"run": record["run"], "value": value, "n": count_of(metrics)})
    turn = {key: n for step in {key[0] for key in found} for n, key in enumerate(of_step(found, step))}
    order = sorted(found, key=lambda key: (key[1] != first, -len(found[key]), turn[key]))
    return [{"step": step, "metric": name, "points": found[step, name]} for step, name in order
            if len(found[step, name]) > 1][:MOST_SERIES]


def of_step(found: Mapping[tuple[str, str], list], step: str) -> list[tuple[str, str]]:
    """A step's figures, those that say how far others spread last: no step crowds out another."""
    return sorted((key for key in found if key[0] == step), key=lambda key: key[1].endswith(SPREAD))


def is_figure(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def count_of(metrics: Mapping) -> float | None:
    """The rows that a step's figures rest on, where it says so."""
    return next((metrics[name] for name in COUNTS if is_figure(metrics.get(name))), None)
