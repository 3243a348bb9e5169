"""`notemill score`: files of any size through a model package; without arguments what pipeline.yaml asks for."""

import importlib
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import click

from notemill import lineage
from notemill.commands.shared import print_json
from notemill.errors import NotemillError, UsageError
from notemill.pipeline import FILE
from notemill.project import Project, open_project
from notemill.release.flow import plan_flow, settings
from notemill.release.packaged import is_wheel, packaged
from notemill.text import printable

SHOWN = 100  # problems in --json
FORMS = "VERSION|champion|WHEEL INPUT OUTPUT, or none of them: what `score:` in pipeline.yaml says"


def score(folder: Path, asked: str | None, source: str | None, target: str | None, *, as_json: bool,
          offline: bool = False, **how) -> int:
    """Score what was named, or what is new by pipeline.yaml."""
    if asked is None:
        return flow(folder, offline=offline, as_json=as_json, **how)
    if source is None or target is None:
        raise UsageError("notemill score", f"{asked}{f' {source}' if source else ''} alone", FORMS)
    project = open_project(folder) if (folder / FILE).is_file() else None
    record = run(asked, folder, source=source, target=target, aside=how["on_error"] == "aside", keys=how["keys"],
                 workers=how["workers"], decimal=how["decimal"] or ".")
    tell(record, target, note_run(project, record, offline), as_json)
    return 0


def flow(folder: Path, *, as_json: bool, offline: bool, on_error: str | None, keys, workers, decimal) -> int:
    """Score what is new since the last time."""
    project = open_project(folder)
    said, plan = settings(project), plan_flow(project)
    if not plan.new:
        click.echo(f"nothing new: all {len(plan.known)} files that {said['input']} finds were scored" if plan.known else
                   f"nothing new: {said['input']} finds no file", err=as_json)
        if as_json:
            print_json({"status": "nothing new", "rows": 0, "set_aside": 0, "outputs": [], "error": None})
        return 0
    if keys is None and "keys" in said:
        keys = tuple(said["keys"])
    record = run(version_of(project, said), folder, source=plan.new, target=f"{plan.output}/",
                 aside=(on_error or said.get("on_error", "stop")) == "aside", keys=keys, names=plan.names,
                 record=plan.record, workers=workers or said.get("workers"),
                 decimal=decimal or said.get("decimal", "."))
    tell(record, f"{plan.output}/", note_run(project, record, offline), as_json)
    return 0


def version_of(project: Project, said: Mapping) -> str:
    """What scores: a wheel's path is relative to the project, as all paths in pipeline.yaml are."""
    asked = str(said.get("version", "champion"))
    return str(project.root / asked) if is_wheel(asked) else asked


# the package
def run(asked: str, folder: Path, **what) -> dict:
    """Score with the package: the run's record."""
    package = packaged(str(asked), folder, told=lambda words: click.echo(f"warning: {printable(words)}", err=True))
    engine = engine_of(package)
    try:
        return engine.run(engine.Model(package), engine.Asked(told=engine.on_terminal, **what))
    except engine.BadRows as error:
        raise bad_rows(error, what["source"]) from None
    except (engine.ScoreError, engine.ModelError) as error:
        first, _, rest = str(error).partition("\n")
        raise UsageError("notemill score", first, hint=rest.strip() or None) from None
    except engine.WorkerLost as error:
        raise NotemillError("notemill score", str(error), hint="the same command goes on from here") from None
    except ImportError as error:
        raise NotemillError(package.name, f"cannot be used here: {error}",
                            hint="install what the model needs: its wheel names it (notemill package; pip install)"
                            ) from None


def engine_of(package: Path) -> ModuleType:
    """What scores files: the package's own modules; notemill's where it was made before they could."""
    for name in [name for name in sys.modules if name.partition(".")[0] == package.name]:
        del sys.modules[name]  # of another version, scored in this process before
    sys.path.insert(0, str(package.parent))
    own = (package / "batch" / "score.py").is_file()
    return importlib.import_module(f"{package.name}.batch.score" if own else "notemill.runtime.batch.score")


def bad_rows(error, source) -> NotemillError:
    """All that is wrong with the rows, as one error."""
    found = [{"place": one.place, "column": one.column, "rule": one.rule, "got": one.got}
             for one in error.problems[:SHOWN]]
    in_rows = any(one.row is not None for one in error.problems)  # --on-error aside mends no column
    hint = "mend them, or set bad rows aside: --on-error aside" if in_rows else None
    where = source if isinstance(source, str) else ", ".join(path.name for path in source[:3])
    return NotemillError(where, f"not all rows are such as the model knows\n  {error}",
                         hint=hint, problems=found,
                         problem_count=len(error.problems))


# what is told
def note_run(project: Project | None, record: Mapping, offline: bool) -> str | None:
    """The MLflow run, with those that waited; None where there is no project. A server that is away costs nothing."""
    if project is None:
        return None
    try:
        name = lineage.keep_score(project.folder, project.pipeline.name, record)
    except OSError as error:
        place = error.filename or project.folder
        click.echo(f"warning: MLflow will not get this run: {place}: {error.strerror or error}\n  the rows are scored",
                   err=True)
        return None
    if offline:
        return None
    uri = lineage.tracking_uri(project.root, project.environ)
    try:
        return lineage.send_scores(project.folder, uri, project.root).get(name)
    except Exception as error:  # whatever mlflow, its database or its server may raise: the rows are scored
        words = f"{error.where}: {error.got}" if isinstance(error, NotemillError) else f"{error}" or repr(error)
        click.echo(f"warning: MLflow has not got this run yet: {printable(words.splitlines()[0])}\n"
                   "  it is kept, and the next notemill score sends it", err=True)
        return None


def tell(record: Mapping, target: str, run: str | None, as_json: bool) -> None:
    if as_json:
        print_json({**record, "mlflow_run": run, "error": None})
        return
    seconds = f"{record['seconds']:.1f} s"
    resumed = f", {record['resumed_rows']:,} of them before" if record["resumed_rows"] else ""
    click.echo(f"{record['rows']:,} rows scored in {seconds}{resumed}: {target}")
    for one in record["outputs"]:
        for part in one["inputs"]:
            for why in part["reasons"][:3]:
                click.echo(f"  set aside: {printable(why['column'])} {printable(why['rule'])} ({why['cells']:,} cells, "
                           f"the first in {Path(part['file']).name}, {why['first']})")
    if record["set_aside"]:
        click.echo(f"  {record['set_aside']:,} rows set aside, with reasons: *.aside.csv")
    if run:
        click.echo(f"  MLflow run {run}")
