"""One row a request: our service beside `mlflow models serve` of the same pipeline, and beside a handler that does
nothing; and batches: the scoring plan beside scikit-learn."""

import os
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

from bench import served_models, services
from bench.rounds import Broken, Goal, Measurement, alternate
from bench.served_models import BOOSTING, LINEAR, UNCOMPILED, Served

TITLE = "One row over HTTP: the adult table, one worker"
EMPTY = "an empty handler"
RATE, P50, P99, READY, MEMORY, CPU, BATCH = (
    "requests/s", "p50", "p99", "ready", "memory", "CPU of a request", "CPU of a row")
UNITS = {RATE: "/s", P50: "ms", P99: "ms", READY: "s", MEMORY: "MB", CPU: "us", BATCH: "us"}
CHECKED = 20  # rows whose labels are compared


def ours(kind: str) -> str:
    return f"notemill serve, {kind}"


def theirs(kind: str) -> str:
    return f"mlflow models serve, {kind}"


def at(figure: str, clients: int) -> str:
    return f"{figure}, {clients} client{'s' * (clients > 1)}"


def unit(figure: str) -> str:
    return next(unit for name, unit in UNITS.items() if figure.startswith(name))


def lacks() -> str:
    return "" if (served_models.SHARED / "adult.csv").is_file() else "there is no ../shared/data/adult.csv"


def measure(folder: Path, scale, rounds: int) -> Iterator[Measurement]:
    """`scale`: `served` kinds, rows of the `table`, `boosts`, `clients`, `seconds` of each load and its `turns`."""
    made = {kind: served_models.make(kind, folder / kind, rows=scale.table, boosts=scale.boosts)
            for kind in scale.served}
    for kind, one in made.items():
        served_models.check_way(one.package, kind)
    known = all_services(made)
    anew = {name: starting(*known[name]) for name in (theirs(LINEAR), ours(LINEAR))}
    tables = batches(made[LINEAR], scale.batch)
    with ExitStack() as until_the_end:
        there = started(known, until_the_end)
        kept = {name: partial(loaded, one, known[name][1], scale) for name, one in there.items()}
        for number in range(1, rounds + 1):
            yield from alternate(anew, 1, unit, number)
            yield from in_turns(kept, scale.turns, number)
            yield from alternate(tables, 1, unit, number)


def all_services(made: Mapping[str, Served]) -> dict[str, tuple[services.Service, Served]]:
    """By name, in the order in which they are asked: what is compared stands side by side."""
    found = {}
    for kind, one in made.items():
        found |= {theirs(kind): (services.mlflows(one.mlflow), one), ours(kind): (services.ours(one.package), one)}
        if kind == LINEAR:
            found[EMPTY] = services.empty(), replace(one, labels=[])
    return found


def started(known: Mapping[str, tuple[services.Service, Served]], around: ExitStack
            ) -> dict[str, services.Running | Broken]:
    """All of them, at the same time; they run on, idle while they are not asked."""
    def start(name: str) -> services.Running | Broken:
        service, made = known[name]
        try:
            return around.enter_context(services.running(service, made.rows[0]))
        except Broken as error:
            return error

    with ThreadPoolExecutor(len(known)) as pool:
        return dict(zip(known, pool.map(start, known), strict=True))


def starting(service: services.Service, made: Served) -> Callable[[int], dict[str, float]]:
    """Another one of the same, until its first answer."""
    def once(number: int) -> dict[str, float]:
        with services.running(service, made.rows[0]) as one:
            return {READY: one.ready}

    return once


