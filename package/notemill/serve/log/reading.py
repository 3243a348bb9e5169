"""The whole log as one dataset: Parquet files, and what is still in journals."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .columns import known
from .folder import MARKS, ROWS, check, data_files, journals
from .journal import bodies

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.dataset as ds

TRIES = 100


@dataclass(frozen=True)
class View:
    """What lies in the folder at one moment."""

    journals: tuple[Path, ...]
    files: tuple[Path, ...]
    merging: str

    @property
    def current(self) -> list[Path]:
        """The Parquet files, each row once: a journal counts before its files, a merged file instead of its parts."""
        import json

        note = json.loads(self.merging) if self.merging else {"from": [], "into": "", "part": "", "day": ""}
        place = (note["part"], f"day={note['day']}")
        doubled = {path.stem for path in self.journals}
        replaced = set(note["from"]) if any(path.stem == note["into"] for path in self.files) else set()
        return [path for path in self.files if path.stem not in doubled
                and not (path.stem in replaced and (path.parents[1].name, path.parent.name) == place)]


def look(folder: Path) -> View:
    """The folder at one moment, though others work in it: twice the same."""
    before = None
    for _ in range(TRIES):
        now = _look(folder)
        if now == before:
            break
        before = now
    return now


def _look(folder: Path) -> View:
    try:
        merging = (folder / ".merge.json").read_text(encoding="utf-8")
    except FileNotFoundError:
        merging = ""
    return View(tuple(journals(folder)), (*data_files(folder / ROWS), *data_files(folder / MARKS)), merging)


def read(folder: Path | str) -> "ds.Dataset":
    """All rows, as a pyarrow Dataset: to_table(), to_batches(), filters; `day` is a column. Raises LogError."""
    from .tables import row_schema

    folder = Path(folder)
    check(folder)
    return _dataset(folder, ROWS, row_schema(known(folder)))


def read_marks(folder: Path | str) -> "ds.Dataset":
    """All labels and "this is wrong" marks, in no order; `day` is that of the row which they speak of."""
    from .tables import MARK

    folder = Path(folder)
    check(folder)
    return _dataset(folder, MARKS, MARK)


def _dataset(folder: Path, part: str, schema: "pa.Schema") -> "ds.Dataset":
    for attempt in range(TRIES):
        try:
            return _once(folder, part, schema)
        except FileNotFoundError:  # turned into another file while we looked
            if attempt == TRIES - 1:
                raise


def _once(folder: Path, part: str, schema: "pa.Schema") -> "ds.Dataset":
    import pyarrow as pa
    import pyarrow.dataset as ds

    view = look(folder)
    whole = schema.append(pa.field("day", pa.string()))
    found = [table for path in view.journals for table in _tables(path, part, whole)]
    files = [str(path) for path in view.current if path.parents[1].name == part]
    hive = ds.partitioning(pa.schema([("day", pa.string())]), flavor="hive")
    stored = ds.dataset(files, schema=whole, format="parquet", partitioning=hive, partition_base_dir=str(folder / part))
    waiting = ds.dataset(found or whole.empty_table(), schema=whole)
    return ds.dataset([stored, waiting]) if files else waiting


def _tables(path: Path, part: str, schema: "pa.Schema") -> Iterator["pa.Table"]:
    """The lines of a journal, a table a day."""
    import json

    import pyarrow as pa

    from .merge import widened
    from .tables import by_day, columns_of, marks_table, rows_table

    with open(path, "rb") as file:
        lines = bodies(file, [])
        header = next(lines, None)
        if header is None:
            return
        columns, kind = columns_of(json.loads(header)), "r" if part == ROWS else "m"
        for (one, day), some in by_day(list(lines)).items():
            if one == kind:
                table = rows_table(some, columns) if kind == "r" else marks_table(some)
                yield widened(table.append_column("day", pa.array([day] * len(table))), schema)


def read_labelled(folder: Path | str) -> "pa.Table":
    """All rows with `label` (the last that was said), and `wrong`: what was said of it, "" where nothing was; missing
    where nobody marked it."""
    rows = read(folder).to_table()  # first: what is marked is there before its mark
    return with_marks(rows, last_marks(read_marks(folder)))


def last_marks(marks: "ds.Dataset") -> dict[str, dict[tuple[str, int], str]]:
    """{"label" or "wrong": {(request, row): the last that was said}}."""
    table = marks.to_table().sort_by("at")
    found: dict[str, dict[tuple[str, int], str]] = {"label": {}, "wrong": {}}
    names = ("what", "request", "row", "value")
    for what, request, row, value in zip(*(table[name].to_pylist() for name in names), strict=True):
        found[what][request, row] = value or ""
    return found


def with_marks(rows: "pa.Table", said: dict[str, dict[tuple[str, int], str]]) -> "pa.Table":
    """`rows` with a column for each kind of mark."""
    import pyarrow as pa

    keys = list(zip(rows["request"].to_pylist(), rows["row"].to_pylist(), strict=True)) if any(said.values()) else []
    for what, values in said.items():
        cells = pa.array(map(values.get, keys), pa.string()) if values else pa.nulls(len(rows), pa.string())
        rows = rows.append_column(what, cells)
    return rows
