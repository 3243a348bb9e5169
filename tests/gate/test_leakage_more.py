"""Entities and times on both sides of the split, and identifiers that tell the target."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from notemill.errors import UsageError
from notemill.gate.checks import identifiers, later
from notemill.gate.evidence import Unfit
from notemill.gate.metrics import Truth

NAMES = ("leakage.groups", "leakage.time", "leakage.identifiers")


def with_column(case, name, train, test, **entry):
    """The case with one more column in both tables, and in the schema where `entry` says what it is."""
    case.train[name], case.test[name] = train, test
    if entry:
        case.schema["columns"].append({"name": name, "from": {"type": "data"}, **entry})
    return case


@pytest.mark.parametrize("task", ["classification", "three", "regression"])
def test_honest_projects_pass_and_say_what_is_not_asked_for(honest, task):
    code, checks = honest(task)
    assert code == 0
    assert [checks[name]["outcome"] for name in NAMES] == ["not asked for", "not asked for", "passed"]


# groups
@pytest.mark.parametrize("how", ["gate", "leakage", "split"])
def test_an_entity_on_both_sides_is_refused_by_name(case, how):
    with_column(case, "patient", [f"p{i // 3}" for i in range(300)], [f"p{95 + i // 2}" for i in range(200)])
    if how == "gate":
        case.gate["group"] = "patient"
    elif how == "leakage":
        case.gate["leakage"] = {"groups": ["patient"]}
    else:
        case.schema["split"] = {"kind": "group", "group": "patient"}
    code, checks = case.by_command()
    check = checks["leakage.groups"]
    assert (code, check["outcome"]) == (3, "refused")
    assert check["hint"].startswith("5 of 100 values of 'patient' among the held-out rows are among the training rows")
    assert check["figure"] == 10 / 200


def test_entities_on_one_side_each_pass(case, only):
    with_column(case, "patient", [f"p{i // 3}" for i in range(300)], [f"q{i // 2}" for i in range(200)])
    case.gate["leakage"] = {"groups": ["patient"]}
    assert only("leakage.groups")(case)["outcome"] == "passed"


def test_after_a_split_by_time_known_customers_only_warn_unless_they_are_declared(case, only):
    with_column(case, "customer", np.arange(300) % 50, np.arange(200) % 50)
    with_column(case, "day", np.arange(300), 300 + np.arange(200))
    case.schema["split"] = {"kind": "time", "time": "day"}
    case.gate["group"] = "customer"
    assert only("leakage.groups")(case)["outcome"] == "warned"
    case.gate["leakage"] = {"groups": ["customer"]}
    assert only("leakage.groups")(case)["outcome"] == "refused"


def test_a_column_that_a_table_lacks_cannot_be_told(case, only):
    case.test["site"] = np.arange(200) // 20
    case.gate["group"] = "site"
    check = only("leakage.groups")(case)
    assert (check["outcome"], "training rows have no column 'site'" in check["hint"]) == ("not assessed", True)
    case.gate["leakage"] = {"groups": ["site"]}
    assert only("leakage.groups")(case)["outcome"] == "refused"


# time
def test_training_rows_later_than_the_held_out_ones_are_refused_by_name(case):
    days = pd.date_range("2026-01-01", periods=500).astype("str")
    with_column(case, "day", days[:300], days[300:])
    case.schema["split"] = {"kind": "time", "time": "day"}
    code, checks = case.by_command()
    assert (code, checks["leakage.time"]["outcome"]) == (0, "passed")
    case.train.loc[:6, "day"] = days[-1]
    code, checks = case.by_command()
    assert (code, checks["leakage.time"]["outcome"]) == (3, "refused")
    assert checks["leakage.time"]["hint"].startswith("7 of 300 training rows are later ('day', up to 2027-05-15")


def test_a_column_of_times_can_be_named_and_a_tie_is_no_later(case, only):
    with_column(case, "t", np.arange(300), 299 + np.arange(200))
    case.gate["leakage"] = {"time": "t"}
    assert only("leakage.time")(case)["outcome"] == "passed"
    case.train.loc[0, "t"] = 300
    assert only("leakage.time")(case)["outcome"] == "refused"


def test_times_that_are_none_are_refused(case, only):
    with_column(case, "t", "soon", "later")
    case.gate["leakage"] = {"time": "t"}
    assert "no time or number" in only("leakage.time")(case)["hint"]
    case.train["t"] = np.arange(300)
    del case.test["t"]
    assert "the held-out rows have no column 't'" in only("leakage.time")(case)["hint"]


def test_the_time_of_a_split_comes_from_the_schema():
    def column(split, *columns):
        return later.column(SimpleNamespace(config={}, schema={"split": split, "columns": list(columns)}))

    assert column({"kind": "time", "time": "t"}) == "t"
    assert column({"kind": "time"}, {"name": "u", "role": "time"}) == "u"
    assert column({"kind": "random", "time": "t"}) is None
    with pytest.raises(Unfit, match="not by which column"):
        column({"kind": "time"})


# identifiers
def numbered(case, used):
    """Rows numbered class by class, as of two files put under each other, and then split by chance."""
    both = pd.concat([case.train, case.test], ignore_index=True)
    number = both["y"].sort_values(kind="stable").index
    numbers = pd.Series(np.arange(len(both)), index=number).sort_index().to_numpy() + 1000
    role = "feature" if used else "identifier"
    return with_column(case, "row_id", numbers[:300], numbers[300:], type="integer", role=role)


@pytest.mark.parametrize(("used", "outcome", "ended"), [(True, "refused", 3), (False, "warned", 0)])
def test_an_identifier_that_tells_is_refused_where_it_is_used(case, used, outcome, ended):
    numbered(case, used)
    case.gate["warn"] = ["leakage.target", "baseline"]
    code, checks = case.by_command()
    assert (code, checks["leakage.identifiers"]["outcome"]) == (ended, outcome)
    assert "'row_id', which names a row, tells the target" in checks["leakage.identifiers"]["hint"]
    assert checks["leakage.identifiers"]["low"] > 0.7


@pytest.mark.parametrize("task", ["classification", "three", "regression"])
def test_an_identifier_that_tells_nothing_passes(make_case, task):
    case = make_case(task)
    random = np.random.default_rng(0)
    numbers = random.permutation(500)
    with_column(case, "id", numbers[:300], numbers[300:], type="integer", role="feature")
    with_column(case, "file", [f"scan-{n:05}.png" for n in numbers[:300]], [f"scan-{n:05}.png" for n in numbers[300:]],
                type="text", role="dropped")
    case.gate["warn"] = ["baseline"]  # it has the column of numbers, too
    code, checks = case.by_command()
    assert {name for name, check in checks.items() if check["outcome"] == "refused"} == set()
    assert (code, checks["leakage.identifiers"]["outcome"]) == (0, "passed")
    assert [one["name"] for one in checks["leakage.identifiers"]["details"]["parts"]] == ["id", "file", "order of rows"]


def test_rows_that_are_sorted_by_the_target_are_warned_of(case, only):
    case.test = case.test.sort_values("y", ignore_index=True)
    code, checks = case.by_command()
    assert (code, checks["leakage.identifiers"]["outcome"]) == (0, "warned")
    assert "the position of a held-out row tells its target" in checks["leakage.identifiers"]["hint"]
    case.schema["split"] = {"kind": "time", "time": "a"}
    assert only("leakage.identifiers")(case)["outcome"] == "passed"


@pytest.mark.parametrize("make", [
    lambda n, y: f"{'ab'[y]}-{n:06}", lambda n, y: f"{n:06}" + "x" * y, lambda n, y: f"IMG{2 * n + y}",
    lambda n, y: f"{n}/{y}", lambda n, y: f"{1000 * y + n}", lambda n, y: f"scan_{'benign' if y else 'malign'}_{n}"])
def test_prefixes_lengths_numbers_and_last_digits_tell(make):
    random = np.random.default_rng(0)
    y = random.integers(0, 2, 600)
    names = pd.Series([make(n, side) for n, side in zip(random.permutation(600), y, strict=True)])
    left, right = identifiers.traits(names[:400], names[400:])
    truth = Truth(y[400:], ("no", "yes"))
    assert identifiers.telling(left, y[:400], right, truth).low > 0.9
    other = random.permutation(y)
    assert identifiers.telling(left, other[:400], right, Truth(other[400:], ("no", "yes"))).low < 0.6


WORDS = [f"k{n}" for n in range(120)]


@pytest.mark.parametrize(("values", "entry", "is_one"), [
    (np.arange(120), {"name": "a"}, True), (np.arange(120.0), {"name": "a"}, True),
    (np.arange(120) * 977, {"name": "income"}, False), (np.arange(120) * 977, {"name": "customerId"}, True),
    (np.arange(120) * 977, {"name": "income", "role": "identifier"}, True), (np.arange(120) / 7, {"name": "id"}, False),
    (np.arange(120) % 40, {"name": "id"}, False), (WORDS, {"name": "a"}, True),
    ([f"{w} b" for w in WORDS], {"name": "a"}, False),
    (WORDS, {"name": "a", "type": "number"}, False), (["x" * 90 + w * 9 for w in WORDS], {"name": "a"}, False),
    (pd.date_range("2026-01-01", periods=120).astype("str"), {"name": "a"}, False),
    (pd.date_range("2026-01-01", periods=120), {"name": "a"}, False), (np.arange(30), {"name": "id"}, False)])
def test_which_columns_name_rows(values, entry, is_one):
    cells = pd.Series(values)
    assert identifiers.is_identifier(cells[:80], cells[80:], entry) == is_one


@pytest.mark.parametrize("wrong", [{}, {"groups": []}, {"groups": "a"}, {"time": 1}, {"tim": "a"}])
def test_a_configuration_without_sense_is_a_usage_error(case, wrong):
    case.gate["leakage"] = wrong
    with pytest.raises(UsageError, match="leakage"):
        case.judge()
