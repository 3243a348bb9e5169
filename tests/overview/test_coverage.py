"""Coverage is read from what coverage.py wrote, in whichever form; where there is nothing, that is said."""

import json
import os
import subprocess
import sys

import pytest
from tiny import cli, write

from notemill.overview.coverage import FORMATS


@pytest.fixture
def coverage(root, told):
    return lambda: told(root)["coverage"]


def test_without_a_file(root, coverage):
    assert coverage() | {"files": None} == {"measured": False, "words": "Not measured: nox -s test.", "file": None,
                                            "files": None}
    write(root / ".coverage", "x")
    assert "coverage json writes what this page reads" in coverage()["words"]


def test_without_code(root, coverage):
    (root / "package" / "helper.py").unlink()
    assert "There is no code in package/" in coverage()["words"]


def test_json(root, coverage):
    files = {"package/helper.py": {"summary": {"num_statements": 8, "covered_lines": 6}},
             "/somewhere/site-packages/other/x.py": {"summary": {"num_statements": 5, "covered_lines": 0}}}
    write(root / "coverage.json", json.dumps({"files": files}))
    write(root / "package" / "more.py", "Z = 1\n")
    os.utime(root / "package" / "more.py", (1, 1))
    os.utime(root / "package" / "helper.py", (1, 1))
    found = coverage()
    assert (found["share"], found["lines"], found["covered"], found["file"]) == (0.75, 8, 6, "coverage.json")
    assert found["unmeasured"] == ["package/more.py"] and found["older"] == []
    text = (root / "reports" / "project.html").read_text()
    assert "75 %" in text and "6 of n = 8" in text and "Not measured at all: package/more.py" in text


def test_what_changed_since_is_said(root, coverage):
    files = {f"{root}/package/helper.py": {"summary": {"num_statements": 8, "covered_lines": 6}}}
    write(root / "coverage.json", json.dumps({"files": files}))
    os.utime(root / "coverage.json", (1, 1))
    assert coverage()["older"] == ["package/helper.py"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"files": 3}', '{"files": {"package/helper.py": {}}}'])
def test_a_file_that_is_no_measurement_is_none(root, coverage, text):
    for name in FORMATS:
        write(root / name, text)
    assert coverage()["measured"] is False


def test_bombs_are_not_unpacked(root, coverage):
    entities = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 30))
    write(root / "coverage.xml", f'<!DOCTYPE x [<!ENTITY a0 "aaaaaaaaaa">{entities}]><x>&a29;</x>')
    assert coverage()["measured"] is False


@pytest.mark.parametrize("report", ["json", "xml", "html"])
def test_what_coverage_itself_writes(root, coverage, report):
    """The same share by each of its reports."""
    write(root / "package" / "helper.py", "def f():\n    a = 1\n    return a\n\n\nX = 1\n")
    env = {key: value for key, value in os.environ.items() if not key.startswith("COV")}
    words = [["run", "--source=package", "--rcfile=/dev/null", "-m", "helper"], [report, "--rcfile=/dev/null"]]
    for one in words:
        done = subprocess.run([sys.executable, "-m", "coverage", *one], cwd=root, capture_output=True, text=True,
                              env={**env, "PYTHONPATH": "package"})
        assert done.returncode == 0, done.stdout + done.stderr
    assert cli("report", project=root).code == 0
    found = coverage()
    assert (found["covered"], found["lines"]) == (2, 4)
