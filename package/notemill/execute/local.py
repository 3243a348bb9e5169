"""Papermill's own engine, one process a kernel: the notebook's cells run as Papermill runs them."""

import json
import re
import threading
import time
from contextlib import suppress
from pathlib import Path

from notemill.execute.job import CellFailure, Executed, Job
from notemill.execute.kernel import Kernel, log, make_kernel, undeclared
from notemill.execute.running import Running
from notemill.execute.watch import Watch
from notemill.files import write_notebook
from notemill.interpreter import OWN
from notemill.late import import_whole

CELL_LINE = r"^\s*(?:File\s+)?(?:Cell|Input) In\s?\[{count}\],? line (\d+)"
GROUP_LINE = re.compile(r'^  (?:\|   )?File ".*?ipykernel_\d+/\d+\.py", line (\d+), in <module>', re.M)
CRASH_LINE = re.compile(r'^  File ".*?ipykernel_\d+/\d+\.py", line (\d+)', re.M)
SCHEMA = threading.Lock()
ANSI = re.compile(r"\x1b\[[0-9;]*m")


def execute(job: Job) -> Executed:
    """Run the job's notebook to its end or first error. Raises nothing that the notebook did: that is in `failure`.

    `sys.exit()`, `exit()` and `raise SystemExit` end the notebook there, without failure; with another exit status
    than 0 they are an error like any other.
    """
    began = time.monotonic()
    with make_kernel(job) as kernel:
        running = _papermill(job, kernel)
        failure = _failure(running, kernel.folder)
        reads = undeclared(kernel.folder)
    if failure and not _error_output(running.notebook):
        _mark(running.notebook, failure)
    notebook = job.redact(running.notebook)
    with suppress(OSError):  # a full disk: whoever stores the notebook meets it again, when there is room
        write_notebook(job.saved, notebook, durable=False)
    left = [] if failure else _cells_left(notebook)
    return Executed(notebook, failure, round(time.monotonic() - began, 3), *running.costs, reads, len(left),
                    _number(_ending_cell(notebook)) if left else None, tuple(running.notes), tuple(kernel.notes))


def _papermill(job: Job, kernel: Kernel) -> Running:
    """Run the notebook: what became of it. The kernel starts while Papermill is imported."""
    running = Running(job.notebook)
    try:
        kernel.start()
        import_papermill()
        running.watch = Watch(kernel.pid(), job.limits, job.stop, born_mb=kernel.born_mb)
        running.watch.start()
        if running.watch.breached():  # a cell may be done before it looks for the first time
            raise InterruptedError
        _run_cells(job, kernel, running)
    except Exception as error:  # whatever ends a notebook is told as the step's failure, with its cell
        running.error = error
    finally:
        if running.watch:
            running.watch.end()
    return running


def import_papermill() -> None:
    """Its way to files in HDFS is not ours, and would cost the import of pyarrow."""
    import_whole("papermill", without="pyarrow")
    from nbformat.validator import get_validator

    with SCHEMA:  # nbformat makes its validator when it is first asked: each of two threads would make one
        get_validator(4, 5)


def _run_cells(job: Job, kernel: Kernel, running: Running) -> None:
    import nbformat
    import papermill
    from papermill.exceptions import PapermillExecutionError
    from papermill.execute import remove_error_markers

    from notemill.execute.engine import ENGINE, register

    register()
    running.notebook = number_cells(nbformat.from_dict(json.loads(json.dumps(job.notebook))))
    try:
        papermill.execute_notebook(
            running.notebook, None, parameters=dict(job.parameters), engine_name=ENGINE, kernel_name=_kernel_name(job),
            language=_language(running.notebook), progress_bar=False, job=job, km=kernel.manager, running=running)
    except PapermillExecutionError:
        failed = next((cell for cell in _cells(running.notebook) if _went_wrong(cell)), None)
        if failed:
            _state(failed).update(exception=True, status="failed")
            raise
        remove_error_markers(running.notebook)  # a cell tagged `raises-exception` did as it said


def _kernel_name(job: Job) -> str:
    return "python3" if job.kernel in OWN else job.kernel


def _language(notebook) -> str:
    return notebook.metadata.get("kernelspec", {}).get("language") or "python"


