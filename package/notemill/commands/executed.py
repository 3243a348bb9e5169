"""The executed notebooks of one version: those of the run that made it, not of the project's latest."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from notemill.files import read_json, write_atomic

PLACE = Path(".notemill", "demo")


def executed_notebooks(root: Path, package: Path) -> Path | None:
    """A folder of their reports; None where this machine has none of them.

    A step that was reused was executed by an earlier run: its report is that one's.
    """
    run = run_of(package)
    found = list(reports(root / ".notemill" / "runs", run)) if run else []
    for report in found:
        write_atomic(root / PLACE / run / report.name, report.read_bytes(), durable=False)
    return root / PLACE / run if found else None


def run_of(package: Path) -> str:
    """By the package's provenance; "" where it does not say."""
    value = read_json(package / "provenance.json", {})
    for key in ("predicate", "runDetails", "metadata", "invocationId"):
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, str) and value and not {"/", "\\"} & set(value) and value[0] != "." else ""


def reports(runs: Path, run: str) -> Iterator[Path]:
    """Of the run's steps, those that are there."""
    record = read_json(runs / run / "run.json", {})
    steps = record.get("steps") if isinstance(record, dict) else None
    for step in steps if isinstance(steps, list) else ():
        path = report_of(runs, run, step) if isinstance(step, dict) else None
        if path:
            yield path


def report_of(runs: Path, run: str, step: Mapping) -> Path | None:
    """Where the step's record says it is, if that is among the runs."""
    try:
        path = (runs / str(step.get("origin_run") or run) / str(step.get("report") or "reports/none")).resolve()
        return path if path.suffix == ".html" and path.is_relative_to(runs.resolve()) and path.is_file() else None
    except (OSError, ValueError):  # no path at all
        return None
