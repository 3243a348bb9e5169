"""A model's file is looked into before anything of it is made; its answers have the form that was promised."""

import io
import json
import os
import zipfile

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
    VotingClassifier,
)
from sklearn.ensemble import HistGradientBoostingClassifier as BoostingClassifier
from sklearn.ensemble import HistGradientBoostingRegressor as BoostingRegressor
from sklearn.linear_model import LogisticRegression, PoissonRegressor, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import SVC

from notemill.runtime.model import REVIEWED, Model, ModelError
from notemill.runtime.rows import BadRows

RANDOM = np.random.default_rng(0)
X, Y = pd.DataFrame(RANDOM.normal(size=(80, 3)), columns=["x0", "x1", "x2"]), RANDOM.normal(size=80)
LABELS = np.array(["a", "b", "c"], dtype=object)[np.digitize(X["x0"], [-0.5, 0.5])]


def laid(folder, data, types=None, task="classification", facts=None):
    folder.mkdir(exist_ok=True)
    columns = [{"name": f"x{i}", "type": "number", "role": "feature"} for i in range(3)]
    (folder / "model.skops").write_bytes(data)
    (folder / "schema.json").write_text(json.dumps({"task": task, "target": {"name": "y"}, "columns": columns}))
    if types is not None:
        (folder / "types.json").write_text(json.dumps(types))
    (folder / "facts.json").write_text(json.dumps(facts or {}))
    return Model(folder)


def loaded(folder, data, types=None, **more):
    """The pipeline in the file: it is looked into, and made, when it is first asked for."""
    return laid(folder, data, types, **more).pipeline


# what is loaded
CLASSIFIERS = [
    LogisticRegression(), BoostingClassifier(max_iter=3), RandomForestClassifier(3), ExtraTreesClassifier(3), SVC(),
    CalibratedClassifierCV(LogisticRegression()), VotingClassifier([("a", LogisticRegression())])]
REGRESSORS = [
    Ridge(), BoostingRegressor(max_iter=3), RandomForestRegressor(3), GradientBoostingRegressor(n_estimators=3),
    PoissonRegressor(), *[BoostingRegressor(max_iter=3, loss=loss) for loss in ("absolute_error", "gamma", "poisson")]]


@pytest.mark.parametrize("estimator, answer", [*((one, LABELS) for one in CLASSIFIERS),
                                               *((one, np.abs(Y)) for one in REGRESSORS)], ids=str)
def test_estimators_that_load(tmp_path, estimator, answer):
    data = skops.io.dumps(estimator.fit(X, answer))
    pipeline = loaded(tmp_path / "m", data, task="classification" if answer is LABELS else "regression")
    assert np.array_equal(pipeline.predict(X), estimator.predict(X))


def test_what_nobody_reviewed_is_refused_with_a_remedy(tmp_path):
    data = skops.io.dumps(KNeighborsClassifier().fit(X, LABELS))
    with pytest.raises(ModelError, match=r"EuclideanDistance64, sklearn\S+KDTree\n.*gate: types:"):
        loaded(tmp_path / "m", data)
    types = ["sklearn.metrics._dist_metrics.EuclideanDistance64", "sklearn.neighbors._kd_tree.KDTree"]
    assert loaded(tmp_path / "m", data, types).predict(X).shape == (80,)


def hostile(folder, function):
    """A model that calls `function` when it predicts."""
    return skops.io.dumps(make_pipeline(FunctionTransformer(function), LogisticRegression().fit(X, LABELS)))


@pytest.mark.parametrize("function, name", [(os.system, "system"), (eval, "builtins.eval"), (print, "builtins.print")])
def test_a_hostile_file_is_refused(tmp_path, function, name):
    with pytest.raises(ModelError, match=name):
        loaded(tmp_path / "m", hostile(tmp_path, function), [])


def test_what_the_file_says_of_itself_counts_for_nothing(tmp_path):
    data = hostile(tmp_path, os.system)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    state = json.loads(members["schema.json"])
    members["schema.json"] = json.dumps(state | {"trusted": ["posix.system"], "types": ["posix.system"]}).encode()
    members["types.json"] = b'["posix.system"]'
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(ModelError, match="system"):
        loaded(tmp_path / "m", written.getvalue())


