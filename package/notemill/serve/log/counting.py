"""What a log holds: counts by day and version, and all rows with their marks as one file."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from .reading import last_marks, read, read_marks, with_marks

if TYPE_CHECKING:
    import pyarrow as pa

COUNTED = ["version", "content", "request", "row", "warnings"]


def count(folder: Path, since: str) -> list[dict]:
    """One entry for each day (from `since` on), version and content, oldest day first. Raises LogError."""
    import pyarrow.compute as pc

    rows = read(folder)
    said = last_marks(read_marks(folder))
    days = pc.unique(rows.to_table(columns=["day"])["day"]).to_pylist()
    return [entry for day in sorted(days) if day >= since
            for entry in of_day(day, rows.to_table(columns=COUNTED, filter=pc.field("day") == day), said)]


def of_day(day: str, rows: "pa.Table", said: dict) -> Iterator[dict]:
    """Its versions, in the order of their names."""
    import pyarrow as pa
    import pyarrow.compute as pc

    warned = pc.greater(pc.fill_null(pc.list_value_length(rows["warnings"]), 0), 0)
    marked = {what: pa.array(held(rows, keys)) for what, keys in said.items()}
    table = pa.table({"version": rows["version"], "content": rows["content"], "request": rows["request"],
                      "warned": warned, **marked})
    found = table.group_by(["version", "content"]).aggregate([
        ([], "count_all"), ("request", "count_distinct"), ("warned", "sum"), ("label", "sum"), ("wrong", "sum")])
    for one in found.sort_by([("version", "ascending"), ("content", "ascending")]).to_pylist():
        yield {"day": day, "version": one["version"], "content": one["content"], "rows": one["count_all"],
               "requests": one["request_count_distinct"], "warned": one["warned_sum"] or 0,
               "labels": one["label_sum"] or 0, "wrong": one["wrong_sum"] or 0}


def held(rows: "pa.Table", keys: dict) -> list[bool]:
    """Which rows are among `keys`."""
    if not keys:
        return [False] * len(rows)
    return [key in keys for key in zip(rows["request"].to_pylist(), rows["row"].to_pylist(), strict=True)]


def export(folder: Path, since: str, target: Path) -> int:
    """Write all rows from the day `since` on, with `label` and `wrong`, as one Parquet file: how many."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from .parquet import Part

    rows = read(folder)
    said = last_marks(read_marks(folder))
    done = 0
    with Part(target, with_marks(rows.schema.empty_table(), said).schema) as part:
        for batch in rows.to_batches(filter=pc.field("day") >= since):
            part.write(with_marks(pa.Table.from_batches([batch]), said))
            done += len(batch)
        part.appear()
    return done
