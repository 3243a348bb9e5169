"""One registered version as a wheel: the same bytes everywhere, usable where neither notemill nor mlflow is."""

import base64
import csv
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import types
import zipfile
from dataclasses import replace
from datetime import datetime
from email.parser import BytesParser
from pathlib import Path

import numpy as np
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import notemill
from notemill import wheel
from notemill.files import sha256_file
from notemill.release import build

HOME = Path(notemill.__file__).parents[1]


def run(folder, *words, **environ):
    """Python in a process of its own, with `folder` on its path."""
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, cwd=folder,
                          env={**os.environ, "PYTHONPATH": str(folder), "PYTHONWARNINGS": "error", **environ})
    assert done.returncode == 0, done.stderr
    return done.stdout


# the archive
def test_the_record_agrees_and_the_archive_is_in_order(version, records, tmp_path):
    path = build(version(), records, tmp_path / "dist")
    assert path.name == "mixed_model-3+g6e976e976e97-py3-none-any.whl"
    assert [one.name for one in path.parent.iterdir()] == [path.name]
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        info = "mixed_model-3+g6e976e976e97.dist-info"
        listed = {row[0]: row[1:] for row in csv.reader(archive.read(f"{info}/RECORD").decode().splitlines())}
        assert sorted(listed) == sorted(names)
        assert names[-3:] == [f"{info}/METADATA", f"{info}/RECORD", f"{info}/WHEEL"]
        for name in set(names) - {f"{info}/RECORD"}:
            data = archive.read(name)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
            assert listed[name] == [f"sha256={digest}", str(len(data))]
        assert {one.date_time for one in archive.infolist()} == {(2026, 11, 20, 10, 0, 0)}
        told = BytesParser().parsebytes(archive.read(f"{info}/METADATA"))
    assert told["Name"] == "mixed-model" and told["Version"] == "3+g6e976e976e97"
    assert told["Requires-Python"] == ">=3.11"
    needed = told.get_all("Requires-Dist")
    assert f"scikit-learn=={version()['trained_with']['scikit-learn']}" in needed
    assert [one.partition(">")[0] for one in needed if "==" not in one] == ["numpy", "pandas", "pyarrow", "skops"]
    assert "notemill" not in str(needed) and "mlflow" not in str(needed)


BUILD = """
import json, os, sys
from pathlib import Path
from notemill.registry import Records
from notemill.release import build
os.umask(int(sys.argv[4], 8))
build(json.loads(Path(sys.argv[1]).read_text()), Records(Path(sys.argv[2])), Path(sys.argv[3]))
"""


def test_another_machine_makes_the_same_bytes(version, records, tmp_path):
    manifest = version(code={"mixed/train.py": "import mixed.more\n", "mixed/more.py": "", "mixed/__init__.py": ""})
    (tmp_path / "m.json").write_text(json.dumps(manifest))
    paths = [build(manifest, records, tmp_path / "here")]
    for number, (umask, zone, language) in enumerate([("077", "Asia/Tokyo", "C"), ("000", "UTC", "C.UTF-8")]):
        home = tmp_path / f"home{number}"
        home.mkdir()
        elsewhere = shutil.copytree(records.root, home / "records")
        run(home, "-c", BUILD, str(tmp_path / "m.json"), str(elsewhere), str(home / "dist"), umask, HOME=str(home),
            TZ=zone, LC_ALL=language, PYTHONHASHSEED=str(number), PYTHONPATH=str(HOME))
        paths += (home / "dist").iterdir()
    assert len(paths) == 3 and len({sha256_file(path) for path in paths}) == 1
    assert {path.stat().st_mode & 0o777 for path in paths} == {0o644}
    assert b"/tmp" not in paths[0].read_bytes() and str(tmp_path).encode() not in paths[0].read_bytes()


def another_notemill(monkeypatch, folder):
    """A later one, whose packages would look otherwise."""
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "rows.py").write_text("LATER = True\n")
    monkeypatch.setattr(wheel.package.runtime, "__file__", str(folder / "__init__.py"))
    monkeypatch.setattr(wheel.package, "INIT", "{names} {version} # later")
    monkeypatch.setattr(wheel.package, "MAIN", "later")
    monkeypatch.setattr(notemill, "__version__", "9.9")


def test_another_notemill_makes_the_same_bytes(version, records, tmp_path, monkeypatch):
    manifest = version()
    before = sha256_file(build(manifest, records, tmp_path / "dist"))
    another_notemill(monkeypatch, tmp_path / "later")
    assert sha256_file(build(manifest, records, tmp_path / "dist")) == before


