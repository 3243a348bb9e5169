"""What was asked for, held against the files' headings before anything heavy is loaded."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .inputs import find_inputs
from ..model import Model
from .output import aside_file, kind_in_folder, kind_of, result_name
from ..rows import BadRows, Problem, missing_columns, used_columns
from .section import answer_names
from .tables import CsvFile, ParquetFile, ScoreError, open_table


@dataclass(frozen=True)
class Asked:
    """`source`: a file, folder or pattern, or the files themselves; `target`: a file, or a folder with / at its end.

    `keys`: the columns that go into the result beside the answers, None for all. `names`: the names of results in a
    folder, where not those of the files. `workers`: processes, None for as many as are useful. `record`: where the
    run's record goes, if not beside the target.
    """

    source: str | tuple[Path, ...]
    target: str
    aside: bool = False
    keys: tuple[str, ...] | None = None
    decimal: str = "."
    workers: int | None = None
    names: Mapping[Path, str] = field(default_factory=dict)
    record: Path | None = None
    told: Callable[[str], None] = lambda words: None


def open_files(model: Model, asked: Asked) -> list[CsvFile | ParquetFile]:
    """The tables, each with the model's columns. What is wrong with a heading is told before anything heavy is done."""
    kind, columns = kind_of(asked.target), {entry["name"] for entry in used_columns(model.schema)}
    paths = find_inputs(asked.source, Path(asked.target)) if isinstance(asked.source, str) else list(asked.source)
    files = [open_table(path, columns, asked.decimal) for path in paths]
    check_targets(asked, kind, paths)
    named = len(files) > 1
    wrong = [Problem(None, one.column, one.rule, place=str(file.path) if named else "") for file in files
             for one in missing_columns(file.header, model.schema)]
    if wrong:
        raise BadRows(wrong)
    answers = answer_names(model)
    for file in files:
        check_names(file, asked, (kind or kind_in_folder(file.path)) == "parquet", answers)
        if kind:
            check_same(files[0], file, kind)
    return files


def check_targets(asked: Asked, kind: str | None, paths: list[Path]) -> None:
    """Raise ScoreError where the rows themselves would be lost, or two files have one result."""
    targets = [result_of(asked, kind, path) for path in paths] if kind is None else [Path(asked.target)]
    twice = [target for target in targets if targets.count(target) > 1]
    if twice:
        raise ScoreError(f"{twice[0]}: would be the result of {targets.count(twice[0])} files")
    written = {path for target in targets for path in ((target, aside_file(target)) if asked.aside else (target,))}
    for path in sorted(written):
        if path.exists() and any(path.samefile(source) for source in paths):
            raise ScoreError(f"{path}: would overwrite the rows that it is made from")


def result_of(asked: Asked, kind: str | None, path: Path) -> Path:
    """Where the answers to a file go."""
    if kind is not None:
        return Path(asked.target)
    return Path(asked.target) / (asked.names.get(path) or result_name(path))


def check_names(file: CsvFile | ParquetFile, asked: Asked, parquet: bool, answers: list[str]) -> None:
    """Raise ScoreError where the result would have a column twice, or a key is no column."""
    kept = file.header if asked.keys is None else list(asked.keys)
    for name in kept:
        if name not in file.header:
            raise ScoreError(f"{file.path}: there is no column '{name}', which --keys names")
        if name in answers:
            raise ScoreError(f"{file.path}: the rows have a column '{name}' already: rename it, or say which columns "
                             "are kept: --keys A,B, or --keys '' for none")
        if parquet and kept.count(name) > 1:
            raise ScoreError(f"two columns are called '{name}': a Parquet file cannot have that, a CSV file can")


def check_same(first: CsvFile | ParquetFile, other: CsvFile | ParquetFile, kind: str) -> None:
    """Raise ScoreError where two files cannot go into one."""
    if sorted(first.header) != sorted(other.header):
        differing = sorted({*first.header} ^ {*other.header}) or ["(how often it is there)"]
        raise ScoreError(f"{other.path}: has other columns than {first.path.name}: {', '.join(differing[:5])}; name "
                         "a folder as the output, with / at its end: each file has its own result there")
    if first.header != other.header and len({*first.header}) < len(first.header):
        raise ScoreError(f"{other.path}: has its columns in another order than {first.path.name}, and several of one "
                         "name: which is which cannot be told")
    if kind == "parquet":
        mine, its = ({name: str(file.schema.field(name).type) if isinstance(file, ParquetFile) else "string"
                      for name in first.header} for file in (first, other))
        for name in mine:
            if mine[name] != its[name]:
                raise ScoreError(f"{other.path}: column '{name}' is {its[name]}, and in {first.path.name} "
                                 f"{mine[name]}: they do not go into one Parquet file")
