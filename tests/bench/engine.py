"""Engine and service beside others: `nox -s bench`, or `python tests/bench/engine.py --only cells`.

A benchmark is a function (folder to work in, scale, rounds) that yields Measurements; it joins the others in BENCHES,
with a title and its goals. Times depend on the machine: the tests run these functions at a tiny scale, for their work
and never for their times.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench import auc, page, projects, serving  # noqa: E402  (the line above finds them)
from bench.rivals import (  # noqa: E402
    CALLED, COLD, END, REPORTS, WARM, Broken, environ, execute_notebooks, notemill_run, printed_by, run_all,
    run_scripts)
from bench.rounds import Goal, Measurement, alternate  # noqa: E402
from tiny import command  # noqa: E402

DOCS = Path(__file__).parents[2] / "docs"
PAPERMILL, SCRIPTS = "Papermill", "plain scripts"
RUN, RUN_COLD = "notemill run, warm", "notemill run, cold"
ENGINE, ENGINE_COLD = "Papermill with our engine, warm", "Papermill with our engine, cold"
OURS = "notemill"  # the engine's name, as Papermill knows it


@dataclass(frozen=True)
class Scale:
    """How much each benchmark does; `sizes` count cells, `papermill_sizes` are those that Papermill is asked for."""

    notebooks: int = 20
    cells: int = 101
    outputs: int = 30
    characters: int = 500_000
    sizes: tuple[int, ...] = (250, 500, 1000, 2000)
    papermill_sizes: tuple[int, ...] = (250, 500)
    rows: int = 100_000
    draws: int = 2000
    served: tuple[str, ...] = (serving.LINEAR, serving.BOOSTING, serving.UNCOMPILED)
    table: int = 10_000
    boosts: int = 200
    clients: tuple[int, ...] = (1, 32)
    seconds: float = 0.7
    turns: int = 3
    batch: int = 100_000


TINY = Scale(2, 5, 2, 2000, (4, 6), (4,), 500, 20, (serving.LINEAR,), 800, 5, (1, 4), 0.3, 2, 2000)


@dataclass(frozen=True)
class Bench:
    """A benchmark: what it is called, what measures, and what should come of it."""

    title: str
    measure: Callable[[Path, Scale, int], Iterator[Measurement]]
    goals: tuple[Goal, ...] = ()
    lacks: Callable[[], str] = lambda: ""  # what is not here that it needs


def notebooks(folder: Path, scale: Scale, rounds: int) -> Iterator[Measurement]:
    """Small notebooks, 2 at a time; each run of notemill is the first in a new project."""
    count, names = scale.notebooks, projects.seeds(scale.notebooks)
    scripts = projects.fit_scripts(folder / "scripts", count)
    expected = printed_by(scripts)  # which also brings the libraries into the disk's cache, for all
    project = projects.fit_project(folder / "papermill", count)

    def run(name: str, number: int, *words: str, more: dict[str, str]) -> dict[str, float]:
        return run_all(projects.fit_project(folder / f"{name}-{number}", count), expected, *words, more=more)

    run("first", 0, more=WARM)  # thrown away: now there is a warm process, and MLflow's empty database
    yield from alternate({
        PAPERMILL: lambda number: execute_notebooks(
            {name: project / "notebooks" / f"{name}.ipynb" for name in names}, folder / "executed", expected,
            processes=2, parameters={name: {"seed": seed} for name, seed in names.items()}),
        SCRIPTS: lambda number: run_scripts(scripts, expected),
        RUN_COLD: partial(run, "cold", more=COLD),
        RUN: partial(run, "warm", more=WARM),
        f"{RUN_COLD}, --offline": lambda number: run("cold-offline", number, "--offline", more=COLD),
        f"{RUN}, --offline": lambda number: run("warm-offline", number, "--offline", more=WARM),
    }, rounds)


def cells(folder: Path, scale: Scale, rounds: int) -> Iterator[Measurement]:
    """One notebook with many cells that take no time."""
    path = projects.trivial_notebook(folder / "trivial.ipynb", scale.cells)
    expected = f"total {sum(range(1, scale.cells - 1))}"
    yield from alternate(one_notebook(folder, path, expected), rounds)


def outputs(folder: Path, scale: Scale, rounds: int) -> Iterator[Measurement]:
    """One notebook with large outputs."""
    path = projects.wide_notebook(folder / "wide.ipynb", scale.outputs, scale.characters)
    yield from alternate(one_notebook(folder, path, "x" * scale.characters,
                                      least=scale.outputs * (scale.characters - 80)), rounds)


def one_notebook(folder: Path, path: Path, expected: str, least: int = 0) -> dict[str, Callable]:
    """Those who can run one notebook, each with a throw-away first time."""
    call = partial(execute_notebooks, {path.stem: path}, folder / "executed", {path.stem: expected}, least=least)
    project = projects.one_step_project(folder / "project", path)

    def run(number: int) -> dict[str, float]:
        return run_all(project, {"only": expected}, "--force", more=WARM)

    rivals = {PAPERMILL: lambda number: call(), ENGINE_COLD: lambda number: call(engine=OURS, more=COLD),
              ENGINE: lambda number: call(engine=OURS, more=WARM), RUN: run}
    throw_away(*rivals.values())
    return rivals


def throw_away(*rivals: Callable[[int], object]) -> None:
    """Once without being measured; one that is broken will be found so again."""
    for measure in rivals:
        with suppress(Broken):
            measure(0)


def linear(folder: Path, scale: Scale, rounds: int) -> Iterator[Measurement]:
    """More and more trivial cells: ours, and Papermill as far as patience goes."""
    rivals = {}
    for title, options, sizes in ((PAPERMILL, {}, scale.papermill_sizes),
                                  (ENGINE, {"engine": OURS, "more": WARM}, scale.sizes)):
        for size in sizes:
            path = projects.trivial_notebook(folder / f"cells{size}.ipynb", size)
            expected = {path.stem: f"total {sum(range(1, size - 1))}"}
            call = partial(execute_notebooks, {path.stem: path}, folder / "executed", expected, **options)
            rivals[sized(title, size)] = lambda number, call=call: call()
    throw_away(list(rivals.values())[-1])
    yield from alternate(rivals, rounds)


def sized(title: str, size: int) -> str:
    return f"{title}: {size:,} cells"


def edit(folder: Path, scale: Scale, rounds: int) -> Iterator[Measurement]:
    """The starter after its last cell of train was edited."""
    project = projects.starter_project(folder / "starter")
    notemill_run(project, more=WARM)

    def run(kind: str, number: int, more: dict[str, str]) -> dict[str, float]:
        word, report = f"EDITED_{kind}_{number}", project / "reports" / "train.html"
        projects.edit_last_cell(project / "notebooks" / "train.ipynb", f"{word} = True")
        ran = notemill_run(project, more=more)
        seconds = ran.until([report])
        if word not in report.read_text(encoding="utf-8"):
            raise Broken("the report does not show the edit")
        return {REPORT: seconds, END: ran.seconds}

    yield from alternate({RUN_COLD: partial(run, "cold", more=COLD), RUN: partial(run, "warm", more=WARM)}, rounds)


REPORT = "to the new report"
LARGEST, QUARTER = Scale.sizes[-1], Scale.sizes[-3]
BENCHES = {
    "notebooks": Bench("20 small notebooks, 2 at a time", notebooks, (
        Goal("warm, to all reports: times as fast as Papermill", (PAPERMILL, CALLED), (RUN, REPORTS), least=10),
        Goal("warm, to the end: times as fast as Papermill", (PAPERMILL, CALLED), (RUN, END), least=10),
        Goal("cold, to all reports: times as fast as Papermill", (PAPERMILL, CALLED), (RUN_COLD, REPORTS), least=5),
        Goal("cold, to the end: times as fast as Papermill", (PAPERMILL, CALLED), (RUN_COLD, END), least=5),
        Goal("warm, to the end: times as fast as plain scripts", (SCRIPTS, END), (RUN, END), least=1),
        Goal("cold, to the end: times as fast as plain scripts", (SCRIPTS, END), (RUN_COLD, END), least=1))),
    "cells": Bench("101 trivial cells", cells, (
        Goal("warm: times as fast as Papermill", (PAPERMILL, CALLED), (ENGINE, CALLED), least=10),)),
    "outputs": Bench("30 outputs of 0.5 MB", outputs, (
        Goal("warm: times as fast as Papermill", (PAPERMILL, CALLED), (ENGINE, CALLED), least=10),)),
    "linear": Bench("Up to 2,000 trivial cells", linear, (
        Goal(f"{LARGEST:,} cells: times as long as {QUARTER:,} (linear: 4)", (sized(ENGINE, LARGEST), CALLED),
             (sized(ENGINE, QUARTER), CALLED), most=4.8),)),
    "edit": Bench("One cell of the starter's train notebook edited", edit, (
        Goal("warm: seconds to the new report", (RUN, REPORT), most=2),)),
    "auc": Bench(auc.TITLE, auc.measure, auc.GOALS),
    "serving": Bench(serving.TITLE, serving.measure, serving.GOALS, serving.lacks),
}


def measure(names: Sequence[str], scale: Scale, rounds: int, say: Callable[[str], None]) -> dict[str, dict]:
    """The benchmarks' figures, as they are kept."""
    found = {}
    with own_places():
        for name in names:
            if reason := BENCHES[name].lacks():
                say(f"\n{BENCHES[name].title}: skipped, for {reason}")
                continue
            with tempfile.TemporaryDirectory(prefix="notemill-bench-") as folder, page.conditions() as around:
                say(f"\n{BENCHES[name].title}")
                measured = []
                for one in BENCHES[name].measure(Path(folder), scale, rounds):
                    measured.append(one)
                    say(page.line(one))
            found[name] = page.as_kept(BENCHES[name], measured, around)
    return found


