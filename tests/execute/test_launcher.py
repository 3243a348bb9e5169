"""What the kernel's process notes before the notebook begins: files that it reads without having declared them."""

import json
import sqlite3
import subprocess
import sys

import psutil
import pytest
from tiny import write

from notemill.execute.inside import reads


def names(executed, root):
    return sorted(path.removeprefix(f"{root}/") for path in executed.undeclared)


def test_undeclared_reads_are_noted_once_each(execute_cells, tmp_path):
    for name in ("data/a.csv", "data/b.csv", "data/table.parquet", "data/written.csv", "declared.csv", ".git/HEAD",
                 ".nox/lib.py", ".venv/lib.py", "package/outer.py", "package/inner.py", "package/imported.py"):
        write(tmp_path / name, "")
    write(tmp_path / "package" / "outer.py", "def load():\n    return open('../data/b.csv').read()\n")
    sqlite3.connect(tmp_path / "data" / "rows.db").execute("create table t (a)").connection.close()
    write(tmp_path / "elsewhere" / "object", "content")
    (tmp_path / ".work").mkdir()
    (tmp_path / ".work" / "input.csv").symlink_to(tmp_path / "elsewhere" / "object")
    cells = ["import os, sys, sqlite3, importlib, pathlib",
             "open('../data/a.csv').read(); open('../data/a.csv', 'rb').read()",
             "open('../data/written.csv', 'w').close()",
             "import outer; outer.load()", "name = 'in' + 'ner'; importlib.import_module(name)", "import imported",
             "os.close(os.open(b'../data/table.parquet', os.O_RDONLY)); sqlite3.connect('../data/rows.db').close()",
             "for name in ('.git/HEAD', '.nox/lib.py', '.venv/lib.py', 'declared.csv', '.work/input.csv'):\n"
             "    pathlib.Path('..', name).read_text()",
             "os.listdir('..'); open(os.__file__).close()"]
    executed = execute_cells(*cells, declared=frozenset(
        str(tmp_path / name) for name in ("declared.csv", "package/imported.py", "package/outer.py")))
    assert executed.failure is None, executed.failure
    assert names(executed, tmp_path) == ["data/a.csv", "data/b.csv", "data/rows.db", "data/table.parquet",
                                         "package/inner.py"]


def test_an_environment_within_the_project_is_not_its_data_and_one_around_it_hides_nothing(tmp_path):
    """The second as in an image: the project in /usr/src/app, Python in /usr."""
    write(tmp_path / "env" / "lib" / "module.py", "")
    write(tmp_path / "environment.csv", "")
    script = write(tmp_path / "script.py", """import os, sys
from notemill.execute.inside.reads import watch_reads
root = sys.argv[1]
watch_reads(root, frozenset(), root + "/log", (root + "/env", os.path.dirname(root)))
open(root + "/env/lib/module.py").close()
open(root + "/environment.csv").close()
""")
    subprocess.run([sys.executable, str(script), str(tmp_path)], check=True, timeout=60)
    noted = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert noted == [str(tmp_path / "environment.csv")]


@pytest.mark.parametrize(("mode", "flags", "read"), [
    ("r", 0, True), ("rb", 0, True), ("r+", 0, True), ("w", 0, False), ("xb", 0, False), ("a", 0, False),
    (None, 0, True), (None, 1, False), (None, 2, False), (None, None, False)])
def test_only_what_is_opened_for_reading_counts(mode, flags, read):
    assert reads._is_read(mode, flags) is read


@pytest.mark.parametrize(("path", "source"), [
    ("/p/package/__pycache__/m.cpython-311.pyc", "/p/package/m.py"),
    ("/p/package/__pycache__/m.cpython-311.opt-1.pyc", "/p/package/m.py"),
    ("/p/data/__pycache__/notes.txt", "/p/data/__pycache__/notes.txt"), ("/p/m.pyc", "/p/m.pyc")])
def test_compiled_modules_stand_for_their_source(path, source):
    assert reads.source_of(path) == source


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="orphans are adopted on Linux alone")
def test_a_process_that_ends_in_peace_leaves_no_child(tmp_path):
    script = write(tmp_path / "script.py", """import atexit, os, subprocess
from notemill.execute.inside.family import adopt_orphans, end_in_peace
adopt_orphans()
atexit.register(end_in_peace, os.getpid())
apart = subprocess.Popen(["sleep", "300"], start_new_session=True)
orphan = subprocess.check_output("setsid sleep 300 >/dev/null & echo $!", shell=True, text=True)
print(apart.pid, orphan)
""")
    done = subprocess.run([sys.executable, str(script)], check=True, timeout=60, capture_output=True, text=True)
    pids = done.stdout.split()
    assert len(pids) == 2 and not [pid for pid in pids if psutil.pid_exists(int(pid))
                                   and psutil.Process(int(pid)).status() != psutil.STATUS_ZOMBIE]
