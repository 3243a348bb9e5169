"""The whole gate on recorded runs: what passes, what is refused, and that every failure is a refusal."""

import os
import signal
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.tree import DecisionTreeClassifier
from tiny import cli, code

from notemill.errors import UsageError
from notemill.files import read_json
from notemill.gate import judge, worker
from notemill.gate.asking import Asked
from notemill.gate.verdict import NAMES, NOT_ASKED

DECLARED = {"slices", "value", "calibration", "fairness", "robustness", "training", "leakage", "skew", "budgets",
            "attempts", "settings"}  # of these an honest classification of numbers is not asked for some, or any


def test_an_honest_run_passes_every_check(case, look):
    case.gate["floor"] = 0.8
    verdict = case.judge()
    assert [check["check"] for check in verdict["checks"]] == list(NAMES)
    assert {check["outcome"] for check in verdict["checks"]} == {"passed", NOT_ASKED}
    unasked = [check["check"] for check in verdict["checks"] if check["outcome"] == NOT_ASKED]
    assert {name.partition(".")[0] for name in unasked} == DECLARED
    assert verdict["verdict"] == "passed"
    assert verdict["metric"] == "roc_auc"
    assert verdict["n"] == 200
    assert look(verdict, "metric")["figure"] == pytest.approx(case.figures["roc_auc"], abs=1e-12)
    low, high = (look(verdict, "metric")[end] for end in ("low", "high"))
    assert 0.8 < low < case.figures["roc_auc"] < high < 1


@pytest.mark.parametrize(("task", "metric"), [("regression", "r2"), ("three", "balanced_accuracy")])
def test_other_tasks_have_their_own_metric(make_case, look, task, metric):
    case = make_case(task)
    verdict = case.judge()
    assert verdict["verdict"] == "passed"
    assert verdict["metric"] == metric
    assert look(verdict, "metric")["figure"] == pytest.approx(case.figures[metric], abs=1e-12)


def alike(one, other):
    """Equal, but for the last digits of what is fitted: another process may add up in another order."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(alike(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(alike, one, other))
    return one == (pytest.approx(other, rel=1e-6, abs=1e-9) if isinstance(other, float) else other)


def test_the_same_run_gets_the_same_verdict_wherever_it_is_judged(real_case, request):
    project, record = real_case.make()
    first = judge(project, record)
    request.getfixturevalue("here")
    second = judge(project, record)
    assert alike({**first, "made": 0}, {**second, "made": 0})
    assert read_json(project.root / ".notemill/runs/20260101-000000-aaaa/verdict.json") == second


def test_the_floor_is_held_against_the_lower_end(case, look):
    case.gate["floor"] = round(case.figures["roc_auc"], 3) - 0.001
    verdict = case.judge()
    assert look(verdict, "floor")["outcome"] == "refused"
    assert "but not surely" in look(verdict, "floor")["hint"]
    assert verdict["verdict"] == "refused"


@pytest.mark.parametrize("name", ["roc_auc", "accuracy", "n"])
def test_a_forged_figure_is_named(case, only, name):
    case.figures[name] += 0.01 if name != "n" else 1
    check = only("agreement")(case)
    assert check["outcome"] == "refused"
    assert check["hint"].startswith(f"{name} is ")


def test_the_gates_metric_has_to_be_among_the_figures(case, only):
    del case.figures["roc_auc"]
    assert "roc_auc is not among" in only("agreement")(case)["hint"]


@pytest.mark.parametrize("content", [b"{", b"[]", b"{}", b'{"roc_auc": NaN}', b'{"roc_auc": "good"}'])
def test_figures_that_are_none_are_refused(case, only, content):
    case.contents["evaluate.metrics"] = content
    assert only("agreement")(case)["outcome"] == "refused"


@pytest.mark.parametrize(("task", "name", "lost"), [
    ("classification", "roc_auc", "no"), ("three", "roc_auc_ovr", "low")])
def test_figures_of_held_out_rows_that_lack_a_class_are_told_in_words(make_case, only, task, name, lost):
    """Where our own figure is no number, and where scikit-learn's scorer refuses."""
    case = make_case(task)
    case.test = case.test[case.test["y"] != lost].reset_index(drop=True)
    case.gate["metric"], case.figures = name, {name: 0.9}
    for check in ("metric", "dummy", "agreement"):
        found = only(check)(case)
        assert (found["outcome"], found["figure"]) == ("refused", None)
        assert found["hint"] == (f"{name} on the held-out rows is no number: none of them is of the class '{lost}'. "
                                 "Hold out rows of every class")


