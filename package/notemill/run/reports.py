"""Write what people look at: a report for each step, and the index of the run; only what would differ is written."""

import json
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from notemill.files import canonical_json, read_json, sha256_text, write_atomic, write_json
from notemill.notebook import does_something, load_cells
from notemill.plan import Ready
from notemill.project import Project
from notemill.run.record import Record

LOOKED_AT = 100     # earlier runs, for a step that never ended well


@contextmanager
def spared(record: Record) -> Iterator[None]:
    """A page that cannot be made is told of: the run's results stand."""
    try:
        yield
    except Exception as error:
        record.warn(f"a report could not be written: {type(error).__name__}: {error}")


def write_reports(project: Project, record: Record, ready: Mapping[str, Ready]) -> None:
    """Bring reports/ up to date with the run."""
    written = project.folder / "memory" / "reports.json"
    before: dict = read_json(written, {})
    after = {step["step"]: step_key(step, ready[step["step"]]) for step in record.facts["steps"] if step["executed"]}
    for name, key in after.items():
        target = project.reports / f"{name}.html"
        if not target.is_file() or (before.get(name) != key and record.step(name)["action"] == "reuse"):
            write_step_report(project, record, ready[name])
    index = sha256_text(canonical_json([record.facts["error"], after, [
        [step["step"], step["status"] == "failed" or step["status"] == "skipped"] for step in record.facts["steps"]]]))
    runs = any(step["action"] == "run" for step in record.facts["steps"])
    if runs or before.get("index.html") != index or not (project.reports / "index.html").is_file():
        write_index_page(project, record, ready)
    if {**before, **after, "index.html": index} != before:
        write_json(written, {**before, **after, "index.html": index}, durable=False)


def step_key(step: Mapping, ready: Ready) -> str:
    """What a step's report shows: an execution, with the source's present text."""
    return f"{step['executed']['sha256']}:{ready.notebook.text}"


def write_step_report(project: Project, record: Record, ready: Ready) -> None:
    """reports/STEP.html from the executed notebook; a step that ran keeps a copy with its run, for MLflow."""
    with spared(record):
        _write_step_report(project, record, ready)


def _write_step_report(project: Project, record: Record, ready: Ready) -> None:
    from notemill import report

    step = record.step(ready.step.name)
    notebook = shown_notebook(project, step, ready)
    if notebook is None:
        return
    record.pictures.add(step, notebook)
    target = project.reports / f"{step['step']}.html"
    report.write_step_report(notebook, target, step=step["step"], folder=ready.step.notebook.parent,
                             subtitle=f"{project.pipeline.name} · run {step['origin_run']}")
    if step["origin_run"] == record.name:
        keep_copy(target, record.folder / "reports" / target.name)


def keep_copy(report: Path, copy: Path) -> None:
    """The run's own: a second name of the file, which a later run replaces and does not write to."""
    copy.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(report, copy)
    except OSError:  # an earlier one is there, or the disk knows no second names
        write_atomic(copy, report.read_bytes())


def shown_notebook(project: Project, step: Mapping, ready: Ready) -> dict | None:
    """The executed notebook, with the source's present text where the step was reused; None where there is none."""
    from notemill import report

    if not step["executed"] or not project.store.has(step["executed"]["sha256"]):
        return None
    notebook = json.loads(project.store.read_bytes(step["executed"]["sha256"]))
    if step["status"] != "reused":
        return notebook
    path = ready.step.notebook
    source = load_cells(path, path.read_bytes(), project.name_of(path))
    with suppress(ValueError):  # the executed text where the two do not fit
        return report.current_text(notebook, source, lambda code: does_something(code, ready.notebook.language))
    return notebook


def write_index_page(project: Project, record: Record, ready: Mapping[str, Ready]) -> None:
    """reports/index.html: the run, with its steps' plots."""
    with spared(record):
        _write_index_page(project, record, ready)


def _write_index_page(project: Project, record: Record, ready: Mapping[str, Ready]) -> None:
    from notemill import report

    for step in record.facts["steps"]:
        if step["executed"] and not record.pictures.knows(step):
            record.pictures.add(step, shown_notebook(project, step, ready[step["step"]]) or {})
    report.write_index(record.shown(), project.reports / "index.html", previous=previous_record(project, record),
                       pictures=record.pictures.found)


@contextmanager
def running_page(project: Project, record: Record) -> Iterator[None]:
    """Meanwhile the run's page is written as it begins: after a kill no older run's page stands there as the last."""
    thread = threading.Thread(target=_write_running_page, args=(project, record), name="page", daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def _write_running_page(project: Project, record: Record) -> None:
    with suppress(Exception):  # what keeps a page from being made is told at the end
        from notemill import report

        written = project.folder / "memory" / "reports.json"
        known: dict = read_json(written, {})
        if known.pop("index.html", None):  # else a run with nothing to do would take this page for its own
            write_json(written, known)
        report.write_index(record.shown(), project.reports / "index.html", pictures={}, durable=False,
                           previous=previous_record(project, record))


def previous_record(project: Project, record: Record) -> dict | None:
    """What this run is compared with: each step as it last ended well before, and the names of the runs it did so in.

    A run that reused everything counts: after it, what it reused is what was there before.
    """
    wanted, found, runs = [step["step"] for step in record.facts["steps"]], {}, []
    for name in [name for name in reversed(project.run_names()) if name < record.name][:LOOKED_AT]:
        steps = {step["step"]: step for step in (project.record(name) or {}).get("steps") or []
                 if step.get("status") in ("done", "reused") and step["step"] in wanted and step["step"] not in found}
        found, runs = {**found, **steps}, [*runs, name] if steps else runs
        if len(found) == len(wanted):
            break
    return {"run": " and ".join(runs[:3]), "steps": list(found.values())} if found else None
