"""The registered versions with figure, interval and n. MLflow is asked only where something can be registered, and is
not waited for long."""

import json
import threading
from collections.abc import Callable, Mapping

from notemill import lineage
from notemill.compare.checks import by_name, plain
from notemill.compare.registered import registered_names
from notemill.errors import NotemillError
from notemill.overview.steps import plain as plain_json
from notemill.project import Project
from notemill.registry import Records, Version, open_records, read_ledger, registry, versions
from notemill.text import number

PATIENCE = 20.0     # seconds that MLflow has to answer
SHOWN = 30
MOVES = 10
MOVE = ("number", "at", "by", "move", "version", "from", "reason")


def versions_of(project: Project) -> dict:
    """{"known", "words", "where", "count", "rows": newest first, "moves": newest first}."""
    uri = lineage.tracking_uri(project.root, project.environ)
    said = {"known": False, "words": "", "where": lineage.shown_uri(uri), "count": 0, "rows": [], **moves_of(project)}
    try:
        if registered_names(project, uri) == set():
            return {**said, "known": True, "words": "No version is registered yet: notemill register."}
        lineage.check_reachable(uri, project.environ)
        lineage.import_mlflow(uri)  # seconds of this machine, not of MLflow's
        rows = in_time(lambda: ask(project, uri), PATIENCE)
    except NotemillError as error:
        return {**said, "words": f"{error.where} {error.got}"}
    if rows is None:
        return {**said, "words": f"MLflow at {said['where']} did not answer within {PATIENCE:g} s"}
    words = "" if rows else "No version is registered yet: notemill register."
    return {**said, "known": True, "words": words, "count": len(rows), "rows": rows[:SHOWN]}


def moves_of(project: Project) -> dict:
    """The last moves of the champion, by the ledger; in words what is wrong with it."""
    try:
        ledger = read_ledger(open_records(project), project.pipeline.name)
    except NotemillError as error:
        return {"moves": [], "count_of_moves": 0, "ledger": f"{error.where} {error.got}"}
    return {"moves": [{key: entry[key] for key in MOVE} for entry in reversed(ledger.entries[-MOVES:])],
            "count_of_moves": ledger.number, "ledger": ""}


def in_time(work: Callable[[], list], seconds: float) -> list | None:
    """What `work` gives; None where it takes longer. Raises what it raises."""
    done: list = []

    def run() -> None:
        try:
            done.append((work(), None))
        except Exception as error:
            done.append((None, error))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    found, error = done[0] if done else (None, None)
    if isinstance(error, NotemillError):
        raise error
    if error:
        raise NotemillError("MLflow", f"fails: {type(error).__name__}: {str(error)[:300]}") from error
    return found


def ask(project: Project, uri: str) -> list[dict]:
    records = open_records(project)
    with registry(uri) as client:
        found = versions(client, project.pipeline.name, records)
    return [plain_json(row(one, records)) for one in found[:SHOWN]] + [{}] * (len(found) - SHOWN)


def row(version: Version, records: Records) -> dict:
    """A version, with what the records here say of it."""
    manifest = records.manifest(version.content) or {}
    files = manifest.get("files") or {}
    verdict = verdict_of(records, files)
    check = plain(by_name(verdict).get("metric")) or {}
    against = plain(by_name(verdict).get("champion")) or {}
    return {**version.as_json(), "aliases": list(version.aliases), "low": check.get("low"), "high": check.get("high"),
            "n": check.get("n"), "data": (verdict or {}).get("data"), "champion": (verdict or {}).get("champion"),
            "paired": paired(verdict, against), "kept": bool(verdict), "bytes": size_of(records, files),
            "risk": manifest.get("risk"), "author": manifest.get("author")}


def paired(verdict: Mapping | None, against: Mapping) -> str:
    """What the gate found between the version and the champion of then, on the same rows."""
    if against.get("figure") is None:
        return ""
    gap = against["figure"]
    interval = "" if None in (against["low"], against["high"]) else \
        f" ({number(against['low'])} to {number(against['high'])})"
    rows = f", n = {number(against['n'])}" if against["n"] is not None else ""
    sense = "the same as" if gap == 0 else f"{number(abs(gap))} {'better' if gap > 0 else 'worse'} than"
    sure = "" if None in (against["low"], against["high"]) or not against["low"] <= 0 <= against["high"] else \
        "; which of the two is better these rows cannot tell"
    return f"{sense} {verdict.get('champion')}{interval}, paired{rows}{sure}"


def verdict_of(records: Records, files: Mapping) -> dict | None:
    """The verdict, where the records hold it undamaged."""
    try:
        found = json.loads(records.read(files["verdict.json"]))
        return found if isinstance(found, dict) else None
    except (KeyError, ValueError, NotemillError):
        return None


def size_of(records: Records, files: Mapping) -> int | None:
    """Bytes of the model's file, where the records are a folder."""
    try:
        return records.place(files["model.skops"]).stat().st_size
    except (KeyError, OSError, AttributeError, NotImplementedError):
        return None
