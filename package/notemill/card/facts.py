"""card.json: all facts of a card, gathered from what is recorded and from nothing else."""

from collections.abc import Iterable, Iterator, Mapping

import notemill
from notemill.gate.verdict import FIGURES, parts_of

FORMAT = 1
VERDICT = ("verdict", "metric", "n", "made", "champion", "model", "data", "schema", "notemill")
RUN = ("run", "reason", "started", "ended", "status")
COST = ("seconds", "cpu_seconds", "peak_mb")
MACHINE = ("system", "cpus", "memory_mb")  # never its name
FEATURE = ("feature", "time")  # roles of the columns that the model takes
LATER = ("golden.json", "plan.json", "plan.npz")  # files of a version that are made when its card is there


def collect(manifest: Mapping, verdict: Mapping, schema: Mapping, record: Mapping, *, tables: Mapping[str, Mapping],
            contract: Mapping | None = None) -> dict:
    """The facts of a version's card.

    `record` is that of the run that was judged, without what names a machine, its steps with the seconds that they took
    when they ran; `tables`: digest -> {"rows", "columns"} of what is a table; `contract`: {"file", "sha256", "rules"}.
    """
    return {"format": FORMAT, "notemill": notemill.__version__, "name": manifest["name"], "task": manifest["task"],
            "risk": manifest.get("risk") or "low", "author": manifest.get("author"), "content": manifest["content"],
            "run": manifest["run"], "created": manifest["created"], "commit": manifest["commit"],
            "dirty": manifest["dirty"], "python": manifest["python"], "trained_with": manifest["trained_with"],
            "requires": manifest["requires"], "files": dict(manifest["files"]), "code": dict(manifest["code"]),
            "target": schema["target"], "split": schema.get("split"), "rows": schema.get("rows"),
            "columns": schema["columns"], "verdict": verdict_facts(verdict), "contract": contract,
            "data": data_facts(record, verdict.get("config") or {}, manifest["steps"][0], tables),
            "lineage": lineage_facts(record), "environment": environment_facts(record),
            "steps": [step_facts(step) for step in record["steps"]]}


def verdict_facts(verdict: Mapping) -> dict:
    """What the gate found, less the curves and golden rows, which verdict.json keeps."""
    return {**{name: verdict.get(name) for name in VERDICT}, "config": verdict.get("config") or {},
            "checks": [check_facts(one) for one in verdict["checks"]]}


def check_facts(check: Mapping) -> dict:
    return {**{name: check.get(name) for name in ("check", "outcome", *FIGURES, "hint")}, "parts": parts_of(check)}


# data
def data_facts(record: Mapping, config: Mapping, step: str, tables: Mapping) -> dict:
    """The held-out table, the tables that the model's step was given, and what came from outside."""
    outputs = {f"{one['step']}.{name}": facts for one in record["steps"] for name, facts in one["outputs"].items()}
    held_out = config.get("data")
    given = next((one["inputs"] for one in record["steps"] if one["step"] == step), {})
    training = {str(facts.get("from")): facts for facts in given.values()
                if facts.get("from") != held_out and facts.get("sha256") in tables}
    return {"held_out": table_facts(held_out, outputs.get(held_out, {}), tables),
            "training": [table_facts(name, facts, tables) for name, facts in training.items()],
            "sources": list(sources(record))}


def table_facts(name: str | None, facts: Mapping, tables: Mapping) -> dict:
    sha256 = facts.get("sha256")
    return {"name": name, "sha256": sha256, "bytes": facts.get("bytes"), "rows": None, "columns": None,
            **tables.get(sha256, {})}


def sources(record: Mapping) -> Iterator[dict]:
    """What came from outside the pipeline, each file once."""
    steps, seen = {one["step"] for one in record["steps"]}, set()
    for facts in (facts for one in record["steps"] for facts in one["inputs"].values()):
        if str(facts.get("from")).partition(".")[0] in steps:
            continue
        for file in facts.get("files") or [{"name": str(facts.get("from")), **facts}]:
            if (file["name"], file.get("sha256")) not in seen:
                seen.add((file["name"], file.get("sha256")))
                yield {name: file.get(name) for name in ("name", "sha256", "bytes")}


# where it comes from
def lineage_facts(record: Mapping) -> dict:
    git = record.get("git") or {}
    return {**{name: record.get(name) for name in RUN}, "commit": git.get("commit"), "branch": git.get("branch"),
            "dirty": git.get("dirty"), "author": git.get("author"),
            "pipeline": (record.get("pipeline") or {}).get("sha256"),
            "package": (record.get("package") or {}).get("sha256")}


def environment_facts(record: Mapping) -> dict:
    environment, machine = record.get("environment") or {}, record.get("machine") or {}
    return {**{name: environment.get(name) for name in ("python", "implementation", "distributions")},
            "machine": {name: machine.get(name) for name in MACHINE}}


def step_facts(step: Mapping) -> dict:
    """One notebook: what it was, what it was given, how long it took when it ran."""
    return {"step": step["step"], "notebook": step.get("notebook"), "notebook_sha256": step.get("notebook_sha256"),
            "title": step.get("title"), "run": step.get("origin_run"), "params": step.get("params") or {},
            "outputs": {name: {"sha256": facts.get("sha256"), "bytes": facts.get("bytes")}
                        for name, facts in step["outputs"].items()},
            **{name: step.get(name) for name in COST}}


# questions that several readers of the facts have
def check(facts: Mapping, name: str) -> Mapping:
    """One check of the gate; {} where it was not made."""
    return next((one for one in facts["verdict"]["checks"] if one["check"] == name), {})


def features(facts: Mapping) -> list[Mapping]:
    """The columns that the model takes."""
    return [column for column in facts["columns"] if column.get("role") in FEATURE]


def declared(config: Mapping) -> dict[str, list]:
    """The slices and the attributes of fairness that a gate section declares."""
    return {"slices": list(config.get("slices") or ()),
            "fairness": list((config.get("fairness") or {}).get("attributes") or ())}


def total(steps: Iterable[Mapping], name: str) -> float | None:
    """The sum over the steps that have the figure."""
    found = [step[name] for step in steps if step[name] is not None]
    return sum(found) if found else None