def test_a_training_table_that_is_the_held_out_one_is_refused(case, look):
    case.train = case.test
    verdict = case.judge()
    assert look(verdict, "held_out")["outcome"] == "refused"
    assert look(verdict, "leakage.duplicates")["outcome"] == "warned"
    assert look(verdict, "leakage.duplicates")["figure"] == 200


def test_held_out_rows_that_reach_training_by_another_name_are_refused(case, look):
    project, record = case.make()
    test = record["steps"][0]["outputs"]["test"]
    record["steps"][1]["inputs"]["more"] = {"from": "data/copy.parquet", "sha256": test["sha256"], "bytes": 1}
    check = look(judge(project, record), "held_out")
    assert check["outcome"] == "refused"
    assert check["hint"].endswith("prepare.test -> train")


def test_rows_in_both_tables_warn(case, look):
    case.train = pd.concat([case.train, case.test.head(7)], ignore_index=True)
    verdict = case.judge()
    assert look(verdict, "leakage.duplicates")["outcome"] == "warned"
    assert look(verdict, "leakage.duplicates")["figure"] == 7
    assert verdict["verdict"] == "passed"


def test_rows_in_another_table_that_training_took_warn(case, look):
    project, record = case.make()
    table = pd.concat([case.test.head(9), case.test.tail(9).assign(c=0.5)], ignore_index=True)
    for name, content in [("more.csv", table.to_csv(index=False)), ("odd.csv", "a,q\n1,2\n"), ("bad.csv", "")]:
        record["steps"][1]["inputs"][name[:-4]] = {
            "from": f"data/{name}", "file": name, "sha256": project.store.add_bytes(content.encode())}
    verdict = judge(project, record)
    check = look(verdict, "leakage.duplicates")
    assert (check["outcome"], check["figure"]) == ("warned", 9)
    assert "9 of 200 held-out rows (4.50%) stand in 'data/more.csv' too" in check["hint"]
    assert look(verdict, "held_out")["outcome"] == "passed"


def test_what_training_took_and_nobody_can_look_into_is_named(case, look):
    project, record = case.make()
    plain = project.store.add_bytes(case.test.assign(y="?").drop(columns="a").to_csv().encode())
    for name, digest in [("odd.csv", plain), ("bad.csv", project.store.add_bytes(b"")), ("more.xlsx", plain),
                         ("gone.parquet", "7" * 64), ("notes.txt", plain)]:
        record["steps"][1]["inputs"][name.partition(".")[0]] = {"from": f"data/{name}", "file": name, "sha256": digest}
    check = look(judge(project, record), "leakage.duplicates")
    assert (check["outcome"], check["figure"]) == ("not assessed", 0)
    unread, unlike = check["hint"].split(". Not compared, for they are tables of another kind: ")
    assert unread.startswith("The model's step also took what could not be looked into: 'data/bad.csv' ('data/bad.csv'")
    assert "'data/more.xlsx' (only .csv and .parquet files are read)" in unread
    assert "'data/gone.parquet' (its content is no longer in the store)" in unread
    assert unlike.startswith("'data/odd.csv' (") and "'a'" in unlike and "notes" not in check["hint"]


