import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from notemill import lineage
from notemill.errors import NotemillError, UsageError
from notemill.lineage import template
from notemill.lineage.client import mlflow_client

# Slow where it matters, so that two that are at it at once would undo each other's work.
ONE_OF_FOUR = """
import sqlite3, sys, time
from notemill.lineage import template
copy, uri = template.copy_template, sys.argv[1]
template.copy_template = lambda *places: (time.sleep(0.5), copy(*places))
template.ensure_embedded(uri)
with sqlite3.connect(uri.removeprefix("sqlite:///"), timeout=30) as database:
    database.execute("insert into experiments (name, workspace) values (?, 'default')", (sys.argv[2],))
database.close()
"""


def test_four_processes_make_one_database_at_once(tmp_path):
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    env = os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    four = [subprocess.Popen([sys.executable, "-c", ONE_OF_FOUR, uri, str(n)], env=env, stderr=subprocess.PIPE,
                             text=True) for n in range(4)]
    assert [(one.communicate()[1], one.returncode) for one in four] == [("", 0)] * 4
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as database:
        rows = dict(database.execute("select name, artifact_location from experiments"))
    assert rows == {"Default": f"{tmp_path}/mlartifacts/0", "0": None, "1": None, "2": None, "3": None}
    assert [path.suffix for path in (tmp_path / "cache" / "notemill").glob("*[!k]")] == [".db"]
    with mlflow_client(uri) as client:
        assert client.create_run("0").info.run_id


def test_a_database_that_is_there_is_left_alone(tmp_path):
    uri, path = f"sqlite:///{tmp_path}/mlflow.db", tmp_path / "mlflow.db"
    path.touch()        # as a process leaves it that was killed at the very first moment
    lineage.ensure_embedded(uri)
    before = path.read_bytes()
    lineage.ensure_embedded(uri)
    assert path.read_bytes() == before and len(before) > 100_000
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    lineage.ensure_embedded("http://somewhere")     # not ours to make


@pytest.mark.parametrize("change", ["update alembic_version set version_num = 'older'", "delete from alembic_version"])
def test_a_database_of_another_mlflow_is_refused_with_the_remedy(tmp_path, change):
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    lineage.ensure_embedded(uri)
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as database, database:
        database.execute(change)
    with pytest.raises(UsageError, match="mlflow db upgrade"):
        lineage.ensure_embedded(uri)


def test_a_file_that_is_no_database_is_refused(tmp_path):
    (tmp_path / "mlflow.db").write_text("not a database, but long enough to look like one " * 100)
    with pytest.raises(UsageError, match="schema None"):
        lineage.ensure_embedded(f"sqlite:///{tmp_path}/mlflow.db")


def test_a_migration_that_fails_says_why_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(template, "MIGRATE", "raise SystemExit('no alembic here')")
    with pytest.raises(NotemillError, match="no alembic here"):
        template.template_file({"XDG_CACHE_HOME": str(tmp_path)})
    assert [path.name for path in Path(tmp_path / "notemill").iterdir() if path.suffix != ".lock"] == []
