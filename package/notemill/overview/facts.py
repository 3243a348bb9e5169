"""All that the page says, as plain data that JSON can hold."""

from datetime import UTC, datetime

import notemill
from notemill.overview.coverage import coverage_of
from notemill.overview.files import files_of
from notemill.overview.gate import gate_of
from notemill.overview.git import git_of
from notemill.overview.runs import LOOKED_AT, runs_of
from notemill.overview.steps import steps_of
from notemill.overview.tracked import statements
from notemill.overview.versions import versions_of
from notemill.project import Project
from notemill.redact import Redactor
from notemill.run.redaction import redactor_for

# what people or programs wrote: a secret may have been declared one since
TEXTS = ("title", "purpose", "params", "sources", "warnings", "reasons", "error", "problem", "reason", "changed",
         "hint")


def collect(project: Project) -> dict:
    """The facts. Reads what is there and asks MLflow for versions, if any can be registered; runs and fetches nothing.

    Raises UsageError where a secret's value is too short to be told from other texts.
    """
    redactor = redactor_for(project)
    names = project.run_names()
    records = [record for record in map(project.record, names[-LOOKED_AT:]) if usable(record)]
    steps = [shown(step, redactor) for step in steps_of(project, records)]
    files = files_of(project, [path for step in steps for path in step["modules"]])
    facts = {"format": 1, "notemill": notemill.__version__, "project": project.pipeline.name,
             "made": datetime.now(UTC).isoformat(), "task": project.pipeline.task,
             "risk": project.pipeline.risk or "low", "steps": steps, "files": vars(files),
             "git": git_of(project.root, files.covered), "coverage": coverage_of(project, files),
             "gate": within(gate_of(project, records), "checks", redactor),
             "runs": within(runs_of(project, names, records), "shown", redactor),
             "versions": within(versions_of(project), "moves", redactor)}
    return {**facts, "tracked": statements(project, facts, records)}


def usable(record: object) -> bool:
    """Whether a record is one: a run may have been killed while a disk was full."""
    return isinstance(record, dict) and isinstance(record.get("steps"), list) and isinstance(record.get("run"), str)


def shown(facts: dict, redactor: Redactor) -> dict:
    """Facts without the secrets that pipeline.yaml, a notebook or a record may hold."""
    return {**facts, **{key: redactor.json(facts[key]) for key in TEXTS if key in facts}}


def within(facts: dict, key: str, redactor: Redactor) -> dict:
    """The same for a list that facts hold."""
    return {**facts, key: [shown(one, redactor) for one in facts[key]]}
