"""Names that a project can have."""

from pathlib import Path

import pytest

from notemill.errors import UsageError
from notemill.init.names import bare, project_name, step_name


@pytest.mark.parametrize("folder, name", [("adult", "adult"), ("Größe (2024)", "Grosse-2024"), ("a.b c", "a-b-c"),
                                          ("bike_hour", "bike_hour")])
def test_the_folder_gives_the_name(folder, name):
    assert project_name(Path("/tmp", folder), None) == name


@pytest.mark.parametrize("name, says", [
    ("1st", "can be no project's name"), ("a b", "can be no project's name"), ("", "can be no project's name"),
    ("日本", "can be no"),
    ("json", "would hide the Python module"), ("Pandas", "would hide"), ("notemill", "would hide"),
    ("filelock", "would hide")])
def test_names_that_cannot_be(name, says):
    with pytest.raises(UsageError, match=says):
        project_name(Path("x"), name)


def test_a_folder_that_can_be_no_name_asks_for_one():
    with pytest.raises(UsageError, match="--name"):
        project_name(Path("/tmp/2024"), None)


@pytest.mark.parametrize("stem, taken, name", [
    ("01-load", (), "load"), ("2. Train the model", (), "train-the-model"), ("load", ("load",), "load-2"),
    ("2024", (), "step-2024"),
    ("日本", (), "step"), ("index", (), "index-page"), ("Größe", (), "grosse"), ("_x", (), "x")])
def test_steps(stem, taken, name):
    assert step_name(stem, taken) == name


def test_bare():
    assert bare("  a/b\\c  ") == "a-b-c"