def number_cells(notebook):
    """Note each cell's number in the source: Papermill adds cells of its own."""
    for number, cell in enumerate(notebook.cells, 1):
        cell.metadata["notemill"] = {"cell": number}
    return notebook


def _failure(running: Running, folder: Path) -> CellFailure | None:
    """Why the notebook did not come to its end: a limit, a dead kernel, an error in a cell or before the first."""
    if running.error is None:
        return None
    failed, told = _failing_cell(running.notebook), log(folder)
    place = {"cell": _number(failed), "in_parameters": bool(failed) and "injected-parameters" in _tags(failed)}
    if running.reason:
        name = "Interrupted" if running.reason == "interrupted" else "LimitExceeded"
        return CellFailure(name, running.reason, **place)
    if running.ended:
        return CellFailure("KernelDied", running.ended, line=_crash_line(told), **place)
    output = _error_output(running.notebook)
    if output:
        return CellFailure(output["ename"], ANSI.sub("", str(output["evalue"])), line=_line(failed, output), **place)
    name, message = type(running.error).__name__, ANSI.sub("", str(running.error)).strip()
    return CellFailure(name, "\n".join([message or name, *(() if running.begun else told.splitlines()[-3:])]), **place)


def _cells(notebook: dict) -> list[dict]:
    return [cell for cell in notebook["cells"] if cell.get("cell_type") == "code"]


def _error_output(notebook: dict) -> dict | None:
    return next((output for cell in _cells(notebook) for output in cell.get("outputs", [])
                 if output["output_type"] == "error" and _state(cell).get("exception")), None)


def _state(cell: dict) -> dict:
    return cell["metadata"].get("papermill", {})


def _went_wrong(cell: dict) -> bool:
    """Whether the cell shows an error that no tag foretold; IPython calls one below `%%capture` well."""
    errors = [output for output in cell.get("outputs", []) if output["output_type"] == "error"]
    ends = [error["ename"] == "SystemExit" and error["evalue"] in ("", "0") for error in errors]
    return "raises-exception" not in _tags(cell) and not (all(ends) if ends else not _state(cell).get("exception"))


def _failing_cell(notebook: dict) -> dict | None:
    """The cell that failed, or that was running."""
    return next((cell for cell in _cells(notebook)
                 if _state(cell).get("exception") or _state(cell).get("status") == "running"), None)


def _cells_left(notebook: dict) -> list[dict]:
    """The cells that did not run because the notebook ended itself, by `exit()`."""
    return [cell for cell in _cells(notebook) if _state(cell).get("status") == "pending"]


def _ending_cell(notebook: dict) -> dict | None:
    """The last cell that ran."""
    return next((cell for cell in reversed(_cells(notebook)) if _state(cell).get("status") != "pending"), None)


def _number(cell: dict | None) -> int | None:
    """The cell's number in the source; None where it is Papermill's own or there is none."""
    return cell["metadata"].get("notemill", {}).get("cell") if cell else None


def _tags(cell: dict) -> list[str]:
    return cell["metadata"].get("tags", [])


def _line(cell: dict, output: dict) -> int | None:
    """The line of the cell at which the error shows in IPython's traceback."""
    text = ANSI.sub("", "\n".join(output["traceback"]))
    own, other = CELL_LINE.format(count=cell.get("execution_count")), CELL_LINE.format(count=r"\d+")
    match = re.search(own, text, re.M) or re.search(other, text, re.M)  # below %%capture a cell has another number
    if match:
        return int(match[1])
    lines = GROUP_LINE.findall(text)  # as Python itself writes it, the error last
    return int(lines[-1]) if lines else None


def _crash_line(log: str) -> int | None:
    """The line of the cell in what Python writes when native code crashes: the last of the crashed thread's."""
    lines = CRASH_LINE.findall(log.partition("Current thread")[2].partition("\n\n")[0])
    return int(lines[-1]) if lines else None


def _mark(notebook: dict, failure: CellFailure) -> None:
    """Give the cell that was running when the kernel ended an error output, so that the report shows it."""
    cell = _failing_cell(notebook)
    if cell:
        cell["metadata"].setdefault("papermill", {}).update(exception=True, status="failed")
        cell["outputs"].append({"output_type": "error", "ename": failure.name, "evalue": failure.message,
                                "traceback": [f"{failure.name}: {failure.message}"]})
