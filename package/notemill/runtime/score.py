"""Files of any size: the rows of a CSV or Parquet file, with their predictions."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

from .model import Model
from .rows import BadRows, Problem, conform, used_columns
from .tables import WRITES, CsvFile, ParquetFile, Piece, ScoreError, open_table, writer


def score(model: Model, source: Path, target: Path, *, aside: bool = False, only: bool = False, decimal: str = ".",
          told: Callable[[str], None] = lambda words: None) -> tuple[int, int]:
    """(rows scored, rows set aside). `only`: leave the source's columns out of the result.

    Bad rows raise BadRows, and nothing is written; with `aside` they go to `aside_file(target)`, with the reasons.
    Raises ScoreError for files that are no table.
    """
    check_target(source, target, aside)
    table = open_table(source, {entry["name"] for entry in used_columns(model.schema)}, decimal)
    form = {"sep": table.separator, "decimal": table.decimal}
    done, bad, _ = 0, 0, model.pipeline  # loaded before any time is taken
    progress = Progress(told)
    with writer(target, **form) as write, writer(aside_file(target), **form) as write_bad:
        for piece in table.pieces():
            rows, problems = looked_at(model, piece, table, aside)
            broken = sorted({problem.row for problem in problems})
            if broken:
                write_bad(with_reasons(piece, problems, broken, table.place))
            good = piece.rows.index.difference(broken)
            write(with_answers(model, piece.rows.loc[good], rows.loc[good], only))
            done, bad = done + len(good), bad + len(broken)
            progress(done + bad)
    if aside and not bad:
        aside_file(target).unlink(missing_ok=True)  # of an earlier call
    return done, bad


def looked_at(model: Model, piece: Piece, table: CsvFile | ParquetFile, aside: bool):
    """(the model's columns, the bad cells). Raises BadRows for these, unless they go aside, and for absent columns."""
    rows, problems = conform(piece.rows, model.schema, words_for_missing=table.missing, decimal=table.decimal)
    if problems and (not aside or any(problem.row is None for problem in problems)):
        raise BadRows([placed(problem, piece, table) for problem in problems])
    return rows, problems


def aside_file(target: Path) -> Path:
    """Where the bad rows go."""
    return target.with_name(f"{target.stem}.aside.csv")


def check_target(source: Path, target: Path, aside: bool) -> None:
    """Raise ScoreError where nothing can be written, or the rows themselves would be lost."""
    if target.suffix.lower() not in WRITES:
        raise ScoreError(f"{target}: the name must end in {' or '.join(WRITES)}")
    if not target.absolute().parent.is_dir():
        raise ScoreError(f"{target.parent}: there is no such folder")
    if target.is_dir():
        raise ScoreError(f"{target}: is a folder")
    for path in (target, aside_file(target)) if aside else (target,):
        if path.exists() and source.exists() and path.samefile(source):
            raise ScoreError(f"{path}: would overwrite the rows that it is made from")


def placed(problem: Problem, piece: Piece, table: CsvFile | ParquetFile) -> Problem:
    """A problem with its place in the file."""
    if problem.row is None:
        return problem
    return Problem(problem.row, problem.column, problem.rule, problem.got,
                   place=f"{table.place} {piece.places[problem.row]}")


def with_answers(model: Model, kept, rows, only: bool):
    """The rows with `prediction`, and for classes `probability_LABEL`."""
    import pandas as pd

    answers = {"prediction": model.answer("predict", rows)}
    if model.task == "classification" and hasattr(model.pipeline, "predict_proba"):
        found = model.answer("predict_proba", rows)
        answers |= {f"probability_{label}": found[:, i] for i, label in enumerate(model.classes)}
    twice = [name for name in answers if name in kept.columns]
    if twice and not only:
        raise ScoreError(f"the rows have a column '{twice[0]}' already: rename it, or ask for --only-predictions")
    result = pd.DataFrame(answers, index=kept.index)
    return result if only else pd.concat([kept, result], axis=1)


def with_reasons(piece: Piece, problems: list[Problem], broken: list[int], place: str):
    """The bad rows, each with its place in the file and what is wrong."""
    reasons = {row: [] for row in broken}
    for problem in problems:
        reasons[problem.row].append(f"{problem.column}: {problem.message}")
    found = piece.rows.loc[broken]
    found.insert(0, "problem", ["; ".join(reasons[row]) for row in broken], allow_duplicates=True)
    found.insert(0, place, [piece.places[row] for row in broken], allow_duplicates=True)
    return found


class Progress:
    """Tells how many rows are done, at most once in a second."""

    def __init__(self, told: Callable[[str], None]):
        self.told, self.started, self.last = told, time.monotonic(), time.monotonic()

    def __call__(self, rows: int) -> None:
        now = time.monotonic()
        if now - self.last >= 1:
            self.last = now
            self.told(f"{rows:,} rows, {rows / (now - self.started):,.0f} a second")


def on_terminal(words: str) -> None:
    """Progress on standard error: one line that changes on a terminal, plain lines elsewhere."""
    shown = f"{words:<60}\r" if sys.stderr.isatty() else f"{words}\n"
    print(shown, end="", file=sys.stderr, flush=True)
