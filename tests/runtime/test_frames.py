"""Ordinary rows as a table: the one that `conform` makes."""

import numpy as np
import pandas as pd
import pytest

from notemill.runtime import golden
from notemill.runtime.frames import table_of
from notemill.runtime.model import Model
from notemill.runtime.quick import Quick
from notemill.runtime.rows import conform, to_frame


@pytest.mark.parametrize("name", ["mixed", "adult", "penguins", "bike_hour", "taxis"])
def test_the_table_of_ordinary_rows_is_conforms(trained, name):
    made = trained(name, "linear")
    quick, rows = Quick(made.schema), golden.plain_rows(made.test, made.schema, 200)
    ordinary = [row for row in rows if quick.read(row)]
    assert len(ordinary) > len(rows) / 2
    for some in (ordinary, ordinary[:1], ordinary[-3:]):
        pd.testing.assert_frame_equal(table_of(quick.all_cells(some), made.schema),
                                      conform(to_frame(some), made.schema)[0])


@pytest.mark.parametrize("name", ["mixed", "penguins"])
def test_scikit_learn_asked_once_says_what_it_says_when_asked_twice(trained, bundle, name):
    made, model = trained(name, "linear"), Model(bundle(name))
    assert not model.compiled
    rows = golden.plain_rows(made.test, made.schema, 50)
    table = conform(to_frame(rows), made.schema)[0]
    found = model.score_rows(rows)
    assert found.predictions == made.pipeline.predict(table).tolist()
    np.testing.assert_array_equal(found.probabilities, made.pipeline.predict_proba(table))
