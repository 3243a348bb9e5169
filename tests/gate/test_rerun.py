"""`notemill gate --rerun`: every step again, from the same record."""

import json
import shutil

import pytest
from gate_toy import SPLIT, two_notebooks
from tiny import cli, run

from notemill.commands.gate import as_text
from notemill.files import read_json
from notemill.gate.difference import difference
from notemill.text import Style

PREPARE = """
import json
import numpy as np
import pandas as pd
random = np.random.default_rng(0)
table = pd.DataFrame({"a": random.normal(size=300)})
table["answer"] = np.where(table["a"] + 0.7 * random.normal(size=300) > 0, "ja", "no")
facts = {"format": 1, "task": "classification", "split": {"kind": "random", "group": None},
         "target": {"name": "answer", "classes": ["ja", "no"], "positive": "ja"},
         "columns": [{"name": "a", "type": "number", "role": "feature", "from": {}}]}
"""
TRAIN = """
import pandas as pd
import skops.io
from sklearn.linear_model import LogisticRegression
rows = pd.read_parquet(data)
skops.io.dump(LogisticRegression(C=strength).fit(rows[["a"]], rows["answer"].to_numpy(dtype=object)), model)
"""
CHANCE = "import random\nstrength *= 1 + random.SystemRandom().random()\n"


def project_at(root, train=TRAIN):
    return two_notebooks(root, PREPARE + SPLIT, train, name="again", parameters='data = model = ""\nstrength = 1.0',
                         metric="accuracy")


@pytest.fixture(autouse=True)
def judged_in_this_process(here):
    """The steps alone run in processes of their own."""


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """The project after an honest run."""
    root = project_at(tmp_path_factory.mktemp("ran") / "project")
    assert run(root, "-p", "train.strength=0.5").code == 0
    return root


@pytest.fixture
def root(ran, tmp_path):
    """A copy of its own."""
    return shutil.copytree(ran, tmp_path / "project", symlinks=True)


def judged(root, *words):
    result = cli("gate", "--rerun", "--json", *words, project=root)
    assert result.json, result.err
    return result.code, next(check for check in result.json["checks"] if check["check"] == "reproducible")


def test_an_honest_run_gives_the_same_again(root):
    before = sorted(path.relative_to(root) for path in root.rglob("*") if ".notemill/objects" not in str(path))
    code, check = judged(root)
    assert (code, check["outcome"], check["figure"], check["n"]) == (0, "passed", 0, 4)
    after = {path.relative_to(root) for path in root.rglob("*") if ".notemill/objects" not in str(path)} - set(before)
    assert {path.parts[0] for path in after if path.name not in ("verdict.json", "verdict.html")} <= {
        ".notemill-records", ".notemill"}
    assert not [path for path in after if "rerun" in str(path) or "reports" in str(path) or path.name == "run.json"]
    assert "reproducible" not in cli("gate", project=root).out


def test_chance_is_named(tmp_path):
    root = project_at(tmp_path / "project", CHANCE + TRAIN)
    assert run(root).code == 0
    code, check = judged(root)
    assert (code, check["outcome"], check["figure"]) == (3, "refused", 1)
    assert check["hint"].startswith("train.model: ") and "parts of the archive" in check["hint"]
    assert [part["name"] for part in check["details"]["parts"] if part["outcome"] == "refused"] == ["train.model"]
    verdict = read_json(max(root.glob(".notemill/runs/*/verdict.json")))
    told = " ".join(as_text(verdict, Style(colours=False)).split())
    assert "reproducible 1 0 4 refused" in told and "parts of the archive" in told


def test_what_has_changed_since_the_run_is_not_compared(root):
    path = root / "notebooks" / "train.ipynb"
    path.write_text(path.read_text().replace("C=strength", "C=2 * strength"))
    code, check = judged(root)
    assert code == 3
    assert "train: is not what it was in the run: cell 2 changed" in check["hint"]


def test_a_step_that_fails_now_is_told(tmp_path):
    broken = "import pathlib\nif pathlib.Path('../../../once').exists(): raise ValueError('only once')\n"
    root = project_at(tmp_path / "project", broken.replace("../../../once", str(tmp_path / "once")) + TRAIN)
    assert run(root).code == 0
    (tmp_path / "once").touch()
    code, check = judged(root)
    assert code == 3 and "train: fails when it is run again: ValueError: only once" in check["hint"]


@pytest.mark.parametrize(("file", "before", "now", "words"), [
    ("a.json", {"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}], "c": 1}, "a[1].b: 2, then 3; c: null, then 1"),
    ("a.csv", "x,y\n1,2\n3,\n", "x,y\n1,2\n4,\n", "column 'x' in 1 of 2 rows, first in row 2: 3, then 4"),
    ("a.csv", "x,y\n1,2\n", "x,z\n1,2\n3,4\n", "columns x, y, then x, z; 1 rows, then 2"),
    ("a.json", b"{", b"{}", "cannot be read as .json: JSONDecodeError"),
    ("a.json", '{"a": 1}', '{"a":1}', "8 bytes, then 7; the first that differs is number 6"),
    ("a.bin", b"abc", b"abd", "3 bytes, then 3; the first that differs is number 3"),
    ("a.bin", b"abc", b"ab", "3 bytes, then 2; the first that differs is number 3")])
def test_differences_in_words(tmp_path, file, before, now, words):
    for name, content in (("before", before), ("now", now)):
        content = json.dumps(content) if isinstance(content, dict) else content
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    assert difference(file, tmp_path / "before", tmp_path / "now") == words