def in_turns(rivals: Mapping[str, Callable[[], dict[str, float]]], turns: int, number: int) -> Iterator[Measurement]:
    """One round: short loads in turns, so that what else the machine does meets all; of each figure the median."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in rivals}
    load = round(os.getloadavg()[0], 2)
    for name in [name for _ in range(turns) for name in rivals]:
        try:
            found[name].append(rivals[name]())
        except Broken as error:
            yield Measurement(name, "broken", number, None, load, note=str(error).strip().splitlines()[-1])
    for name, figures in ((name, figures) for name, figures in found.items() if figures):
        for figure in figures[0]:
            value = statistics.median(one[figure] for one in figures)
            yield Measurement(name, figure, number, round(value, 4), load, unit(figure))


def loaded(one: services.Running | Broken, made: Served, scale) -> dict[str, float]:
    """At each number of clients; after its labels were compared."""
    if isinstance(one, Broken):
        raise one
    wrong = [label for row, label in zip(made.rows, made.labels[:CHECKED], strict=False) if one.label(row) != label]
    if wrong:
        raise Broken(f"{len(wrong)} labels differ from the pipeline's")
    found = {}
    for clients in scale.clients:
        came = one.load(made.rows, clients, scale.seconds)
        found |= {at(RATE, clients): came.requests_per_second, at(P50, clients): came.ms["p50"],
                  at(P99, clients): came.ms["p99"], at(CPU, clients): came.cpu_us, MEMORY: came.memory_mb}
    return found


def batches(made: Served, rows: int) -> dict[str, Callable[[int], dict[str, float]]]:
    """CPU for a row of a conformed table: scikit-learn's pipeline, and the plan."""
    import pandas as pd

    from notemill.runtime.model import Model
    from notemill.runtime.rows import conform

    model, test = Model(made.package), pd.read_parquet(made.package.parents[1] / "test.parquet")
    table = conform(pd.concat([test] * -(-rows // len(test)), ignore_index=True).head(rows), model.schema)[0]
    expected = model.pipeline.predict_proba(table)

    def timed(ask: Callable) -> Callable[[int], dict[str, float]]:
        def once(number: int) -> dict[str, float]:
            began = time.process_time()
            found = ask(table)
            seconds = time.process_time() - began
            if abs(found - expected).max() > 1e-9:
                raise Broken("the probabilities are not the same")
            return {BATCH: seconds / len(table) * 1e6}
        return once

    return {PLAN: timed(lambda rows: model.answer("predict_proba", rows)), SKLEARN: timed(model.pipeline.predict_proba)}


PLAN, SKLEARN = "the plan, linear, a table", "scikit-learn, linear, a DataFrame"
FEW, MANY = 1, 32


def floor(text: str, figure: tuple[str, str], over: tuple[str, str], least: float) -> Goal:
    return Goal(text, figure, over, least=least)


def goals() -> Iterator[Goal]:
    """The floors that were set before anything was built."""
    for kind, least in ((LINEAR, 50), (BOOSTING, 15)):
        for clients in (FEW, MANY):
            many = f"{clients} client{'s' * (clients > 1)}"
            yield floor(f"{kind}, {many}: times MLflow's requests/s", (ours(kind), at(RATE, clients)),
                        (theirs(kind), at(RATE, clients)), least)
            yield floor(f"{kind}, {many}: MLflow's p50, in times our p99", (theirs(kind), at(P50, clients)),
                        (ours(kind), at(P99, clients)), 1)
    yield floor(f"{UNCOMPILED}, {MANY} clients: times MLflow's requests/s", (ours(UNCOMPILED), at(RATE, MANY)),
                (theirs(UNCOMPILED), at(RATE, MANY)), 8)
    for clients in (FEW, MANY):
        yield Goal(f"linear, {clients} client{'s' * (clients > 1)}: an empty handler's requests/s, in times ours",
                   (EMPTY, at(RATE, clients)), (ours(LINEAR), at(RATE, clients)), most=4)
    for kind, least in ((LINEAR, 50), (BOOSTING, 15), (UNCOMPILED, 8)):
        yield floor(f"{kind}, {MANY} clients: times less CPU of a request than MLflow's", (theirs(kind), at(CPU, MANY)),
                    (ours(kind), at(CPU, MANY)), least)
    yield Goal(f"{LINEAR}, {MANY} clients: CPU of a request, in times that of an empty handler",
               (ours(LINEAR), at(CPU, MANY)), (EMPTY, at(CPU, MANY)), most=4)
    yield floor("ready: times sooner than MLflow", (theirs(LINEAR), READY), (ours(LINEAR), READY), 3)
    for kind in (LINEAR, BOOSTING, UNCOMPILED):
        yield Goal(f"{kind}: memory of a worker (MB)", (ours(kind), MEMORY), most=250)
    yield floor("linear, in batches: times less CPU for a row than scikit-learn", (SKLEARN, BATCH),
                (PLAN, BATCH), 3)


GOALS = tuple(goals())
