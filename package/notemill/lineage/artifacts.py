"""The files of a run, laid out in a folder as they will stand in MLflow. Secrets are taken out of texts."""

import base64
import json
import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from notemill.lineage.clean import clean_notebook
from notemill.lineage.facts import milliseconds
from notemill.lineage.spool import SpoolRun, files_below, read_text
from notemill.store import Store

Redact = Callable[[str], str]
# Data is referred to by digest: it may be large, or personal. Models, figures and facts are small enough to look at.
DATA = (".parquet", ".csv", ".tsv", ".feather", ".arrow", ".npy", ".npz", ".h5", ".db", ".sqlite", ".xlsx", ".jsonl")
LARGEST = 20_000_000
NOT_SHOWN = ("injected-parameters", "papermill-error-cell-tag")


def stage_run(folder: Path, record: Mapping, store: Store, redact: Redact) -> None:
    """The parent's: run.json, environment/ (requirements.txt, environment.json) and diff.patch of unsaved changes.

    `record` is without secrets already."""
    _write(folder / "run.json", json.dumps(record, indent=1, sort_keys=True, ensure_ascii=False))
    with suppress(KeyError, TypeError, ValueError):
        versions = json.loads(store.read_bytes(record["environment"]["distributions"]))
        facts = {**record["environment"], "machine": record.get("machine"), "packages": versions}
        _write(folder / "environment" / "environment.json", json.dumps(facts, indent=1, sort_keys=True))
        lines = [f"{name}=={version}" for name, version in sorted(versions.items())]
        _write(folder / "environment" / "requirements.txt", "\n".join(lines) + "\n")
    with suppress(KeyError, TypeError):
        diff = store.read_bytes(record["git"]["diff"]).decode("utf-8", "surrogateescape")
        _write(folder / "diff.patch", redact(diff))


def stage_step(folder: Path, record: Mapping, step: Mapping, store: Store, run_folder: Path, redact: Redact) -> None:
    """A step's: report, executed notebook, its figures, and outputs of up to 20 MB that are no data."""
    if report := find_report(record, step, run_folder):
        copy(report, folder / f"{step['step']}.html", redact)
    with suppress(KeyError, TypeError, ValueError):
        notebook = json.loads(store.read_bytes(step["executed"]["sha256"]).decode("utf-8", "surrogatepass"))
        _write(folder / f"{step['step']}.ipynb", json.dumps(clean_notebook(notebook, redact), indent=1))
        _write_figures(folder / "figures", notebook)
    for output in (step.get("outputs") or {}).values():
        if output["bytes"] <= LARGEST and not output["file"].lower().endswith(DATA):
            with suppress(KeyError):
                copy(store.path(output["sha256"]), folder / "outputs" / output["file"], redact)


def stage_spool(folder: Path, run: SpoolRun, redact: Redact) -> None:
    """What the notebook logged as artifacts of a run, under the names it gave them."""
    for path in files_below(run.artifacts) if run.artifacts.is_dir() else ():
        copy(path, folder / redact(str(path.relative_to(run.artifacts))), redact)


def find_report(record: Mapping, step: Mapping, run_folder: Path) -> Path | None:
    """The step's report as this run wrote it: the run's own copy, or the latest one if no later run has replaced it."""
    own = run_folder / "reports" / f"{step['step']}.html"
    if own.is_file():
        return own
    if not step.get("report") or len(run_folder.parents) < 3:
        return None
    latest, ended = run_folder.parents[2] / step["report"], milliseconds(record.get("ended"))
    slack = 60_000      # reports are written after the record is closed
    if latest.is_file() and (ended is None or latest.stat().st_mtime * 1000 <= ended + slack):
        return latest
    return None


def copy(source: Path, target: Path, redact: Redact) -> None:
    """A text redacted; anything else as a link, which costs nothing; a file of the store, which nobody may write, as a
    copy: MLflow keeps its mode, and could then not write it again."""
    text = read_text(source)
    if text is not None and (clean := redact(text)) != text:
        _write(target, clean)
        return
    if target.exists() or target.parent.is_file():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        if not source.stat().st_mode & 0o200:
            raise OSError
        os.link(source.resolve(), target)
    except OSError:
        shutil.copyfile(source, target)


def _write(target: Path, content: str | bytes) -> None:
    """A new file; one of that name, which may be a link, stays as the notebook made it."""
    with suppress(FileExistsError, NotADirectoryError):
        target.parent.mkdir(parents=True, exist_ok=True)
        with open(target, "xb") as file:
            file.write(content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content)


def _write_figures(folder: Path, notebook: Mapping) -> None:
    """The PNG pictures among a notebook's outputs, by the number of their cell."""
    shown = (cell for cell in notebook["cells"]
             if not set(cell.get("metadata", {}).get("tags", [])) & set(NOT_SHOWN))
    for number, cell in enumerate(shown, 1):
        pictures = [output["data"]["image/png"] for output in cell.get("outputs", [])
                    if "image/png" in (output.get("data") or {})]
        for count, picture in enumerate(pictures, 1):
            name = f"cell-{number}.png" if len(pictures) == 1 else f"cell-{number}-{count}.png"
            _write(folder / name, base64.b64decode("".join(picture)))
