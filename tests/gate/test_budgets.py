"""Time, size and memory are measured by the gate's own clock, and held against what is declared."""

import time

import numpy as np
import pytest
import skops.io
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from tiny import code

from notemill.gate.asking import ModelFailed
from notemill.gate.measuring import Measured, order_interval, repeat, size_mb
from notemill.gate.serving import Served

GENEROUS = {"latency_p95_ms": 20_000, "rows_per_second": 1, "size_mb": 50, "memory_mb": 5_000}
CODE = '''
import time

import numpy as np
from sklearn.linear_model import LogisticRegression


class Odd(LogisticRegression):
    def predict(self, X):
        if self.C == 2.0:
            time.sleep(0.5)
        if self.C == 3.0 and not hasattr(self, "ballast"):
            self.ballast = np.ones(50_000_000)
        if self.C == 4.0 and len(X) == 1:
            return self.classes_[:1]
        return super().predict(X)
'''
FAST, SLOW, HUNGRY, LYING = 1.0, 2.0, 3.0, 4.0


@pytest.fixture(autouse=True)
def few_calls(monkeypatch):
    """Fewer calls than the machine that judges would spend on it."""
    for name, value in {"SECONDS": 1.5, "SINGLE": (30, 60), "BATCHES": (3, 5), "WARM": 3}.items():
        monkeypatch.setattr(f"notemill.gate.measuring.{name}", value)


def budgets_of(case):
    """(exit code, {budget: the check}) of `notemill gate`."""
    code, checks = case.by_command()
    return code, {name.partition(".")[2]: check for name, check in checks.items() if name.startswith("budgets")}


@pytest.fixture
def odd_case(case, exported):
    """A model whose class stands in cells of the train notebook; what it does in use is said by C."""
    odd = exported(CODE).Odd
    case.cells["train"] = [code(CODE, tags=["export"])]

    def make(how, **budgets):
        case.model = make_pipeline(ColumnTransformer([("all", "passthrough", ["a", "b"])]), odd(C=FAST)).fit(
            case.train, case.train["y"].to_numpy(dtype=object))
        case.model[-1].C = how
        case.gate["budgets"] = budgets
        del case.gate["metrics"]
        return case

    return make


def test_an_honest_model_keeps_to_generous_budgets(odd_case):
    code, checks = budgets_of(odd_case(FAST, **GENEROUS))
    assert code == 0
    assert {check["outcome"] for check in checks.values()} == {"passed"}
    for name in ("latency", "throughput"):
        assert 0 < checks[name]["low"] <= checks[name]["figure"] <= checks[name]["high"]
        assert checks[name]["n"] >= 1
    assert 50 < checks["memory"]["figure"] < 1_000
    assert 0.001 < checks["size"]["figure"] < 1


def test_without_budgets_nothing_is_measured(case, look, monkeypatch):
    monkeypatch.setattr("notemill.gate.evidence.measure", lambda evidence: 1 / 0)
    verdict = case.judge()
    assert {look(verdict, f"budgets.{name}")["outcome"] for name in ("latency", "throughput", "size", "memory")} == {
        "not asked for"}


def test_a_slow_model_is_refused(odd_case):
    code, checks = budgets_of(odd_case(SLOW, latency_p95_ms=400, rows_per_second=1_000_000))
    assert code == 3
    assert checks["latency"]["outcome"] == checks["throughput"]["outcome"] == "refused"
    assert checks["latency"]["figure"] >= 500
    assert checks["latency"]["hint"].startswith("surely over budget: one row took ")
    assert checks["size"]["outcome"] == "not asked for"


def test_a_hungry_model_is_refused(odd_case):
    code, checks = budgets_of(odd_case(HUNGRY, memory_mb=500))
    assert (code, checks["memory"]["outcome"]) == (3, "refused")
    assert 600 < checks["memory"]["figure"] < 1_500


def test_a_model_that_answers_otherwise_while_it_is_measured_is_refused(odd_case):
    code, checks = budgets_of(odd_case(LYING, latency_p95_ms=100_000))
    assert (code, checks["latency"]["outcome"]) == (3, "refused")
    assert "while it was measured, " in checks["latency"]["hint"]


