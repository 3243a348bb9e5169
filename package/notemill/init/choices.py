"""What the table and its target ask for: task, split, estimator, metric."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from notemill.errors import UsageError, did_you_mean
from notemill.init.checks import (
    MOST_CLASSES,
    check_features,
    check_finite,
    check_groups,
    check_later_classes,
    check_rows,
    check_splitter,
    check_target,
    need,
)
from notemill.init.columns import Column, counted
from notemill.init.leaks import find_leaks
from notemill.init.lines import explained
from notemill.init.notes import STRAIGHT, notes, straight_note
from notemill.init.quote import comment

BOOSTS = 1_000          # rows from which boosting beats a linear model as a rule
FEW_CLASSES = 20        # so many different whole numbers are classes, more are a quantity: as prepare.ipynb has it
USUAL = ("1", "true", "yes", "y", "t", "positive")     # labels that one looks for, in any case
METRICS = {"regression": "r2", "binary": "roc_auc", "classes": "balanced_accuracy"}     # evaluate.ipynb has these too


@dataclass(frozen=True)
class Choices:
    """How the target is learnt. `drop`: {column: why} of columns that the model must not see."""

    target: str
    task: str
    split: str
    group: str | None
    time: str | None
    positive: str | None
    classes: tuple[tuple[object, int], ...]
    estimator: str
    metric: str
    drop: Mapping[str, str]
    notes: tuple[str, ...]


def choose(frame, columns: dict[str, Column], *, target: str, task: str | None = None, group: str | None = None,
           time: str | None = None, positive: str | None = None) -> tuple[Choices, dict[str, Column]]:
    """The choices, and the columns with the target seen as what it is. Raises UsageError for what cannot be learnt."""
    need(columns, target, "--target")
    check_rows(columns[target])
    task = task or guess_task(columns[target])
    columns = {**columns, target: _as_target(frame[target], columns[target], task)}
    check_target(columns[target], task)
    check_finite(columns)
    split = _split(frame, columns, target, task, group, time)
    classes = columns[target].values if task == "classification" else ()
    leaks = {name: why for name, why in find_leaks(frame, columns, target, task).items() if name not in (group, time)}
    check_features(columns, target, {group, *leaks})
    straight = _straight(frame, columns, target, {group, *leaks}) if task == "regression" else 0.0
    estimator = "boosting" if columns[target].filled >= BOOSTS and straight < STRAIGHT else "linear"
    told = [*notes(columns, target, leaks, group, time), *straight_note(straight, target)]
    return Choices(target, task, split, group, time, _positive(classes, positive, target), classes, estimator,
                   _metric(task, classes), leaks, tuple(told)), columns


def _metric(task: str, classes: tuple) -> str:
    return METRICS["regression" if task == "regression" else "binary" if len(classes) == 2 else "classes"]


def guess_task(target: Column) -> str:
    """Text, true and false, and a handful of whole numbers are classes; all else is a quantity."""
    whole = target.numeric and not target.strange and target.distinct <= FEW_CLASSES \
        and all(isinstance(value, int) for value, _ in target.values)
    return "regression" if target.numeric and not whole else "classification"


def _as_target(values, column: Column, task: str) -> Column:
    """Classes are labels, whatever else the column could be."""
    if task == "regression" or column.type == "boolean" or column.numeric and not column.strange and column.values:
        return column
    if column.type == "datetime" or not column.filled or column.distinct > MOST_CLASSES:
        return column
    return replace(column, type="category", values=counted(values.dropna().astype("str")), strange=(), low=None,
                   high=None)


def _split(frame, columns: Mapping[str, Column], target: str, task: str, group: str | None, time: str | None) -> str:
    if group is not None and time is not None:
        raise UsageError("--group, --time", "the rows can be held out by one of them", "either one")
    for option, name in (("--group", group), ("--time", time)):
        if name is not None:
            need(columns, name, option)
            check_splitter(columns[name], option, target)
    if time is not None and task == "classification":
        check_later_classes(frame, columns[time], target)
    if group is not None:
        check_groups(frame, group, target, task)
    if group is not None or time is not None:
        return "time" if group is None else "group"
    return "stratified" if task == "classification" else "random"


def _straight(frame, columns: Mapping[str, Column], target: str, out: set) -> float:
    names = [name for name, column in columns.items()
             if column.numeric and not column.identifies and name not in {target, *out}]
    return explained(frame, names, target)


def _positive(classes: tuple, wanted: str | None, target: str) -> str | None:
    """The class to detect, as text: the one asked for, else 1, true or yes, else the rarer."""
    named = {str(value): count for value, count in classes}
    if wanted is not None and (len(named) != 2 or wanted not in named):
        raise UsageError("--positive", f"'{comment(wanted)}' is none of two classes",
                         f"{comment(target)} has: {', '.join(map(comment, named)) or 'no classes'}",
                         did_you_mean(wanted, named))
    if len(named) != 2:
        return None
    return wanted or next((name for usual in USUAL for name in named if name.lower() == usual), list(named)[-1])
