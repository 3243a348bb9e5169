"""The table that a project is about: read as its prepare notebook will read it, made plain first where it is odd."""

import tempfile
from pathlib import Path

from notemill.errors import UsageError, did_you_mean
from notemill.init import written
from notemill.init.csv_file import read_csv
from notemill.init.parquet_file import read_parquet
from notemill.init.quote import comment
from notemill.init.reading import Reading, Table


def read_table(data: str, target: str, reading: Reading) -> Table:
    """The table at `data`: a file, or sklearn:NAME. Raises UsageError for what cannot be read as one."""
    if data.startswith("sklearn:"):
        _refuse_words(data, reading)
        return _sample(data)
    if "://" in data:
        raise UsageError("--data", f"'{comment(data)}' is an address", "a file, or sklearn:NAME",
                         "fetch the file first; its address can go into pipeline.yaml afterwards")
    path = Path(data)
    _check_file(path)
    if written.is_parquet(path):
        _refuse_words(data, reading)
        table = read_parquet(path, reading)
    else:
        table = read_csv(path, target, reading)
    if not len(table.frame):
        raise UsageError(data, "has a heading and no rows", "a table with rows")
    return table


def _refuse_words(data: str, reading: Reading) -> None:
    """Words about CSV files for a table that is none."""
    given = [f"--{name.replace('_', '-')}" for name in ("header", "no_header", "separator", "encoding")
             if getattr(reading, name)]
    if given:
        raise UsageError(given[0], f"is for CSV files, and {data} is none", hint="leave it out")


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise UsageError(str(path), "is a folder", "a file, or sklearn:NAME")
    if not path.is_file():
        there = sorted(p.name for p in path.parent.iterdir() if p.is_file()) if path.parent.is_dir() else []
        raise UsageError(str(path), "there is no such file", hint=did_you_mean(path.name, there))
    if not path.stat().st_size:
        raise UsageError(str(path), "is empty", "a table with a heading and rows")


def _sample(data: str) -> Table:
    """A data set of scikit-learn, as a step gets it."""
    import pandas

    from notemill.sources import fetch, parse
    from notemill.store import Store

    source = parse(data, "--data")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        store = Store(place / "store")
        fetched = fetch(source, store, project=place, environ={}, offline=False, memory=place / "memory")
        return Table(data, pandas.read_parquet(store.path(fetched.files[0][1])), suffix=".parquet")
