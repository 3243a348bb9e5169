"""The gate is wrong no more often than it says: fewer simulations of what docs/explanation/gate-simulations.md shows.

A rate is held against its promise with the simulation's own error: what is surely above it fails, and so does what is
far above it.
"""

import numpy as np
import pytest

from bench import gate_simulations as simulate
from bench.gate_simulations import MARGIN, rate
from notemill.gate import statistics

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def drawn_once(monkeypatch):
    """All simulations of a test have the same rows, seed and so resamples: they are drawn once, not each time anew."""
    for name in ("draw_blocks", "leave_out"):
        monkeypatch.setattr(statistics, name, once(getattr(statistics, name)))


def once(draw):
    """The same, which remembers what it gave. Whoever would write to what others get as well fails."""
    known = {}

    def drawn(rows, seed, *more):
        key = rows.count, seed, *more, *(None if of is None else of.tobytes() for of in (rows.classes, rows.groups))
        if key not in known:
            known[key] = list(draw(rows, seed, *more))
            for counts in known[key]:
                counts.setflags(write=False)
        return iter(known[key])

    return drawn


def at_most(found, promised, far):
    """Not surely above the promise, and not far above it."""
    return found.ends[0] <= promised and found.share <= far


def champion(simulations, n, correlation, worse):
    return rate(lambda random: simulate.champion_passes(random, n, correlation, worse), simulations, 21, n)


@pytest.mark.parametrize(("n", "correlation"), [(600, 0.99), (1200, 0.98)])
def test_an_equal_challenger_is_refused_at_most_5_percent_of_the_time(n, correlation):
    """With the rows that it takes."""
    passed = champion(200, n, correlation, 0.0)
    assert at_most(simulate.Rate(passed.of - passed.hits, passed.of), 0.05, 0.09)


@pytest.mark.parametrize(("n", "correlation"), [(2000, 0.9), (200, 0.8)])
def test_a_challenger_that_is_2_percent_worse_is_refused_95_percent_of_the_time(n, correlation):
    assert champion(100, n, correlation, 0.02).share <= 0.05


def test_a_challenger_that_is_worse_by_the_margin_passes_at_most_5_percent_of_the_time():
    found = champion(300, 500, 0.95, MARGIN)
    assert at_most(found, 0.05, 0.085)
    assert found.hits   # else the bound would promise less than it could


@pytest.mark.parametrize("metric", ["roc_auc", "accuracy"])
def test_slices_keep_the_family_error(metric):
    figures = simulate.five_at_the_limit(metric)
    found = rate(lambda random: simulate.slices_refused(random, 200, metric, figures), 150, 22)
    assert at_most(found, 0.05, 0.09)


def test_a_broken_slice_is_found():
    figures = [0.9] * 5 + [0.65]
    assert rate(lambda random: simulate.slices_refused(random, 300, "roc_auc", figures), 40, 23).share >= 0.9


def test_clustered_rows_do_not_fool_the_gate_that_knows_of_them():
    with_group, without = (rate(lambda random, grouped=grouped: simulate.clustered_passes(random, MARGIN, grouped), 150,
                                24) for grouped in (True, False))
    assert at_most(with_group, 0.06, 0.1)
    assert without.ends[0] > 0.1   # what `group` is for


@pytest.mark.parametrize("auc", [0.8, 0.95])
def test_the_floors_interval_holds_the_truth(auc):
    found = np.array([simulate.floor_at_the_truth(np.random.default_rng([25, number]), 400, auc)
                      for number in range(300)])
    held, passed = (simulate.Rate(int(hits), len(found)) for hits in found.sum(axis=0))
    assert held.ends[1] >= 0.95 and held.share >= 0.92
    assert at_most(passed, 0.025, 0.06)


def test_the_script_writes_each_figure_into_the_page(tmp_path):
    page = tmp_path / simulate.PAGE
    page.write_text(f"# Before\n\n{simulate.BEGIN}\noutdated\n{simulate.FINISH}\nafter\n")
    simulate.main(["--only", "needed", "--simulations", "3", "--output", str(tmp_path)])
    simulate.main(["--only", "clustered", "--simulations", "1", "--output", str(tmp_path)])
    written = page.read_text()
    assert written.startswith("# Before\n") and written.endswith("after\n") and "outdated" not in written
    assert "### Rows that it takes" in written and "3 simulations a cell" in written
    assert "| worse by the margin: passed | " in written and "not run" not in written
