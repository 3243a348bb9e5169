"""A step's notebook with its real parameters and inputs, to be run by hand."""

import json
from collections.abc import Mapping
from pathlib import Path

from notemill.commands.recorded import facts_in, last_facts
from notemill.errors import UsageError
from notemill.files import canonical_json, write_notebook
from notemill.notebook import load_cells
from notemill.pipeline import Step
from notemill.plan import Options, PlannedStep, Ready, get_ready, make_plan
from notemill.project import Project
from notemill.redact import Redactor
from notemill.run.redaction import redactor_for
from notemill.run.step import lay_out


BEGUN = ("done", "reused", "failed", "running")


def prepare(project: Project, name: str, run: str | None = None) -> tuple[Path, str | None, str]:
    """Write .notemill/debug/STEP/STEP.ipynb: its path, the run whose parameters and inputs it has, and that in words.

    That run is `run`, or else the last that had to do with the step; None where there is none.
    Raises UsageError where the run has not the step, or where an input's step has yet to run.
    """
    options = Options(steps=(name,), command="debug")
    ready = get_ready(project, options)
    planned = next(p for p in make_plan(project, ready, options).steps if p.step == name)
    run, facts = find_facts(project, name, run)
    redactor = redactor_for(project)
    params = given_params(ready[name], facts.get("params") or {}, redactor)
    inputs = given_inputs(planned, facts.get("inputs") or {}, redactor)
    folder = project.folder / "debug" / name
    target = folder / f"{name}.ipynb"
    given = {**params, **paths(project, ready[name].step, inputs, folder)}
    write_notebook(target, with_parameters(project, ready[name], given))
    project.save()
    return target, run, whose(run, facts)


def find_facts(project: Project, name: str, run: str | None) -> tuple[str | None, dict]:
    """A run, and what its record says of the step; (None, {}) where it never ran. Raises UsageError."""
    if run is None:
        return last_facts(project, name, BEGUN)
    record = project.find_run(run)
    if facts := facts_in(record, name, BEGUN):
        return record["run"], facts
    raise UsageError(f"run {record['run']}", f"step '{name}' has not run in it",
                     hint="without --run: the last run that had to do with it")


def whose(run: str | None, facts: Mapping) -> str:
    if run is None:
        return "it has not run yet: parameters and inputs as a run would have them now"
    end = ", in which it failed" if facts["status"] == "failed" else ""
    return f"with the parameters and inputs of run {run}{end}"


def given_params(ready: Ready, then: Mapping[str, object], redactor: Redactor) -> dict[str, object]:
    """The parameters as they were `then`; one that the notebook no longer has is left out, and one whose secret the
    record does not hold is taken as it is now."""
    now, declared = ready.effective, ready.notebook.parameters
    known = {name: value for name, value in then.items() if name in declared or ready.notebook.language != "python"}
    return {**ready.params, **{name: value for name, value in known.items()
                               if name not in now or canonical_json(redactor.json(now[name])) != canonical_json(value)}}


def given_inputs(planned: PlannedStep, then: Mapping[str, dict], redactor: Redactor) -> dict[str, dict]:
    """The inputs' content as it was `then`; as it is now for one that comes from elsewhere by now.

    Raises UsageError where that is not known.
    """
    found = {}
    for name, now in planned.inputs.items():
        was = then.get(name) or {}
        same = is_known(was) and was.get("from") == redactor.text(now["from"])
        found[name] = was if same else now
        if not is_known(found[name]):
            raise UsageError(f"step '{planned.step}'", f"its input '{now['from']}' is not there yet",
                             hint=f"notemill run {now['from'].partition('.')[0]}")
    return found


def is_known(facts: Mapping) -> bool:
    return bool(facts.get("sha256")) or "files" in facts


def paths(project: Project, step: Step, inputs: Mapping[str, dict], folder: Path) -> dict[str, object]:
    """What the notebook gets for inputs and outputs; outputs go to a folder of their own."""
    (folder / "outputs").mkdir(parents=True, exist_ok=True)
    laid = {name: _fresh(project, name, facts, folder / "inputs") for name, facts in inputs.items()}
    return {**laid, **{name: str(folder / "outputs" / file) for name, file in step.outputs.items()}}


def _fresh(project: Project, name: str, facts: dict, folder: Path):
    for old in sorted((folder / name).rglob("*"), reverse=True):
        old.rmdir() if old.is_dir() and not old.is_symlink() else old.unlink()
    return lay_out(project, name, facts, folder)


def with_parameters(project: Project, ready: Ready, params: dict[str, object]) -> dict:
    """The notebook with Papermill's injected cell, and one before it that finds modules as a step does."""
    import nbformat
    from papermill.iorw import load_notebook_node
    from papermill.parameterize import parameterize_notebook

    path = ready.step.notebook
    source = nbformat.from_dict(json.loads(json.dumps(load_cells(path, path.read_bytes(), path.name))))
    notebook = load_notebook_node(source)  # gives every cell the metadata that Papermill counts on
    notebook = parameterize_notebook(notebook, params, kernel_name="python3", language=ready.notebook.language)
    setup = (f"import os, sys\nos.chdir({str(path.parent)!r})\n"
             f"sys.path[:0] = [{str(path.parent)!r}, {str(project.root / 'package')!r}]")
    notebook.cells.insert(0, nbformat.v4.new_code_cell(setup, metadata={"tags": ["notemill-debug"]}))
    return notebook