@contextmanager
def own_places() -> Iterator[None]:
    """Neither the user's warm process nor what it has learnt plays a part, nor is it touched."""
    before = dict(os.environ)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        for name in ("XDG_RUNTIME_DIR", "XDG_CACHE_HOME"):
            os.environ[name] = os.path.join(folder, name[4:-4].lower())
            os.mkdir(os.environ[name], 0o700)
        try:
            yield
        finally:
            subprocess.run(command("warm", "--stop"), capture_output=True, env=environ(WARM))
            os.environ.clear()
            os.environ.update(before)


def main(words: Sequence[str]) -> int:
    """Measure, print and write; 1 where a rival did not do its work."""
    parser = argparse.ArgumentParser(prog="nox -s bench --", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", action="append", choices=BENCHES, help="one benchmark; the others' figures stay")
    parser.add_argument("--tiny", action="store_true", help="a trial of the benchmarks; nothing is written to docs/")
    parser.add_argument("--output", type=Path, help="write page, figures and plot here instead of docs/")
    asked = parser.parse_args(words)
    if asked.tiny:
        print("A trial at a tiny scale: the figures mean nothing.")
    found = measure(asked.only or list(BENCHES), TINY if asked.tiny else Scale(), asked.rounds,
                    lambda text: print(text, flush=True))
    print("\n" + "\n".join(page.tables(found)))
    if asked.output or not asked.tiny:
        page.write(asked.output or DOCS, found, list(BENCHES))
    return int(any(one["value"] is None for kept in found.values() for one in kept["measurements"]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
