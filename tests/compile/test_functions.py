"""What a FunctionTransformer's function is given besides is in the plan, or there is no plan."""

import numpy as np
import pandas as pd
import pytest
from plan_samples import compiled
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer


def stored_of(columns, *functions):
    steps = [FunctionTransformer(function, kw_args=given) for function, given in functions]
    return compiled(make_pipeline(*steps, Ridge()), columns, "amount")[0]


@pytest.mark.parametrize("functions", [
    [(np.asarray, None), (np.floor, None)],
    [(np.ravel, None), (np.expand_dims, {"axis": 1})],  # as the starter's notebooks have it
    [(pd.isna, None)]], ids=["floor", "column", "gaps"])
def test_what_is_harmless_is_in_a_plan(functions):
    assert stored_of(["width"], *functions).reason == ""


@pytest.mark.parametrize("functions, words", [
    ([(np.asarray, None), (np.floor, {"dtype": "float32"})], "numpy.floor with {'dtype': 'float32'}"),
    ([(np.ravel, {"order": "F"}), (np.expand_dims, {"axis": 1})], "numpy.ravel with {'order': 'F'}"),
    ([(np.ravel, None), (np.expand_dims, {"axis": -1})], "numpy.expand_dims with {'axis': -1}"),
    ([(np.asarray, None), (np.isnan, {"dtype": "bool"})], "isna with {'dtype': 'bool'}")],
    ids=["floor", "ravel", "axis", "gaps"])
def test_what_nobody_looked_at_is_not(functions, words):
    assert words in stored_of(["width"], *functions).reason
