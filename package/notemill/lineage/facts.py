"""What a run's record says, in MLflow's words: tags, parameters, figures, and a note for people. Plain data."""

import json
import re
from collections.abc import Mapping
from datetime import datetime

STATUS = {"done": "FINISHED", "failed": "FAILED", "interrupted": "KILLED", "running": "KILLED"}
COSTS = ("seconds", "cpu_seconds", "peak_mb", "stored_bytes")
TAG_LIMIT, PARAM_LIMIT, KEY_LIMIT = 5000, 6000, 250


def milliseconds(moment: str | None) -> int | None:
    """An ISO time as MLflow counts it."""
    return None if moment is None else int(datetime.fromisoformat(moment).timestamp() * 1000)


def key(name: str) -> str:
    """A name with the characters alone that MLflow allows in keys."""
    return re.sub(r"[^\w\-. /:]", "_", name)[:KEY_LIMIT]


def value_text(value: object) -> str:
    """A parameter as MLflow itself writes it; lists and tables as JSON."""
    return json.dumps(value, sort_keys=True) if isinstance(value, list | dict) else str(value)


def ran(record: Mapping) -> list[Mapping]:
    """The steps that this run executed, however that ended."""
    return [step for step in record["steps"] if step["action"] == "run" and step.get("started")
            and step["status"] in ("done", "failed", "running")]


def reused(record: Mapping) -> list[Mapping]:
    return [step for step in record["steps"] if step["status"] == "reused"]


def common_tags(record: Mapping) -> dict[str, str]:
    """Who, where, when and why: the same on the run and on each of its steps."""
    git, machine, ci = record.get("git") or {}, record.get("machine") or {}, record.get("ci") or {}
    environment = record.get("environment") or {}
    author = (git.get("author") or "").partition(" <")[0]
    found = {
        "notemill.run": record["run"], "notemill.project": record["project"], "notemill.version": record["notemill"],
        "notemill.reason": record["reason"], "mlflow.source.type": "LOCAL", "mlflow.user": author,
        "mlflow.source.git.commit": git.get("commit"), "mlflow.source.git.branch": git.get("branch"),
        "notemill.commit": git.get("commit"), "notemill.branch": git.get("branch"),
        "notemill.dirty": str(git["dirty"]).lower() if git else None, "notemill.diff_sha256": git.get("diff"),
        "notemill.package_sha256": (record.get("package") or {}).get("sha256"),
        "notemill.pipeline_sha256": (record.get("pipeline") or {}).get("sha256"),
        "notemill.environment_sha256": environment.get("distributions"), "notemill.python": environment.get("python"),
        "notemill.machine": machine_text(machine), "notemill.host": machine.get("host"),
        "notemill.build.number": ci.get("build"), "notemill.build.link": ci.get("link")}
    return {name: str(value) for name, value in found.items() if value}


def machine_text(machine: Mapping) -> str:
    if not machine:
        return ""
    return f"{machine.get('host')}: {machine.get('system')}, {machine.get('cpus')} CPUs, {machine.get('memory_mb')} MB"


def run_tags(record: Mapping, origins: Mapping[str, str]) -> dict[str, str]:
    """The parent run's; `origins` are the MLflow runs that made what was reused."""
    tags = common_tags(record) | {"mlflow.source.name": "notebooks/pipeline.yaml", "notemill.status": record["status"],
                                  "mlflow.note.content": run_note(record, origins)}
    for step in reused(record):
        name = key(f"notemill.reused.{step['step']}")
        tags[f"{name}.run"] = step.get("origin_run") or ""
        if step["step"] in origins:
            tags[name] = origins[step["step"]]
    if record.get("error"):
        tags["notemill.error"] = f"{record['error']['where']}: {record['error']['got']}"
    return tags


def step_tags(record: Mapping, step: Mapping) -> dict[str, str]:
    """A step's: what it was made from, and what it made, by content."""
    tags = common_tags(record) | {
        "notemill.step": step["step"], "mlflow.source.name": step["notebook"], "notemill.status": step["status"],
        "notemill.notebook_sha256": step.get("notebook_sha256") or "",
        "notemill.fingerprint": step.get("fingerprint") or "",
        "notemill.reasons": "; ".join(step.get("reasons") or []), "mlflow.note.content": step_note(step)}
    for name, found in (step.get("inputs") or {}).items():
        tags[key(f"notemill.input.{name}")] = digest(found)
        tags[key(f"notemill.input.{name}.from")] = str(found["from"])
    for name, found in (step.get("outputs") or {}).items():
        tags[key(f"notemill.output.{name}")] = found["sha256"]
    if step.get("executed"):
        tags["notemill.executed_sha256"] = step["executed"]["sha256"]
    if step.get("error"):
        tags["notemill.error"] = f"{step['error']['name']}: {step['error']['message']}"
    if step.get("warnings"):
        tags["notemill.warnings"] = "; ".join(step["warnings"])
    return {name: value for name, value in tags.items() if value}


