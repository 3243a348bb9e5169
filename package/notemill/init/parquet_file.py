"""A Parquet file as a table."""

from pathlib import Path

from notemill.errors import UsageError
from notemill.init.heading import check_names
from notemill.init.quote import comment
from notemill.init.reading import Reading, Table, check_size

SHOWN = 5


def read_parquet(path: Path, reading: Reading) -> Table:
    """A Parquet file's table; without pandas's index: the contract would see its column, the notebook would not."""
    import pyarrow
    from pyarrow import parquet

    try:
        table = parquet.read_table(path)
    except (pyarrow.ArrowException, OSError) as error:
        raise UsageError(str(path), f"cannot be read as Parquet: {str(error)[:200]}") from None
    _check_columns(path, table)
    plain, said = _without_index(table)
    if not said and path.suffix == ".parquet":
        return Table(path, table.to_pandas(), suffix=".parquet")
    check_size(path, reading, said or [f"its name ends in '{path.suffix}'"])
    from notemill.sources.tables import parquet_bytes
    frame = plain.to_pandas()
    return Table(path, frame, parquet_bytes(frame), ".parquet", tuple(said))


def _check_columns(path: Path, table) -> None:
    from pyarrow import types

    names = table.column_names
    check_names(str(path), names)
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UsageError(str(path), f"two columns have the name '{comment(twice[0])}'", hint="rename one of them")
    known = (types.is_integer, types.is_floating, types.is_boolean, types.is_string, types.is_large_string,
             types.is_string_view, types.is_timestamp, types.is_date, types.is_dictionary, types.is_decimal,
             types.is_null)
    strange = [f"{comment(column.name)} ({column.type})" for column in table.schema
               if not any(knows(column.type) for knows in known)]
    if strange:
        raise UsageError(str(path),
                         f"these columns are of types that a model cannot take: {', '.join(strange[:SHOWN])}",
                         "numbers, text, true and false, dates", "leave them out, or turn them into one of these")


def _without_index(table) -> tuple[object, list[str]]:
    pandas_facts = table.schema.pandas_metadata or {}
    named = [name for name in pandas_facts.get("index_columns", []) if isinstance(name, str)]
    said = [f"pandas's index '{comment(name)}' is an ordinary column" for name in named
            if not name.startswith("__index_level_")]
    unnamed = [name for name in table.column_names if name.startswith("__index_level_")]
    said += ["pandas's index is left out"] if unnamed else []
    return table.drop_columns(unnamed).replace_schema_metadata(None), said
