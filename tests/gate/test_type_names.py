"""Which types a project may let its model's file name: what no model needs is refused, in words, before loading."""

import os

import pandas as pd
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from tiny import cli

from notemill.gate.type_names import why_not

ARITHMETIC = "of the standard library a model needs data and arithmetic alone"


@pytest.mark.parametrize(("name", "words"), [
    ("posix.system", ARITHMETIC), ("os.system", ARITHMETIC), ("nt.system", ARITHMETIC), ("_io.open", ARITHMETIC),
    ("subprocess.Popen", ARITHMETIC), ("importlib.import_module", ARITHMETIC), ("pickle.loads", ARITHMETIC),
    ("types.FunctionType", ARITHMETIC), ("random._urandom", ARITHMETIC), ("os", ARITHMETIC),
    ("builtins.eval", "run any code"), ("builtins.exec", "run any code"), ("builtins.getattr", "any attribute"),
    ("builtins.__import__", "run any code"), ("operator.methodcaller", "call any method"),
    ("operator.attrgetter", "any attribute"), ("numpy.load", "load pickles"), ("numpy.f2py.compile", "run commands"),
    ("pandas.eval", "evaluate text"), ("pandas.io.pickle.read_pickle", "load pickles"),
    ("pandas.core.frame.DataFrame.to_csv", "write files"), ("pandas.core.frame.DataFrame.query", "evaluate text"),
    ("joblib.numpy_pickle.load", "load pickles"), ("skops.io.load", "load pickles")])
def test_what_no_model_needs(name, words):
    assert words in why_not(name)


@pytest.mark.parametrize("name", [
    "builtins.dict", "builtins.round", "collections.OrderedDict", "functools.partial", "_functools.reduce",
    "_operator.add", "operator.itemgetter", "datetime.timedelta", "numpy.log1p", "numpy.overload", "pandas.to_numeric",
    "pandas.core.frame.DataFrame.to_numpy", "xgboost.sklearn.XGBClassifier", "judged.train.Odd", "features.load",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer", "sklearn.preprocessing._data.scale"])
def test_what_models_are_made_of(name):
    assert why_not(name) is None


@pytest.mark.parametrize("call", [os.system, eval, pd.read_pickle])
def test_a_dangerous_name_is_a_usage_error_and_the_model_is_not_loaded(case, tmp_path, call):
    """As somebody would write it who copies the names from the error."""
    trap = {os.system: {"command": f"touch {tmp_path}/touched"}}.get(call)
    case.model = skops.io.dumps(make_pipeline(FunctionTransformer(call, kw_args=trap), LogisticRegression()))
    case.gate["types"] = [*skops.io.get_untrusted_types(data=case.model)]
    case.make()
    result = cli("gate", project=case.root)
    assert result.code == 2
    assert result.err.startswith("notebooks/pipeline.yaml:") and "gate.types" in result.err
    assert "is not let in: " in result.err and "take it out" in result.err
    assert not (tmp_path / "touched").exists()
