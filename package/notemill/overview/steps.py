"""Each step: what it is for, what it takes and gives, and how it did the last time."""

import json
from collections.abc import Mapping, Sequence

from notemill.errors import NotemillError
from notemill.notebook import EXPORT, TEST, Notebook, load_cells, tags_of
from notemill.pipeline import Output, Step
from notemill.project import Project
from notemill.sources.kinds import FileSource, GlobSource

ENDED = ("done", "reused", "failed", "skipped", "interrupted")
FACTS = ("status", "reasons", "warnings", "metrics", "seconds", "cpu_seconds", "peak_mb", "error")


def steps_of(project: Project, records: Sequence[Mapping]) -> list[dict]:
    """The steps in running order; `records` are runs, oldest first."""
    return [describe(project, step, records) for step in project.pipeline.steps.values()]


def describe(project: Project, step: Step, records: Sequence[Mapping]) -> dict:
    facts = {"step": step.name, "notebook": project.name_of(step.notebook), "needs": list(step.needs),
             "kernel": step.kernel, "env": list(step.env), "secrets": list(step.secrets),
             "inputs": {name: str(source) for name, source in step.inputs.items() if isinstance(source, Output)},
             "sources": {name: str(source) for name, source in step.inputs.items() if not isinstance(source, Output)},
             "local": sorted(str(source) for source in step.inputs.values()
                             if isinstance(source, FileSource | GlobSource)),
             "outputs": dict(step.outputs)}
    return {**facts, **said(project, step), **last(step.name, records), "report": report_of(project, step.name)}


def said(project: Project, step: Step) -> dict:
    """What the notebook says of itself; the reason where it cannot be read."""
    nothing = {"title": "", "purpose": "", "params": dict(step.params), "modules": [], "cells": None, "problem": None}
    try:
        notebook = project.notebook(step)
        return {**nothing, "title": notebook.title, "purpose": notebook.purpose,
                "params": params_of(project, step, notebook), "modules": modules_of(project, step, notebook),
                "cells": cells_of(step)}
    except NotemillError as error:
        return {**nothing, "problem": f"{error.where}: {error.got}"}


def params_of(project: Project, step: Step, notebook: Notebook) -> dict:
    """As pipeline.yaml sets them: the shared ones that the notebook declares, and its own."""
    shared = {name: value for name, value in project.pipeline.params.items() if name in notebook.parameters}
    return {**shared, **step.params}


def modules_of(project: Project, step: Step, notebook: Notebook) -> list[str]:
    """The project's modules that its code rests on."""
    return list(project.importer.follow(notebook.imports, step.notebook, step.kernel).modules)


def cells_of(step: Step) -> dict:
    """How many code cells there are, and how many of them others can import, or are tests."""
    content = load_cells(step.notebook, step.notebook.read_bytes(), step.notebook.name)
    code = [cell for cell in content["cells"] if cell["cell_type"] == "code" and cell["source"].strip()]
    return {"code": len(code), "exported": sum(EXPORT in tags_of(cell) for cell in code),
            "tests": sum(TEST in tags_of(cell) for cell in code)}


def last(name: str, records: Sequence[Mapping]) -> dict:
    """How the step did in the last run that had to do with it; of one that was reused, the time that it took once."""
    found = [(record, step) for record in records for step in record["steps"] if step.get("step") == name]
    ended = [(record, step) for record, step in found if step.get("status") in ENDED]
    nothing = {**dict.fromkeys(FACTS), "warnings": [], "run": None, "when": None, "took": None}
    if not ended:
        return nothing
    record, step = ended[-1]
    made = [one for run, one in ended if one.get("status") in ("done", "failed") and one.get("seconds") is not None
            and (step["status"] != "reused" or run["run"] == step.get("origin_run", run["run"]))]
    facts = {key: step.get(key) for key in FACTS}
    return {**nothing, **plain(facts), "warnings": [str(text) for text in step.get("warnings") or []],
            "run": record["run"], "when": record.get("started"), "took": made[-1]["seconds"] if made else None}


def plain(value: object) -> object:
    """As JSON holds it: a figure that is no number is none."""
    return json.loads(json.dumps(value, default=str), parse_constant=lambda name: None)


def report_of(project: Project, step: str) -> str | None:
    """The step's report, from the project's folder; None where there is none yet."""
    path = project.reports / f"{step}.html"
    return project.name_of(path) if path.is_file() else None
