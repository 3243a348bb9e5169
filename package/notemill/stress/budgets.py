"""What was measured beside what pipeline.yaml allows (gate: budgets)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from notemill.stress.load import Load


@dataclass(frozen=True)
class Held:
    """A budget, what came, and whether it was kept; None: this load cannot tell."""

    budget: str
    limit: float
    figure: float | None
    kept: bool | None


def hold(load: Load, budgets: Mapping[str, float]) -> list[Held]:
    """Those budgets that a load can speak of; the size of the package is the gate's."""
    return list(held(load, budgets))


def held(load: Load, budgets: Mapping[str, float]) -> Iterator[Held]:
    if (limit := budgets.get("latency_p95_ms")) is not None:
        figure = load.ms and load.ms["p95"]
        yield Held("latency_p95_ms", limit, figure, figure is not None and figure <= limit)
    if (limit := budgets.get("rows_per_second")) is not None:
        yield Held("rows_per_second", limit, load.rows_per_second, load.rows_per_second >= limit)
    if (limit := budgets.get("memory_mb")) is not None:
        figure = load.memory_mb
        yield Held("memory_mb", limit, figure, None if figure is None else figure <= limit)
