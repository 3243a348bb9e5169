"""Tables that become Parquet files on their way in: data sets of scikit-learn, rows of a query."""

import io
import re
import shutil
import tempfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from notemill.errors import NotemillError, UsageError
from notemill.redact import Redactor
from notemill.sources import kept
from notemill.sources.fetching import Context
from notemill.sources.kinds import BUNDLED, SklearnSource, SqlSource

CHUNK = 50_000      # rows, and a row group in the file: the same rows give the same bytes


def fetch_sklearn(source: SklearnSource, context: Context) -> tuple:
    """The data set as a table with the column `target`; loaded once for each version of scikit-learn."""
    try:
        version = metadata.version("scikit-learn")
    except metadata.PackageNotFoundError:
        raise UsageError(source.where, f"{source} needs scikit-learn", hint="pip install scikit-learn") from None
    place = kept.place(context.memory, "sklearn", source.name, version)
    if known := kept.recall(place, context.store):
        return kept.files(known)
    if context.offline and source.name not in BUNDLED:
        raise kept.offline_error(source.where, source)
    data = parquet_bytes(_load(source))
    return kept.remember(place, f"{source.name}.parquet", context.store.add_bytes(data), len(data), version=version)


def _load(source: SklearnSource):
    from sklearn import datasets
    if source.name in BUNDLED:
        return _frame(getattr(datasets, f"load_{source.name}")(as_frame=True))
    try:
        return _frame(getattr(datasets, f"fetch_{source.name}")(as_frame=True))
    except OSError as error:
        reason = getattr(error, "reason", error)
        raise NotemillError(source.where, f"{source} cannot be fetched: {reason}",
                            hint=f"these need no network: {', '.join(BUNDLED)}") from None


def _frame(bunch):
    """The whole table; a single target is called so, several keep their names."""
    name = getattr(bunch.target, "name", None)
    return bunch.frame.rename(columns={name: "target"}) if name else bunch.frame


def parquet_bytes(frame) -> bytes:
    """The same bytes for the same table: no index, nothing about the library versions that made it."""
    import pyarrow
    from pyarrow import parquet
    table = pyarrow.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    buffer = io.BytesIO()
    parquet.write_table(table, buffer, row_group_size=CHUNK)
    return buffer.getvalue()


def fetch_sql(source: SqlSource, context: Context) -> tuple:
    """The query's rows as they are now, in bounded memory. Without ORDER BY a database may change their order."""
    place = kept.place(context.memory, "sql", source.variable, source.query)
    if context.offline:
        known = kept.recall(place, context.store)
        if not known:
            raise kept.offline_error(source.where, source)
        return kept.files(known)
    url = context.environ.get(source.variable)
    if not url:
        raise UsageError(source.where, f"the environment variable {source.variable} is not set",
                         "a database's address, such as postgresql://user:password@host")  # pragma: allowlist secret
    with tempfile.TemporaryDirectory() as folder:
        path = _query_to_parquet(source, url, Path(folder))
        with context.store.incoming() as target, open(path, "rb") as file:
            shutil.copyfileobj(file, target)
    return kept.remember(place, "query.parquet", target.sha256, target.size)


def _query_to_parquet(source: SqlSource, url: str, folder: Path) -> Path:
    import sqlalchemy
    try:
        engine = _engine(source, url)
        try:
            return _merge_parts(source, _write_parts(source, engine, folder), folder)
        finally:
            engine.dispose()
    except (sqlalchemy.exc.SQLAlchemyError, ImportError) as error:
        raise _sql_error(source, url, error) from None


def _engine(source: SqlSource, url: str):
    import sqlalchemy
    address = sqlalchemy.make_url(url)
    file = address.database
    if address.get_backend_name() == "sqlite" and file and ":memory:" not in file and not file.startswith("file:") \
            and not Path(file).is_file():       # SQLite would make an empty one
        raise UsageError(source.where, f"there is no database file where {source.variable} says")
    return sqlalchemy.create_engine(address)


