"""Does every step give the same content when it is run again from the same record? Asked by `notemill gate --rerun`."""

import contextlib
import io
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from notemill.errors import NotemillError
from notemill.gate.difference import difference, same_model
from notemill.gate.verdict import RERUN, Check, refused
from notemill.memory import Memory
from notemill.plan import Options, get_ready, make_plan
from notemill.project import Project
from notemill.run import run
from notemill.run.console import Console
from notemill.store import Store
from notemill.text import Style

SHOWN = 3


def check_rerun(project: Project, record: Mapping) -> Check:
    """All outputs of all steps, each step with the inputs that it had."""
    with apart(project) as copy:
        # the last step first: what the others gave in the record is then still there, and is taken up
        found = {step["step"]: again(copy, record, step) for step in reversed(record["steps"])}
    parts = [part for name in reversed(found) for part in found[name]]
    wrong = [part for part in parts if part["outcome"] != "passed"]
    more = f"; and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
    hint = "; ".join(f"{part['name']}: {part['hint']}" for part in wrong[:SHOWN]) + more
    if not parts:
        return refused(RERUN, "no step of the run has an output")
    return Check(RERUN, "refused" if wrong else "passed", float(len(wrong)), n=len(parts), limit=0.0,
                 hint=hint or None, details={"parts": parts})


@contextlib.contextmanager
def apart(project: Project) -> Iterator[Project]:
    """The project with a cache of its own that knows what this one knows: nothing that a rerun leaves is kept."""
    project.folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="rerun-", dir=project.folder, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "objects").symlink_to(project.store.objects, target_is_directory=True)
        for known in ("results", "latest"):
            shutil.copytree(project.folder / known, folder / known)
        memory = Memory(folder / "memory" / "facts.json")
        yield replace(project, store=Store(folder, project.remote), memory=memory, apart=True)


def again(copy: Project, record: Mapping, step: Mapping) -> list[dict]:
    """Run one step again: a part for each output, or one that says why there is nothing to compare."""
    name = step["step"]
    options = Options(steps=(name,), offline=True, jobs=1, command="gate --rerun",
                      params={name: step["params"] for name, step in needed(copy, record, name).items()})
    try:
        planned = make_plan(copy, get_ready(copy, options), options).steps[-1]
        if planned.fingerprint != step["fingerprint"]:
            why = "; ".join(planned.reasons) or "what it takes is not what it took"
            return [part(name, f"is not what it was in the run: {why}. notemill run, and judge that one")]
        made = run(copy, replace(options, force=frozenset([name])), quiet())
    except NotemillError as error:
        return [part(name, f"cannot be run again: {error.where}: {error.got}")]
    now = next(one for one in made["steps"] if one["step"] == name)
    if now["status"] != "done":
        return [part(name, f"fails when it is run again: {(made['error'] or {}).get('got', now['status'])}")]
    return [compared(copy, name, output, facts, now["outputs"][output]) for output, facts in step["outputs"].items()]


def needed(copy: Project, record: Mapping, name: str) -> dict[str, Mapping]:
    """The recorded facts of a step and of all that it needs."""
    names = copy.pipeline.needed((name,))
    return {step["step"]: step for step in record["steps"] if step["step"] in names}


def quiet() -> Console:
    return Console(io.StringIO(), live=False, style=Style(colours=False))


def compared(copy: Project, step: str, output: str, before: Mapping, now: Mapping) -> dict:
    """One output, then and now."""
    if before["sha256"] == now["sha256"]:
        return part(f"{step}.{output}")
    try:
        paths = [copy.store.path(one["sha256"]) for one in (before, now)]
    except KeyError as gone:
        return part(f"{step}.{output}", f"its content {gone.args[0][:12]} is no longer in the store")
    if before["file"].endswith(".skops") and same_model(*paths):
        return {**part(f"{step}.{output}"), "hint": "the same model in other bytes: skops writes down places in memory"}
    return part(f"{step}.{output}", difference(before["file"], *paths))


def part(name: str, hint: str | None = None) -> dict:
    return {"name": name, "outcome": "refused" if hint else "passed", "hint": hint}
