"""Which columns give the target away, and which are merely good."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris

from notemill.gate.checks.duplicates import row_hashes
from notemill.gate.checks.target import commonest, quantity, ranking


def halves(values, y):
    """Training and held-out rows: (seen, y, asked, truth)."""
    side = np.random.default_rng(1).random(len(y)) > 0.4
    column = np.column_stack([values, np.zeros(len(y))])
    return column[side], y[side], column[~side], y[~side]


@pytest.mark.parametrize("load", [load_iris, load_breast_cancer])
def test_honest_columns_of_well_known_tables_do_not_count_as_leaks(load):
    X, y = load(return_X_y=True)
    told = [ranking(*halves(column, y)) for column in X.T]
    assert 0.85 < max(told) < 0.99


def test_honest_columns_of_a_quantity_do_not_count_as_leaks():
    X, y = load_diabetes(return_X_y=True)
    assert max(quantity(*halves(column, y)) for column in X.T) < 0.5


@pytest.mark.parametrize("make", [
    lambda y, noise: y, lambda y, noise: -y, lambda y, noise: y + 0.1 * noise])
def test_copies_of_two_classes_are_leaks(make):
    random = np.random.default_rng(0)
    y = random.integers(0, 2, 300)
    assert ranking(*halves(make(y, random.normal(size=300)), y)) > 0.99


def test_a_code_that_is_neither_rising_nor_falling_is_a_leak():
    random = np.random.default_rng(0)
    y = random.integers(0, 2, 300)
    assert ranking(*halves(np.where(y == 1, 5.0, random.choice([1.0, 9.0], 300)), y)) > 0.99


def test_a_column_that_tells_one_class_of_three_is_no_leak():
    y = np.arange(300) % 3
    assert ranking(*halves((y == 1).astype(float), y)) < 0.8
    assert ranking(*halves(y.astype(float), y)) == 1


@pytest.mark.parametrize("curve", [lambda y: y, np.exp, lambda y: -y ** 3, lambda y: np.round(y, 2)])
def test_curves_of_a_quantity_are_leaks(curve):
    y = np.random.default_rng(0).normal(size=400)
    assert quantity(*halves(curve(y), y)) > 0.99


def test_noise_is_no_leak():
    random = np.random.default_rng(0)
    y = random.normal(size=400)
    assert quantity(*halves(random.normal(size=400), y)) < 0.1
    assert quantity(*halves(y + 0.3 * random.normal(size=400), y)) < 0.95


def test_of_many_classes_the_commonest_are_looked_at():
    assert len(commonest(np.repeat(np.arange(80), np.arange(80) + 1))) == 50
    assert commonest(np.array([1, 1, 0])).tolist() == [1]


def test_rows_are_the_same_whatever_their_type():
    columns = pd.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]})
    whole, real = pd.Series([1, 0]), pd.Series([1.0, 0.0])
    assert row_hashes(columns, whole).tolist() == row_hashes(columns, real).tolist()
    assert row_hashes(columns, 1 - whole).tolist() != row_hashes(columns, whole).tolist()
