"""What the table and its target ask for: task, split, estimator, metric; and what is worth knowing about them."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from notemill.errors import UsageError, did_you_mean
from notemill.init.columns import Column, as_moments, counted
from notemill.init.leaks import find_leaks
from notemill.init.quote import comment

LEAST_ROWS = 20
TEST_SIZE = 0.3         # share of the rows that is held out
FEW_ROWS = 200          # below that the intervals are wide
BOOSTS = 1_000          # rows from which boosting beats a linear model as a rule
MOST_CLASSES = 100
FEW_CLASSES = 20        # so many different whole numbers are classes, more are a quantity: as prepare.ipynb has it
SHOWN = 12
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
    _need(columns, target, "--target")
    _check_rows(columns[target])
    task = task or guess_task(columns[target])
    columns = {**columns, target: _as_target(frame[target], columns[target], task)}
    check_target(columns[target], task)
    _check_finite(columns)
    split = _split(columns, target, task, group, time)
    if split == "time" and task == "classification":
        _check_later_classes(frame, columns[time], target)
    classes = columns[target].values if task == "classification" else ()
    leaks = {name: why for name, why in find_leaks(frame, columns, target, task).items() if name not in (group, time)}
    _check_features(columns, target, {group, *leaks})
    kind = "regression" if task == "regression" else "binary" if len(classes) == 2 else "classes"
    return Choices(target, task, split, group, time, _positive(classes, positive, target), classes,
                   "boosting" if columns[target].filled >= BOOSTS else "linear", METRICS[kind], leaks,
                   tuple(notes(columns, target, leaks, group, time))), columns


def _need(columns: Mapping[str, Column], name: str, option: str) -> None:
    if name not in columns:
        names = [comment(column) for column in columns]
        more = f", ... ({len(names)} in all)" if names[SHOWN:] else ""
        folded = next((other for other in columns if other.strip().lower() == name.strip().lower()), None)
        raise UsageError(option, f"there is no column '{comment(name)}'",
                         f"the table has: {', '.join(names[:SHOWN])}{more}",
                         f"did you mean '{comment(folded)}'?" if folded else did_you_mean(name, names))


def _check_rows(target: Column) -> None:
    if target.filled < LEAST_ROWS:
        raise UsageError(f"column '{comment(target.name)}'", f"{target.filled} rows have a target",
                         f"at least {LEAST_ROWS}: some of them have to be held out")


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


def check_target(target: Column, task: str) -> None:
    """Raises UsageError where there is nothing that can be learnt."""
    where = f"column '{comment(target.name)}'"
    if target.type == "datetime":
        raise UsageError(where, "the target is a date", "classes or a number",
                         "turn it into a number in the source, for example days")
    if target.distinct < 2:
        raise UsageError(where, "the target has one value only", "at least two: else there is nothing to learn")
    if task == "classification" and target.numeric and any(isinstance(value, float) for value, _ in target.values):
        raise UsageError(where, "the target's classes are fractions", "words, or whole numbers",
                         "--task regression, if it is a quantity")
    if task == "regression" and not target.numeric:
        raise UsageError(where, f"the target is no number, but {target.type}", "a quantity for --task regression",
                         "leave --task out, or say --task classification")
    if task == "classification" and target.distinct > MOST_CLASSES:
        hint = "--task regression, if it is a quantity" if target.numeric else \
            "put the rare ones together in the source, or choose a coarser column"
        raise UsageError(where, f"the target has {target.distinct:,} classes", f"at most {MOST_CLASSES}", hint)


def _check_finite(columns: Mapping[str, Column]) -> None:
    found = [f"{comment(name)} ({column.odd_numbers:,})" for name, column in columns.items() if column.odd_numbers]
    if found:
        raise UsageError("the table", f"holds infinite numbers, which no model takes: {', '.join(found[:SHOWN])}",
                         "finite numbers, and empty cells for what is not known", "mend them in the source")


def _check_later_classes(frame, time: Column, target: str) -> None:
    """The rows that prepare.ipynb will hold out must not have classes that come up only then."""
    known = frame[frame[target].notna()]
    moments = as_moments(known[time.name]) if time.type == "datetime" else known[time.name]
    ordered = moments.dropna().sort_values()
    late = moments >= ordered.iloc[math.ceil((1 - TEST_SIZE) * (len(ordered) - 1))]
    new = sorted(set(known[target][late].astype("str")) - set(known[target][~late].astype("str")))
    if new:
        raise UsageError(f"--time {comment(time.name)}", f"classes that come up in the latest rows only: {_some(new)}",
                         "the model can only know what there was before", "leave --time out, or those rows")


def _split(columns: Mapping[str, Column], target: str, task: str, group: str | None, time: str | None) -> str:
    if group is not None and time is not None:
        raise UsageError("--group, --time", "the rows can be held out by one of them", "either one")
    for option, name in (("--group", group), ("--time", time)):
        if name is not None:
            _need(columns, name, option)
            _check_splitter(columns[name], option, target)
    if group or time:
        return "group" if group else "time"
    return "stratified" if task == "classification" else "random"


def _check_splitter(column: Column, option: str, target: str) -> None:
    where, name = f"{option} {comment(column.name)}", column.name
    if name == target:
        raise UsageError(where, "is the target", "another column")
    if column.distinct < 2:
        raise UsageError(where, "has no two different values", "a column that tells rows apart")
    if option == "--time" and column.type not in ("datetime", "integer", "number"):
        shown = ", ".join(repr(comment(value, 20)) for value, _ in column.values[:2])
        raise UsageError(where, f"holds neither dates nor numbers, but {shown}", "ISO dates such as 2024-12-31 13:00",
                         "write them so in the source")


def _check_features(columns: Mapping[str, Column], target: str, out: set) -> None:
    left = [name for name, column in columns.items()
            if name not in {target, *out} and column.distinct > 1 and not column.identifies]
    if not left:
        raise UsageError("the table", "no column is left that could predict the target",
                         "columns that vary and do not merely name the rows")


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


def notes(columns: Mapping[str, Column], target: str, leaks: Mapping[str, str], group: str | None,
          time: str | None) -> Iterable[str]:
    """What is worth knowing before the first run."""
    goal = columns[target]
    if goal.missing:
        yield f"{goal.missing:,} rows have no target: prepare leaves them out"
    if goal.filled < FEW_ROWS:
        yield f"{goal.filled:,} rows are few: the figures will have wide intervals, and the gate may refuse"
    rare = [comment(value) for value, count in goal.values if count < 10] if goal.values and not goal.numeric else []
    if rare:
        yield f"classes with fewer than 10 rows: {_some(rare)}"
    for name, why in leaks.items():
        yield f"{comment(name)}: {why}, so it stands under `drop:` and the model does not see it"
    yield from _column_notes({n: c for n, c in columns.items() if n not in (target, group, time, *leaks)})


def _column_notes(columns: Mapping[str, Column]) -> Iterable[str]:
    kinds = {"name the rows (the model does not see them)": lambda c: c.identifies,
             "hold nothing (the model does not see them)": lambda c: not c.filled,
             "are always the same (the model does not see them)": lambda c: c.distinct == 1,
             "hold words between the numbers, which count as missing": lambda c: bool(c.strange),
             "are missing in more than a third of the rows": lambda c: c.filled and c.missing > c.rows / 3}
    for words, holds in kinds.items():
        if found := [comment(name) for name, column in columns.items() if holds(column)]:
            yield f"{words}: {_some(found)}"


def _some(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (f", ... ({len(names)} in all)" if names[SHOWN:] else "")
