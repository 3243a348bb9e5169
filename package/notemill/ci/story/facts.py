"""What the runs of this build left: record, verdict, registered version, wheel, coverage. What is not there is None."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from notemill import lineage
from notemill.ci.story.build import Build
from notemill.errors import NotemillError
from notemill.files import read_json, write_atomic
from notemill.project import Project, open_project
from notemill.registry import open_records

COVERAGE = "coverage.json"
PACKAGED = ("package",)  # after these sessions there is a wheel


@dataclass(frozen=True)
class Facts:
    """`record`, `verdict`, `coverage`: the JSON of run.json, verdict.json, coverage.json; `run`: the run's folder;
    `page`: the verdict's page."""

    build: Build
    root: Path
    project: str
    record: dict | None = None
    run: Path | None = None
    verdict: dict | None = None
    page: Path | None = None
    card: bytes | None = None
    wheel: Path | None = None
    coverage: dict | None = None
    tracking: str | None = None


def gather(folder: Path, build: Build, environ: Mapping[str, str]) -> Facts:
    """Never raises for what a project may be like: a build that failed early has little to tell."""
    root = folder.resolve()
    coverage = read_object(root / COVERAGE)
    try:
        project = open_project(folder, environ)
    except (NotemillError, OSError):
        return Facts(build, root, build.repository, coverage=coverage)
    record = record_of(project, build)
    if record is None:
        return Facts(build, root, project.pipeline.name, coverage=coverage)
    run = project.runs / record["run"]
    verdict, page = verdict_of(run, build)
    return Facts(build, root, project.pipeline.name, record, run, verdict, page, card_of(project, verdict),
                 wheel_of(project, build), coverage, lineage.tracking_uri(project.root, environ))


def read_object(path: Path) -> dict | None:
    found = read_json(path)
    return found if isinstance(found, dict) else None


def record_of(project: Project, build: Build) -> dict | None:
    """The newest run of this build: an older one, from a workspace that was kept, is not its own."""
    for name in reversed(project.run_names()):
        record = project.record(name)
        if record and record.get("run") == name and is_of(record, build):
            return record
    return None


def is_of(record: Mapping, build: Build) -> bool:
    return build.number is None or (record.get("ci") or {}).get("build") == str(build.number)


def verdict_of(run: Path, build: Build) -> tuple[dict | None, Path | None]:
    """The verdict and its page. What `gate` said beside the champion goes before what was said where there is none:
    a pull request's model is registered in a place of its own, and judged again there."""
    verdict, kept = read_object(run / "verdict.json"), run / "gate"
    if verdict and build.after == "gate":
        for name in ("verdict.json", "verdict.html"):
            write_atomic(kept / name, (run / name).read_bytes(), durable=False)
    before = read_object(kept / "verdict.json") or {}
    same = bool(verdict) and before.get("content") == verdict.get("content")
    if same and before.get("champion") and not verdict.get("champion"):
        return before, kept / "verdict.html"
    return verdict, run / "verdict.html" if verdict else None


def card_of(project: Project, verdict: Mapping | None) -> bytes | None:
    """The card's page of the version that has been registered from this run."""
    with suppress(NotemillError, OSError, KeyError, TypeError):
        records = open_records(project)
        manifest = records.manifest(verdict["content"])
        return records.read(manifest["files"]["card.html"])
    return None


def wheel_of(project: Project, build: Build) -> Path | None:
    """The wheel that `package` has just written."""
    if build.after not in PACKAGED or build.failed:
        return None
    return max((project.root / "dist").glob("*.whl"), key=lambda path: path.stat().st_mtime_ns, default=None)