def test_a_version_that_kept_no_runtime_gets_the_present_one(version, records, tmp_path, monkeypatch):
    kept = version()
    earlier = {name: fact for name, fact in kept.items() if name not in ("runtime", "notemill")}
    assert wheel.package_files(earlier, records.read) == wheel.package_files(kept, records.read)
    another_notemill(monkeypatch, tmp_path / "later")
    files = wheel.package_files(earlier, records.read)
    assert files["mixed_model/rows.py"] == b"LATER = True\n"
    with zipfile.ZipFile(build(earlier, records, tmp_path / "dist")) as archive:
        assert b"Generator: notemill 9.9\n" in archive.read(next(n for n in archive.namelist() if n.endswith("/WHEEL")))


def test_a_record_with_a_comma_in_a_name():
    packed = wheel.wheel_bytes({"a,b.py": b"1"}, "x-1.dist-info", "test", datetime(2026, 1, 1))
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        listed = list(csv.reader(archive.read("x-1.dist-info/RECORD").decode().splitlines()))
        assert [row[0] for row in listed] == ["a,b.py", "x-1.dist-info/WHEEL", "x-1.dist-info/RECORD"]


@pytest.mark.parametrize("facts, expected", [
    ({}, "3+g6e976e976e97"), ({"dirty": True}, "3+g6e976e976e97.dirty"), ({"commit": None}, "3+nocommit"),
    ({"commit": None, "version": None}, "0+nocommit")])
def test_versions(facts, expected):
    assert wheel.wheel_version({"version": 3, "commit": 10 * "6e97", "dirty": False} | facts) == expected


@pytest.mark.parametrize("project, distribution, module", [
    ("breast-cancer", "breast-cancer-model", "breast_cancer_model"),
    ("My.Project_2", "my-project-2-model", "my_project_2_model"),
    ("a-", "a-model", "a__model"), ("x--y", "x-y-model", "x__y_model")])
def test_names(project, distribution, module):
    assert wheel.distribution_name(project) == distribution and wheel.import_name(project) == module


