"""From a run back to its data, its code and its reasons: a tree for people and for programs."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from notemill.files import read_json
from notemill.lineage.facts import commit_text, digest, machine_text, value_text
from notemill.lineage.find import find_run
from notemill.lineage.outbox import published
from notemill.text import printable, size

SHORT = 12
Branch = tuple[str, list]      # a line, and what hangs below it


def trace(runs_folder: Path, run_or_version: str, uri: str, model: str | None = None) -> dict:
    """The tree of a run of this project, or else of what MLflow knows by that name. Raises UsageError."""
    def load(name: str) -> dict | None:
        record = read_json(runs_folder / name / "run.json")
        return record if isinstance(record, dict) else None

    def load_ids(name: str) -> dict[str, str]:
        return published(runs_folder / name)

    local = load(run_or_version) if "/" not in run_or_version and run_or_version not in (".", "..") else None
    return tree(local or find_run(run_or_version, uri, model), load, load_ids)


def tree(record: Mapping, load_run: Callable[[str], dict | None],
         load_ids: Callable[[str], Mapping[str, str]] = lambda run: {}) -> dict:
    """Plain data: the run, its steps in order of dependence, each with inputs, outputs and, if reused, its origin.

    `load_run` gives the record of another run of the project, or None; `load_ids` its MLflow runs by step.
    """
    ids = load_ids(record["run"])
    return {**_run_facts(record), "mlflow_run": ids.get("") or record.get("mlflow_run"),
            "steps": [_step_facts(step, record, ids, load_run, load_ids) for step in _in_order(record["steps"])]}


def _run_facts(record: Mapping) -> dict:
    environment, git = record.get("environment") or {}, record.get("git")
    return {"run": record["run"], "project": record["project"], "status": record["status"], "reason": record["reason"],
            "started": record["started"], "seconds": record.get("seconds"), "git": git, "environment": environment,
            "machine": record.get("machine"), "ci": record.get("ci"), "error": record.get("error"),
            "pipeline_sha256": (record.get("pipeline") or {}).get("sha256"),
            "package_sha256": (record.get("package") or {}).get("sha256"), "notemill": record.get("notemill")}


def _in_order(steps: list[Mapping]) -> list[Mapping]:
    """Each step after those that it needs; else as they stand."""
    left, done = list(steps), []
    while left:
        names = {step["step"] for step in left}
        ready = next((step for step in left if not names & set(step.get("needs") or [])), left[0])
        left.remove(ready)
        done.append(ready)
    return done


def _step_facts(step: Mapping, record: Mapping, ids: Mapping[str, str], load_run: Callable, load_ids: Callable) -> dict:
    origin = None
    if step["status"] == "reused" and step.get("origin_run"):
        origin = _origin(step, load_run(step["origin_run"]), load_ids(step["origin_run"]))
    inputs = [{"name": name, "from": found["from"], "sha256": digest(found), "files": found.get("files"),
               "bytes": sum(file["bytes"] for file in found.get("files", [found]))}
              for name, found in (step.get("inputs") or {}).items()]
    outputs = [{"name": name, **{key: found[key] for key in ("file", "sha256", "bytes")}}
               for name, found in (step.get("outputs") or {}).items()]
    return {**{key: step.get(key) for key in ("step", "status", "notebook", "notebook_sha256", "fingerprint", "reasons",
                                              "params", "metrics", "needs", "error", "report", "seconds")},
            "mlflow_run": ids.get(step["step"]) or step.get("mlflow_run"), "origin": origin, "inputs": inputs,
            "outputs": outputs}


def _origin(step: Mapping, record: Mapping | None, ids: Mapping[str, str]) -> dict:
    """The run that made what was reused, as far as it is still known here."""
    known = {key: record.get(key) for key in ("started", "git", "reason")} if record else {}
    return {"run": step["origin_run"], "mlflow_run": ids.get(step["step"]), **known}


def print_tree(tree: Mapping) -> str:
    """The tree in lines."""
    head = f"run {tree['run']} of {tree['project']}: {tree['status']}, {tree['reason']}, {_when(tree['started'])}"
    return "\n".join([head, *_lines([*_circumstances(tree), *(_step_branch(step) for step in tree["steps"])])])


def _lines(branches: list[Branch], before: str = "") -> Iterator[str]:
    for number, (text, below) in enumerate(branches):
        last = number == len(branches) - 1
        yield f"{before}{'└─ ' if last else '├─ '}{printable(text)}"
        yield from _lines(below, before + ("   " if last else "│  "))


def _circumstances(tree: Mapping) -> list[Branch]:
    git, environment, ci = tree["git"] or {}, tree["environment"], tree["ci"] or {}
    diff = f" (diff sha256 {git['diff'][:SHORT]})" if git.get("diff") else ""
    lines = [commit_text(tree["git"]) + diff]
    if environment:
        lines.append(f"Python {environment.get('python')}, distributions sha256 "
                     f"{(environment.get('distributions') or '?')[:SHORT]}")
    if tree["machine"]:
        lines.append(f"on {machine_text(tree['machine'])}")
    if ci.get("build"):
        lines.append(f"build {ci['build']} {ci.get('link') or ''}".rstrip())
    if tree["mlflow_run"]:
        lines.append(f"MLflow run {tree['mlflow_run']}")
    if tree["error"]:
        lines.append(f"error: {tree['error']['where']}: {tree['error']['got']}")
    return [(line, []) for line in lines]


def _step_branch(step: Mapping) -> Branch:
    below = [(_output(found), []) for found in step["outputs"]]
    below += [(_input(found), [(f"{file['name']}, sha256 {file['sha256'][:SHORT]}", [])
                               for file in found["files"] or []]) for found in step["inputs"]]
    if step["params"]:
        below.append(("with " + ", ".join(f"{name}={value_text(value)}" for name, value in step["params"].items()), []))
    below.append((f"by {step['notebook']}  sha256 {(step['notebook_sha256'] or '?')[:SHORT]}", []))
    if step["reasons"] and not step["origin"]:
        below.append((f"because {'; '.join(step['reasons'])}", []))
    if step["error"]:
        below.append((f"error: {step['error']['name']}: {step['error']['message']}", []))
    if step["mlflow_run"] and not step["origin"]:
        below.append((f"MLflow run {step['mlflow_run']}", []))
    return f"{step['step']}: {_status(step)}", below


def _status(step: Mapping) -> str:
    origin = step["origin"]
    if not origin:
        return step["status"]
    when = f" of {_when(origin['started'])}, {commit_text(origin['git'])}" if origin.get("started") else ""
    mlflow = f", MLflow run {origin['mlflow_run']}" if origin["mlflow_run"] else ""
    return f"reused from run {origin['run']}{when}{mlflow}"


def _output(found: Mapping) -> str:
    return f"-> {found['name']}: {found['file']}, {size(found['bytes'])}, sha256 {found['sha256'][:SHORT]}"


def _input(found: Mapping) -> str:
    return f"<- {found['name']}: {found['from']}, {size(found['bytes'])}, sha256 {found['sha256'][:SHORT]}"


def _when(moment: str) -> str:
    return f"{moment[:10]} {moment[11:16]} UTC"