def test_a_model_that_learnt_from_the_source_itself_is_refused(case, look):
    project, record = case.make()
    for step in record["steps"][:2]:
        step["inputs"]["source"] = {"from": "data/all.csv", "file": "all.csv", "sha256": "5" * 64}
    verdict = judge(project, record)
    assert look(verdict, "held_out")["outcome"] == verdict["verdict"] == "refused"
    assert "data/all.csv -> train" in look(verdict, "held_out")["hint"]


@pytest.mark.parametrize("name", ["metric", "rows", "held_out"])
def test_what_every_figure_rests_on_cannot_be_a_warning(case, name):
    case.gate["warn"] = ["floor", name]
    with pytest.raises(UsageError, match=f"'{name}' cannot be made a warning"):
        case.judge()


@pytest.mark.parametrize(("task", "kind"), [("classification", "number"), ("classification", "category"),
                                            ("three", "category"), ("regression", "number")])
def test_a_column_that_gives_the_target_away_is_named(make_case, only, task, kind):
    case = make_case(task)
    case.schema["columns"].append({"name": "copy of y", "type": kind, "role": "feature", "from": {"type": "data"}})
    for table in (case.train, case.test):
        codes = table["y"] if task == "regression" else table["y"].map({"no": 0, "yes": 1})
        table["copy of y"] = codes ** 3 if kind == "number" else "it is " + table["y"].astype("str")
    check = only("leakage.target")(case)
    assert check["outcome"] == "refused"
    assert "'copy of y'" in check["hint"] and "'a'" not in check["hint"]


def test_a_constant_model_is_no_better_than_a_dummy(case, look):
    case.model = DummyClassifier().fit(case.train[["a"]], case.train["y"].to_numpy(dtype="object"))
    verdict = case.judge()
    assert look(verdict, "dummy")["outcome"] == "refused"
    assert look(verdict, "dummy")["figure"] == 0
    assert look(verdict, "baseline")["outcome"] == "refused"


def test_a_model_that_is_worse_than_simple_means_is_refused_beyond_the_margin(case, look):
    case.fit(["b"])
    verdict = case.judge()
    assert look(verdict, "dummy")["outcome"] == "passed"
    assert look(verdict, "baseline")["outcome"] == "refused"
    assert "a linear model on the raw columns has roc_auc 0.9" in look(verdict, "baseline")["hint"]
    case.gate["margin"] = 0.5
    assert look(case.judge(), "baseline")["outcome"] == "passed"


def test_a_model_that_may_be_worse_than_simple_means_is_warned_of(case, only):
    case.fit(["a"])
    gap = only("baseline")(case)
    assert gap["low"] < gap["figure"] < 0
    case.gate["margin"] = round(-gap["figure"] + 0.0001, 4)
    check = only("baseline")(case)
    assert check["outcome"] == "warned"
    assert "may be worse" in check["hint"]


def test_a_table_named_as_training_rows_must_not_be_the_held_out_one(case, look):
    case.gate["train"] = "prepare.test"
    assert look(case.judge(), "held_out")["hint"] == "the training table and prepare.test are the same"


def test_checks_in_warn_only_warn(case):
    case.figures["accuracy"] = 0.5
    case.gate["warn"] = ["agreement"]
    verdict = case.judge()
    assert verdict["verdict"] == "passed"
    case.gate["warn"] = ["agrement"]
    with pytest.raises(UsageError, match="did you mean 'agreement'"):
        case.judge()


# everything fails closed
CODE = '''
import os
import time

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin


class Odd(ClassifierMixin, BaseEstimator):
    def __init__(self, how="exit"):
        self.how = how

    def fit(self, X, y):
        self.classes_ = np.array(["no", "yes"], dtype=object)
        return self

    def predict_proba(self, X):
        if self.how == "exit":
            os._exit(0)
        if self.how == "kill":
            os.kill(os.getpid(), 9)
        while self.how == "hang":
            time.sleep(0.1)
        if self.how == "raise":
            raise ValueError("not today")
        p = np.full(len(X), {"nan": np.nan, "large": 3.0}.get(self.how, 0.5))
        return np.column_stack([1 - p, p])

    def predict(self, X):
        return np.array(["no", "yes"], dtype=object)[self.predict_proba(X).argmax(axis=1)]
'''
WORDS = {"exit": "left no answers", "kill": "SIGKILL", "hang": "within 5 s", "raise": "ValueError: not today",
         "nan": "no numbers (NaN or infinite) in 200 of 200 rows", "large": "not between 0 and 1"}


