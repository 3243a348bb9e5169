"""The figures as JSON, as the tables of docs/explanation/speed.md, and on the terminal."""

import json
import os
import platform
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from importlib.metadata import version
from itertools import starmap
from pathlib import Path

import notemill
from bench.plot import draw
from bench.rounds import Measurement, judge, spread

BEGIN, FINISH = "<!-- figures: begin (nox -s bench) -->", "<!-- figures: end -->"
PAGE, FIGURES, PLOT = "explanation/speed.md", "explanation/speed.json", "images/speed.svg"
SHOWN = ("papermill", "nbclient", "ipykernel", "scikit-learn", "pandas", "numpy", "mlflow", "uvicorn")
FORMAT = 1


@contextmanager
def conditions() -> Iterator[dict]:
    """When and where is measured; on leaving, also the load at the end and what other guests of the host took."""
    stolen, began = stolen_seconds(), time.monotonic()
    around = {"date": time.strftime("%Y-%m-%d"), "machine": machine(), "load": [load()],
              "versions": {"notemill": notemill.__version__, "python": platform.python_version(),
                           **{name: version(name) for name in SHOWN}}}
    yield around
    around["load"].append(load())
    around["seconds"] = round(time.monotonic() - began, 1)
    around["stolen_seconds"] = round(stolen_seconds() - stolen, 1)


def machine() -> str:
    """The machine in words, without its name."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
    return f"{processor()}, {len(os.sched_getaffinity(0))} CPUs, {memory:.0f} GB, {platform.system()}"


def processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    found = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return found[0] if found else platform.machine()


def load() -> float:
    return round(os.getloadavg()[0], 2)


def stolen_seconds() -> float:
    """CPU time that the host gave to others while this machine wanted it (Linux; else 0)."""
    try:
        return int(Path("/proc/stat").read_text().split("\n")[0].split()[8]) / os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError):
        return 0.0


def as_kept(bench, measured: Sequence[Measurement], around: Mapping) -> dict:
    """A benchmark's figures for the JSON file."""
    goals = []
    for goal in bench.goals:
        come, reached = judge(measured, goal)
        goals.append({"text": goal.text, "least": goal.least, "most": goal.most, "reached": reached,
                      "come": come and [round(value, 2) for value in come]})
    return {"title": bench.title, **around, "goals": goals, "measurements": list(map(asdict, measured)),
            "rounds": max((one.round for one in measured), default=0)}


def line(one: Measurement) -> str:
    """A measurement as it is made."""
    told = f"{one.value:8.2f} {one.unit}" if one.value is not None else f"BROKEN: {one.note}"
    return f"  round {one.round}  {one.rival:<42} {one.figure:<18} {told}  (load {one.load:.1f})"


def tables(kept: Mapping[str, Mapping]) -> Iterator[str]:
    """Lines of Markdown: for each benchmark its circumstances, its goals, its figures; and the versions."""
    versions: dict[str, list[str]] = {}
    for found in kept.values():
        versions.setdefault(", ".join(" ".join(pair) for pair in found["versions"].items()), []).append(found["title"])
        yield from (f"### {found['title']}", "", circumstances(found), "")
        if found["goals"]:
            yield from ("| goal | | measured | |", "|---|---|---|---|", *map(goal_row, found["goals"]), "")
        yield from ("| | figure | median | lowest | highest |", "|---|---|---:|---:|---:|")
        yield from (*starmap(figure_row, by_figure(found["measurements"]).items()), "")
    yield from ("### Versions", "", *(f"- {text} ({'; '.join(titles)})" for text, titles in versions.items()), "")


def circumstances(found: Mapping) -> str:
    loads = [*found["load"], *(one["load"] for one in found["measurements"])]
    return (f"{found['date']}: {found['rounds']} rounds in {found['seconds']:.0f} s, of which other guests of the host "
            f"took {found['stolen_seconds']:.0f} s of CPU; load {min(loads):.1f} to {max(loads):.1f}; "
            f"{found['machine']}.")


def by_figure(measurements: Sequence[Mapping]) -> dict[tuple[str, str], list[Mapping]]:
    """What was measured by rival and figure, in that order."""
    grouped: dict[tuple[str, str], list[Mapping]] = {}
    for one in measurements:
        grouped.setdefault((one["rival"], one["figure"]), []).append(one)
    return grouped


def figure_row(key: tuple[str, str], group: Sequence[Mapping]) -> str:
    come = spread(one["value"] for one in group if one["value"] is not None)
    told = [f"{value:.2f} {group[0]['unit']}" for value in come] if come else [
        group[0]["note"].replace("|", "/"), "", ""]
    return "| " + " | ".join((*key, *told)) + " |"


def goal_row(goal: Mapping) -> str:
    bound = f"at least {goal['least']:g}" if goal["least"] is not None else f"at most {goal['most']:g}"
    come = "{:.1f} ({:.1f} to {:.1f})".format(*goal["come"]) if goal["come"] else "not measured"
    return f"| {goal['text']} | {bound} | {come} | {'reached' if goal['reached'] else 'missed'} |"


def write(docs: Path, found: Mapping[str, Mapping], order: Sequence[str]) -> None:
    """JSON, plot and page; benchmarks that were not measured now keep their figures."""
    path = docs / FIGURES
    before = json.loads(path.read_text())["benches"] if path.exists() else {}
    kept = {name: {**before, **found}[name] for name in order if name in {**before, **found}}
    for folder in {(docs / name).parent for name in (PAGE, PLOT)}:
        folder.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"format": FORMAT, "benches": kept}, indent=1) + "\n")
    draw(kept, docs / PLOT)
    target = docs / PAGE
    target.write_text(with_figures(target.read_text() if target.exists() else f"{BEGIN}\n{FINISH}\n", tables(kept)))
    print(f"written: {', '.join(str(docs / name) for name in (PAGE, FIGURES, PLOT))}", file=sys.stderr)


def with_figures(text: str, lines: Iterator[str]) -> str:
    """The page with these lines between its marks. Raises ValueError where a mark is missing."""
    before, begin, rest = text.partition(BEGIN)
    _, finish, after = rest.partition(FINISH)
    if not begin or not finish:
        raise ValueError(f"the page has not both marks: {BEGIN} {FINISH}")
    return "\n".join([before + begin, "", *lines, finish + after])
