"""The champion on the same rows: who is worse is refused by name, an equal passes, and what fails is a refusal."""

import json

import numpy as np
import pytest
import skops.io
from gate_toy import SPLIT, two_notebooks
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from tiny import cli, run

from notemill.gate import Champion


def fit(table, columns=("a", "b", "c")):
    model = make_pipeline(ColumnTransformer([("numbers", "passthrough", list(columns))]), LogisticRegression())
    return model.fit(table.drop(columns="y"), table["y"].to_numpy(dtype="object"))


@pytest.fixture
def champion(tmp_path, case):
    """A champion of a model, and of the case's schema unless told otherwise."""
    def make(model, schema=None):
        bundle, modules = tmp_path / "champion", tmp_path / "champion_code"
        for folder in (bundle, modules):
            folder.mkdir()
        skops.io.dump(model, bundle / "model.skops")
        (bundle / "schema.json").write_text(json.dumps(schema or case.schema))
        (bundle / "types.json").write_text("[]")
        return Champion("version 3", bundle, modules, {"config": case.gate, "data": "0" * 64})

    return make


@pytest.fixture
def judged(case, champion, only):
    """The check, of the case beside a champion of this model."""
    return lambda model, *schema: only("champion")(case, champion=champion(model, *schema))


def test_no_champion_yet_passes_and_says_so(case, only):
    check = only("champion")(case)
    assert (check["outcome"], check["hint"]) == ("passed", "there is no champion yet: nothing to compare with")
    assert check["figure"] is None


def test_the_champions_equal_passes(case, judged):
    check = judged(case.model)
    assert (check["outcome"], check["figure"], check["low"], check["high"]) == ("passed", 0, 0, 0)
    assert (check["n"], check["limit"]) == (200, -0.01)
    assert "of the champion (version 3)" in check["hint"]


def test_who_is_better_passes(case, judged):
    check = judged(fit(case.train, ["a"]))
    assert check["outcome"] == "passed" and check["low"] > 0


def test_the_bound_counts_and_not_the_intervals_end(case, champion, only):
    """Each is 95 %: the interval has two ends to be wrong at."""
    known = champion(case.model)
    case.fit(["a", "b"])
    found = only("champion")(case, champion=known)
    low, least = found["low"], found["details"]["least"]
    assert low < least < 0
    for margin, outcome in [(-(low + least) / 2, "passed"), (-least - 1e-4, "refused")]:
        case.gate["margin"] = round(margin, 6)
        assert only("champion")(case, champion=known)["outcome"] == outcome


def test_who_is_worse_is_refused(case, judged):
    better = case.model
    case.fit(["a"])
    check = judged(better)
    assert check["outcome"] == "refused"
    assert check["low"] < check["figure"] < check["limit"] == -0.01
    assert "It is worse by more than the margin of 0.01: the champion is the one to keep" in check["hint"]


def test_the_interval_is_the_paired_bootstraps(case, judged):
    """Against resamples that scikit-learn scores, one by one: both ends, and the bound that counts."""
    from sklearn.metrics import roc_auc_score

    better, truth = case.model, case.test["y"] == "yes"
    case.fit(["a"])
    ours, theirs = (model.predict_proba(case.test.drop(columns="y"))[:, 1] for model in (case.model, better))
    random, gaps = np.random.default_rng(9), []
    while len(gaps) < 500:
        chosen = random.integers(0, 200, 200)
        gaps.append(roc_auc_score(truth[chosen], ours[chosen]) - roc_auc_score(truth[chosen], theirs[chosen]))
    check = judged(better)
    found = [check["low"], check["details"]["least"], check["high"]]
    assert found == pytest.approx(np.quantile(gaps, [0.025, 0.05, 0.975]), abs=0.008)
    assert found[0] < found[1] - 0.003
    assert f"at worst {-found[1]:.4g} worse (95 % sure, one-sided: this is held against the margin)" in check["hint"]
    assert check["figure"] == pytest.approx(roc_auc_score(truth, ours) - roc_auc_score(truth, theirs), abs=1e-12)


def test_too_few_rows_to_tell_is_refused_and_says_how_many_would_do(make_case, champion, only):
    case = make_case()
    other = case.model
    case.fit(["a", "b"])    # as good, for the third column says nothing
    case.gate["margin"] = 0.001
    check = only("champion")(case, champion=champion(other, case.schema))
    assert check["outcome"] == "refused" and check["figure"] > -0.001 > check["details"]["least"]
    assert "these 200 rows cannot tell" in check["hint"] and "rows would do" in check["hint"]


def test_a_wider_margin_lets_pass(case, judged):
    better, case.gate["margin"] = case.model, 0.3
    case.fit(["a"])
    assert judged(better)["outcome"] == "passed"


