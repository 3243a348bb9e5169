"""Counters of all workers, each in a file of its own which all can read: any worker tells the sums (OpenMetrics)."""

import mmap
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from notemill.serve.problems import REASONS

CONTENT_TYPE = b"application/openmetrics-text; version=1.0.0; charset=utf-8"
DOORS = ("predict", "v2", "invocations", "feedback")
BUCKETS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
ROWS = ("scored", "aside", "refused")
CHECKS = ("missing", "range", "categories")  # of a row that is scored with a warning
SUMMED = ("in_flight", "queued_rows", "log_waiting_rows", "log_damaged_lines")  # gauges, over the workers
COMMON = ("log_bytes", "log_limit_bytes", "log_trouble")  # gauges of the one log: the highest that a worker sees
GAUGES = SUMMED + COMMON
HELP = {
    "notemill_request_seconds": ("histogram", "Time from a request's headers to its answer, by door."),
    "notemill_rows": ("counter", "Rows that came, by what became of them."),
    "notemill_refusals": ("counter", "Requests that got no predictions, by reason."),
    "notemill_warnings": ("counter", "Warnings in answers, by check."),
    "notemill_in_flight": ("gauge", "Requests that are being read or scored."),
    "notemill_queued_rows": ("gauge", "Rows that wait for the thread that scores."),
    "notemill_log_bytes": ("gauge", "What the prediction log's folder holds."),
    "notemill_log_limit_bytes": ("gauge", "What it may hold: then requests are refused."),
    "notemill_log_waiting_rows": ("gauge", "Rows in the journals that the workers write to."),
    "notemill_log_trouble": ("gauge", "1: rows stay in journals; the service's standard error says why."),
    "notemill_log_damaged_lines": ("gauge", "Lines of journals that were not as they were written."),
    "notemill_workers": ("gauge", "Processes that serve."),
    "notemill_model": ("info", "What is served."),
}


def slots() -> dict[tuple[str, str], int]:
    """(what, label) -> its place in a worker's file."""
    names = [("rows", one) for one in ROWS] + [("refusals", one) for one in REASONS] + [("warnings", c) for c in CHECKS]
    names += [(f"seconds {door}", str(bound)) for door in DOORS for bound in (*BUCKETS, "+Inf", "sum")]
    return {name: place for place, name in enumerate([*names, *((gauge, "") for gauge in GAUGES)])}


PLACES = slots()
SIZE = 8 * len(PLACES)
FIRST = {door: PLACES[f"seconds {door}", str(BUCKETS[0])] for door in DOORS}
SUM = len(BUCKETS) + 1
GAUGE = {gauge: PLACES[gauge, ""] for gauge in GAUGES}


class Metrics:
    """One worker's counters. `folder`: where those of all workers are; `number`: this one's."""

    def __init__(self, folder: Path, number: int, about: Mapping[str, str]):
        self.folder, self.number, self.about = folder, number, about
        path = folder / f"{number}.counters"
        if not path.exists():
            path.write_bytes(bytes(SIZE))
        with path.open("r+b") as file:
            self.values = memoryview(mmap.mmap(file.fileno(), SIZE)).cast("d")
        for place in GAUGE.values():  # of a worker that died: its counts stay, what it held is gone
            self.values[place] = 0

    def observe(self, door: str, seconds: float) -> None:
        first = FIRST[door]
        self.values[first + bisect_left(BUCKETS, seconds)] += 1
        self.values[first + SUM] += seconds

    def count_rows(self, what: str, rows: int) -> None:
        self.values[PLACES["rows", what]] += rows

    def count_scored(self, good: int, aside: int, warnings: Iterable[list]) -> None:
        self.values[PLACES["rows", "scored"]] += good
        if aside:
            self.count_rows("aside", aside)
        for of_row in warnings:
            for warning in of_row:
                self.values[PLACES["warnings", warning.check]] += 1

    def count_refusal(self, reason: str) -> None:
        self.values[PLACES["refusals", reason]] += 1

    def set_load(self, in_flight: int, queued: int) -> None:
        self.values[GAUGE["in_flight"]], self.values[GAUGE["queued_rows"]] = in_flight, queued

    def set_log(self, state: Mapping) -> None:
        """`state`: the prediction log's own."""
        found = {"log_bytes": state["used"], "log_limit_bytes": state["most"], "log_waiting_rows": state["waiting"],
                 "log_trouble": bool(state["trouble"]), "log_damaged_lines": state["damaged"]}
        for name, value in found.items():
            self.values[GAUGE[name]] = value

    def alive(self) -> set[str]:
        """The numbers of the workers that are ready; a supervisor takes away the file of one that has died."""
        return {path.stem for path in self.folder.glob("*.ready")} | {str(self.number)}

    def text(self) -> bytes:
        """The sums of all workers, as OpenMetrics: counts also of those that died, gauges of those that live."""
        files = {path.stem: memoryview(path.read_bytes()).cast("d") for path in self.folder.glob("*.counters")}
        sums, alive = [sum(column) for column in zip(*files.values(), strict=True)], self.alive() & set(files)
        for gauge, place in GAUGE.items():
            sums[place] = (sum if gauge in SUMMED else max)(files[number][place] for number in alive)
        return "\n".join(lines(sums, len(alive), self.about)).encode()


def lines(sums: list[float], workers: int, about: Mapping[str, str]) -> Iterator[str]:
    logged = sums[GAUGE["log_limit_bytes"]] > 0
    for name, (kind, words) in HELP.items():
        if name.startswith("notemill_log_") and not logged:
            continue
        yield f"# TYPE {name} {kind}"
        yield f"# HELP {name} {words}"
        what = name.removeprefix("notemill_")
        if kind == "histogram":
            yield from histogram(name, sums)
        elif kind == "counter":
            label = {"rows": "outcome", "refusals": "reason", "warnings": "check"}[what]
            yield from (f'{name}_total{{{label}="{value}"}} {sums[place]:.0f}'
                        for (group, value), place in PLACES.items() if group == what)
        elif kind == "info":
            yield f"{name}_info{{{','.join(f'{key}={quoted(value)}' for key, value in about.items())}}} 1"
        else:
            yield f"{name} {workers if what == 'workers' else sums[GAUGE[what]]:.0f}"
    yield "# EOF\n"


def histogram(name: str, sums: list[float]) -> Iterator[str]:
    for door, first in FIRST.items():
        so_far = 0.0
        for number, bound in enumerate((*map(str, BUCKETS), "+Inf")):
            so_far += sums[first + number]
            yield f'{name}_bucket{{door="{door}",le="{bound}"}} {so_far:.0f}'
        yield f'{name}_count{{door="{door}"}} {so_far:.0f}'
        yield f'{name}_sum{{door="{door}"}} {sums[first + SUM]:.9f}'


def quoted(text: str) -> str:
    """A label's value."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
