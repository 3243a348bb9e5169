"""What is written down of a notebook's imports, and that the file may be lost or damaged."""

import json
import os
import sys

import pytest
from tiny import write

from notemill.execute.warm import learnt


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "notemill" / "warm"


def test_what_is_known_to_be_good_comes_first_and_then_what_was_learnt():
    imports = ("os", "numpy", "features", "pandas.io.sql")
    assert learnt.to_import(imports) == ["numpy", "pandas.io.sql"]
    learnt.learn(imports, ["sqlalchemy.orm", "json.tool", "features", "numpy.fft", "__main__"])
    assert learnt.to_import(imports) == ["numpy", "pandas.io.sql", "sqlalchemy.orm", "numpy.fft"]
    assert learnt.to_import(("os", "numpy")) == ["numpy"]


def test_beside_a_secret_only_what_is_known_not_to_read_it():
    learnt.learn(["numpy"], ["sqlalchemy.orm", "mlflow.store.tracking.sqlalchemy_store"])
    assert learnt.to_import(["numpy"], private=True) == ["numpy", "mlflow.store.tracking.sqlalchemy_store"]


def test_a_module_that_the_project_has_too_is_neither_learnt_nor_imported(tmp_path):
    write(tmp_path / "project" / "sqlalchemy.py", "")
    write(tmp_path / "project" / "numpy" / "__init__.py", "")
    beside = [tmp_path / "project", tmp_path / "missing"]
    learnt.learn(["numpy"], ["sqlalchemy.orm", "click.core"], beside)
    assert learnt.to_import(["numpy"]) == ["numpy", "click.core"]
    assert learnt.to_import(["numpy"], beside=beside) == ["click.core"]


def test_what_starts_threads_is_left_out_with_all_that_belongs_to_it():
    learnt.learn(["mlflow"], ["sqlalchemy.orm", "mlflow.genai.judges", "mlflow.models"])
    learnt.forbid("mlflow.genai.scorers.base")
    learnt.forbid("sqlalchemy.event")
    assert learnt.to_import(["mlflow"]) == ["mlflow", "mlflow.models"]


def test_an_upgrade_may_have_put_right_what_was_wrong(monkeypatch, tmp_path):
    learnt.learn(["mlflow"], ["sqlalchemy.orm"])
    learnt.forbid("sqlalchemy.orm")
    learnt.avoid(["numpy"])
    assert (learnt.to_import(["mlflow"]), learnt.to_import(["numpy"])) == (["mlflow"], [])
    write(tmp_path / "site" / "thing-1.dist-info" / "METADATA", "")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path / "site")])
    assert (learnt.to_import(["mlflow"]), learnt.to_import(["numpy"])) == (["mlflow", "sqlalchemy.orm"], ["numpy"])


def test_what_ended_a_process_is_tried_again_the_next_day(monkeypatch):
    learnt.avoid(["numpy"])
    assert learnt.to_import(["numpy"]) == []
    monkeypatch.setattr(learnt, "AVOIDED", 0)
    assert learnt.to_import(["numpy"]) == ["numpy"]


def test_each_interpreter_has_its_own_file(monkeypatch):
    learnt.learn(["numpy"], ["sqlalchemy.orm"])
    monkeypatch.setattr(sys, "executable", "/elsewhere/python")
    assert learnt.to_import(["numpy"]) == ["numpy"]


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"format": 2}', '{"format": 1, "learnt": {}, "never": []}',
                                  '{"format": 2, "learnt": [[1, 2]], "never": [], "avoid": {}}',
                                  '{"format": 2, "learnt": [], "never": [1], "avoid": {}}',
                                  '{"format": 2, "learnt": [], "never": [], "avoid": {"x": "y"}}', "\x00" * 100])
def test_a_damaged_file_is_no_file(text):
    write(learnt.place(), text)
    assert learnt.to_import(["numpy"]) == ["numpy"]
    learnt.learn(["numpy"], ["sqlalchemy.orm"])
    assert learnt.to_import(["numpy"]) == ["numpy", "sqlalchemy.orm"]


def test_a_huge_file_is_not_read(monkeypatch):
    learnt.learn(["numpy"], ["sqlalchemy.orm"])
    monkeypatch.setattr(learnt, "MOST_BYTES", 100)
    assert learnt.to_import(["numpy"]) == ["numpy"]


def test_a_file_that_may_not_be_written_does_not_matter(cache):
    cache.parent.mkdir(parents=True)
    cache.symlink_to("/proc/self")  # not even root can write there
    learnt.learn(["numpy"], ["sqlalchemy.orm"])
    assert learnt.to_import(["numpy"]) == ["numpy"]


def test_the_cache_is_the_users_alone(cache):
    mask = os.umask(0o002)
    try:
        learnt.learn(["numpy"], ["sqlalchemy.orm"])
    finally:
        os.umask(mask)
    assert cache.parent.stat().st_mode & 0o777 == 0o700


def test_files_of_data_hide_no_library(tmp_path):
    write(tmp_path / "project" / "numpy.csv", "")
    write(tmp_path / "project" / "package" / "pandas" / "data.csv", "")  # no package: a library's comes first
    write(tmp_path / "project" / "package" / "scipy.py", "")
    beside = learnt.beside(tmp_path / "project", tmp_path / "project")
    assert learnt.to_import(["numpy", "pandas", "scipy"], beside=beside) == ["numpy", "pandas"]


def test_the_list_is_bounded(monkeypatch):
    monkeypatch.setattr(learnt, "_is_installed", lambda top: True)
    monkeypatch.setattr(learnt, "MOST_NAMES", 50)
    monkeypatch.setattr(learnt, "MOST_OF_ALL", 120)
    for number in range(4):
        learnt.learn([f"m{number}"], [f"x{number}_{n}" for n in range(80)] + ["y" * 1000])
    assert [len(learnt.to_import([f"m{number}"])) for number in range(4)] == [0, 0, 50, 50]
    assert os.path.getsize(learnt.place()) < 10_000


def test_files_of_many_interpreters_do_not_pile_up(cache, monkeypatch):
    monkeypatch.setattr(learnt, "MOST_FILES", 3)
    for number in range(6):
        monkeypatch.setattr(sys, "executable", f"/venv{number}/python")
        learnt.learn(["numpy"], ["sqlalchemy.orm"])
    assert len(list(cache.glob("*.json"))) == 3 and learnt.to_import(["numpy"]) == ["numpy", "sqlalchemy.orm"]


def test_nothing_new_writes_nothing():
    learnt.learn(["numpy"], ["sqlalchemy.orm"])
    before = learnt.place().stat().st_ino
    learnt.learn(["numpy"], ["sqlalchemy.orm"])
    assert learnt.place().stat().st_ino == before and json.loads(learnt.place().read_text())["format"] == learnt.FORMAT
