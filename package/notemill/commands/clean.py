"""`notemill gc`: the cache's unreachable content."""

import datetime
import mmap
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import click

from notemill import lineage
from notemill.commands.shared import print_json
from notemill.files import read_json
from notemill.project import Project, open_project
from notemill.run.record import close_dead_runs
from notemill.text import size

MARGIN = datetime.timedelta(hours=1)  # content younger than this may belong to a run that has yet to write its record
DIGEST = re.compile(rb"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")


def gc(folder: Path, keep_days: int, dry_run: bool, *, as_json: bool) -> None:
    """Remove old runs, results that nothing refers to any more, and content that nothing refers to."""
    project = open_project(folder)
    close_dead_runs(project)
    oldest = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=keep_days)
    runs = {name: record for name in project.run_names() if (record := project.record(name))}
    kept = kept_runs(project, runs, oldest)
    removed = [*old_runs(project, kept), *([] if is_busy(kept) else unused_content(project, kept)),
               *([] if is_busy(kept) else leftovers(project, kept, oldest))]
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
                   f"kept {len(kept)} runs" + ("; content is left alone while a run goes on" if is_busy(kept) else ""))


def kept_runs(project: Project, runs: dict[str, dict], oldest: datetime.datetime) -> dict[str, dict]:
    """Young runs, the latest, those that are running or have yet to reach MLflow, and the origin of what they reuse."""
    pending = set(lineage.pending_runs(project.runs))
    kept = {name: record for name, record in runs.items() if (
        name == max(runs) or name in pending or record["status"] == "running"
        or datetime.datetime.fromisoformat(record["started"]) >= oldest)}
    queue = list(kept.values())
    while queue:
        origins = {step["origin_run"] for step in queue.pop()["steps"]} & runs.keys() - kept.keys()
        kept |= {name: runs[name] for name in origins}
        queue.extend(runs[name] for name in origins)
    return kept


def is_busy(kept: dict[str, dict]) -> bool:
    """Whether a run goes on: it will read content that its record does not mention yet."""
    return any(record["status"] == "running" for record in kept.values())


def unused_content(project: Project, kept: dict[str, dict]) -> list[Path]:
    """Results, and content, that no kept run, no step's present state and no lasting record refers to."""
    used = {step["fingerprint"] for record in kept.values() for step in record["steps"]}
    used |= {project.latest(path.stem).get("fingerprint") for path in (project.folder / "latest").glob("*.json")}
    results = list((project.folder / "results").glob("*.json"))
    digests = {digest for record in kept.values() for digest in digests_in(record)}
    digests |= {digest for path in results if path.stem in used for digest in digests_in(read_json(path))}
    digests |= set(lasting(project))
    digests |= {digest for path in elsewhere(project, kept) for digest in digests_in(read_json(path))}
    content = [path for path in project.store.contents() if path.parent.name + path.name not in digests]
    return [path for path in [*(path for path in results if path.stem not in used), *content] if is_old(path)]


def elsewhere(project: Project, kept: dict[str, dict]) -> list[Path]:
    """What is known of runs on other machines that made what kept runs reuse."""
    origins = {step["origin_run"] for record in kept.values() for step in record["steps"]}
    return [path for path in project.elsewhere.glob("*.json") if path.stem in origins]


def leftovers(project: Project, kept: dict[str, dict], oldest: datetime.datetime) -> list[Path]:
    """Locks of steps, which no run holds now, runs on other machines that nobody refers to, and checks of the contract
    that no run asked for of late."""
    others = {*project.elsewhere.glob("*.json")} - {*elsewhere(project, kept)}
    locks = [path for path in [*(project.folder / "locks").glob("*"), *sorted(others)] if is_old(path)]
    checks = (project.folder / "memory" / "contract").glob("*.json")
    return [*locks, *(path for path in checks if path.stat().st_mtime < oldest.timestamp() and is_old(path))]


def lasting(project: Project) -> Iterator[str]:
    """All digests in whatever stands in the records, and in what outside data was fetched last."""
    from notemill.registry import open_records

    records = open_records(project)
    shared = [records.root] if records.root else []
    if not shared:
        yield from (found[0].decode() for text in records.papers() for found in DIGEST.finditer(text))
    for folder in {project.root / ".notemill-records", project.folder / "memory" / "sources", *shared}:
        for path in folder.rglob("*"):
            if path.is_file() and path.stat().st_size:
                with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                    yield from (found[0].decode() for found in DIGEST.finditer(content))


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


def old_runs(project: Project, kept: dict[str, dict]) -> list[Path]:
    return [project.runs / name for name in project.run_names() if name not in kept]


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