def test_every_reviewed_type_is_needed(trained):
    models = [trained("mixed", estimator).skops for estimator in ("linear", "boosting", "forest")]
    models += [skops.io.dumps(CalibratedClassifierCV(LogisticRegression()).fit(X, LABELS)),
               skops.io.dumps(VotingClassifier([("a", LogisticRegression())]).fit(X, LABELS))]
    assert {name for data in models for name in skops.io.get_untrusted_types(data=data)} == set(REVIEWED)


def test_another_scikit_learn_is_refused(tmp_path):
    data = skops.io.dumps(LogisticRegression().fit(X, LABELS))
    with pytest.raises(ModelError, match="trained with scikit-learn 0.1, .*\n?.*pip install scikit-learn==0.1"):
        laid(tmp_path / "m", data, facts={"trained_with": {"scikit-learn": "0.1"}}).predict({"x0": 1, "x1": 1, "x2": 1})


# answers
def test_one_row_many_rows_no_rows(bundle, trained):
    model, rows = Model(bundle()), trained("mixed", "linear").rows()
    one = rows.iloc[0].to_dict()
    assert model.predict(one) in ("ja", "no") and isinstance(model.predict(one), str)
    assert model.classes == ["ja", "no"]
    chances = model.predict_proba(one)
    assert list(chances) == ["ja", "no"] and sum(chances.values()) == pytest.approx(1)
    assert max(chances, key=chances.get) == model.predict(one)
    assert model.predict(rows).shape == (len(rows),) and model.predict_proba(rows).shape == (len(rows), 2)
    for empty in ({}, [{}], [{}, {}]):
        for method in (model.predict, model.predict_proba):
            with pytest.raises(BadRows, match="column 'size': is missing"):
                method(empty)
    assert model.predict([]).shape == (0,) and model.predict_proba([]).shape == (0, 2)
    assert model.predict(rows.head(0)).dtype.kind == "U"


def test_a_quantity_has_no_probabilities(tmp_path):
    model = laid(tmp_path / "m", skops.io.dumps(Ridge().fit(X, Y)), task="regression")
    assert isinstance(model.predict({"x0": 1, "x1": 1, "x2": 1}), float) and model.classes == []
    assert model.predict([]).dtype == float
    with pytest.raises(AttributeError, match="use predict"):
        model.predict_proba([])


def test_probabilities_are_named_as_the_model_orders_them(tmp_path):
    """The schema may know classes that training never saw, as after a split by time."""
    model = laid(tmp_path / "m", skops.io.dumps(LogisticRegression().fit(X, LABELS)))
    model.schema["target"]["classes"] = ["0", "c", "b", "a"]
    row = X.iloc[0].to_dict()
    expected = dict(zip(["a", "b", "c"], model.pipeline.predict_proba(X[:1])[0].tolist(), strict=True))
    assert model.predict_proba(row) == pytest.approx(expected)


def test_bad_rows_carry_all_their_problems(bundle):
    row = {"size": 99, "colour": "red", "shelf": 1, "flag": "maybe", "at": None, "dose": "1", "note": "a"}
    with pytest.raises(BadRows) as caught:
        Model(bundle()).predict([row])
    assert [(problem.row, problem.column) for problem in caught.value.problems] == [(0, "size"), (0, "flag")]
    assert str(caught.value) == ("row 1, column 'size': 99 is above 30 cm, the most that is allowed\n"
                                 "  row 1, column 'flag': 'maybe' is not true or false")


def test_a_row_that_lacks_what_others_have(bundle, trained):
    rows = trained("mixed", "linear").rows().head(2).to_dict("records")
    del rows[1]["size"]
    with pytest.raises(BadRows, match="row 2, column 'size': is missing"):
        Model(bundle()).predict(rows)


def test_the_door_for_mlflow(bundle, trained):
    from notemill.runtime.served import Served

    model, rows = Model(bundle()), trained("mixed", "linear").rows().head(5)
    served = Served(model)
    assert np.array_equal(served.predict(rows), model.predict(rows))
    assert np.array_equal(served.predict(rows.to_dict("list")), model.predict(rows))
    assert served.predict(rows.iloc[0].to_dict()) == model.predict(rows)[0]
    assert np.array_equal(served.predict(rows, {"method": "predict_proba"}), model.predict_proba(rows))
    with pytest.raises(ValueError, match="'answer' is none of predict, predict_proba"):
        served.predict(rows, {"method": "answer"})
