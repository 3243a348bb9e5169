"""Golden rows through the trial package give the notebook's predictions, or the gate says which do not."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tiny import write

import notemill
from notemill.errors import NotemillError
from notemill.gate import Known, judge, serving
from notemill.gate.asking import ModelFailed
from notemill.gate.door import Door
from notemill.release import complete

PACKAGE = '''
from notemill.runtime.model import Model
from pathlib import Path

_model = Model(Path(__file__).parent)
classes = _model.classes


def model():
    return _model


def predict(rows):
    return {predict}


def predict_proba(rows):
    return _model.predict_proba(rows)
'''


@pytest.fixture
def no_trial():
    """The trial of the package is what is looked at here: it is not spared, as elsewhere."""


class Here:
    """The package asked in this very process, through the same door."""

    def __init__(self, job, folder):
        folder.mkdir(parents=True)
        self.package = job["package"]
        self.door = Door(self.package["folder"], self.package["name"])

    def __enter__(self):
        sys.path.insert(0, self.package["folder"])
        return self

    def __exit__(self, *reason):
        sys.path.remove(self.package["folder"])
        for name in [name for name in sys.modules if name.partition(".")[0] == self.package["name"]]:
            del sys.modules[name]

    def ask(self, **request):
        try:
            return json.loads(json.dumps(self.door.reply(request)))
        except Exception as error:
            raise ModelFailed(f"{type(error).__name__}: {error}") from error

    def answers(self, how, path):
        return self.ask(**{"ask": how, "from": str(path)})


@pytest.fixture
def own_process():
    """The package is tried in a process of its own, as users have it."""


@pytest.fixture(autouse=True)
def tried_here(request, monkeypatch):
    """Spare that process, where it is not asked for."""
    if "own_process" not in request.fixturenames:
        monkeypatch.setattr("notemill.gate.checks.skew.Served", Here)


def skew_of(case):
    """(exit code, the check) of `notemill gate`."""
    code, checks = case.by_command()
    return code, checks["skew"]


@pytest.mark.usefixtures("own_process")
def test_an_honest_package_says_the_same_in_a_process_of_its_own(case):
    code, check = skew_of(case)
    assert (code, check["outcome"], check["figure"], check["n"]) == (0, "passed", 0, 200)


@pytest.mark.parametrize("task", ["classification", "regression", "three"])
def test_an_honest_package_says_the_same(make_case, task):
    code, check = skew_of(make_case(task))
    assert (code, check["outcome"], check["figure"], check["n"]) == (0, "passed", 0, 200)
    assert len(check["details"]["parts"]) == 4
    assert len(check["details"]["golden"]["predictions"]) == 20


def test_without_a_package_there_is_nothing_to_compare(case, look):
    assert look(case.judge(), "skew")["outcome"] == "not asked for"


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_columns_swapped_in_serving_are_caught(make_case, task):
    case, linear = make_case(task), {"classification": LogisticRegression, "regression": Ridge}[task]
    case.model = make_pipeline(StandardScaler(), linear()).fit(
        case.train[["a", "b", "c"]].to_numpy(),
        case.train["y"].to_numpy(dtype=None if task == "regression" else object))
    first, second = case.schema["columns"][:2]
    case.schema["columns"][:2] = [second, first]
    code, check = skew_of(case)
    assert (code, check["outcome"]) == (3, "refused")
    assert "of 200 predictions differ, the first in held-out row" in check["hint"]
    assert "the package (rows) says " in check["hint"] and "the notebook's model " in check["hint"]
    assert "the table has its columns as a, b, c, the schema as b, a, c" in check["hint"]


def broken(case, tmp_path, predict):
    """A package beside the model that answers in a way of its own."""
    project, record = case.make()
    folder = tmp_path / "package" / "odd_model"
    for name, part in {"model.skops": "model", "schema.json": "schema"}.items():
        step = {"model": "train", "schema": "prepare"}[part]
        facts = next(one for one in record["steps"] if one["step"] == step)["outputs"][part]
        write(folder / name, project.store.read_bytes(facts["sha256"]))
    write(folder / "__init__.py", PACKAGE.format(predict=predict))
    return judge(project, record, Known(package=tmp_path / "package", import_name="odd_model"))


@pytest.mark.parametrize(("predict", "words"), [
    ("_model.predict(rows) if isinstance(rows, dict) else _model.predict(rows)[::-1]", "the package (rows) says '"),
    ("_model.predict(rows)[::-1] if hasattr(rows, 'columns') else _model.predict(rows)", "the package (table) says '"),
    ("'maybe' if isinstance(rows, dict) else _model.predict(rows)", "labels that are not among its classes"),
    ("1 / 0", "ZeroDivisionError"), ("_model.predict(rows)[:5]", "200 predictions are wanted"),
    ("None", "AttributeError: 'NoneType'")])
def test_a_package_that_says_something_else_is_caught(case, tmp_path, look, predict, words):
    check = look(broken(case, tmp_path, predict), "skew")
    assert check["outcome"] == "refused"
    assert words in check["hint"]


def test_a_package_that_says_the_same_passes(case, tmp_path, look):
    assert look(broken(case, tmp_path, "_model.predict(rows)"), "skew")["outcome"] == "passed"


@pytest.mark.usefixtures("own_process", "notemill_in_packages")
def test_a_package_whose_process_ends_is_a_refusal(case, tmp_path, look):
    check = look(broken(case, tmp_path, "__import__('os')._exit(3)"), "skew")
    assert check["outcome"] == "refused" and "ended with exit code 3" in check["hint"]


@pytest.fixture
def notemill_in_packages(monkeypatch):
    """The packages of these tests borrow notemill's own Model: it has to be found beside them."""
    place = str(Path(notemill.__file__).parents[1])
    real = subprocess.Popen

    def popen(words, env, **more):
        return real(words, env={**env, "PYTHONPATH": f"{env['PYTHONPATH']}:{place}"}, **more)

    monkeypatch.setattr(serving, "subprocess", SimpleNamespace(Popen=popen, PIPE=subprocess.PIPE))