def test_a_large_model_is_refused(case):
    case.model = make_pipeline(ColumnTransformer([("all", "passthrough", ["a", "b", "c"])]),
                               RandomForestClassifier(100)).fit(case.train, case.train["y"].to_numpy(dtype=object))
    case.gate["budgets"] = {"size_mb": 0.5}
    del case.gate["metrics"]
    code, checks = budgets_of(case)
    assert (code, checks["size"]["outcome"]) == (3, "refused")
    assert checks["size"]["figure"] > 0.5
    case.gate["warn"] = ["budgets.size"]
    assert budgets_of(case)[1]["size"]["outcome"] == "warned"


def test_what_may_be_over_budget_only_warns(case, look, monkeypatch):
    found = Measured(np.linspace(0.001, 0.1, 400), np.linspace(900, 1100, 20), 1000, 200.0, 1.0)
    monkeypatch.setattr("notemill.gate.evidence.measure", lambda evidence: found)
    for latency, rows, outcome in [(96, 990, "passed"), (94.9, 1005, "warned"), (80, 1099, "refused")]:
        case.gate["budgets"] = {"latency_p95_ms": latency, "rows_per_second": rows}
        verdict = case.judge()
        assert look(verdict, "budgets.latency")["outcome"] == look(verdict, "budgets.throughput")["outcome"] == outcome


# how it is measured
def test_the_interval_of_a_quantile_lies_between_the_values_that_the_binomial_says():
    ordered = np.arange(1, 201.0)
    assert order_interval(ordered, 0.95) == (184, 197)  # Hahn and Meeker, table A.15b: 184 and 197 of 200
    assert order_interval(np.array([3.0, 1.0, 2.0]), 0.95) == (2.0, 3.0)


def test_the_interval_of_a_quantile_holds_it_as_often_as_it_says():
    random = np.random.default_rng(0)
    found = [order_interval(random.exponential(size=200), 0.95) for _ in range(2_000)]
    truth = -np.log(0.05)
    assert 0.94 < np.mean([low <= truth <= high for low, high in found]) < 0.99


def test_calls_are_as_many_as_there_is_time_for():
    assert len(repeat(lambda number: number, (3, 7), 5.0)) == 7
    assert len(repeat(lambda number: time.sleep(0.05), (3, 700), 0.12)) <= 3
    assert len(repeat(lambda number: time.sleep(0.05), (3, 700), 0.5)) < 12


SCRIPT = '''
import sys
for line in sys.stdin:
    {}
'''


@pytest.fixture
def served(tmp_path, monkeypatch):
    """A process that answers as it is told to."""
    def make(body, seconds=20):
        (tmp_path / "odd.py").write_text(SCRIPT.format(body))
        monkeypatch.setattr("notemill.gate.serving.SCRIPT", tmp_path / "odd.py")
        return Served({"seconds": seconds, "package": None, "bundle": "", "code": []}, tmp_path / "served")

    return make


@pytest.mark.parametrize(("body", "words"), [
    ("print('no', flush=True)", "no reply that can be read"), ("print('[1]', flush=True)", "no reply that can be read"),
    ("import time; time.sleep(60)", "no answer within 0.5 s"), ("sys.exit('gone')", "ended with exit code 1: gone"),
    ("print('{\"error\": \"ValueError: not today\"}', flush=True)", "not today")])
def test_a_process_that_gives_no_reply_is_a_failure(served, body, words):
    with served(body, 0.5 if "sleep" in body else 20) as asked, pytest.raises(ModelFailed, match=words):
        asked.ask(ask="rows")


def test_memory_is_seen_from_outside(served):
    body = "data = bytearray(300_000_000); data[:] = bytes(300_000_000); print('{}', flush=True)"
    with served(body) as asked:
        before = asked.peak_mb()
        asked.ask(ask="rows")
        assert before < 100 and 590 < asked.peak_mb() < 700


def test_the_size_is_that_of_all_files(tmp_path):
    (tmp_path / "a_model" / "code").mkdir(parents=True)
    (tmp_path / "a_model" / "model.skops").write_bytes(bytes(1_500_000))
    (tmp_path / "a_model" / "code" / "more.py").write_bytes(bytes(500_000))
    assert size_mb({"package": {"folder": str(tmp_path), "name": "a_model"}}) == 2.0
    assert size_mb({"bundle": str(tmp_path / "a_model")}) == 1.5


def test_a_budget_is_a_number_above_nothing(case):
    case.gate["budgets"] = {"latency_p95_ms": 0}
    case.model = skops.io.dumps(case.model)
    with pytest.raises(Exception, match="latency_p95_ms"):
        case.judge()