def _sql_error(source: SqlSource, url: str, error: Exception) -> NotemillError:
    if isinstance(error, ImportError):
        return UsageError(source.where, f"the database's driver '{error.name}' is not installed",
                          hint=f"pip install {error.name}")
    text = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
    if len(url.strip()) >= 4:
        text = Redactor({source.variable: url}).text(text)
    kind = UsageError if type(error).__name__ in ("ArgumentError", "NoSuchModuleError") else NotemillError
    return kind(source.where, f"the query of {source.variable} failed: {text}")


def _write_parts(source: SqlSource, engine, folder: Path) -> list[Path]:
    """The rows in chunks, each with the types that it has by itself. Nothing is committed."""
    from pyarrow import ipc
    parts = []
    with engine.connect() as connection:
        options = {"stream_results": True, "no_parameters": True}      # % and : in the query are just characters
        result = connection.execution_options(**options).exec_driver_sql(source.query)
        names = _names(source, result)
        for number, table in enumerate(_tables(source, names, result)):
            parts.append(folder / f"{number}.arrow")
            with ipc.new_file(parts[-1], table.schema) as writer:
                writer.write_table(table)
    return parts


def _names(source: SqlSource, result) -> list[str]:
    if not result.returns_rows:
        raise UsageError(source.where, "the query gives no rows", "a select")
    names = list(result.keys())
    for name in names:
        if names.count(name) > 1:
            raise UsageError(source.where, f"the query gives two columns named '{name}'", hint="name one by `as`")
    return names


def _tables(source: SqlSource, names: list[str], result) -> Iterator:
    import pyarrow
    empty = True
    for rows in result.partitions(CHUNK):
        empty = False
        columns = [_array(source, name, values) for name, values in zip(names, zip(*rows, strict=True), strict=True)]
        yield pyarrow.table(dict(zip(names, columns, strict=True)))
    if empty:
        yield pyarrow.table({name: pyarrow.nulls(0) for name in names})


def _array(source: SqlSource, name: str, values: tuple):
    """A column of one type; decimals as numbers, and what Arrow does not know as text."""
    import pyarrow
    kinds = {type(value) for value in values if value is not None}
    if "Decimal" in {kind.__name__ for kind in kinds}:
        values = [None if value is None else float(value) for value in values]
    elif len(kinds) == 1 and not kinds & _plain_types():
        values = [None if value is None else str(value) for value in values]
    try:
        return pyarrow.array(values)
    except (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError, OverflowError, ValueError, TypeError):
        raise _mixed(source, name, {kind.__name__ for kind in kinds}) from None


def _plain_types() -> set[type]:
    from datetime import date, datetime, time, timedelta
    return {bool, int, float, str, bytes, datetime, date, time, timedelta, list, dict}


def _mixed(source: SqlSource, name: str, kinds: set[str]) -> UsageError:
    return UsageError(source.where, f"the query's column '{name}' holds values of several types",
                      f"got: {', '.join(sorted(kinds))}", f"cast it in the query: cast({name} as ...)")


def _merge_parts(source: SqlSource, parts: list[Path], folder: Path) -> Path:
    """One Parquet file with types that fit all chunks."""
    import pyarrow
    from pyarrow import ipc, parquet
    try:
        schema = pyarrow.unify_schemas([ipc.open_file(part).schema for part in parts], promote_options="permissive")
    except pyarrow.ArrowTypeError as error:
        name = re.search(r"Field (.*) has incompatible types: (\S+) vs (\S+)", str(error))
        raise _mixed(source, name[1], {name[2], name[3]}) from None
    path = folder / "query.parquet"
    with parquet.ParquetWriter(path, schema) as writer:
        for part in parts:
            writer.write_table(ipc.open_file(part).read_all().cast(schema), row_group_size=CHUNK)
    return path
