"""A table that somebody uploads, scored: its faults by row, its answers beside its cells."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from notemill.demo.limits import check_size
from notemill.demo.received import Received
from notemill.demo.state import Demo

AT_ONCE = 5000  # rows, between which others have their turn
TURN = 0.005  # seconds: a lock that is taken again at once is never anybody else's


@dataclass(frozen=True)
class Done:
    """`table`: the file's own rows with the model's answers; `faults`: (row from 1, column, words); 0: the column;
    `new`: how many columns are the model's."""

    table: Any
    faults: list[tuple[int, str, str]]
    scored: int
    new: int = 0

    def answers(self) -> list:
        """What the model said, of the rows that were scored."""
        return self.table[self.table.columns[-self.new]].dropna().tolist() if self.new else []

    def answers_first(self, rows: int):
        """The first rows, with the model's columns at the left."""
        names = list(self.table.columns)
        return self.table[names[len(names) - self.new:] + names[:len(names) - self.new]].head(rows)


def score(demo: Demo, received: Received) -> Done:
    """The good rows scored; the others are told. Raises BadFile, Failed."""
    frame = received.frame
    check_size(len(frame), frame.shape[1] + 1 + len(demo.classes))
    rows = import_module(f"{demo.model.folder.name}.rows")
    table, problems = rows.conform(frame, demo.model.schema, words_for_missing=demo.loaded.missing_words)
    whole = [problem for problem in problems if problem.row is None]
    if whole:
        return Done(frame, list(told(whole)), 0)
    faults = all_faults(received.misfits, problems)
    bad = {row - 1 for row, _, _ in faults}
    good = [number for number in range(len(frame)) if number not in bad]
    answers = answered(demo, table.iloc[good].reset_index(drop=True)) if good else {}
    return Done(beside(frame, answers, good), faults, len(good), len(answers))


def all_faults(misfits: dict[int, str], problems: Sequence[Any]) -> list[tuple[int, str, str]]:
    """In the order of the rows; of a row whose cells may be shifted nothing else."""
    found = [(row + 1, "", words) for row, words in misfits.items()]
    return sorted([*found, *told(one for one in problems if one.row not in misfits)], key=lambda fault: fault[0])


def told(problems: Iterator[Any] | Sequence[Any]) -> Iterator[tuple[int, str, str]]:
    for one in problems:
        yield 0 if one.row is None else one.row + 1, one.column, f"{one.got} {one.rule}".strip()


def beside(frame: Any, answers: dict[str, Sequence], good: list[int]) -> Any:
    """The table with new columns at its right, empty in rows that were not scored."""
    import pandas as pd

    new: dict[str, Any] = {}
    for name, values in answers.items():
        kind = "object" if name == "prediction" else "float64"
        new[free(name, [*frame.columns, *new])] = pd.Series(values, index=good, dtype=kind).reindex(range(len(frame)))
    return pd.concat([frame.reset_index(drop=True), pd.DataFrame(new, index=range(len(frame)))], axis=1)


def free(name: str, taken: Sequence) -> str:
    """The name, or one like it that the table does not have."""
    while name in taken:
        name += "_"
    return name


def answered(demo: Demo, table: Any) -> dict[str, Sequence]:
    """{new column: its values}."""
    labels = demo.classes if demo.has_probabilities else []
    predictions, chances = [], [[] for _ in labels]
    for start in range(0, len(table), AT_ONCE):
        some = table.iloc[start:start + AT_ONCE].reset_index(drop=True)
        with demo.told(), demo.alone():
            predictions += demo.model.answer("predict", some).tolist()
            found = demo.model.answer("predict_proba", some).T if labels else ()
            for column, values in zip(chances, found, strict=True):
                column += values.tolist()
        time.sleep(TURN)
    named = (f"probability {label}" for label in labels)
    return {"prediction": predictions, **dict(zip(named, chances, strict=True))}
