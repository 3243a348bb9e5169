"""Papermill's own engine, one process a kernel: the notebook's cells run as Papermill runs them."""

import json
import re
import time

from notemill.execute.job import CellFailure, Executed, Job
from notemill.execute.kernel import kernel_manager
from notemill.execute.watch import Watch
from notemill.files import write_notebook

CELL_LINE = re.compile(r"(?:Cell|Input|cell) (?:In)?\s?\[?\d*\]?.*?line (\d+)")
ARROW_LINE = re.compile(r"^-+>\s*(\d+)", re.M)
ANSI = re.compile(r"\x1b\[[0-9;]*m")


def execute(job: Job) -> Executed:
    """Run the job's notebook to its end or first error. Raises nothing that the notebook did: that is in `failure`."""
    began = time.monotonic()
    with kernel_manager(job) as manager:
        notebook, error, watch = _papermill(job, manager)
        undeclared = tuple(manager.undeclared())
    reason = watch.reason if watch else ""
    failure = _failure(notebook, error, reason)
    if failure and failure.cell and not _error_output(notebook):
        _mark(notebook, failure)
    notebook = job.redact(notebook)
    write_notebook(job.saved, notebook)
    return Executed(notebook, failure, round(time.monotonic() - began, 3), round(watch.cpu_seconds, 2) if watch else 0.0,
                    round(watch.peak_mb, 1) if watch else 0.0, undeclared, interrupted=reason == "interrupted")


def _papermill(job: Job, manager) -> tuple[dict, Exception | None, Watch | None]:
    """The executed notebook, the error that ended it, and what was seen of its processes."""
    import nbformat
    import papermill
    from nbclient.exceptions import DeadKernelError

    from notemill.execute.engine import ENGINE, register

    register()
    source = number_cells(nbformat.from_dict(json.loads(json.dumps(job.notebook))))
    running = {"notebook": source, "watch": None, "ended": None}
    error = None
    try:
        papermill.execute_notebook(
            source, None, parameters=dict(job.parameters), engine_name=ENGINE, kernel_name=_kernel_name(job),
            language=_language(source), progress_bar=False, job=job, km=manager, running=running)
    except Exception as failed:  # whatever ends a notebook is told as the step's failure, with its cell
        error = DeadKernelError(f"the kernel died ({running['ended']})") if running["ended"] else failed
    finally:
        if running["watch"]:
            running["watch"].end()
    return running["notebook"], error, running["watch"]


def _kernel_name(job: Job) -> str:
    return "python3" if job.kernel == "process" else job.kernel


def _language(notebook) -> str:
    return notebook.metadata.get("kernelspec", {}).get("language") or "python"


def number_cells(notebook):
    """Note each cell's number in the source: Papermill adds cells of its own."""
    for number, cell in enumerate(notebook.cells, 1):
        cell.metadata["notemill"] = {"cell": number}
    return notebook


def _failure(notebook: dict, error: Exception | None, reason: str) -> CellFailure | None:
    if error is None and not reason:
        return None
    output = _error_output(notebook)
    if output and not reason:
        return CellFailure(output["ename"], ANSI.sub("", str(output["evalue"])), _failing_cell(notebook),
                           _line(output["traceback"]))
    return CellFailure(*(("Limit", reason) if reason else _said(error)), _failing_cell(notebook))


def _said(error: Exception) -> tuple[str, str]:
    """An engine's error in the words of who wrote the notebook."""
    name = type(error).__name__
    return name, ANSI.sub("", str(error)).strip() or name


def _cells(notebook: dict) -> list[dict]:
    return [cell for cell in notebook["cells"] if cell.get("cell_type") == "code"]


def _error_output(notebook: dict) -> dict | None:
    return next((output for cell in _cells(notebook) for output in cell.get("outputs", [])
                 if output["output_type"] == "error" and cell["metadata"].get("papermill", {}).get("exception")), None)


def _failing_cell(notebook: dict) -> int | None:
    """The number in the source of the cell that failed or was running; None where that is Papermill's own or none."""
    states = [(cell["metadata"].get("papermill", {}), cell["metadata"].get("notemill", {})) for cell in _cells(notebook)]
    failed = [own.get("cell") for state, own in states if state.get("exception") or state.get("status") == "running"]
    return failed[0] if failed else None


def _line(traceback: list[str]) -> int | None:
    """The line of the cell at which the error shows in IPython's traceback."""
    text = ANSI.sub("", "\n".join(traceback))
    for pattern in (CELL_LINE, ARROW_LINE):
        if match := pattern.search(text):
            return int(match[1])
    return None


def _mark(notebook: dict, failure: CellFailure) -> None:
    """Give the cell that was running when the kernel ended an error output, so that the report shows it."""
    for cell in _cells(notebook):
        if cell["metadata"].get("notemill", {}).get("cell") == failure.cell:
            cell["metadata"].setdefault("papermill", {}).update(exception=True, status="failed")
            cell["outputs"].append({"output_type": "error", "ename": failure.name, "evalue": failure.message,
                                    "traceback": [f"{failure.name}: {failure.message}"]})
