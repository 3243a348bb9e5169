"""Faults planted in a whole project whose notebooks run: each is caught, by name, through the command line."""

import shutil

import pytest
from gate_toy import two_notebooks
from tiny import cli, run

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
        time.sleep(0.3)
        return X
"""
HONEST = {"prepare": {"FAULT": "held = random.permutation(table['patient'].max() + 1)[table['patient']] % 2",
                      "LATER": "more = []"}, "train": {"FAULT": "", "LATER": ""}}
GATE = {"floor": 0.8, "slices": ["site"],
        "fairness": {"attributes": ["sex"], "max_difference": 0.15}, "leakage": {"groups": ["patient"]},
        "budgets": {"latency_p95_ms": 250}, "value": {"false_positive": -1, "false_negative": -2, "minimum": -0.6}}
WEST = "; score = score.where(table.site != 'west', random.logistic(size=n))"
WOMEN = "; score -= 1.5 * (table.sex == 'f'); table['a'] -= table.sex == 'f'"
SLOW = "fitted = make_pipeline(Slow(), *[part for _, part in fitted.steps]).fit("
BY_PLACE = "fitted = make_pipeline(StandardScaler(), estimator).fit(rows[names].to_numpy(), "
LABELS = "rows['answer'].to_numpy(dtype=object))"
TURNED = "table = table[['b', 'a', 'c', 'sex', 'site', 'patient', 'answer']]"
# (what is planted, {check that has to name it: words of its hint}): faults that do not hide each other
FAULTS = {
    "in the rows": (
        {"prepare": {"FAULT": f"held = random.integers(0, 2, n){WEST}{WOMEN}"}},
        {"leakage.groups": "values of 'patient' among the held-out rows are", "slices": "site = west: roc_auc 0.",
         "fairness": "sex: demographic parity difference"}),
    "in the model": (
        {"train": {"FAULT": "estimator = Squared()", "LATER": f"{SLOW}rows[names], {LABELS}"}},
        {"calibration.loss": "are too low as a whole", "budgets.latency": "surely over budget: one row took "}),
    "on the way": (
        {"prepare": {"LATER": f"table['c'] = (table['answer'] == 'yes') * 2.0; more = ['c']; {TURNED}"},
         "train": {"LATER": f"{BY_PLACE}{LABELS}; fitted[-1].intercept_ -= 8"}},
        {"leakage.target": "'c' alone gives the target away", "value": "which is under the minimum of -0.6",
         "skew": "the table has its columns as b, a, c, the schema as a, b, c"})}


@pytest.fixture(autouse=True)
def quickly(judged_here, monkeypatch):
    """The gate's own work is done in this process; the model and the trial of its package have their own."""
    monkeypatch.setattr("notemill.gate.measuring.SECONDS", 3.0)


@pytest.fixture
def no_trial():
    """The trial is not spared here: a fault may be on the way into the package."""


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    """The project without a fault, run once: a fault is planted in a copy, and only what it touches runs again."""
    root = project_at(tmp_path_factory.mktemp("honest") / "project", {})
    assert run(root).code == 0
    return root


def project_at(root, fault):
    def text(step, source):
        for place, line in {**HONEST[step], **fault.get(step, {})}.items():
            source = source.replace(f"{place} = None", line)
        return source

    return two_notebooks(root, text("prepare", PREPARE), text("train", TRAIN), name="planted", exported=EXPORTED,
                         **GATE)


def test_the_project_without_a_fault_passes(honest):
    result = cli("gate", "--json", project=honest)
    found = [(check["check"], check["outcome"], check["hint"]) for check in result.json["checks"]
             if check["outcome"] not in ("passed", "not asked for")]
    assert (result.code, found) == (0, [])


@pytest.mark.parametrize("where", FAULTS)
def test_planted_faults_are_caught_by_their_names(honest, tmp_path, where):
    fault, names = FAULTS[where]
    root = project_at(shutil.copytree(honest, tmp_path / "project", symlinks=True), fault)
    done = run(root)
    assert done.code == 0, done.err
    result = cli("gate", "--json", project=root)
    refused = {check["check"]: check["hint"] for check in result.json["checks"] if check["outcome"] == "refused"}
    assert result.code == 3
    assert [name for name, words in names.items() if words not in refused.get(name, "")] == [], refused
