"""Models made once for all tests of the runtime."""

import pytest
from model_samples import mixed_files, shared_files, train

TABLES = {
    "adult": {"target": "income-per-year"}, "penguins": {"target": "species"},
    "bike_hour": {"target": "cnt", "split": "time", "time": "dteday", "drop": ["casual", "registered"]},
    "taxis": {"target": "fare", "split": "group", "group": "pickup_zone", "drop": ["total", "tip"]}}


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """(table, estimator) -> Trained; each is made once."""
    made = {}

    def get(table, estimator):
        if (table, estimator) not in made:
            folder = tmp_path_factory.mktemp(table)
            given = mixed_files(folder) if table == "mixed" else \
                {"source": shared_files(folder, f"{table}.csv"), **TABLES[table]}
            made[table, estimator] = train(folder, estimator=estimator, **given)
        return made[table, estimator]
    return get


@pytest.fixture
def bundle(trained, tmp_path):
    """(table, estimator) -> a model package's folder."""
    return lambda table="mixed", estimator="linear": trained(table, estimator).bundle(tmp_path / "bundle")
