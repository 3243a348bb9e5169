"""Faults planted in a whole project whose notebooks run: each is caught, by name, through the command line."""

import pytest
from tiny import cli, code, make_project, run

PREPARE = """
import json
import numpy as np
import pandas as pd
random = np.random.default_rng(0)
n = 3000
table = pd.DataFrame({"a": random.normal(size=n), "b": random.normal(size=n), "sex": random.choice(["f", "m"], n),
                      "site": random.choice(["north", "south", "west"], n), "patient": np.arange(n) // 3})
score = 1.5 * table["a"] - table["b"] + random.logistic(size=n)
FAULT = None
table["answer"] = np.where(score > 0, "yes", "no")
LATER = None
names = ["a", "b", *more]
facts = {"format": 1, "task": "classification", "split": {"kind": "random", "group": None},
         "target": {"name": "answer", "classes": ["no", "yes"], "positive": "yes"},
         "columns": [{"name": name, "type": "number", "role": "feature", "from": {}} for name in names]}
table[held == 0].to_parquet(train, index=False)
table[held == 1].to_parquet(test, index=False)
with open(schema, "w") as file:
    json.dump(facts, file)
"""
TRAIN = """
import pandas as pd
import skops.io
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
rows = pd.read_parquet(data)
names = [name for name in rows.columns if name not in ("sex", "site", "patient", "answer")]
estimator = LogisticRegression()
FAULT = None
fitted = make_pipeline(StandardScaler(), estimator).fit(rows[names], rows["answer"].to_numpy(dtype=object))
LATER = None
skops.io.dump(fitted, model)
"""
EXPORTED = """
import time

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.linear_model import LogisticRegression


class Squared(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        self.inner_ = LogisticRegression().fit(X, y)
        self.classes_ = self.inner_.classes_
        return self

    def predict_proba(self, X):
        p = self.inner_.predict_proba(X)[:, 1] ** 2
        return np.column_stack([1 - p, p])

    def predict(self, X):
        return self.classes_[(self.predict_proba(X)[:, 1] > 0.25).astype(int)]


class Slow(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def transform(self, X):
        time.sleep(0.08)
        return X
"""
HONEST = {"prepare": {"FAULT": "held = random.permutation(table['patient'].max() + 1)[table['patient']] % 2",
                      "LATER": "more = []"}, "train": {"FAULT": "", "LATER": ""}}
GATE = {"model": "train.model", "data": "prepare.test", "schema": "prepare.schema", "floor": 0.8, "slices": ["site"],
        "fairness": {"attributes": ["sex"], "max_difference": 0.15}, "leakage": {"groups": ["patient"]},
        "budgets": {"latency_p95_ms": 60}, "value": {"false_positive": -1, "false_negative": -2, "minimum": -0.6}}
HELD = HONEST["prepare"]["FAULT"]
FAULTS = {
    "leakage.target": {"prepare": {"LATER": "table['c'] = (table['answer'] == 'yes') * 2.0; more = ['c']"}},
    "leakage.groups": {"prepare": {"FAULT": "held = random.integers(0, 2, n)"}},
    "slices": {"prepare": {"FAULT": HELD + "; score = score.where(table.site != 'west', random.logistic(size=n))"}},
    "calibration.loss": {"train": {"FAULT": "estimator = Squared()"}},
    "skew": {"prepare": {"LATER": "more = []; table = table[['b', 'a', 'sex', 'site', 'patient', 'answer']]"},
             "train": {"LATER": "fitted = make_pipeline(StandardScaler(), estimator).fit("
                                "rows[names].to_numpy(), rows['answer'].to_numpy(dtype=object))"}},
    "budgets.latency": {"train": {"LATER": "fitted = make_pipeline(Slow(), *[part for _, part in fitted.steps])"
                                           ".fit(rows[names], rows['answer'].to_numpy(dtype=object))"}},
    "fairness": {"prepare": {"FAULT": HELD + "; score -= 1.5 * (table.sex == 'f'); table['a'] -= table.sex == 'f'"}},
    "value": {"train": {"LATER": "fitted[-1].intercept_ -= 4"}}}


def project_at(root, fault):
    def text(step, source):
        for place, line in {**HONEST[step], **fault.get(step, {})}.items():
            source = source.replace(f"{place} = None", line)
        return source

    steps = {"prepare": {"notebook": "prepare.ipynb",
                         "outputs": {"train": "train.parquet", "test": "test.parquet", "schema": "schema.json"}},
             "train": {"notebook": "train.ipynb", "inputs": {"data": "prepare.train"},
                       "outputs": {"model": "model.skops"}}}
    return make_project(
        root, steps=steps, name="planted", gate=GATE,
        notebooks={"prepare.ipynb": [code('train = test = schema = ""', tags=["parameters"]), text("prepare", PREPARE)],
                   "train.ipynb": [code('data = model = ""', tags=["parameters"]), code(EXPORTED, tags=["export"]),
                                   text("train", TRAIN)]})


def judged(tmp_path, fault):
    root = project_at(tmp_path / "project", fault)
    result = run(root)
    assert result.code == 0, result.err
    return cli("gate", "--json", project=root)


def test_the_project_without_a_fault_passes(tmp_path):
    result = judged(tmp_path, {})
    found = [(check["check"], check["outcome"], check["hint"]) for check in result.json["checks"]
             if check["outcome"] not in ("passed", "not asked for")]
    assert (result.code, found) == (0, [])


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_caught_by_its_name(tmp_path, name):
    result = judged(tmp_path, FAULTS[name])
    refused = {check["check"]: check["hint"] for check in result.json["checks"] if check["outcome"] == "refused"}
    assert result.code == 3
    assert name in refused, refused
