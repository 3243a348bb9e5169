"""`notemill gc`: the cache's unreachable content."""

import datetime
import shutil
from collections.abc import Iterator
from pathlib import Path

import click

from notemill import lineage
from notemill.cli import print_json
from notemill.files import read_json
from notemill.project import Project, open_project
from notemill.text import size

MARGIN = datetime.timedelta(hours=1)  # content younger than this may belong to a run that has yet to write its record


def gc(folder: Path, keep_days: int, dry_run: bool, *, as_json: bool) -> None:
    """Remove old runs, results that no kept run refers to, and content that nothing refers to."""
    project = open_project(folder)
    oldest = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=keep_days)
    runs = {name: project.record(name) for name in project.run_names()}
    kept = kept_runs(project, runs, oldest)
    digests = reachable(project, kept)
    removed = [*old_runs(project, runs, kept), *unused_results(project, kept), *unreachable(project, digests)]
    freed = sum(bytes_in(path) for path in removed)
    if not dry_run:
        for path in removed:
            remove(path)
        project.store.forget_absent()
        project.save()
    if as_json:
        print_json({"removed": len(removed), "bytes": freed, "dry_run": dry_run, "error": None})
    else:
        click.echo(f"{'would remove' if dry_run else 'removed'} {len(removed)} files and runs, {size(freed)}; "
                   f"kept {len(kept)} runs")


def kept_runs(project: Project, runs: dict, oldest: datetime.datetime) -> dict[str, dict]:
    """Young runs, the latest, those that are running or have yet to reach MLflow, and the origin of what they reuse."""
    pending = set(lineage.pending_runs(project.runs))
    kept = {name: record for name, record in runs.items() if record and (
        name == max(runs) or name in pending or record["status"] == "running"
        or datetime.datetime.fromisoformat(record["started"]) >= oldest)}
    origins = {step["origin_run"] for record in kept.values() for step in record["steps"]}
    return kept | {name: record for name, record in runs.items() if record and name in origins}


def reachable(project: Project, kept: dict[str, dict]) -> set[str]:
    """Every digest that a kept run, or a lasting record, mentions."""
    found: set[str] = set()
    for record in [*kept.values(), *lasting(project)]:
        found.update(digests_in(record))
    return found


def lasting(project: Project) -> Iterator[object]:
    """All JSON under .notemill-records/, and what outside data was fetched last."""
    for folder in (project.root / ".notemill-records", project.folder / "memory" / "sources"):
        for path in folder.rglob("*.json"):
            yield read_json(path, {})


def digests_in(value: object) -> Iterator[str]:
    """All texts in JSON that look like a sha256."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from digests_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from digests_in(inner)
    elif isinstance(value, str) and len(value) == 64 and not set(value) - set("0123456789abcdef"):
        yield value


def old_runs(project: Project, runs: dict, kept: dict) -> list[Path]:
    return [project.runs / name for name in runs if name not in kept]


def unused_results(project: Project, kept: dict[str, dict]) -> list[Path]:
    used = {step["fingerprint"] for record in kept.values() for step in record["steps"]}
    return [path for path in (project.folder / "results").glob("*.json") if path.stem not in used and is_old(path)]


def unreachable(project: Project, digests: set[str]) -> list[Path]:
    return [path for path in project.store.contents() if path.parent.name + path.name not in digests and is_old(path)]


def is_old(path: Path) -> bool:
    age = datetime.datetime.now(datetime.UTC).timestamp() - path.stat().st_mtime
    return age > MARGIN.total_seconds()


def bytes_in(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.lstat().st_size for file in files if file.is_file() and not file.is_symlink())


def remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
