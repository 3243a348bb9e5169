"""A step's notebook with its real parameters and inputs, to be run by hand."""

import json
from pathlib import Path

from notemill.errors import UsageError
from notemill.files import write_notebook
from notemill.notebook import load_cells
from notemill.plan import Options, PlannedStep, Ready, get_ready, make_plan
from notemill.project import Project
from notemill.run.step import lay_out


def prepare(project: Project, name: str) -> Path:
    """Write .notemill/debug/STEP/STEP.ipynb. Raises UsageError where an input's step has yet to run."""
    options = Options(steps=(name,))
    ready = get_ready(project, options)
    project.pipeline.step(name)
    planned = next(p for p in make_plan(project, ready, options).steps if p.step == name)
    folder = project.folder / "debug" / name
    target = folder / f"{name}.ipynb"
    write_notebook(target, with_parameters(project, ready[name], values(project, ready[name], planned, folder)))
    project.save()
    return target


def values(project: Project, ready: Ready, planned: PlannedStep, folder: Path) -> dict[str, object]:
    """The parameters as a run would set them; outputs go to a folder of their own."""
    for facts in planned.inputs.values():
        if "files" not in facts and not facts.get("sha256"):
            raise UsageError(f"step '{planned.step}'", f"its input '{facts['from']}' is not there yet",
                             hint=f"notemill run {facts['from'].partition('.')[0]}")
    (folder / "outputs").mkdir(parents=True, exist_ok=True)
    inputs = {name: _fresh(project, name, facts, folder / "inputs") for name, facts in planned.inputs.items()}
    outputs = {name: str(folder / "outputs" / file) for name, file in ready.step.outputs.items()}
    return {**ready.params, **inputs, **outputs}


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