def digest(found: Mapping) -> str:
    """The sha256 of an input; of a list of files, that of all their names and digests."""
    from notemill.files import canonical_json, sha256_text

    if "files" not in found:
        return found["sha256"]
    return sha256_text(canonical_json([[file["name"], file["sha256"]] for file in found["files"]]))


def step_params(step: Mapping, logged: Mapping[str, str]) -> dict[str, str]:
    """The step's parameters; what the notebook logged under the same name, but differently, becomes `notebook.NAME`.

    Whole: who writes them takes secrets out first, and then cuts them to PARAM_LIMIT."""
    params = {key(name): value_text(value) for name, value in (step.get("params") or {}).items()}
    for name, value in logged.items():
        same = params.setdefault(name, value)[:PARAM_LIMIT] == value[:PARAM_LIMIT]
        if not same:
            params[key(f"notebook.{name}")] = value
    return params


def run_params(record: Mapping) -> dict[str, str]:
    """All steps' parameters on the parent, as STEP.NAME: two runs are then compared at a glance."""
    return {key(f"{step['step']}.{name}"): value_text(value)
            for step in record["steps"] for name, value in (step.get("params") or {}).items()}


def costs(facts: Mapping, taken: set[str] = frozenset()) -> dict[str, float]:
    """Seconds, CPU seconds, memory and bytes stored; beside a notebook's figure of the same name, as notemill.NAME."""
    found = {name: facts.get(name) for name in COSTS}
    return {f"notemill.{name}" if name in taken else name: float(value) for name, value in found.items()
            if value is not None}


def run_costs(record: Mapping) -> dict[str, float]:
    """The run's own: its seconds, what its steps took together, the most memory that one of them took."""
    steps = ran(record)
    total = {name: sum(step.get(name) or 0 for step in steps) for name in ("cpu_seconds", "stored_bytes")}
    peaks = [step["peak_mb"] for step in steps if step.get("peak_mb")]
    return costs({"seconds": record.get("seconds"), **total, "peak_mb": max(peaks) if peaks else None})


def run_figures(record: Mapping) -> dict[str, float]:
    """The key figures of the steps that ran, on the parent as STEP.NAME."""
    return {key(f"{step['step']}.{name}"): value for step in ran(record)
            for name, value in (step.get("metrics") or {}).items() if isinstance(value, int | float)}


def run_note(record: Mapping, origins: Mapping[str, str]) -> str:
    """What happened, for people who open the run in MLflow."""
    lines = [f"**{record['status']}** · {as_words(record['reason'])} · {commit_text(record.get('git'))}", ""]
    if (record.get("ci") or {}).get("build"):
        lines += [f"Build [{record['ci']['build']}]({record['ci'].get('link') or ''})", ""]
    if record.get("error"):
        lines += [f"Error: {record['error']['where']}: {record['error']['got']}", ""]
    lines += ["| step | status | seconds | why | figures |", "|---|---|---|---|---|"]
    for step in record["steps"]:
        cells = (step["step"], status_text(step, origins), f"{step.get('seconds') or 0:.1f}",
                 "; ".join(step.get("reasons") or []), figures_text(step))
        lines.append("| " + " | ".join(cell.replace("|", r"\|").replace("\n", " ") for cell in cells) + " |")
    return "\n".join(lines)


def as_words(text: str) -> str:
    """What anybody may have written, as Markdown that shows just that: no link, picture or markup of theirs."""
    return re.sub(r"([\\`*_\[\]<>!|&~:#])", r"\\\1", text)


def status_text(step: Mapping, origins: Mapping[str, str]) -> str:
    if step["status"] != "reused":
        return step["status"]
    known = f", MLflow run {origins[step['step']]}" if step["step"] in origins else ""
    return f"reused from run {step.get('origin_run')}{known}"


def figures_text(step: Mapping) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in (step.get("metrics") or {}).items()
                     if isinstance(value, int | float))


def commit_text(git: Mapping | None) -> str:
    if not git or not git.get("commit"):
        return "no commit (nothing was run, or outside a git repository)"
    dirty = ", with unsaved changes" if git.get("dirty") else ""
    return f"commit {git['commit'][:12]} on {git.get('branch')}{dirty}"


def step_note(step: Mapping) -> str:
    """Title, purpose, why it ran, and what went in and came out."""
    lines = [f"**{step.get('title') or step['step']}**", step.get("purpose") or "", ""]
    lines += [f"- why: {reason}" for reason in step.get("reasons") or []]
    lines += [f"- in: {name} from {found['from']} (sha256 {digest(found)[:12]})"
              for name, found in (step.get("inputs") or {}).items()]
    lines += [f"- out: {name}, {found['bytes']:,} bytes (sha256 {found['sha256'][:12]})"
              for name, found in (step.get("outputs") or {}).items()]
    if step.get("error"):
        where = f" in cell {step['error']['cell']}" if step["error"].get("cell") else ""
        lines.append(f"- error{where}: {step['error']['name']}: {step['error']['message']}")
    return "\n".join(lines).replace("\n\n\n", "\n\n")
