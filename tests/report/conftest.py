"""Fixtures of the report's tests; their samples are importable whatever pytest's import mode."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def three_steps():
    """prepare -> train -> evaluate, and prepare -> evaluate."""
    from report_samples import SHA, make_record, make_step

    def given(origin):
        return {"from": origin, "sha256": SHA, "bytes": 123456}
    return make_record(
        make_step("prepare", "reused", params={"seed": 7}, outputs={"train": {"file": "train.parquet", "sha256": SHA,
                                                                              "bytes": 1}}, origin_run="r1"),
        make_step("train", needs=["prepare"], params={"max_iter": 400}, metrics={"roc_auc": 0.99},
                  reasons=["parameter max_iter 200 -> 400"], inputs={"data": given("prepare.train")}),
        make_step("evaluate", needs=["train", "prepare"], inputs={"model": given("train.model"),
                                                                  "data": given("prepare.test")}))
