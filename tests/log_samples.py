"""A small model's schema, records of its answers, and what a log says of them."""

import datetime
from pathlib import Path

SCHEMA = {"task": "classification", "target": {"name": "income", "classes": ["<=50K", ">50K"]}, "columns": [
    {"name": "age", "type": "integer", "role": "feature"}, {"name": "job", "type": "category", "role": "feature"},
    {"name": "since", "type": "datetime", "role": "time"}, {"name": "member", "type": "boolean", "role": "feature"},
    {"name": "id", "type": "text", "role": "dropped"}]}
NOON = datetime.datetime(2026, 11, 21, 12, tzinfo=datetime.UTC).timestamp()
TOMORROW = datetime.date(2026, 11, 22)
DAY = 86_400


def record(number, *, row=0, at=NOON, **changes):
    """The record of one answered row: request q-NUMBER."""
    inputs = {"age": number, "job": "clerk", "since": "2024-05-06", "member": True, "id": f"secret-{number}"}
    return {"request": f"q-{number}", "row": row, "at": at, "version": "3", "content": "c0de", "inputs": inputs,
            "prediction": ">50K", "probabilities": [0.25, 0.75], "ms": 0.5, "warnings": []} | changes


def fill(log, numbers, **changes):
    for number in numbers:
        log.append([record(number, **changes)])


def requests(folder, part=None):
    """The ids of all rows, in order: by read(), or of the Parquet files alone."""
    import pyarrow.dataset as ds

    from notemill.serve.log import read

    found = read(folder) if part is None else ds.dataset(folder / part, partitioning="hive")
    return sorted(found.to_table(columns=["request"])["request"].to_pylist(), key=lambda one: int(one[2:]))


def ids(numbers):
    return [f"q-{number}" for number in numbers]


def all_bytes(folder):
    """Everything that lies in the folder."""
    return b"".join(path.read_bytes() for path in sorted(Path(folder).rglob("*")) if path.is_file())


def compact(folder, *, days=36_500, today=TOMORROW):
    """A compaction within this process: what it did."""
    from notemill.serve.log.compact import compact as run

    return run(folder, days, today)


def write_log(folder, numbers, schema=SCHEMA, **changes):
    """A closed journal with these rows, and no background thread."""
    from dataclasses import asdict

    from notemill.serve.log import columns, folder as places, private, records
    from notemill.serve.log.journal import Journal

    places.make(folder)
    hidden = private.ways(schema, None)
    found = columns.named(folder, columns.wanted(schema, hidden, schema["target"].get("classes") or []))
    journal = Journal(folder, {"format": 1, "columns": [asdict(one) for one in found]})
    line = records.row_maker([one.name for one in found if one.of == "input"], hidden, private.salt(folder))
    for number in numbers:
        journal.append(line(record(number, **changes)), 1)
    journal.close()
    return journal.path