def test_a_warning_softens_a_figure_and_nothing_else(case, champion, only):
    better, case.gate["warn"] = case.model, ["champion"]
    case.fit(["a"])
    assert only("champion")(case, champion=champion(better))["outcome"] == "warned"
    assert only("champion")(case, unknown="MLflow does not answer")["outcome"] == "refused"


def test_rows_of_one_group_are_drawn_together(case, champion, only):
    better = case.model
    case.fit(["a"])
    case.test = case.test.assign(who=np.arange(200) % 8)
    known = champion(better)
    alone = only("champion")(case, champion=known)
    case.gate["group"] = "who"
    together = only("champion")(case, champion=known)
    assert alone["figure"] == together["figure"]
    assert alone["low"] != together["low"]


def test_the_margin_of_a_loss_is_a_share_of_the_champions(make_case, champion, only):
    case = make_case("regression")
    case.gate["metric"] = "rmse"
    case.figures["rmse"] = float(np.sqrt(np.mean((case.model.predict(case.test) - case.test["y"]) ** 2)))
    check = only("champion")(case, champion=champion(case.model, case.schema))
    assert check["outcome"] == "passed"
    assert check["limit"] == pytest.approx(-0.01 * case.figures["rmse"])


def test_a_champion_of_other_classes_is_a_refusal(case, judged):
    other = fit(case.train.assign(y=case.train["y"].map({"yes": "ja", "no": "nein"})))
    target = {"name": "y", "classes": ["ja", "nein"], "positive": "ja"}
    check = judged(other, {**case.schema, "target": target})
    assert check["outcome"] == "refused" and check["figure"] is None
    assert "its classes are ja, nein, and those of the model no, yes" in check["hint"]
    assert "notemill rollback --retire" in check["hint"]


def test_a_champion_that_wants_other_columns_is_a_refusal(case, judged):
    more = {"name": "d", "type": "number", "role": "feature", "from": {"type": "data"}}
    schema = {**case.schema, "columns": [*case.schema["columns"], more]}
    check = judged(fit(case.train.assign(d=1.0), ["a", "d"]), schema)
    assert check["outcome"] == "refused"
    assert "the champion (version 3) cannot be compared on today's rows" in check["hint"] and "'d'" in check["hint"]


def test_a_champion_that_cannot_be_known_is_a_refusal(case, only):
    check = only("champion")(case, unknown="http://mlflow: no answer")
    assert check["outcome"] == "refused"
    assert check["hint"] == "it cannot be known whether there is a champion: http://mlflow: no answer"


def test_a_model_that_fails_is_not_the_champions_fault(case, judged):
    good = case.model
    case.contents["train.model"] = b"no model"
    check = judged(good)
    assert check["outcome"] == "refused" and "champion" not in check["hint"]


PREPARE = """
import json
import numpy as np
import pandas as pd
random = np.random.default_rng(0)
table = pd.DataFrame(random.normal(size=(500, 3)), columns=["a", "b", "c"])
table["y"] = np.where(1.5 * table["a"] - table["b"] + random.normal(size=500) > 0, "yes", "no")
target = {"name": "y", "type": "category", "classes": ["no", "yes"], "positive": "yes", "names": {}}
facts = {"format": 1, "task": "classification", "target": target,
         "columns": [{"name": name, "type": "number", "role": "feature", "from": {}} for name in "abc"],
         "split": {"kind": "random", "group": None}, "rows": {"train": 200}}
"""
TRAIN = """
import pandas as pd
import skops.io
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
rows = pd.read_parquet(data)
columns = ColumnTransformer([("numbers", "passthrough", list(names))])
fitted = make_pipeline(columns, LogisticRegression(C=strength)).fit(rows[list("abc")], rows["y"].to_numpy(object))
skops.io.dump(fitted, model)
"""


def whole_project(root, **params):
    return two_notebooks(root, PREPARE + SPLIT, TRAIN, name="whole", params=params,
                         parameters='data = model = names = ""\nstrength = 1.0')


@pytest.mark.slow
@pytest.mark.usefixtures("here")
def test_from_the_registry_to_the_exit_code(tmp_path):
    """A whole project: the first version is made the champion, then a challenger is as good, and one is worse."""
    root = whole_project(tmp_path, names="abc")
    assert run(root).code == 0
    first = cli("gate", "--json", project=root)
    check = next(check for check in first.json["checks"] if check["check"] == "champion")
    assert first.code == 0 and "no champion yet" in check["hint"]
    assert cli("register", project=root).code == 0
    assert cli("promote", project=root).code == 0
    for params, ended, outcome in [({"names": "abc", "strength": 0.5}, 0, "passed"), ({"names": "a"}, 3, "refused")]:
        assert run(whole_project(tmp_path, **params)).code == 0
        result = cli("gate", project=root)
        assert result.code == ended, result.out + result.err
        assert outcome in next(line for line in result.out.splitlines() if line.startswith("champion "))
    assert "champion: roc_auc on the same rows" in result.out and "the champion is the one to keep" in result.out
