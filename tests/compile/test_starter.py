"""The starter's three estimators are compiled on every table that there is."""

import pytest
from model_samples import mixed_files, shared_files, train
from sklearn.datasets import load_breast_cancer

from notemill.compile import make_plan

TABLES = {
    "adult": {"target": "income-per-year"}, "penguins": {"target": "species"},
    "bike_hour": {"target": "cnt", "split": "time", "time": "dteday", "drop": ["casual", "registered"]},
    "taxis": {"target": "fare", "split": "group", "group": "pickup_zone", "drop": ["total", "tip"]}}


def given(folder, table):
    if table == "mixed":
        return mixed_files(folder)
    if table == "breast-cancer":
        data = load_breast_cancer(as_frame=True)
        frame = data.frame.assign(diagnosis=[data.target_names[one] for one in data.target]).drop(columns="target")
        frame.to_csv(folder / "data.csv", index=False)
        return {"source": folder / "data.csv", "target": "diagnosis"}
    return {"source": shared_files(folder, f"{table}.csv", 600), **TABLES[table]}


@pytest.mark.parametrize("estimator", ["linear", "boosting", "forest"])
@pytest.mark.parametrize("table", ["mixed", "breast-cancer", *TABLES])
def test_all_of_the_starter_is_compiled(tmp_path, table, estimator):
    made = train(tmp_path, estimator=estimator, **given(tmp_path, table))
    stored = make_plan(made.pipeline, made.schema, made.test, hard=1000)
    assert stored.reason == "" and stored.compared["difference"] < 1e-9
    assert stored.compared["held_out"] == len(made.test)
