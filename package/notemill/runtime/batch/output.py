"""Where answers go: files that appear whole, put together from the parts of all sections."""

import csv
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from .tables import ScoreError

WRITES = (".csv", ".parquet")


def kind_of(target: str) -> str | None:
    """csv or parquet; None for a folder. Raises ScoreError where nothing can be written."""
    path = Path(target)
    if path.suffix.lower() not in WRITES:
        if target.endswith(("/", os.sep)) or path.is_dir():
            return None
        raise ScoreError(f"{target}: the name must end in {' or '.join(WRITES)}, or be that of a folder, with / at its "
                         "end")
    if not path.absolute().parent.is_dir():
        raise ScoreError(f"{path.parent}: there is no such folder")
    if path.is_dir():
        raise ScoreError(f"{target}: is a folder")
    return path.suffix.lower()[1:]


def kind_in_folder(path: Path) -> str:
    """What becomes of an input that has a result of its own."""
    return "parquet" if path.suffix.lower() == ".parquet" else "csv"


def result_name(path: Path) -> str:
    """In a folder of results: rows.csv.gz -> rows.csv."""
    stem = path.name.lower().partition(".csv")[0].partition(".tsv")[0].partition(".parquet")[0]
    return f"{path.name[:len(stem)]}.{kind_in_folder(path)}"


def aside_file(target: Path) -> Path:
    """Where the bad rows go."""
    return target.with_name(f"{target.stem}.aside.csv")


def put_together(made: Path, parts: Iterable[Path], kind: str, heading: list[str], separator: str) -> None:
    """One file from all parts, in order; it is on the disk when this returns."""
    if kind == "parquet":
        _parquet(made, parts)
    else:
        _text(made, parts, heading, separator)
    with open(made, "rb") as file:
        os.fsync(file.fileno())


def _text(made: Path, parts: Iterable[Path], heading: list[str], separator: str) -> None:
    with open(made, "w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=separator, lineterminator="\n").writerow(heading)
    with open(made, "ab") as file:
        for part in parts:
            with open(part, "rb") as rows:
                shutil.copyfileobj(rows, file, 1 << 20)


def _parquet(made: Path, parts: Iterable[Path]) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    pa.set_cpu_count(1)
    file = None
    try:
        for part in parts:
            with pa.memory_map(str(part)) as source:
                table = pa.ipc.open_file(source).read_all()
                if file is None:
                    repeated = [field.name for field in table.schema if not pa.types.is_floating(field.type)]
                    file = parquet.ParquetWriter(made, table.schema, use_dictionary=repeated)
                file.write_table(table)
    finally:
        if file:
            file.close()
