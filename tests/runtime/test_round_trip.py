"""The same row gives the same prediction, whatever it has travelled through: what training saw is what use sees."""

import io
import json

import numpy as np
import pandas as pd
import pytest

from notemill.runtime.model import Model
from notemill.runtime.rows import MISSING_WORDS

CASES = [("mixed", "linear"), ("mixed", "boosting"), ("mixed", "forest"), ("adult", "boosting"), ("penguins", "linear"),
         ("bike_hour", "forest"), ("taxis", "linear")]
ROADS = {
    "Parquet's own types": lambda rows: rows,
    "CSV, as pandas reads it": lambda rows: pd.read_csv(io.StringIO(rows.to_csv(index=False))),
    "JSON": lambda rows: json.loads(rows.to_json(orient="records", date_format="iso", double_precision=15)),
    "dicts": lambda rows: rows.to_dict("records"),
    "plain objects": lambda rows: rows.astype("object"),
    "nullable types": lambda rows: rows.convert_dtypes(),
    "Arrow types": lambda rows: rows.convert_dtypes(dtype_backend="pyarrow"),
    "pandas categories": lambda rows: rows.astype({name: "category" for name in rows.select_dtypes("str").columns}),
    "another order, and more": lambda rows: rows[rows.columns[::-1]].assign(more=1).set_index(rows.index[::-1])}


@pytest.mark.parametrize("table, estimator", CASES)
def test_every_road_leads_to_the_same_prediction(trained, bundle, table, estimator):
    made, model = trained(table, estimator), Model(bundle(table, estimator))
    rows = made.rows()
    expected = made.pipeline.predict(rows)
    assert len(set(expected.tolist())) > 1
    differing = [road for road, along in ROADS.items() if not np.array_equal(model.predict(along(rows)), expected)]
    assert differing == []
    text = pd.read_csv(io.StringIO(rows.to_csv(index=False)), dtype="str", keep_default_na=False, na_filter=False)
    assert np.array_equal(model.predict(text, words_for_missing=MISSING_WORDS), expected)


def test_polars(trained, bundle):
    polars = pytest.importorskip("polars")
    made, model = trained("mixed", "linear"), Model(bundle("mixed", "linear"))
    rows = polars.from_pandas(made.rows())
    expected = made.pipeline.predict(made.rows())
    assert np.array_equal(model.predict(rows), expected)
    assert np.array_equal(model.predict(rows.lazy()), expected)
    categories = rows.with_columns(polars.col("colour").cast(polars.Categorical))
    assert np.array_equal(model.predict(categories), expected)


@pytest.mark.parametrize("table, estimator", [("mixed", "linear"), ("bike_hour", "forest")])
def test_one_row_alone_is_predicted_as_among_others(trained, bundle, table, estimator):
    made, model = trained(table, estimator), Model(bundle(table, estimator))
    rows = made.rows().head(20)
    assert [model.predict(row) for row in rows.to_dict("records")] == made.pipeline.predict(rows).tolist()
