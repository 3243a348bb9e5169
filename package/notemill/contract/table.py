"""Read a table's columns as they stand in its files, and turn them into values of the declared types."""

import bz2
import csv
import gzip
import lzma
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import csv as arrow_csv
from pyarrow import parquet

from notemill.contract.reading import Column
from notemill.errors import NotemillError, UsageError

# what pandas.read_csv takes for a missing value: the notebook will see the same
MISSING = ("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A",
           "NA", "NULL", "NaN", "None", "n/a", "nan", "null")
BOOLEANS = {"true": True, "yes": True, "1": True, "1.0": True, "false": False, "no": False, "0": False, "0.0": False}
OPENERS = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}


@dataclass(frozen=True)
class File:
    """One file's columns; `numbers` are the rows' own, `bad_rows` those that do not have as many fields as the head."""

    name: str
    path: Path
    columns: tuple[str, ...]
    data: pa.Table
    is_text: bool
    numbers: np.ndarray
    bad_rows: tuple[int, ...] = ()


@dataclass(frozen=True)
class Values:
    """A column over all files: values (missing where they do not fit the type); which do not fit; which are missing."""

    values: pd.Series
    misfits: np.ndarray
    missing: np.ndarray
    present: np.ndarray = field(repr=False)     # False for the rows of files that have no such column


def read_file(name: str, path: Path, wanted: Iterable[str]) -> File:
    """The wanted columns of a Parquet or CSV file. Raises UsageError for other kinds, NotemillError for damage."""
    with open(path, "rb") as file:
        is_parquet = file.read(4) == b"PAR1"
    suffixes = {suffix.lower() for suffix in Path(name).suffixes}
    try:
        if is_parquet:
            return _read_parquet(name, path, wanted)
        if suffixes & {".csv", ".tsv"}:
            return _read_csv(name, path, wanted, "\t" if ".tsv" in suffixes else ",")
    except (pa.ArrowException, UnicodeDecodeError, EOFError, csv.Error, OSError, lzma.LZMAError) as error:
        raise NotemillError(name, f"cannot be read as a table: {str(error)[:200]}") from None
    raise UsageError(name, "is no table that a contract can judge", "Parquet, .csv or .tsv (also .gz, .bz2, .xz)")


def _read_parquet(name: str, path: Path, wanted: Iterable[str]) -> File:
    with parquet.ParquetFile(path) as file:
        names = tuple(file.schema_arrow.names)
        chosen = [column for column in wanted if names.count(column) == 1]
        data = file.read(columns=chosen)
        return File(name, path, names, data, False, np.arange(1, file.metadata.num_rows + 1))


def _read_csv(name: str, path: Path, wanted: Iterable[str], delimiter: str) -> File:
    with open_text(name, path) as text:
        names = tuple(next(csv.reader(text, delimiter=delimiter), []))
    chosen = [column for column in wanted if names.count(column) == 1] or list(names[:1])
    bad: list[int] = []

    def skip(row) -> str:
        bad.append(row.number - 1)      # the head is row 1 there
        return "skip"

    read = arrow_csv.ReadOptions(use_threads=False)
    parse = arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True, invalid_row_handler=skip)
    convert = arrow_csv.ConvertOptions(column_types=dict.fromkeys(chosen, pa.string()), include_columns=chosen,
                                       strings_can_be_null=False)
    if not names:
        return File(name, path, (), pa.table({}), True, np.arange(0))
    with open_binary(name, path) as binary:
        data = arrow_csv.read_csv(binary, read, parse, convert)
    numbers = np.setdiff1d(np.arange(1, data.num_rows + len(bad) + 1), bad)
    return File(name, path, names, data, True, numbers, tuple(bad))


def open_binary(name: str, path: Path):
    return OPENERS.get(Path(name).suffix.lower(), open)(path, "rb")


def open_text(name: str, path: Path):
    return OPENERS.get(Path(name).suffix.lower(), open)(path, "rt", encoding="utf-8-sig", newline="")


def line_numbers(file: File, rows: Iterable[int]) -> dict[int, int]:
    """The line on which each of these rows begins: values may hold line breaks, and empty lines are no rows."""
    left, lines, row, last = set(rows), {}, 0, 0
    if not file.is_text or not left:
        return {}
    with open_text(file.name, file.path) as text:
        reader = csv.reader(text, delimiter="\t" if ".tsv" in file.name.lower() else ",")
        for fields in reader:
            if fields:
                if row in left:
                    lines[row] = last + 1
                    left.remove(row)
                row += 1
            last = reader.line_num
            if not left:
                break
    return lines


def column_values(column: Column, files: Sequence[File]) -> Values:
    """The column's values over all files, one after the other."""
    parts = [_part(column, file) for file in files]
    series = [part.values for part in parts if len(part.values) and part.present.any()] or [parts[0].values]
    if len(series) < len(parts) or len(series) > 1:
        joined = pd.concat([part.values.astype("object") for part in parts], ignore_index=True).infer_objects()
        series = [joined.astype(series[0].dtype) if _one_dtype(series) else _numbers(joined)]
    return Values(series[0], *(np.concatenate([getattr(part, name) for part in parts])
                               for name in ("misfits", "missing", "present")))


