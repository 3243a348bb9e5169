"""Task, split, estimator and notes follow from the table; what cannot be learnt is refused with a remedy."""

import ast
import json
from pathlib import Path

import numpy
import pandas
import pytest
from init_samples import HEAD, make_rows

from notemill.errors import UsageError
from notemill.init.checks import SEED, TEST_SIZE, held_out_groups
from notemill.init.choices import choose
from notemill.init.columns import look_at


@pytest.fixture
def frame():
    return pandas.DataFrame(make_rows(), columns=HEAD)


def chosen(frame, target="bought", **asked):
    return choose(frame, look_at(frame), target=target, **asked)[0]


def refused(frame, target="bought", **asked):
    with pytest.raises(UsageError) as error:
        chosen(frame, target, **asked)
    return str(error.value)


def test_two_classes(frame):
    found = chosen(frame)
    assert (found.task, found.split, found.positive, found.metric, found.estimator) == (
        "classification", "stratified", "yes", "roc_auc", "linear")


def test_several_classes(frame):
    found = chosen(frame, "colour")
    assert (found.task, found.positive, found.metric) == ("classification", None, "balanced_accuracy")


def test_a_quantity(frame):
    found = chosen(frame, "size")
    assert (found.task, found.split, found.metric, found.classes) == ("regression", "random", "r2", ())


@pytest.mark.parametrize("values, task", [
    (range(20), "classification"), (range(21), "regression"), ([0.5, 1.5], "regression"),
    ([True, False], "classification"),
    (["a", "b"], "classification"), ([1.0, 2.0, None], "classification")])
def test_the_task_follows_from_the_target(frame, values, task):
    frame["y"] = pandas.Series((list(values) * 200)[:len(frame)])
    assert chosen(frame, "y").task == task


def test_many_rows_are_worth_boosting(frame):
    assert chosen(pandas.concat([frame] * 9)).estimator == "boosting"


@pytest.mark.parametrize("labels, positive", [
    (["no", "yes"], "yes"), ([0, 1], "1"), ([False, True], "True"), (["<=50K", "<=50K", ">50K"], ">50K"),
    (["N", "N", "N", "Y"], "Y")])
def test_the_class_to_detect(frame, labels, positive):
    frame["y"] = (labels * 200)[:len(frame)]
    assert chosen(frame, "y").positive == positive


def test_the_class_to_detect_as_asked_for(frame):
    assert chosen(frame, positive="no").positive == "no"
    assert "'nope' is none of two classes" in refused(frame, positive="nope")
    assert "is none of two classes" in refused(frame, "size", positive="1")


def test_a_misspelt_column(frame):
    assert "did you mean 'bought'?" in refused(frame, "bougth")
    assert "did you mean 'bought'?" in refused(frame, " BOUGHT")
    assert "did you mean 'age'?" in refused(frame, group="agee")


def test_too_many_classes(frame):
    frame = pandas.concat([frame] * 9, ignore_index=True)
    frame["y"] = [f"class{n % 1000}" for n in range(len(frame))]
    assert "the target has 1,000 classes\n  at most 100\n  put the rare ones together" in refused(frame, "y")
    frame["y"] = [n % 1000 for n in range(len(frame))]
    assert "--task regression" in refused(frame, "y", task="classification")
    assert chosen(frame, "y").task == "regression"


@pytest.mark.parametrize("values, says", [
    (["a"], "one value only"), ([None], "0 rows have a target"), (["2024-01-01", "2024-01-02"],
                                                                  "the target is a date")])
def test_targets_that_teach_nothing(frame, values, says):
    frame["y"] = (values * 200)[:len(frame)]
    assert says in refused(frame, "y")


def test_text_is_no_quantity(frame):
    assert "the target is no number" in refused(frame, task="regression")


def test_few_rows(frame):
    assert "19 rows have a target" in refused(frame.head(19))
    assert any("60 rows are few" in note for note in chosen(frame.head(60)).notes)


def test_rows_without_target_are_told(frame):
    frame.loc[::10, "bought"] = None
    assert "12 rows have no target: prepare leaves them out" in chosen(frame).notes


def test_nothing_to_learn_from(frame):
    only = frame[["bought"]].assign(id=range(len(frame)), same=1)
    assert "no column is left" in refused(only)
    assert "no column is left" in refused(only.assign(age=frame["age"] % 10), group="age")


def test_splits(frame):
    frame["when"] = pandas.date_range("2024-01-01", periods=len(frame)).astype("str")
    frame["shop"] = [n % 9 for n in frame.index]
    assert (chosen(frame, time="when").split, chosen(frame, group="shop").split) == ("time", "group")
    assert chosen(frame, time="age").time == "age"
    assert "either one" in refused(frame, time="when", group="shop")
    assert "holds neither dates nor numbers, but 'green'" in refused(frame.assign(colour="green").assign(
        colour=["green", "red"] * 60), time="colour")
    assert "is the target" in refused(frame, group="bought")
    assert "has no two different values" in refused(frame.assign(same=1), group="same")


def test_columns_that_give_the_target_away(frame):
    frame["code"] = frame["bought"].map({"yes": 1, "no": 0})
    assert chosen(frame).drop == {"code": "its values stand for the target's, one for one"}
    assert chosen(frame.assign(code=frame["code"].where(frame.index > 3))).drop == {}
    frame["percent"] = frame["size"] * 100 + 5
    assert list(chosen(frame, "size").drop) == ["percent"]
    parts = frame.assign(rest=frame["age"] * 3, total=frame["age"] * 4).drop(columns=["code", "percent"])
    assert chosen(parts.assign(a=parts["size"] * 2, total=parts["size"] * 2 + parts["age"]), "total").drop == {
        "age": "age + a is the target", "a": "age + a is the target"}