@pytest.fixture
def odd_case(real_case, exported):
    """A model whose class stands in cells of the train notebook, in a process of its own or (`here`) in this one."""
    odd = exported(CODE).Odd

    def make(how, tags=("export",)):
        real_case.model = skops.io.dumps(odd(how).fit(None, None))
        real_case.cells["train"] = [code(CODE, tags=tags)]
        return real_case

    return make


@pytest.mark.parametrize("how", WORDS)
def test_a_model_that_gives_no_answer_is_refused(odd_case, look, request, how):
    request.getfixturevalue("judged_here" if how in ("exit", "kill", "hang") else "here")
    verdict = odd_case(how).judge(seconds=5 if how == "hang" else 120)
    for name in ("metric", "dummy", "baseline", "agreement"):
        assert look(verdict, name)["outcome"] == "refused"
        assert WORDS[how] in look(verdict, name)["hint"]
    assert look(verdict, "rows")["outcome"] == "passed"
    assert verdict["verdict"] == "refused"


@pytest.mark.usefixtures("judged_here")
def test_exported_cells_work_in_the_gate(odd_case, look):
    verdict = odd_case("fair").judge()
    assert look(verdict, "metric")["outcome"] == "passed"
    assert look(verdict, "dummy")["outcome"] == "refused"


@pytest.mark.usefixtures("here")
def test_a_type_that_nobody_reviewed_is_not_loaded(odd_case, only):
    assert only("metric")(odd_case("kill", tags=()))["hint"].startswith(
        "model.skops is not loaded: nobody has reviewed judged.train.Odd")


@pytest.mark.usefixtures("judged_here")
def test_a_reviewed_type_has_to_come_with_the_run(odd_case, only):
    case = odd_case("kill", tags=())
    case.gate["types"] = ["judged.train.Odd"]
    assert "ModuleNotFoundError" in only("metric")(case)["hint"]


def test_a_hostile_model_is_not_loaded(case, look, tmp_path):
    gone = FunctionTransformer(os.system, kw_args={"command": f"touch {tmp_path}/touched"})
    case.model = skops.io.dumps(make_pipeline(gone, LogisticRegression()))
    verdict = case.judge()
    assert "nobody has reviewed" in look(verdict, "metric")["hint"]
    assert verdict["verdict"] == "refused"
    assert not (tmp_path / "touched").exists()


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04"])
def test_a_model_file_that_is_none_is_refused(case, only, content):
    case.contents["train.model"] = content
    assert only("metric")(case)["outcome"] == "refused"


def test_rows_that_the_package_would_refuse_are_refused_in_words(case, only):
    case.schema["columns"][0] |= {"range": [-2, 2], "from": {"range": "contract"}}
    case.test.loc[3, "a"] = 7.0
    check = only("rows")(case)
    assert check["outcome"] == "refused"
    assert "row 4, column 'a': 7.0 is above 2" in check["hint"]


def test_a_missing_column_is_a_refusal(case):
    del case.test["b"]
    case.figures = {"roc_auc": 0.9}
    outcomes = case.outcomes()
    assert {outcome for name, outcome in outcomes.items() if outcome != "passed"} == {"refused", NOT_ASKED}
    assert outcomes["rows"] == outcomes["metric"] == "refused"


def test_too_few_rows_are_refused(make_case, only):
    case = make_case(rows=29)
    assert only("rows")(case)["hint"] == "29 held-out rows are too few: 30 are wanted (gate: least_rows)"
    case.gate["least_rows"] = 20
    assert only("rows")(case)["outcome"] == "passed"


