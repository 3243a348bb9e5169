"""The dataset is plain Parquet: read here by libraries that know nothing of notemill."""

import pandas as pd
import polars
import pyarrow.dataset as ds
import pytest
from log_samples import DAY, NOON, compact, write_log


@pytest.fixture
def rows(tmp_path):
    for number in range(4):
        write_log(tmp_path / "log", [number], at=NOON - number // 2 * DAY)
    compact(tmp_path / "log")
    return tmp_path / "log" / "rows"


def test_pandas(rows):
    table = pd.read_parquet(rows)
    assert sorted(table["request"]) == ["q-0", "q-1", "q-2", "q-3"]
    assert table.groupby("day", observed=True)["input_age"].sum().to_dict() == {"2026-11-20": 5.0, "2026-11-21": 1.0}
    assert str(table["at"].dtype) == "datetime64[us, UTC]"


def test_polars(rows):
    table = polars.read_parquet(f"{rows}/**/*.parquet", hive_partitioning=True)
    assert table.filter(polars.col("input_age") > 1)["request"].sort().to_list() == ["q-2", "q-3"]


def test_pyarrow_reads_one_day_alone(rows):
    table = ds.dataset(rows, partitioning="hive").to_table(filter=ds.field("day") == "2026-11-20")
    assert sorted(table["request"].to_pylist()) == ["q-2", "q-3"]