def test_columns_that_do_not_give_it_away(frame):
    assert chosen(frame).drop == {} and chosen(frame, "size").drop == {} and chosen(frame, "age").drop == {}


def test_what_is_worth_knowing_is_told(frame):
    frame["id"], frame["empty"], frame["same"] = range(len(frame)), None, 1
    frame["mixed"] = ["x" if n == 3 else str(n / 7) for n in frame.index]
    frame["gaps"] = frame["size"].where(frame.index % 2 > 0)
    frame["day"] = [f"{n % 28 + 1}.{n % 12 + 1}.2024" for n in frame.index]
    told = "\n".join(chosen(frame).notes)
    for words in ("name the rows (the model does not see them): id",
                  "hold nothing (the model does not see them): empty",
                  "are always the same (the model does not see them): same",
                  "words between the numbers, which count as missing: mixed",
                  "and count as words: day", "more than a third of the rows: gaps"):
        assert words in told


def test_rare_classes_are_told(frame):
    frame.loc[3, "colour"] = "mauve"
    assert "classes with fewer than 10 rows: mauve" in chosen(frame, "colour").notes


def test_infinite_numbers_are_refused(frame):
    frame.loc[3, "size"] = float("inf")
    assert "holds infinite numbers, which no model takes: size (1)" in refused(frame)


def test_fractions_are_no_classes(frame):
    frame["y"] = [0.5, 1.0] * 60
    assert "the target's classes are fractions" in refused(frame, "y", task="classification")


def test_classes_that_come_up_too_late(frame):
    frame["day"] = range(len(frame))
    frame["y"] = ["a", "b"] * 50 + ["c"] * 20
    assert "classes that come up in the latest rows only: c" in refused(frame, "y", time="day")
    frame["y"] = ["c", *frame["y"][1:]]
    assert chosen(frame, "y", time="day").split == "time"


def test_a_straight_line_needs_no_boosting(frame):
    frame = pandas.concat([frame] * 9, ignore_index=True)
    frame["y"] = 3 * frame["size"] - frame["age"] + [n % 3 for n in range(len(frame))]
    found = chosen(frame, "y")
    assert found.estimator == "linear" and any("99." in note and "straight line" in note for note in found.notes)
    frame["y"] = frame["size"] ** 2 % 7 + [n % 3 / 10 for n in range(len(frame))]
    found = chosen(frame, "y")
    assert found.estimator == "boosting" and not any("straight" in note for note in found.notes)


def test_a_yes_or_no_counts_as_a_number_of_the_line(frame):
    frame["flag"] = [n % 2 for n in range(len(frame))]
    frame["y"] = frame["flag"] * 7.5 + frame["size"] / 10
    assert any("straight line" in note for note in chosen(frame[["y", "flag", "colour"]], "y").notes)


@pytest.mark.parametrize("labels, classes", [
    ([str(n % 3) for n in range(114)] + ["x"] * 6, ["0", "1", "2", "x"]),           # numbers, but for some words
    ([f"class {n % 70}" for n in range(120)], [f"class {n}" for n in range(70)])])   # too many to look like categories
def test_labels_are_labels_whatever_else_they_could_be(frame, labels, classes):
    frame["y"] = labels
    found, columns = choose(frame, look_at(frame), target="y", task="classification")
    assert sorted(label for label, _ in found.classes) == sorted(classes)
    assert columns["y"].type == "category" and not columns["y"].strange


@pytest.mark.parametrize("rows, found", [(30, ["code"]), (29, [])])
def test_few_rows_agree_by_chance(frame, rows, found):
    frame["code"] = frame["bought"].map({"yes": 1, "no": 0})
    assert list(chosen(frame.head(rows)).drop) == found


def test_groups_must_be_enough_and_hold_all_classes(frame):
    assert "has 2 different values, of which one is left" in refused(frame, group="bought", target="colour")
    frame["shop"] = [n % 9 for n in frame.index]
    assert chosen(frame, group="shop").split == "group"
    frame["y"] = frame["bought"].where(frame["shop"] != 4, "only here")
    assert "fewer than two of the values to train on: only here" in refused(frame, "y", group="shop")
    frame.loc[frame["shop"] == 4, "shop"] = None
    assert "to train on: only here" in refused(frame, "y", group="shop")


def test_the_groups_held_out_are_those_of_the_notebook():
    source = (Path(__file__).parents[2] / "notebooks" / "prepare.ipynb").read_text()
    cells = ["".join(cell["source"]) for cell in json.loads(source)["cells"]]
    split = next(ast.get_source_segment(cell, node) for cell in cells if "def split_group" in cell
                 for node in ast.parse(cell).body if getattr(node, "name", "") == "split_group")
    names = pandas.Series([f"g{n % 13 * n % 7}{n % 5}" for n in range(300)])
    scope = {"np": numpy, "pd": pandas, "group": "g", "test_size": TEST_SIZE}
    exec(split, scope)
    rows = scope["split_group"](pandas.DataFrame({"g": names}), numpy.random.default_rng(SEED))
    assert set(names[rows]) == set(held_out_groups(names)) and 0 < len(rows) < 300
