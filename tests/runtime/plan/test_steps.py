"""Each kind of step says the same of one cell and of a column; trees the same in all ways of walking them."""

import math

import numpy as np
import pandas as pd
import pytest
from sklearn.utils import murmurhash3_32

from notemill.runtime.plan.cells import LEAST
from notemill.runtime.plan.checked import FORMS
from notemill.runtime.plan.leaves import ByMasks, BySteps
from notemill.runtime.plan.links import LINKS
from notemill.runtime.plan.program import KINDS
from notemill.runtime.plan.trees import Trees
from notemill.runtime.plan.words import murmur

NUMBERS = [0.0, -0.0, 1.0, -1.0, 2.0, 2.5, 1e-300, 86_399.0, 86_400.0, 1.7e9, -1.7e9, 0.1 + 0.2, 1e15, math.nan]
TEXTS = ["a", "b", "", "nie gesehen", "Über a_b x", "one two two, three", None]
MOMENTS = [0, 1, -1, 1_700_000_000_123_456, -62_135_596_800_000_000, None]
GIVEN = {
    "affine": [{"times": 2.5, "plus": -1.0}, {"times": 0.1, "plus": 0.0, "within": [0.0, 1.0]}],
    "bin": [{"edges": [0.0, 1.0, 2.5]}, {"edges": []}],
    "code": [{"labels": [1.0, 2.0], "missing": 2, "unknown": 3}, {"labels": ["a", ""], "missing": 0, "unknown": 2}],
    "dial": [{"xp": [0.0, 86_399.9999], "fp": [0.0, 24.0], "period": 86_400.0},
             {"xp": [345_600.0, 950_399.0], "fp": [0.0, 7.0], "period": 604_800.0}],
    "fill": [{"value": 7.0}, {"value": 7.0, "gap": -1.0}], "fill text": [{"value": "x"}], "floor": [{}],
    "function": [{"name": "sqrt"}, {"name": "log1p"}, {"name": "tanh"}],
    "hash words": [{"places": 8, "lowercase": True, "norm": "l2", "signs": True, "binary": False},
                   {"places": 3, "lowercase": False, "norm": None, "signs": False, "binary": True}],
    "missing": [{}, {"gap": -1.0}], "missing moment": [{}], "missing text": [{}],
    "scale": [{"shift": 3.0, "divide": 7.0}],
    "seconds": [{}], "single": [{}], "words": [{}]}


def same(one, many):
    if isinstance(one, str) or one is None:
        return many == one or (one is None and many != many)
    return np.array_equal(np.asarray(one, dtype="float64"), np.asarray(many, dtype="float64"), equal_nan=True)


@pytest.mark.parametrize("kind", sorted(GIVEN))
def test_one_cell_and_a_column(kind):
    for given in GIVEN[kind]:
        step, reads = KINDS[kind](**given), FORMS[kind][0]
        text = reads == "text" or isinstance(given.get("labels", [0])[0], str)
        cells = TEXTS if text else MOMENTS if reads == "moment" else NUMBERS
        column = pd.Series(cells, dtype="str") if text else \
            np.array([LEAST if cell is None else cell for cell in cells]) if reads == "moment" else np.array(cells)
        with np.errstate(all="ignore"):
            many = step.many(column)
        assert [cell for cell, one in zip(cells, many, strict=True) if not same(step.one(cell), one)] == []


def test_steps_of_codes_and_of_several():
    assert set(GIVEN) | {"table", "pick", "product"} == set(KINDS) == set(FORMS)
    table = KINDS["table"](values=[1.5, None, -2.0])
    assert same([table.one(code) for code in (0, 1, 2)], table.many(np.array([0, 1, 2])))
    pick, rows = KINDS["pick"](place=1), np.arange(6.0).reshape(3, 2)
    assert [pick.one(row) for row in rows] == pick.many(rows).tolist() == [1.0, 3.0, 5.0]
    product, columns = KINDS["product"](powers=[2, 1]), (np.array([2.0, -3.0]), np.array([5.0, math.nan]))
    assert same([product.one(2.0, 5.0), product.one(-3.0, math.nan)], product.many(*columns))


def test_a_function_that_nobody_listed():
    with pytest.raises(ValueError, match="'load' is no function that a plan may hold"):
        KINDS["function"](name="load")