def test_held_out_rows_of_an_unknown_class_are_refused(case, only):
    case.test.loc[0, "y"] = "maybe"
    assert "classes that the model does not know: maybe" in only("metric")(case)["hint"]


def test_a_missing_target_is_refused(case):
    case.test.loc[0, "y"] = None
    outcomes = case.outcomes()
    assert {name for name, outcome in outcomes.items() if outcome == "passed"} == {"held_out", "champion"}


@pytest.mark.parametrize("part", ["prepare.train", "prepare.test", "prepare.schema"])
def test_a_table_or_schema_that_cannot_be_read_is_refused(case, part):
    case.contents[part] = b"nothing of use"
    assert case.judge()["verdict"] == "refused"


def test_without_training_rows_there_is_nothing_to_compare_with(case, only):
    del case.steps["train"]["inputs"]["data"]
    assert "name the training rows" in only("dummy")(case)["hint"]
    case.gate["train"] = "prepare.train"
    assert only("dummy")(case)["outcome"] == "passed"


def test_a_gates_process_that_takes_for_ever_is_a_refusal(real_case, monkeypatch, look):
    monkeypatch.setattr("notemill.gate.judging.SECONDS", 0.01)
    monkeypatch.setattr("notemill.gate.judging.MORE", 0.0)
    verdict = real_case.judge()
    assert verdict["verdict"] == "refused"
    assert "still at work" in look(verdict, "metric")["hint"]


def test_a_model_that_is_still_at_work_is_ended(tmp_path):
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        worker.stop(SimpleNamespace(asked=Asked(process, tmp_path, {}, False, 60), champion=None))
        ended = process.poll()
        process.kill()
    assert ended == -signal.SIGKILL


@pytest.mark.parametrize("result", [b"", b"[]", b"{}", b'{"metric": "a", "n": 1, "checks": [{"check": "metric"}]}',
                                    b'{"metric": "a", "n": 1, "checks": []}'])
def test_garbage_from_the_gates_process_is_a_refusal(case, monkeypatch, result):
    def leave(folder, environ, seconds):
        (folder / "result.json").write_bytes(result)

    monkeypatch.setattr("notemill.gate.judging.run_worker", leave)
    verdict = case.judge()
    assert verdict["verdict"] == "refused"
    assert [check["check"] for check in verdict["checks"]] == list(NAMES)


# nothing to judge, or by no sense
@pytest.mark.parametrize(("config", "words"), [
    ({"metric": "roc_auk"}, "the metric 'roc_auk' is unknown"), ({"metric": "r2"}, "is not for a classification"),
    ({"metric": "log_loss", "floor": 0.5}, "write metric: neg_log_loss and floor: -0.5"),
    ({"metric": "neg_log_loss", "floor": 0.5}, "is never above 0"), ({"floor": 95}, "is never above 1")])
def test_a_configuration_without_sense_is_a_usage_error(case, config, words):
    case.gate |= config
    with pytest.raises(UsageError, match=words):
        case.judge()


def test_without_schema_or_gate_there_is_nothing_to_judge(case):
    del case.gate["schema"]
    with pytest.raises(UsageError, match="'schema' is missing"):
        case.judge()


def test_content_that_is_gone_is_a_usage_error(case):
    project, record = case.make()
    record["steps"][1]["outputs"]["model"]["sha256"] = "0" * 64
    with pytest.raises(UsageError, match="no longer in the store"):
        judge(project, record)


@pytest.mark.parametrize("status", ["failed", "running", "interrupted"])
def test_only_a_run_that_is_done_is_judged(case, status):
    project, record = case.make()
    with pytest.raises(UsageError, match=status):
        judge(project, {**record, "status": status})


