"""Intervals hold what they promise on simulated data; resamples keep classes and groups."""

from statistics import NormalDist

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from notemill.gate import statistics
from notemill.gate.metrics import Answers, Truth, _roc_auc
from notemill.gate.statistics import (
    Batched, Rows, Unsure, difference, draw, draw_blocks, interval, leave_out, sample, samples)

SIMULATIONS = 300


@pytest.fixture(autouse=True)
def fewer_resamples(monkeypatch):
    monkeypatch.setattr(statistics, "MOST_RESAMPLES", 300)


def auc(y, scores):
    return _roc_auc(Truth(y, (0, 1)), Answers(y, np.column_stack([-scores, scores])))


def test_the_interval_of_an_auc_covers_the_truth():
    random, truth = np.random.default_rng(5), NormalDist().cdf(1.5 / 2 ** 0.5)
    y = (np.arange(120) < 45).astype(int)
    found = [interval(auc(y, random.normal(size=120) + 1.5 * y), Rows(120, y), seed) for seed in range(SIMULATIONS)]
    assert 0.91 <= np.mean([one.low <= truth <= one.high for one in found]) <= 0.985
    assert np.mean([truth < one.low for one in found]) <= 0.055
    assert np.mean([truth > one.high for one in found]) <= 0.055


def test_the_interval_of_a_share_near_one_covers_the_truth():
    """Where plain percentiles fail: the lower end is what a floor is held against."""
    random = np.random.default_rng(6)
    hits = (random.random((SIMULATIONS, 200)) < 0.97).astype("float64")
    found = [interval(lambda counts, hit=hit: float(counts @ hit / counts.sum()), Rows(200), seed)
             for seed, hit in enumerate(hits)]
    assert np.mean([one.low <= 0.97 <= one.high for one in found]) >= 0.93
    assert np.mean([0.97 < one.low for one in found]) <= 0.04


def test_the_paired_interval_of_two_equally_good_models_covers_zero():
    random = np.random.default_rng(7)
    y, covered, widths = (np.arange(150) < 50).astype(int), [], []
    for seed in range(SIMULATIONS):
        common = random.normal(size=150) + 1.5 * y
        ours, theirs = (auc(y, common + 0.5 * random.normal(size=150)) for _ in range(2))
        everything, rows = np.ones(150), Rows(150, y)
        drawn = [sample(one, rows, seed) for one in (ours, theirs)]
        gap = difference(*drawn, ours(everything) - theirs(everything))
        covered.append(gap.low <= 0 <= gap.high)
        widths.append((gap.high - gap.low) / np.ptp(np.quantile(drawn[0], [0.025, 0.975])))
    assert 0.91 <= np.mean(covered) <= 0.985
    assert np.mean(widths) < 1      # pairing pays: unpaired, the difference would be less sure than either figure


def test_the_same_seed_gives_the_same_interval():
    y = np.arange(50) % 2
    one, two, other = (interval(auc(y, np.arange(50.0) + 20 * y), Rows(50, y), seed) for seed in (1, 1, 2))
    assert one == two != other


def test_a_resample_holds_every_class():
    classes = np.repeat([0, 1, 2], [90, 7, 3])
    for counts in draw(Rows(100, classes), 1):
        assert counts.sum() == 100
        assert np.bincount(classes, weights=counts).min() > 0


def test_very_rare_classes_are_drawn_within_themselves():
    classes = np.repeat(np.arange(30), [71, *[1] * 29])
    for counts in draw(Rows(100, classes), 1):
        assert np.bincount(classes, weights=counts).tolist() == [71, *[1] * 29]


def test_groups_are_drawn_whole():
    groups = np.repeat(np.arange(10), 5)
    for counts in draw(Rows(50, None, groups), 1):
        assert all(len(set(counts[groups == group])) == 1 for group in range(10))
        assert counts.sum() == 50


