"""Which files of the project results depend on, by fingerprint, and which lie beside and do not count."""

import glob
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from notemill.overview.git import ignored
from notemill.project import Project
from notemill.sources.kinds import FileSource, GlobSource

LEFT_OUT = {"reports", "mlartifacts", "build", "dist", "htmlcov", "node_modules", "__pycache__", "mlruns", "_build",
            "site-packages", "wandb", "lightning_logs", "catboost_info", "spark-warehouse", "metastore_db"}
TABLES = (".csv", ".tsv", ".parquet", ".feather", ".arrow", ".xlsx", ".jsonl", ".db", ".sqlite", ".gz", ".npy", ".npz")
MOST = 5000         # files that are looked at
OWN = "mlflow.db"


@dataclass(frozen=True)
class Files:
    """`covered`: what a fingerprint, or the check before it, knows of. Beside: notebooks of no step, modules that no
    step imports, tables that no step declares; `ignored` are those of them that git ignores. `whole`: whether all
    files were looked at."""

    covered: list[str]
    notebooks: list[str]
    modules: list[str]
    tables: list[str]
    code: list[str]
    ignored: list[str]
    whole: bool


def files_of(project: Project, modules: Iterable[str]) -> Files:
    """`modules`: those that steps import."""
    covered = {project.name_of(project.pipeline.path), *modules, *declared(project)}
    covered |= {project.name_of(step.notebook) for step in project.pipeline.steps.values()}
    covered |= {project.name_of(project.pipeline.contract)} if project.pipeline.contract else set()
    seen = list(walk(project.root))
    beside = sorted(name for name in seen[:MOST] if name not in covered)
    places = ("package/", "notebooks/")
    notebooks = [name for name in beside if name.endswith(".ipynb")]
    unused = [name for name in beside if name.endswith(".py") and name.startswith(places)
              and not is_empty(project.root / name)]
    tables = [name for name in beside if name.lower().endswith(TABLES) and not name.startswith(OWN)]
    return Files(covered=sorted(covered), notebooks=notebooks, modules=unused, tables=tables, whole=len(seen) <= MOST,
                 code=sorted(name for name in seen[:MOST] if name.startswith("package/") and name.endswith(".py")),
                 ignored=ignored(project.root, [*notebooks, *unused, *tables]))


def is_empty(path: Path) -> bool:
    """An __init__.py that says nothing is no code that could be missed."""
    try:
        return path.stat().st_size == 0
    except OSError:
        return True


def declared(project: Project) -> Iterator[str]:
    """Files of the project that steps take as inputs."""
    for step in project.pipeline.steps.values():
        for source in step.inputs.values():
            if isinstance(source, FileSource):
                yield project.name_of((project.root / source.path).resolve())
            elif isinstance(source, GlobSource):
                found = glob.iglob(source.pattern, root_dir=project.root, recursive=True)
                yield from (name for _, name in zip(range(MOST), found, strict=False))


def walk(root: Path) -> Iterator[str]:
    """The project's files as people write them; neither hidden ones nor what tools leave. At most one too many."""
    count = 0
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if is_own(Path(folder), name))
        for name in sorted(names):
            if not name.startswith("."):
                count += 1
                yield (Path(folder) / name).relative_to(root).as_posix()
            if count > MOST:
                return


def is_own(folder: Path, name: str) -> bool:
    """Whether a folder may hold what people wrote: no environment, no cache."""
    return not (name.startswith(".") or name in LEFT_OUT or name.endswith(".egg-info")
                or (folder / name / "pyvenv.cfg").exists())
