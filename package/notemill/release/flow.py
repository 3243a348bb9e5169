"""The `score:` flow of pipeline.yaml: which files are new since it last ran, by content."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from notemill.errors import UsageError
from notemill.files import read_json, sha256_file
from notemill.project import Project
from notemill.runtime.batch.inputs import find_inputs
from notemill.runtime.batch.output import kind_in_folder, result_name
from notemill.runtime.batch.tables import ScoreError

RECORDS, ENDING = "runs", ".run.json"


@dataclass(frozen=True)
class Flow:
    """What is to be scored now. `names`: of the results, by file; `known`: files whose content was scored already."""

    output: Path
    names: Mapping[Path, str]
    known: tuple[Path, ...]
    record: Path

    @property
    def new(self) -> tuple[Path, ...]:
        return tuple(self.names)


def settings(project: Project) -> Mapping:
    """`score:` of pipeline.yaml. Raises UsageError where there is none."""
    if not project.pipeline.score:
        raise UsageError(str(project.pipeline.path), "has no `score:`, and nothing was named",
                         'score: {input: "data/new/*.parquet", output: scored/}',
                         "or: notemill score VERSION|champion|WHEEL INPUT OUTPUT")
    return project.pipeline.score


def plan_flow(project: Project, now: datetime | None = None) -> Flow:
    """The files that the pattern finds, less those whose content the records beside the output name.

    These records are all that is remembered: what is there was scored, whole.
    """
    asked, output = settings(project), project.root / settings(project)["output"]
    scored, taken = known_contents(output)
    names, known = {}, []
    for path in inputs(project, asked["input"], output):
        digest = sha256_file(path)
        if digest in scored:
            known.append(path)
            continue
        names[path] = name_for(path, digest, taken)
        scored.add(digest)
        taken[names[path]] = digest
    stamp = f"{now or datetime.now(UTC):%Y%m%d-%H%M%S-%f}"
    return Flow(output, names, tuple(known), output / RECORDS / f"{stamp}{ENDING}")


def inputs(project: Project, pattern: str, output: Path) -> list[Path]:
    """The files that are there; none is no error: the next ones may come tomorrow."""
    try:
        return [path for path in find_inputs(str(project.root / pattern), output) if path.is_file()]
    except ScoreError:
        return []


def known_contents(output: Path) -> tuple[set[str], dict[str, str]]:
    """(digests of all that was scored, {name of a result: the digest of what it was made from})."""
    scored, taken = set(), {}
    for path in sorted((output / RECORDS).glob(f"*{ENDING}")):
        record = read_json(path)
        if not isinstance(record, dict) or record.get("status") != "done":
            raise UsageError(str(path), "is no record of a run: what was scored already cannot be told",
                             hint="bring it back, or take it away: what it named is scored again then")
        for one in record["outputs"]:
            for part in one["inputs"]:
                scored.add(part["sha256"])
                taken[Path(one["output"]).name] = part["sha256"]
    return scored, taken


def name_for(path: Path, digest: str, taken: Mapping[str, str]) -> str:
    """The file's own name; with the beginning of its digest where another content has that already."""
    name, kind = result_name(path), kind_in_folder(path)
    return name if taken.get(name, digest) == digest else f"{name.removesuffix(f'.{kind}')}-{digest[:12]}.{kind}"
