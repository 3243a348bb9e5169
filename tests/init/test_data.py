"""The real tables: what is seen in them, and that their contracts hold."""

import time

import pytest

from notemill.contract import check, load

WANTED = {
    "adult.csv": (["--target", "income-per-year"], {"task": "classification", "split": "stratified",
                                                    "positive": ">50K", "drop": {},
                                                    "rows": 32561}),
    "penguins.csv": (["--target", "species"], {"task": "classification", "positive": None,
                                               "metric": "balanced_accuracy"}),
    "bike_hour.csv": (["--target", "cnt", "--time", "dteday"], {
        "task": "regression", "split": "time", "metric": "r2",
        "drop": dict.fromkeys(("casual", "registered"), "casual + registered is the target")}),
    "taxis.csv": (["--target", "total", "--group", "pickup_zone"], {"task": "regression", "split": "group",
                                                                    "drop": {}})}


@pytest.mark.parametrize("name", WANTED)
def test_table(shared_data, init, tmp_path, name):
    words, wanted = WANTED[name]
    begun = time.process_time()
    done = init(None, None, "--data", shared_data / name, *words, "--json")
    assert done.code == 0, done.err
    assert time.process_time() - begun < 3
    assert {key: done.json[key] for key in wanted} == wanted
    result = check(load(tmp_path / "project" / "notebooks" / "contract.yaml"), tmp_path / "project" / "data" / name)
    assert [breach for breach in result.breaches if breach.severity == "error"] == []