def test_dial_is_numpys_interp():
    dial, random = KINDS["dial"](xp=[4.0, 10.0], fp=[0.0, 7.0], period=7.0), np.random.default_rng(0)
    x = random.uniform(-1e6, 1e6, 2000)
    assert [dial.one(value) for value in x] == np.interp(x, [4.0, 10.0], [0.0, 7.0], period=7.0).tolist()


def test_words_hash_as_in_scikit_learn():
    random = np.random.default_rng(0)
    for length in [*range(40), 200]:
        data = random.bytes(length)
        assert murmur(data) == murmurhash3_32(data, seed=0, positive=False)


def test_half_of_a_surrogate_pair_is_no_letter():
    words = KINDS["hash words"](**GIVEN["hash words"][0])
    assert words.one("ab \ud800x\udc00 \udfff").tolist() == words.one("ab").tolist() and np.isnan(words.one(None)).all()


@pytest.mark.parametrize("link", LINKS)
def test_links(link):
    made = LINKS[link]()
    scores = np.array([[-800.0, 0.2, 3.0], [0.1, 0.2, 0.7], [700.0, 1.0, 5.0]])
    for width in (1, 2, 3):
        if width == 1 and link == "second" or width > 1 and link == "two classes":
            continue
        narrow = link in ("logarithm", "shares", "one versus rest")
        some = np.abs(scores[1:2, :width]) if narrow else scores[:, :width]
        many = made.many(some)
        assert many.shape == (len(some), made.width(width))
        assert np.allclose([made.one(row.tolist()) for row in some], many, rtol=1e-14, atol=1e-300)


def random_trees(count, depth, features, random):
    """Full or ragged trees; the nodes of all of them one after another."""
    nodes = {"feature": [], "threshold": [], "children": [], "gap_left": [], "value": []}

    def grow(level):
        place, inner = len(nodes["feature"]), level < depth and random.random() < 0.85
        nodes["feature"].append(int(random.integers(features)) if inner else -1)
        nodes["threshold"].append(float(random.integers(-2, 3)))
        nodes["gap_left"].append(bool(random.random() < 0.5))
        nodes["value"].append([random.normal()])
        nodes["children"].append([0, 0])
        if inner:
            left, right = grow(level + 1), grow(level + 1)
            nodes["children"][place] = [right, left]
        return place

    roots = [grow(0) for _ in range(count)]
    return {name: np.array(some) for name, some in nodes.items()} | {"roots": np.array(roots)}


@pytest.mark.parametrize("depth, way", [(0, ByMasks), (1, ByMasks), (6, ByMasks), (9, BySteps)])
def test_trees_are_walked_the_same_in_all_ways(depth, way):
    random = np.random.default_rng(depth)
    arrays = random_trees(30, depth, 4, random)
    trees = Trees(pieces=[{"kind": "numbers", "slots": [0, 1, 2, 3]}], arrays=arrays, bias=[0.5], scale=2.0,
                  single=False, gaps=True)
    assert type(trees.find) is way
    table = random.integers(-3, 4, (300, 4)).astype("float64")
    table[random.random(table.shape) < 0.2] = np.nan
    many = trees.many(list(table.T), len(table))
    assert np.allclose([trees.one(row.tolist()) for row in table], many, rtol=1e-13)
    by_steps = BySteps(trees)
    assert all(np.array_equal(by_steps(row, True), trees.find(row, True)) for row in table)
    assert len(np.unique(many)) > (1 if depth else 0)


def test_an_infinite_number_has_no_answer():
    arrays = random_trees(3, 3, 1, np.random.default_rng(0))
    for gaps in (True, False):
        trees = Trees(pieces=[{"kind": "numbers", "slots": [0]}], arrays=arrays, bias=[0.0], scale=1.0, single=True,
                      gaps=gaps)
        cells = [1.0, math.inf, -math.inf, math.nan, 1e300]
        with np.errstate(over="ignore"):
            alone = [math.isfinite(trees.one([cell])[0]) for cell in cells]
            many = np.isfinite(trees.many([np.array(cells)], len(cells))[:, 0])
        assert alone == many.tolist() == [True, False, False, gaps, False]