# the notebook's own predictions
def with_predictions(case, **columns):
    case.steps["evaluate"]["outputs"]["predictions"] = "predictions.parquet"
    case.gate["predictions"] = "evaluate.predictions"
    case.contents["evaluate.predictions"] = pd.DataFrame(columns)


def said(case):
    X = case.test.drop(columns="y")
    return {"prediction": case.model.predict(X), "probability": case.model.predict_proba(X)[:, 1]}


def test_predictions_that_the_notebook_wrote_are_compared(case):
    with_predictions(case, **said(case))
    code, check = skew_of(case)
    assert (code, check["outcome"]) == (0, "passed")
    assert len(check["details"]["parts"]) == 6


def test_predictions_that_the_notebook_wrote_of_another_model_are_caught(case):
    written = said(case)
    written["prediction"][17] = "no" if written["prediction"][17] == "yes" else "yes"
    with_predictions(case, **written)
    code, check = skew_of(case)
    assert code == 3
    assert "1 of 200 predictions differ, the first in held-out row 18: the gate says" in check["hint"]


def test_probabilities_that_the_notebook_wrote_are_compared_too(case):
    written = said(case)
    with_predictions(case, prediction=written["prediction"], probability=written["probability"] ** 2)
    assert skew_of(case)[1]["outcome"] == "refused"


@pytest.mark.parametrize("columns", [{"guess": ["no"] * 200}, {"prediction": ["no"] * 199},
                                     {"prediction": ["no"] * 200, "probability": ["much"] * 200}])
def test_predictions_that_are_none_are_refused(case, columns):
    with_predictions(case, **columns)
    assert skew_of(case)[1]["outcome"] == "refused"


def test_a_table_that_the_model_cannot_take_as_it_is_does_not_refuse(case):
    case.schema["columns"].append({"name": "flag", "type": "boolean", "role": "feature", "from": {}})
    case.train["flag"], case.test["flag"] = case.train["c"] > 0, np.where(case.test["c"] > 0, "true", "false")
    case.model = make_pipeline(StandardScaler(), LogisticRegression()).fit(
        case.train[["a", "b", "c", "flag"]], case.train["y"].to_numpy(dtype=object))
    del case.gate["metrics"]
    code, check = skew_of(case)
    assert (code, check["outcome"]) == (0, "passed")
    assert [part["outcome"] for part in check["details"]["parts"]] == [*["passed"] * 3, "not assessed"]
    assert "cannot be asked about the held-out table as it is" in check["hint"]


# the final package
def test_the_final_package_is_held_against_the_trial():
    golden = {"rows": [{}, {}], "predictions": ["yes", "no"], "probabilities": [[0.1, 0.9], [0.7, 0.3]]}
    verdict = {"checks": [{"check": "skew", "details": {"golden": {"predictions": ["yes", "no"],
                                                                   "probabilities": [[0.1, 0.9], [0.7, 0.3]]}}}]}
    complete.check_golden(golden, verdict)
    complete.check_golden(golden, {"checks": []})
    golden["probabilities"][1] = [0.6, 0.4]
    with pytest.raises(NotemillError, match="row 2: probabilities were .*0.7.* are .*0.6"):
        complete.check_golden(golden, verdict)
