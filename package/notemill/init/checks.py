"""What cannot be learnt from a table is refused before anything is written, with a remedy."""

import math
from collections.abc import Mapping

from notemill.errors import UsageError, did_you_mean
from notemill.init.columns import Column, as_moments
from notemill.init.notes import SHOWN, some
from notemill.init.quote import comment

LEAST_ROWS = 20
MOST_CLASSES = 100
TEST_SIZE = 0.3         # share of the rows that is held out
SEED = 7                # of the split, as in pipeline.yaml


def need(columns: Mapping[str, Column], name: str, option: str) -> None:
    if name not in columns:
        names = [comment(column) for column in columns]
        more = f", ... ({len(names)} in all)" if names[SHOWN:] else ""
        folded = next((other for other in columns if other.strip().lower() == name.strip().lower()), None)
        raise UsageError(option, f"there is no column '{comment(name)}'",
                         f"the table has: {', '.join(names[:SHOWN])}{more}",
                         f"did you mean '{comment(folded)}'?" if folded else did_you_mean(name, names))


def check_rows(target: Column) -> None:
    if target.filled < LEAST_ROWS:
        raise UsageError(f"column '{comment(target.name)}'", f"{target.filled} rows have a target",
                         f"at least {LEAST_ROWS}: some of them have to be held out")


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


def check_finite(columns: Mapping[str, Column]) -> None:
    found = [f"{comment(name)} ({column.odd_numbers:,})" for name, column in columns.items() if column.odd_numbers]
    if found:
        raise UsageError("the table", f"holds infinite numbers, which no model takes: {', '.join(found[:SHOWN])}",
                         "finite numbers, and empty cells for what is not known", "mend them in the source")


def check_later_classes(frame, time: Column, target: str) -> None:
    """The rows that prepare.ipynb will hold out must not have classes that come up only then."""
    known = frame[frame[target].notna()]
    moments = as_moments(known[time.name]) if time.type == "datetime" else known[time.name]
    ordered = moments.dropna().sort_values()
    late = moments >= ordered.iloc[math.ceil((1 - TEST_SIZE) * (len(ordered) - 1))]
    new = sorted(set(known[target][late].astype("str")) - set(known[target][~late].astype("str")))
    if new:
        raise UsageError(f"--time {comment(time.name)}", f"classes that come up in the latest rows only: {some(new)}",
                         "the model can only know what there was before", "leave --time out, or those rows")


def check_groups(frame, group: str, target: str, task: str) -> None:
    """What is left to train on must be divided once more, by group, for the cross-validation: with all classes."""
    known = frame[frame[target].notna()]
    names = known[group].astype("str").fillna("(missing)")
    kept = ~names.isin(held_out_groups(names))
    where = f"--group {comment(group)}"
    if names[kept].nunique() < 2:
        raise UsageError(where, f"has {names.nunique()} different values, of which one is left to train on",
                         "at least two, beside those that are held out", "a column with more values, or no --group")
    if task == "classification":
        spread = names[kept].groupby(known[target].astype("str")).nunique()
        narrow = [label for label in sorted(known[target].astype("str").unique()) if spread.get(label, 0) < 2]
        if narrow:
            raise UsageError(where, f"classes that stand in fewer than two of the values to train on: {some(narrow)}",
                             "each class in several values: else it is learnt from one and tested on none",
                             "a column with more values, or no --group")


def held_out_groups(names) -> list[str]:
    """As prepare.ipynb chooses them: in random order, until the share of the rows is reached."""
    import numpy

    order = numpy.random.default_rng(SEED).permutation(numpy.sort(names.unique()))
    before = names.value_counts()[order].cumsum().shift(fill_value=0).to_numpy()
    return list(order[before < TEST_SIZE * len(names)][:len(order) - 1])


def check_splitter(column: Column, option: str, target: str) -> None:
    where, name = f"{option} {comment(column.name)}", column.name
    if name == target:
        raise UsageError(where, "is the target", "another column")
    if column.distinct < 2:
        raise UsageError(where, "has no two different values", "a column that tells rows apart")
    if option == "--time" and column.type not in ("datetime", "integer", "number"):
        shown = ", ".join(repr(comment(value, 20)) for value, _ in column.values[:2])
        raise UsageError(where, f"holds neither dates nor numbers, but {shown}", "ISO dates such as 2024-12-31 13:00",
                         "write them so in the source")


def check_features(columns: Mapping[str, Column], target: str, out: set) -> None:
    left = [name for name, column in columns.items()
            if name not in {target, *out} and column.distinct > 1 and not column.identifies]
    if not left:
        raise UsageError("the table", "no column is left that could predict the target",
                         "columns that vary and do not merely name the rows")