def test_a_full_disk_leaves_no_half_wheel(version, records, tmp_path, monkeypatch):
    path = build(version(), records, tmp_path / "dist")
    before = sha256_file(path)
    monkeypatch.setattr(os, "fsync", lambda handle: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space"):
        build(version(), records, tmp_path / "dist")
    assert sha256_file(path) == before and list(path.parent.iterdir()) == [path]


def test_years_before_the_zip_formats_own():
    from notemill.wheel.archive import _entry
    assert _entry("x", datetime(1970, 1, 1)).date_time == (1980, 1, 1, 0, 0, 0)


# what is inside
USE = """
import json, sys
import pandas as pd
from mixed_model import predict, predict_proba, schema, card, BadRows
import mixed_model
rows = pd.read_parquet("test.parquet")
print(json.dumps({
    "labels": predict(rows).tolist(), "chances": predict_proba(rows).tolist(), "one": predict(rows.iloc[0].to_dict()),
    "task": schema["task"], "card": card.splitlines()[0], "version": mixed_model.__version__,
    "classes": mixed_model.classes, "loaded": sorted({"notemill", "mlflow"} & set(sys.modules))}))
"""


@pytest.mark.parametrize("estimator", ["linear", "boosting", "forest"])
def test_the_package_answers_as_the_notebook(version, records, trained, tmp_path, estimator):
    made = trained(estimator)
    wheel.write_tree(wheel.package_files(version(estimator), records.read), tmp_path / "site")
    made.test.to_parquet(tmp_path / "site" / "test.parquet")
    said = json.loads(run(tmp_path / "site", "-c", USE))
    rows = made.rows()
    assert said["labels"] == made.pipeline.predict(rows).tolist() and said["one"] == said["labels"][0]
    assert np.allclose(said["chances"], made.pipeline.predict_proba(rows), rtol=1e-12)
    assert (said["task"], said["card"], said["version"]) == ("classification", "---", "3+g6e976e976e97")
    assert said["loaded"] == [] and said["classes"] == ["ja", "no"]
    assert run(tmp_path / "site", "-m", "mixed_model", "check") == "the golden rows give the recorded predictions\n"


def test_a_regression_has_no_predict_proba(version):
    text = wheel.runtime_files({**version(), "task": "regression"})["__init__.py"]
    assert not {b"predict_proba", b"classes"} & set(re.findall(rb"\w+", text))
    compile(text, "x", "exec")


def test_a_hostile_target_stays_text(version):
    text = wheel.runtime_files({**version(), "target": 'a"""\nimport\0 os\\'})["__init__.py"]
    tree = compile(text, "x", "exec")
    assert "os" not in tree.co_names and tree.co_consts[0].startswith("The model mixed: predicts a import os ")


def test_importing_is_quick(version, records, tmp_path):
    wheel.write_tree(wheel.package_files(version(), records.read), tmp_path)
    code = "import sys, time; t = time.process_time(); from mixed_model import predict, schema, card;" \
           "print(time.process_time() - t, sorted({'pandas', 'sklearn', 'skops', 'numpy'} & set(sys.modules)))"
    seconds, _, loaded = run(tmp_path, "-c", code).strip().partition(" ")
    assert float(seconds) < 0.3 and loaded == "[]"


# two models side by side
HELPERS = "from . import more\nfrom .sub.deep import NAME\nOFFSET = {offset}\n\n\ndef twice(x):\n    return 2 * x\n"
STEP = '''"""Ünï: made by `notemill export`."""
é = "ü"; import proj.helpers
import proj.helpers as h1
from proj import helpers as h2
from proj.helpers import (  # ünï
    OFFSET as offset,  # why
    twice,
)
import os, proj.sub.deep
import flat
import flat as f2, numpy as np


class Shift:
    by = offset


def step(x):
    """All roads lead to this package's own modules."""
    import proj.sub.deep as late
    from proj.sub import deep as d2
    assert proj.helpers is h1 is h2 and proj.sub.deep is late is d2 and flat is f2 and os.sep
    assert flat.VALUE == offset == Shift.by and h1.more.NAME == late.NAME
    return np.asarray(x) + offset * twice(1)
'''


def code(offset):
    return {"proj/__init__.py": "", "proj/train.py": STEP, "proj/helpers.py": HELPERS.format(offset=offset),
            "proj/more.py": "from proj.sub.deep import *\n", "proj/sub/__init__.py": "",
            "proj/sub/deep.py": "NAME = 'deep'\n", "flat.py": f"VALUE = {offset}\n"}


@pytest.fixture
def own_code(trained, records, monkeypatch):
    """offset -> the manifest of a model that shifts its numbers by a function of the project's."""
    from model_samples import make_version

    def make(offset, name):
        module = types.ModuleType("proj.train")
        exec("def step(x): return x", module.__dict__)
        monkeypatch.setitem(sys.modules, "proj.train", module)
        x = np.linspace(-50, 50, 101).reshape(-1, 1)
        steps = make_pipeline(FunctionTransformer(module.step), LogisticRegression())
        steps.fit(x, x[:, 0] > 0)
        made = trained()
        column = {"name": "x", "type": "number", "role": "feature"}
        schema = {**made.schema, "columns": [column], "target": {"name": "y", "names": {}}}
        made = replace(made, skops=skops.io.dumps(steps), schema=schema)
        return {**make_version(records, made, name=name, code=code(offset), types=["proj.train.step"]), "version": 1}
    return make


def test_two_models_side_by_side_use_each_its_own_code(own_code, records, tmp_path):
    for offset, name in ((10, "left"), (-10, "right")):
        wheel.write_tree(wheel.package_files(own_code(offset, name), records.read), tmp_path / "site")
    use = "import left_model, right_model, sys; rows = [{'x': v} for v in (-30, -10, 10, 30)]\n" \
          "print(left_model.predict(rows).tolist(), right_model.predict(rows).tolist())\n" \
          "print([name for name in sys.modules if name.partition('.')[0] in ('proj', 'flat')])"
    assert run(tmp_path / "site", "-c", use).splitlines() == [
        "[False, True, True, True] [False, False, False, True]", "[]"]
    reviewed = json.loads((tmp_path / "site" / "left_model" / "types.json").read_text())
    assert reviewed == ["left_model.code.proj.train.step"]


# installed
INSTALLED = """
import importlib.util
from breast_model import predict
assert importlib.util.find_spec("notemill") is None and importlib.util.find_spec("mlflow") is None
from importlib.metadata import version
print(version("breast-model"))
"""


def install(path, folder):
    """A virtual environment with the wheel and what it needs: its Python."""
    quiet = {"capture_output": True, "text": True, "timeout": 300}
    python = folder / "bin" / "python"
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    if uv := shutil.which("uv"):
        steps = [[uv, "venv", "-q", "-p", sys.executable, str(folder)],
                 [uv, "pip", "install", "-q", "-p", str(python), str(path)]]
    else:
        steps = [[sys.executable, "-m", "venv", str(folder)], [str(python), "-m", "pip", "install", "-q", str(path)]]
    for step in steps:
        done = subprocess.run(step, env=environ, **quiet)
        assert done.returncode == 0, done.stderr
    return python


def test_installed_where_nothing_else_is(version, records, trained, tmp_path):
    path = build(version("boosting", name="breast"), records, tmp_path / "dist")
    python = install(path, tmp_path / "venv")
    rows = trained("boosting").rows()
    rows.to_csv(tmp_path / "in.csv", index=False)
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "OMP_NUM_THREADS": "1"}

    def call(*words):
        done = subprocess.run([python, *words], capture_output=True, text=True, cwd=tmp_path, env=environ)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert call("-c", INSTALLED) == "3+g6e976e976e97\n"
    assert call("-m", "breast_model", "check").startswith("the golden rows give")
    call("-m", "breast_model", "score", "in.csv", "out.csv", "--only-predictions")
    found = [line.partition(",")[0] for line in (tmp_path / "out.csv").read_text().splitlines()[1:]]
    assert found == trained("boosting").pipeline.predict(rows).tolist()