def test_rows_of_one_group_are_drawn_together(case, only):
    alone = only("metric")(case)
    case.test["site"] = [f"site {i // 20}" for i in range(len(case.test))]
    case.gate["group"] = "site"
    check = only("metric")(case)
    assert check["hint"] == "rows of one group are drawn together: 10 groups"
    assert check["figure"] == alone["figure"]
    assert (check["low"], check["high"]) != (alone["low"], alone["high"])


def test_the_class_to_detect_is_the_schemas(case, look):
    case.gate["metric"] = "recall"
    case.figures = {"recall": float(np.mean(case.model.predict(case.test)[case.test["y"] == "no"] == "no"))}
    case.schema["target"]["positive"] = "no"
    verdict = case.judge()
    assert look(verdict, "metric")["figure"] == case.figures["recall"]
    assert look(verdict, "agreement")["outcome"] == "passed"


def test_a_model_without_an_error_is_not_sure_beyond_its_rows(case, only):
    case.gate |= {"metric": "accuracy", "floor": 0.98, "margin": 1}
    case.train["y"], case.test["y"] = (np.where(table["a"] > 0, "yes", "no") for table in (case.train, case.test))
    case.model = make_pipeline(ColumnTransformer([("a", "passthrough", ["a"])]), DecisionTreeClassifier())
    case.model.fit(case.train, case.train["y"].to_numpy(dtype="object"))
    case.test = case.test[case.test["a"].abs() > 0.1].reset_index(drop=True)
    case.figures = {"accuracy": 1.0}
    check = only("floor")(case)
    assert check["figure"] == check["high"] == 1
    assert check["low"] == 1 - 3 / len(case.test)


@pytest.mark.parametrize(("config", "place", "words"), [
    ({"group": "sight"}, "gate.group", "the held-out rows (prepare.test) have no column 'sight'"),
    ({"slices": ["c", {"column": "sight", "bins": [0, 1]}]}, "gate.slices.1", "have no column 'sight'"),
    ({"fairness": {"attributes": ["sight"]}}, "gate.fairness.attributes.0", "have no column 'sight'"),
    ({"leakage": {"time": "sight"}}, "gate.leakage.time", "neither the held-out nor the training rows have a column"),
    ({"leakage": {"groups": ["site", "sight"]}}, "gate.leakage.groups.1", "the training rows have a column 'sight'"),
    ({"slices": ["y"]}, "gate.slices.0", "'y' is the target"), ({"group": "y"}, "gate.group", "'y' is the target")])
def test_a_column_that_there_is_not_is_told_before_the_model_is_asked(case, monkeypatch, config, place, words):
    monkeypatch.setattr("notemill.gate.asking.ask", lambda *given, **more: pytest.fail("the model was asked"))
    case.test["site"] = "north"
    case.gate |= config
    case.make()
    result = cli("gate", project=case.root)
    assert result.code == 2
    first, allowed, *hint = result.err.splitlines()
    assert first.startswith("notebooks/pipeline.yaml:") and f": {place}: " in first and words in first
    assert allowed.strip() == "columns: a, b, c, site"
    assert [line.strip() for line in hint] == ["take it out" if "'y'" in words else "did you mean 'site'?"]


def test_training_rows_that_the_model_never_saw_are_a_usage_error(case):
    case.steps["other"] = {"notebook": "other.ipynb", "outputs": {"few": "few.parquet"}}
    case.contents["other.few"] = case.train.head(2)
    case.gate["train"] = "other.few"
    with pytest.raises(UsageError, match="'other.few' is nothing that step 'train' has learnt from"):
        case.judge()


@pytest.mark.parametrize(("config", "words"), [
    ({"margin": 5}, "margin is 5"), ({"slicing": {"margin": 2}}, "slicing: margin is 2"),
    ({"metric": "adjusted_rand_score"}, "'adjusted_rand_score' is unknown")])
def test_a_percentage_or_a_figure_of_clusters_is_a_usage_error(case, config, words):
    case.gate |= config
    with pytest.raises(UsageError, match=words):
        case.judge()
