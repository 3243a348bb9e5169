"""Whether a notebook changes what its imports would see, told from its code."""

import os
import sys

import pytest
from tiny import notebook, write

from notemill.execute.warm.before import changes_imports

CHANGES = [
    'os.environ["OMP_NUM_THREADS"] = "1"',
    'import os\ndef later():\n    os.environ["A"] = "1"',
    'from os import environ\nenviron["A"] = "1"',
    'from os import environ as e\ne["A"] = "1"',
    'import os as system\nsystem.environ["A"] = "1"',
    'os.environb[b"A"] = b"1"',
    'del os.environ["A"]',
    'os.environ |= {"A": "1"}',
    'os.environ.update(A="1")',
    'os.environ.setdefault("A", "1")',
    'os.environ.pop("A", None)',
    'os.environ.clear()',
    'change(os.environ)',
    'e = os.environ',
    'getattr(os, "environ")["A"] = "1"',
    'with mock.patch.dict("os.environ", {"A": "1"}): import numpy',
    'os.putenv("A", "1")',
    'from os import putenv as put\nput("A", "1")',
    'load_dotenv()',
    'import dotenv\ndotenv.load_dotenv()',
    'os.chdir("..")',
    'with contextlib.chdir(".."): import matplotlib',
    'sys.path.insert(0, "own")',
    'sys.path[:0] = ["own"]',
    'sys.path += ["own"]',
    'sys.path.append(own)',
    'from sys import path\npath.insert(0, "own")',
    'del sys.modules["numpy"]',
    'sys.modules["numpy"] = None',
    'sys.modules.pop("numpy")',
    'sys.meta_path.insert(0, Finder())',
    'builtins.__import__ = own',
    'exec(open("settings.txt").read())',
    'runpy.run_path(script)',
    'Path("matplotlibrc").write_text("figure.dpi: 7")',
    'open("six.py", "w").write("")',
    'import pip\npip.main(["install", "six"])',
    'subprocess.run([sys.executable, "-m", "pip", "install", "six"])',
    'command = "conda install six"\nos.system(command)',
    'os.system("/usr/bin/pip3 install six")',
    'get_ipython().run_line_magic("pip", "install six")',
    'get_ipython().system("uv add six")',
    "%env A=1", "%env A 1", "  %env A = 1", "%set_env A 1", "%cd ..", "%pushd ..", "%run other.ipynb", "%dotenv",
    "%pip install six", "%conda install six", "!pip install six",
    "!{sys.executable} -m pip install six",
    "!!pip install six", "said = !pip install six", "a, *b = %pip list", "!cd own && \\\n  make install",
    "%sx pip list",
    "%time os.environ['A'] = '1'", "pip install six", "cd ..", "env A=1", "run own.py",
    "%%bash\npip install six", "%%sh\ncd own\nmake install", "%%!\npip install six",
    "%%capture\n%pip install six", '%%time\nos.environ["A"] = "1"', "%%writefile six.py\na = 1", "%%unknown\nany",
]
CHANGES_NOT = [
    "", "import numpy\nnumpy.ones(3)", 'os.environ["A"]', 'print(os.environ.get("A"), len(os.environ))',
    '"A" in os.environ and os.environ.copy()', 'for name in os.environ: print(name)', "{**os.environ}",
    'subprocess.run(["make"], env={**os.environ, "A": "1"})', "subprocess.run(words, env=os.environ)",
    "print(sys.path, sys.path[0], sys.argv, sorted(sys.modules))", '"numpy" in sys.modules', 'sys.path.append("own")',
    'raise ImportError("pip install six")', '"""First pip install six."""', "# pip install six\n# %env A=1",
    'environment = {"environment": "A"}', "pipe = uvw = 1", "run = 1\nrun", "%matplotlib inline", "%env", "%env A",
    "!ls", "%%bash\nls", "%%html\n<b>pip install six</b>", "%%time\nimport numpy", "%load_ext autoreload",
    "import os.path as osp", "path.insert(0, 1)", "frame['pipeline'] = 'a' % 3\n% 4",
]


def changes(source, folder=".", imports=()):
    return changes_imports(notebook(source), imports, [folder])


@pytest.mark.parametrize("source", CHANGES)
def test_it_does(source):
    assert changes(source) and changes(f"a = 1\n{source}" if not source.startswith("%%") else f"\n{source}")


@pytest.mark.parametrize("source", CHANGES_NOT)
def test_it_does_not(source):
    assert not changes(source)


def test_text_between_the_cells_counts_for_nothing():
    cells = [{"cell_type": "markdown", "source": "%pip install six"}, {"cell_type": "raw", "source": []}]
    assert not changes_imports({"cells": cells}, (), [])
    assert changes_imports({"cells": [{"cell_type": "code", "source": ["%pip ", "install six"]}]}, (), [])


SETS = 'import os\nos.environ["A"] = "1"\n'


@pytest.mark.parametrize(("path", "name"), [
    ("single.py", "single"), ("own/__init__.py", "own.inner"), ("own/inner.py", "own.inner"), ("later.py", "first")])
def test_so_do_the_projects_modules_that_it_imports(tmp_path, path, name):
    write(tmp_path / "own" / "inner.py", "")
    write(tmp_path / "own" / "__init__.py", "")
    write(tmp_path / "single.py", "")
    write(tmp_path / "first.py", "import later")
    write(tmp_path / "later.py", "import first")
    assert not changes("1", tmp_path, [name])
    write(tmp_path / path, SETS)
    assert changes("1", tmp_path, [name]) and not changes("1", tmp_path, ["other"])


def test_so_do_those_in_a_folder_that_it_appends(tmp_path):
    write(tmp_path / "more" / "own.py", SETS)
    assert changes('sys.path.append("more")', tmp_path, ["own"]) and not changes("1", tmp_path, ["own"])


@pytest.mark.skipif(sys.platform == "win32" or os.getuid() == 0, reason="root may read everything")
def test_what_cannot_be_read_may_change_anything(tmp_path):
    write(tmp_path / "own.py", "").chmod(0)
    assert changes("1", tmp_path, ["own"])


def test_a_module_that_is_no_python_is_never_imported(tmp_path):
    write(tmp_path / "own.py", "os.environ['A'] = (")
    assert not changes("1", tmp_path, ["own"])
