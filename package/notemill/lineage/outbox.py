"""Runs that MLflow has not got yet. A run is put here before it is published and taken out after: none is lost."""

from collections.abc import Callable, Sequence
from pathlib import Path

from notemill.errors import NotemillError
from notemill.files import read_json, write_json
from notemill.lineage.publish import publish, read_record
from notemill.lineage.reach import check_reachable
from notemill.lineage.uri import shown_uri, told
from notemill.store import Store

PENDING, SENT = "mlflow.pending", "mlflow.json"


def mark_pending(run_folder: Path) -> None:
    """Put a run into the outbox."""
    write_json(run_folder / PENDING, {"format": 1})


def pending_runs(runs_folder: Path) -> list[str]:
    """The runs that wait, oldest first."""
    return sorted(path.parent.name for path in runs_folder.glob(f"*/{PENDING}"))


def published(run_folder: Path) -> dict[str, str]:
    """The MLflow runs of a run by step, the parent's under ""; empty where it has not been published."""
    found = read_json(run_folder / SENT, {})
    return dict(found.get("runs", {})) if isinstance(found, dict) else {}


def sync(runs_folder: Path, store: Store, uri: str, *, redact: Callable[[str], str] | None = None) -> list[str]:
    """Publish every run that waits, in order; the names of those that were. A run that still goes on stays.

    Raises what `check_reachable` does at once where the server is away; NotemillError at the end where some could not
    be published: the others are, and these stay in the outbox.
    """
    waiting, sent, failed = pending_runs(runs_folder), [], {}
    if waiting:
        _check(uri, len(waiting))
    for name in waiting:
        try:
            if _publish_one(runs_folder / name, store, uri, redact):
                sent.append(name)
        except NotemillError:
            raise
        except Exception as error:  # whatever mlflow, its database or its server may raise
            failed[name] = error
            _check(uri, len(waiting) - len(sent))    # a dead server ends it here: the next would only wait for it again
    if failed:
        raise _failure(failed, uri)
    return sent


def _check(uri: str, count: int) -> None:
    try:
        check_reachable(uri)
    except NotemillError as error:  # the run is over: what counts now is what becomes of its lineage
        raise type(error)(error.where, error.got, hint=waiting_text(count)) from None


def waiting_text(count: int) -> str:
    """What is not in MLflow yet, and how it gets there."""
    runs = "1 run waits" if count == 1 else f"{count} runs wait"
    return f"{runs} here to be sent; the next notemill run without --offline sends {'it' if count == 1 else 'them'}"


def sent_text(sent: Sequence[str], run: str) -> str | None:
    """That earlier runs than `run` have been sent at last; None where there were none."""
    earlier = [name for name in sent if name != run]
    if not earlier:
        return None
    return f"sent to MLflow, late: the lineage of {len(earlier)} earlier run{'s' if len(earlier) > 1 else ''}"


def _publish_one(folder: Path, store: Store, uri: str, redact: Callable[[str], str] | None) -> bool:
    from filelock import FileLock

    with FileLock(folder / f"{PENDING}.lock"):
        record = read_record(folder)
        if not (folder / PENDING).exists():     # another process has just done it
            return False
        if record is None:
            raise ValueError(f"{folder / 'run.json'} cannot be read")
        if record["status"] == "running":
            return False
        ids = publish(record, store, uri, run_folder=folder, redact=redact)
        write_json(folder / SENT, {"format": 1, "uri": shown_uri(uri), "runs": ids})
        (folder / PENDING).unlink()
    (folder / f"{PENDING}.lock").unlink(missing_ok=True)
    return True


def _failure(failed: dict[str, Exception], uri: str) -> NotemillError:
    name, error = next(iter(failed.items()))
    return NotemillError(f"MLflow at {shown_uri(uri)}", f"run {name} could not be published: {told(error, uri)}",
                         hint=waiting_text(len(failed)), runs=sorted(failed))
