"""Prediction logs in temporary folders; killing.py is importable here."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def open_log(tmp_path, monkeypatch):
    """(schema, folder="log", **options) -> a log; all are closed at the end, without a last compaction."""
    from log_samples import SCHEMA

    from notemill.serve.log import Log

    monkeypatch.setattr("notemill.serve.log.keeper.PAUSE", 0)
    opened = []

    def get(schema=SCHEMA, folder="log", **options):
        opened.append(Log.open(tmp_path / folder, schema, **options))
        return opened[-1]

    yield get
    for log in opened:
        log.close(wait=0)