def test_groups_widen_the_interval_where_their_rows_are_alike():
    values = np.repeat(np.random.default_rng(2).normal(size=20), 10)
    alone, together = (interval(lambda counts: float(counts @ values / counts.sum()), Rows(200, None, groups))
                       for groups in (None, np.repeat(np.arange(20), 10)))
    assert together.high - together.low > 2 * (alone.high - alone.low)


@pytest.mark.parametrize(("groups", "words"), [([0] * 40, "one group"), ([0, 1] * 20, None)])
def test_groups_that_allow_no_resample_are_told(groups, words):
    """Each class in a group of its own: of two groups, one in two resamples lacks one; of many, nearly all would."""
    if words:
        with pytest.raises(Unsure, match=words):
            next(draw(Rows(40, None, np.array(groups)), 1))
    classes = np.arange(40)
    with pytest.raises(Unsure, match="40 classes" if not words else "one group"):
        next(draw(Rows(40, classes, np.arange(40) if not words else np.array(groups)), 1))


def test_a_figure_that_is_no_number_has_no_interval():
    with pytest.raises(Unsure, match="no number"):
        interval(lambda counts: float("nan"), Rows(30))
    with pytest.raises(Unsure, match="of 301 resamples"):
        interval(lambda counts: float("nan") if counts[0] > 2 else 1.0, Rows(30))


def test_statistics_of_the_same_rows_share_each_draw():
    """Whether they are worked out for many draws at once or one by one."""
    rows = Rows(300, np.arange(300) % 2)
    of_row = np.random.default_rng(3).normal(size=300)
    at_once, one_by_one = Batched(lambda counts: counts @ of_row), lambda counts: float(counts @ of_row)
    found = samples([at_once, one_by_one], rows, resamples=450)
    assert found.shape == (2, 450)
    assert found[0] == pytest.approx(found[1], abs=1e-9)
    assert sample(at_once, rows) == pytest.approx([one @ of_row for one in draw(rows, statistics.SEED)], abs=1e-9)
    assert len(set(found[0])) > 400


def test_the_paired_difference_is_scikit_learns_draw_by_draw():
    random = np.random.default_rng(4)
    y = (random.random(400) < 0.3).astype(int)
    scores = np.round(random.normal(size=(2, 400)) + y, 1)
    ours, theirs = samples([auc(y, one) for one in scores], Rows(400, y), resamples=50)
    for counts, gap in zip(np.concatenate(list(draw_blocks(Rows(400, y), statistics.SEED, 50))), ours - theirs,
                           strict=True):
        first, second = (roc_auc_score(y, one, sample_weight=counts) for one in scores)
        assert gap == pytest.approx(first - second, abs=1e-12, rel=0)


def test_a_one_sided_bound_is_nearer_than_the_interval():
    ours, theirs = np.random.default_rng(5).normal(size=(2, 4000))
    both, one = difference(ours, theirs, 0.0), difference(ours, theirs, 0.0, tail=0.05)
    assert [both.low, one.low, one.high, both.high] == pytest.approx([-2.77, -2.33, 2.33, 2.77], abs=0.12)


@pytest.mark.parametrize("rare", [2, 5, 70])
def test_every_draw_of_groups_holds_every_class(rare):
    """Whether classes are checked for draw by draw or so frequent that they need not be."""
    groups = np.repeat(np.arange(100), 3)
    for counts in draw(Rows(300, (groups < rare).astype(int), groups), 1):
        assert counts[groups < rare].sum() > 0 and counts[groups >= rare].sum() > 0


def test_many_rows_need_fewer_resamples():
    assert (Rows(1000).resamples, Rows(40_000).resamples, Rows(10**7).resamples) == (300, 200, 200)


def test_leaving_out_covers_every_row_once():
    left = 1 - np.array(list(leave_out(Rows(250), 1)))
    assert left.shape == (100, 250)
    assert left.sum(axis=0).tolist() == [1.0] * 250
