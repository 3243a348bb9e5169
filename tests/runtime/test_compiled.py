"""A model with a plan: one door for dicts and tables, without the libraries where they are not needed."""

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from plan_samples import TABLE, compiled, planned_model
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import notemill
from notemill.compile import make
from notemill.runtime import golden
from notemill.runtime.model import Model, ModelError
from notemill.runtime.rows import BadRows

COLUMNS = ["size", "width", "grade"]


def pipeline(last):
    return make_pipeline(make_column_transformer(
        (SimpleImputer(), ["size", "width"]), (OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["grade"])
    ), last)


MODELS = {"sum": LogisticRegression(), "trees": RandomForestClassifier(5, random_state=0), "votes": RidgeClassifier(),
          "ridge": Ridge()}


@pytest.fixture(scope="module")
def fitted():
    made = {}

    def get(name, target="label"):
        if (name, target) not in made:
            one = pipeline(MODELS[name])
            made[name, target] = (one, *compiled(one, COLUMNS, target, hard=100))
        return made[name, target]
    return get


@pytest.fixture
def model(fitted, tmp_path):
    return lambda name="sum", target="label": planned_model(tmp_path / "package", *fitted(name, target)[1:])


def rows(count=20):
    return [{name: None if cell != cell else cell for name, cell in row.items()}
            for row in TABLE[COLUMNS][:count].astype("object").to_dict("records")]


@pytest.mark.parametrize("name", ["sum", "trees", "votes"])
def test_dicts_and_tables_get_the_same_answer(fitted, model, name):
    made, one = fitted(name)[0], model(name)
    one.prepare()
    assert one.compiled and one.uncompiled == ""
    expected, table = made.predict(TABLE[COLUMNS][:20]), TABLE[COLUMNS][:20]
    assert one.predict(rows()).tolist() == one.predict(table).tolist() == expected.tolist()
    assert one.predict(rows()).dtype == one.predict(table).dtype
    assert [one.predict(row) for row in rows()] == expected.tolist() == one.score_rows(rows()).predictions
    assert type(one.predict(rows()[0])) is str
    if name == "votes":
        assert one.score_rows(rows()).probabilities is None and not one.has_probabilities
    else:
        wanted = made.predict_proba(table)
        assert np.allclose(one.predict_proba(rows()), wanted, atol=1e-12, rtol=0)
        assert np.allclose(one.score_rows(rows(3)).probabilities, wanted[:3], atol=1e-12, rtol=0)
        assert list(one.predict_proba(rows()[0])) == one.classes == ["ja", "no"]


def test_a_quantity(fitted, model):
    one = model("ridge", "amount")
    expected = fitted("ridge", "amount")[0].predict(TABLE[COLUMNS][:20])
    assert np.allclose(one.predict(rows()), expected, rtol=1e-12) and one.predict(rows()[0]) == one.predict(rows())[0]
    assert one.score_rows(rows(2)).probabilities is None and type(one.predict(rows()[0])) is float


@pytest.mark.parametrize("name, count", [("trees", 60), ("sum", 210)])
def test_few_rows_and_many(model, name, count):
    """One after another, and all at once."""
    one, some = model(name), (rows(240) * 2)[:count]
    assert count > one._compiled.few
    assert np.allclose(one.score_rows(some).probabilities,
                       [one.score_rows([row]).probabilities[0] for row in some], atol=1e-12, rtol=0)


def test_bad_rows_are_told_by_the_slow_way(model):
    with pytest.raises(BadRows, match="column 'width': 'wide' is not a number"):
        model().score_rows([*rows(2), {"size": 1, "width": "wide", "grade": "a"}])
    odd = model().score_rows([{"size": "70", "width": 1, "grade": "never"}])
    assert [(one.column, one.check) for one in odd.warnings[0]] == [("size", "range"), ("grade", "categories")]


def test_another_scikit_learn_is_refused(fitted, tmp_path):
    other = planned_model(tmp_path / "package", *fitted("sum")[1:], trained_with={"scikit-learn": "0.1"})
    with pytest.raises(ModelError, match=r"pip install scikit-learn==0\.1"):
        other.prepare()


def test_a_package_that_was_made_before_there_were_plans(fitted, tmp_path):
    import skops.io

    folder = planned_model(tmp_path / "package", *fitted("sum")[1:]).folder
    (folder / "model.skops").write_bytes(skops.io.dumps(fitted("sum")[0]))
    with_plan = Model(folder).predict_proba(rows())
    (folder / "golden.json").write_text(json.dumps(golden.record(Model(folder), rows())))
    assert golden.replay(folder) == []
    (folder / "plan.json").unlink()
    old = Model(folder)
    old.prepare()
    assert not old.compiled and "before there were scoring plans" in old.uncompiled
    assert np.allclose(old.predict_proba(rows()), with_plan, atol=1e-12) and golden.replay(folder) == []
    scored = old.score_rows(rows(3))
    assert scored.predictions == old.predict(rows(3)).tolist() and len(scored.warnings) == 3


def test_a_package_makes_its_own_plan(fitted, tmp_path):
    import skops.io

    folder = planned_model(tmp_path / "package", *fitted("trees")[1:]).folder
    (folder / "model.skops").write_bytes(skops.io.dumps(fitted("trees")[0]))
    before = {name: (folder / name).read_bytes() for name in ("plan.json", "plan.npz")}
    (folder / "plan.json").unlink()
    TABLE[COLUMNS][160:].to_parquet(tmp_path / "held-out.parquet")
    make(folder, tmp_path / "held-out.parquet", Model(folder))
    assert Model(folder).compiled and (folder / "plan.npz").read_bytes() == before["plan.npz"]


ASK = """import sys, json, time
from package import Model
model = Model({folder!r})
started = time.perf_counter()
answer = model.predict(json.loads({row!r}))
first = time.perf_counter() - started
print(json.dumps([answer, first, sorted({{"sklearn", "pandas", "scipy", "skops", "pyarrow"}} & set(sys.modules))]))
"""


@pytest.mark.parametrize("name", ["sum", "trees"])
def test_one_dict_needs_neither_scikit_learn_nor_pandas(model, tmp_path, name):
    """As in a wheel: the package's own modules, and nothing of notemill."""
    import shutil

    one, place = model(name), tmp_path / "site" / "package"
    shutil.copytree(Path(notemill.__file__).parent / "runtime", place, ignore=shutil.ignore_patterns("__pycache__"))
    (place / "__init__.py").write_text("from .model import Model\n")
    code = ASK.format(folder=str(one.folder), row=json.dumps(rows()[0]))
    done = subprocess.run([sys.executable, "-c", code], cwd=place.parent, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    answer, _, loaded = json.loads(done.stdout)
    assert answer == one.predict(rows()[0]) and loaded == []


def test_one_dict_takes_well_under_a_millisecond(model):
    one, row = model("sum"), rows()[0]
    one.predict(row)
    seconds = []
    for _ in range(50):
        started = time.perf_counter()
        one.predict(row)
        seconds.append(time.perf_counter() - started)
    assert min(seconds) < 0.0005