def _one_dtype(series: list[pd.Series]) -> bool:
    return all(one.dtype == series[0].dtype for one in series)


def _numbers(joined: pd.Series) -> pd.Series:
    """Whole numbers in one file and fractions in another."""
    kinds = {type(value) for value in joined.dropna().head(1000)}
    return joined.astype("Float64") if kinds and all(issubclass(kind, int | float) for kind in kinds) else joined


def _part(column: Column, file: File) -> Values:
    size = len(file.numbers)
    if column.name not in file.data.column_names:
        empty = pd.Series([None] * size, dtype="object")
        return Values(empty, np.zeros(size, bool), np.zeros(size, bool), np.zeros(size, bool))
    array = file.data.column(column.name)
    if pa.types.is_dictionary(array.type):
        array = array.cast(array.type.value_type)
    if file.is_text:
        values, missing = _from_text(column, array.to_pandas())
    else:
        values, missing = _from_typed(column, array)
    misfits = values.isna().to_numpy() & ~missing
    return Values(values, misfits, missing, np.ones(size, bool))


def _from_text(column: Column, text: pd.Series) -> tuple[pd.Series, np.ndarray]:
    """Values of a CSV column: a word for `missing` that is a declared category is none."""
    words = [word for word in MISSING if word not in {str(value) for value in column.categories}]
    missing = text.isin(words).to_numpy(bool) | text.isna().to_numpy(bool)
    return PARSERS[column.type](text.mask(missing)), missing


def _parse_number(text: pd.Series) -> pd.Series:
    return pd.to_numeric(text, errors="coerce", dtype_backend="numpy_nullable")


def _parse_integer(text: pd.Series) -> pd.Series:
    return _whole(_parse_number(text))


def _whole(numbers: pd.Series) -> pd.Series:
    """Missing where a number is not whole."""
    if pd.api.types.is_float_dtype(numbers.dtype):
        fits = np.isfinite(numbers.to_numpy(float, na_value=np.nan))
        fits &= np.mod(np.where(fits, numbers.to_numpy(float, na_value=0), 0.5), 1) == 0
        return numbers.where(fits)
    return numbers


def _parse_boolean(text: pd.Series) -> pd.Series:
    return text.str.strip().str.lower().map(BOOLEANS).astype("boolean")


def _parse_datetime(text: pd.Series) -> pd.Series:
    return pd.to_datetime(text, format="ISO8601", errors="coerce", utc=True)


PARSERS = {"integer": _parse_integer, "number": _parse_number, "boolean": _parse_boolean,
           "datetime": _parse_datetime, "category": lambda text: text, "text": lambda text: text}


def _from_typed(column: Column, array: pa.ChunkedArray) -> tuple[pd.Series, np.ndarray]:
    """Values of a Parquet column, whose own type must fit."""
    missing = array.is_null(nan_is_null=pa.types.is_floating(array.type)).to_numpy()
    for matches, convert in TYPED[column.type]:
        if matches(array.type):
            return convert(array), missing
    return pd.Series([None] * len(array), dtype="object"), missing


def _nullable(array: pa.ChunkedArray) -> pd.Series:
    """Whole numbers stay whole, beyond 2 ** 53 too."""
    if pa.types.is_floating(array.type) or pa.types.is_decimal(array.type):
        array = array.cast(pa.float64())
    mapper = {pa.bool_(): pd.BooleanDtype(), pa.float64(): pd.Float64Dtype(), pa.uint64(): pd.UInt64Dtype()}
    if pa.types.is_integer(array.type) and array.type != pa.uint64():
        array = array.cast(pa.int64())
    mapper[pa.int64()] = pd.Int64Dtype()
    series = array.to_pandas(types_mapper=mapper.get)
    return series.mask(np.isnan(series.to_numpy(float, na_value=0))) if str(series.dtype) == "Float64" else series


def _zero_one(array: pa.ChunkedArray) -> pd.Series:
    numbers = _nullable(array)
    return numbers.where(numbers.isin([0, 1])).astype("boolean")


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or kind == pa.string_view()


def _is_moment(kind: pa.DataType) -> bool:
    return pa.types.is_timestamp(kind) or pa.types.is_date(kind)


def _moments(array: pa.ChunkedArray) -> pd.Series:
    if pa.types.is_date(array.type):
        array = array.cast(pa.timestamp("us"))
    return pd.to_datetime(array.to_pandas(), utc=True)


NUMBERS = (_is_number, _nullable)
TEXTS = (_is_text, lambda array: array.to_pandas())
TRUTHS = (pa.types.is_boolean, _nullable)
TYPED = {"integer": ((_is_number, lambda array: _whole(_nullable(array))), (pa.types.is_null, lambda a: a.to_pandas())),
         "number": (NUMBERS,), "boolean": (TRUTHS, (_is_number, _zero_one)), "category": (TEXTS, TRUTHS, NUMBERS),
         "text": (TEXTS,), "datetime": ((_is_moment, _moments), (_is_text, lambda a: _parse_datetime(a.to_pandas())))}
