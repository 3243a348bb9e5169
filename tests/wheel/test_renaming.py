"""Imports of a project's own modules lead into the package; everything else stays as it is written."""

import ast
import io
import json
import zipfile

import pytest
import skops.io
from sklearn.preprocessing import FunctionTransformer

from notemill.wheel.renaming import rename_imports, rename_in_model, rename_types, top_level


@pytest.mark.parametrize("before, after", [
    ("import a", "from p.code import a"),
    ("import a as b", "import p.code.a as b"),
    ("import a.b", "import p.code.a.b; from p.code import a"),
    ("import a.b as c", "import p.code.a.b as c"),
    ("import a, os", "from p.code import a; import os"),
    ("import os, a.b, sys as s", "import os; import p.code.a.b; from p.code import a; import sys as s"),
    ("from a import b", "from p.code.a import b"),
    ("from a.b import c as d, e", "from p.code.a.b import c as d, e"),
    ("from a import *", "from p.code.a import *"),
    ("import a; import a.b\nimport a\nx = 1",
     "from p.code import a; import p.code.a.b; from p.code import a\nfrom p.code import a\nx = 1"),
    ("from a import (  # why\n    b,  # ü\n    c,\n)", "from p.code.a import b, c"),
    ("from a import b, \\\n    c; x = 1", "from p.code.a import b, c; x = 1"),
    ("ü = 'ü'; import a; é = 1", "ü = 'ü'; from p.code import a; é = 1"),
    ("if x: import a.b", "if x: import p.code.a.b; from p.code import a"),
    ("def f():\n    import a\n    return a", "def f():\n    from p.code import a\n    return a"),
    ("try:\n    import a\nexcept ImportError:\n    import z as a",
     "try:\n    from p.code import a\nexcept ImportError:\n    import z as a")])
def test_imports_of_own_modules(before, after):
    assert rename_imports(before, {"a"}, "p.code") == after
    ast.parse(after)


@pytest.mark.parametrize("text", [
    "from . import a", "from .a import b", "from ..a import b", "import ab", "import b.a", "from b import a",
    "text = 'import a'", "# import a\nx = 1", '"""\nimport a\n"""', "a = 1\r\nb = 2\f\n", "x = '\u2028'\ny = 1"])
def test_everything_else_stays(text):
    assert rename_imports(text, {"a"}, "p") == text


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_as_python_says(end):
    text = end.join(["x = '\u2028\x85\x0b'", "import a", "y = 1", ""])
    assert rename_imports(text, {"a"}, "p") == text.replace("import a", "from p import a")


def spread(value):
    return value


def model_of(module, monkeypatch):
    monkeypatch.setattr(spread, "__module__", module)
    return skops.io.dumps(FunctionTransformer(spread, kw_args={"__module__": "a.b", "text": "a.b"}))


def state(data):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return json.loads(archive.read("schema.json"))


def test_a_models_types_are_renamed_and_its_data_is_not(monkeypatch):
    data = model_of("a.b", monkeypatch)
    renamed = rename_in_model(data, {"a"}, "p.code")
    assert skops.io.get_untrusted_types(data=data) == ["a.b.spread"]
    assert skops.io.get_untrusted_types(data=renamed) == ["p.code.a.b.spread"]
    assert rename_in_model(data, {"a"}, "p.code") == renamed
    text = json.dumps(state(renamed))
    assert text.count("p.code.a.b") == 1 and text.count('\\"a.b\\"') == 2


def test_a_model_without_own_types_keeps_its_bytes(monkeypatch):
    monkeypatch.setattr(spread, "__name__", "a")
    data = model_of("other.b", monkeypatch)
    assert skops.io.get_untrusted_types(data=data) == ["other.b.a"]
    assert rename_in_model(data, {"a"}, "p") is data


def test_names():
    assert rename_types(["a.b.C", "ab.C", "numpy.a"], {"a"}, "p") == ["p.a.b.C", "ab.C", "numpy.a"]
    assert top_level(["a/b.py", "a/__init__.py", "c.py"]) == {"a", "c"}
