"""What a notebook says of itself, and what of it counts as code."""

import json
from pathlib import Path

import pytest
from tiny import code, markdown, notebook

from notemill.errors import UsageError
from notemill.fingerprint import digest_of
from notemill.memory import Memory
from notemill.notebook import describe, imports_of, load_cells, read_notebook

RESOURCES = Path(__file__).parent / "resources"


def described(*cells, **more):
    raw = json.dumps(notebook(*cells, **more)).encode()
    return describe(load_cells(Path("a.ipynb"), raw, "a.ipynb"), "", "a.ipynb")


def digests(*cells, given=(), **more):
    """What counts of the code, `given` being the parameters that a run sets."""
    return [digest_of(cell, set(given)) for cell in described(*cells, **more).cells]


@pytest.mark.parametrize(("before", "after"), [
    ("x = 1", "x = 1  # one"),
    ("x = 1", "# a comment\n\nx=1\n"),
    ("f(1, 2)", "f(\n    1,\n    2,\n)"),
    ("x = 'a'", 'x = "a"'),
    ("if a:\n    b()", "if a: b()"),
    ("x = (1)", "x = 1"),
    ("%%time\nx = 1", "%%time\nx = 1  # one"),
    ("%matplotlib inline\nx = 1", "%matplotlib inline\nx = 1  # one"),
    ("x = !ls\ny = 1", "x = !ls\ny = 1  # one"),
    ("x = 1", code("x = 1", collapsed=True, tags=["a tag", "remove_input"])),
    ("x = 1", {**code("x = 1"), "outputs": [{"output_type": "stream", "name": "stdout", "text": "1"}],
               "execution_count": 7, "id": "other"}),
    ("%%bash\nls", "%%bash\nls\n\n"),
    ("x = 1", {**code("x = 1"), "source": ["x = ", "1"]}),
])
def test_comments_layout_and_outputs_are_no_code(before, after):
    assert digests(before) == digests(after)


@pytest.mark.parametrize(("before", "after"), [
    ("x = 1", "x = 2"),
    ("x = 1", "x = 1.0"),
    ("x = 'a'", "x = b'a'"),
    ("x = 'a # b'", "x = 'a # c'"),
    ("x = 1", "y = 1"),
    ("%%time\nx = 1", "%%time\nx = 2"),
    ("%%time\nx = 1", "x = 1"),
    ("%matplotlib inline", "%matplotlib widget"),
    ("!ls", "!ls -l"),
    ("x = !ls", "x = !ls -l"),
    ("%%bash\nls", "%%bash\nls -l"),
    ("%%bash\nls", "%%sh\nls"),
    ("%%writefile a.py\nx = 1", "%%writefile a.py\nx = 1  # one"),
    ("?print", "?open"),
    ("x = (", "x = ["),
    ("x = 1", code("x = 1", tags=["raises-exception"])),
    ("x = 1", code("x = 1", tags=["skip-execution"])),
    ("if a:\n    b()\n    c()", "if a:\n    b()\nc()"),
])
def test_code_and_the_tags_that_steer_it_count(before, after):
    assert digests(before) != digests(after)


@pytest.mark.parametrize("source", ["", "\n\n", "# only a comment", "   "])
def test_a_cell_that_does_nothing_does_not_count(source):
    assert digests("x = 1", source) == digests("x = 1")


def test_text_cells_are_no_code():
    assert digests("x = 1", markdown("# A")) == digests(markdown("B"), "x = 1")


def test_cells_keep_their_numbers_among_all():
    found = described(markdown("# A"), "x = 1", "# nothing", markdown("B"), "y = 2")
    assert [cell.number for cell in found.cells] == [2, 5]


@pytest.mark.parametrize("source", ["x = " + " + ".join(["1"] * 5000), "x = " + "(" * 500 + ")" * 500,
                                    "x" + ".a()" * 3000])
def test_code_that_is_nested_beyond_reason_is_told_apart(source):
    assert digests(source) == digests(source) != digests(source.replace("x", "y"))


@pytest.mark.parametrize("value", [" + ".join(["1"] * 900), "a." * 9000 + "b"])
def test_parameters_that_are_nested_beyond_reason(value):
    with pytest.raises(UsageError, match="nested too deep"):
        described(parameters=f"n = {value}")


def test_a_lone_surrogate_is_remembered(tmp_path):
    path = tmp_path / "a.ipynb"
    path.write_text(json.dumps(notebook(markdown("# \ud800"), "x = '\ud800'")))
    memory = Memory(tmp_path / "memory.json")
    found = read_notebook(path, memory, "a")
    memory.save()
    assert read_notebook(path, Memory(tmp_path / "memory.json"), "a") == found and found.title == "\ud800"


# the parameters cell
PARAMETERS = "n: int = 10\nname = 'a'\nout = ''"


@pytest.mark.parametrize(("given", "after", "same"), [
    ({"n"}, "n: int = 11\nname = 'a'\nout = ''", True),
    ({"n"}, "n: float = 10\nname = 'a'\nout = ''", True),
    ({"n"}, "name = 'a'\nout = ''\nn: int = 12", True),
    ({"name"}, "n: int = 11\nname = 'a'\nout = ''", False),
    (set(), "n: int = 11\nname = 'a'\nout = ''", False),
    ({"n"}, "n: int = 10\nname = 'b'\nout = ''", False),
    ({"n"}, PARAMETERS + "\nmore = 1", False),
    ({"n", "more"}, PARAMETERS + "\nmore = 1", True),
    ({"n"}, PARAMETERS + "\nprint(1)", False),
])
def test_a_default_counts_unless_it_is_overridden(given, after, same):
    assert (digests("x", parameters=PARAMETERS, given=given) == digests("x", parameters=after, given=given)) is same


@pytest.mark.parametrize(("before", "after"), [
    ("n = 10\nhalf = n // 2", "n = 20\nhalf = n // 2"),
    ("n = 10\nn += 1\nm = 0", "n = 20\nn += 1\nm = 0"),
    ("n = 10\nname = f'run-{n}'", "n = 20\nname = f'run-{n}'"),
    ("n = 10\ndef double(k=n):\n    return k", "n = 20\ndef double(k=n):\n    return k"),
    ("n = start('a')", "n = start('b')"),
    ("n = other = 10", "n = other = 20"),
    ("n, m = 10, 20", "n, m = 10, 30"),
    ("cache.n = 10", "cache.n = 20"),
])
def test_an_overridden_default_that_is_used_before_counts(before, after):
    """Papermill sets the parameter after this cell: what the cell does with its default is part of the result."""
    assert digests("x", parameters=before, given={"n"}) != digests("x", parameters=after, given={"n"})


def test_a_second_parameters_cell_counts_whole():
    """Papermill sets the parameters after the first one: the second one overrides them."""
    def cells(value):
        return digests(code("n = 1", tags=["parameters"]), code(f"n = {value}", tags=["parameters"]), given={"n"})

    assert cells(2) != cells(3)


def test_magics_may_stand_in_the_parameters_cell():
    found = described(parameters="%matplotlib inline\nn: int = 1\n!ls")
    assert found.parameters["n"].kinds == ["int"] and list(found.parameters) == ["n"]


def test_a_parameters_cell_that_does_not_parse_names_its_cell():
    with pytest.raises(UsageError) as caught:
        described(markdown("# A"), code("n = \n", tags=["parameters"]))
    assert caught.value.where == "a.ipynb: cell 2"


# what it says
def test_title_and_purpose():
    found = described(markdown("![logo](a.png)\n# Train a model\n\nIt learns. It also\nsaves."),
                      markdown("## Next\nNo."))
    assert (found.title, found.purpose) == ("Train a model", "It learns.")
    assert (described("x = 1").title, described("x = 1").purpose) == ("", "")
    assert described(markdown("Text that goes\non a while")).purpose == "Text that goes on a while"


def test_the_text_is_all_of_it():
    first = described(markdown("# A"), "x = 1  # one")
    assert first.text != described(markdown("# A"), "x = 1  # two").text
    assert first.text != described(markdown("# B"), "x = 1  # one").text
    assert first.text == described(markdown("# A"), {**code("x = 1  # one"), "execution_count": 3}).text


@pytest.mark.parametrize(("metadata", "language"), [
    ({}, "python"), ({"kernelspec": None, "language_info": None}, "python"),
    ({"kernelspec": {"name": "ir", "language": "R"}}, "r"), ({"language_info": {"name": "julia"}}, "julia"),
    (None, "python"),
])
def test_language(metadata, language):
    content = {**notebook("x = 1"), "metadata": metadata}
    path = Path("a.ipynb")
    found = describe(load_cells(path, json.dumps(content).encode(), "a"), "", "a")
    assert found.language == language


def test_cells_without_metadata_are_read():
    raw = json.dumps({"nbformat": 4, "cells": [
        {"cell_type": "code", "source": "x = 1", "metadata": None}, {"cell_type": "raw"},
        {"cell_type": "code", "metadata": {"tags": None}}]})
    found = describe(load_cells(Path("a.ipynb"), b"\xef\xbb\xbf" + raw.encode(), "a"), "", "a")
    assert len(found.cells) == 1


def test_a_notebook_of_the_first_years_is_brought_up_to_date():
    path = RESOURCES / "nbformat3.ipynb"
    content = load_cells(path, path.read_bytes(), "a")
    assert content["nbformat"] == 4 and "worksheets" not in content
    found = describe(content, "", "a")
    assert found.title == "An old notebook" and list(found.parameters) == ["n", "out"] and len(found.cells) == 2


PERCENT = """# %% [markdown]
# # A step
# It does little.

# %% tags=["parameters"]
n = 1
out = ""

# %%
# %matplotlib inline
import json
print(n)  # shown
"""
MARKDOWN = """# A step

It does little.

```python tags=["parameters"]
n = 1
out = ""
```

```python
%matplotlib inline
import json
print(n)
```
"""


def test_percent_and_markdown_files_say_the_same_as_a_notebook(tmp_path):
    same = described(markdown("# A step\nIt does little."), "%matplotlib inline\nimport json\nprint(n)",
                     parameters="n = 1\nout = ''")
    for name, text in (("a.py", PERCENT), ("a.md", MARKDOWN)):
        path = tmp_path / name
        path.write_text(text)
        found = read_notebook(path, Memory(tmp_path / "none.json"), name)
        assert (found.title, found.purpose, found.language) == ("A step", "It does little.", "python")
        assert found.parameters == same.parameters and found.imports == same.imports
        assert {c.digest for c in found.cells} == {c.digest for c in same.cells}


def test_a_header_that_is_no_yaml(tmp_path):
    path = tmp_path / "a.md"
    path.write_text("---\na: [\n---\n")
    with pytest.raises(UsageError, match="a.md: is not a notebook: while parsing"):
        read_notebook(path, Memory(tmp_path / "none.json"), "a.md")


def test_a_notebook_is_described_once(tmp_path, monkeypatch):
    path = tmp_path / "a.ipynb"
    path.write_text(json.dumps(notebook("import a.b\nx: int = 1", parameters="n: list[int] = []\nk = None")))
    memory = Memory(tmp_path / "memory.json")
    found = read_notebook(path, memory, "a")
    memory.save()
    monkeypatch.setattr("notemill.notebook.describe", None)
    assert read_notebook(path, Memory(tmp_path / "memory.json"), "a") == found


def test_a_notebook_that_cannot_be_opened(tmp_path):
    with pytest.raises(UsageError, match="a: cannot be read: "):
        read_notebook(tmp_path, Memory(tmp_path / "none.json"), "a")


# imports
@pytest.mark.parametrize(("source", "names"), [
    ("import a", ["a"]),
    ("import a.b as c, d", ["a.b", "d"]),
    ("from a import b", ["a", "a.b"]),
    ("from a.b import c as d, e", ["a.b", "a.b.c", "a.b.e"]),
    ("from a import *", ["a", "a.*"]),
    ("from . import a", [".", ".a"]),
    ("from .a import b", [".a", ".a.b"]),
    ("from ..a import b", ["..a", "..a.b"]),
    ("def f():\n    if x:\n        import a", ["a"]),
    ("try:\n    import a\nexcept ImportError:\n    import b", ["a", "b"]),
    ("import importlib\nimportlib.import_module('a.b')", ["a.b", "importlib"]),
    ("import_module('a')", ["a"]),
    ("import_module(name='a')", ["a"]),
    ("il.import_module('a')", ["a"]),
    ("__import__('a')", ["a"]),
    ("import_module(name)", []),
    ("x = 'import a'", []),
    ("# import a", []),
    ("%%time\nimport a", ["a"]),
    ("%load_ext b\nimport a", ["a"]),
    ("%%writefile x.py\nimport a", ["a"]),
    ("%%bash\nls", []),
    ("__\uff49mport__('a')", ["a"]),
    ("import a\nx = (", ["a"]),
])
def test_what_a_cell_imports(source, names):
    assert sorted(described(source).imports) == names


def test_imports_without_a_tree_are_found_by_their_looks():
    assert list(imports_of(None, "  import a.b\nfrom c import d\n# import e\nx = 'import f'")) == [
        "a.b", "c", "c.d"]


@pytest.mark.parametrize(("source", "names"), [
    ("import a, b.c as d", ["a", "b.c"]),
    ("from a import (b,\n    c)  # both", ["a", "a.b", "a.c"]),
    ("import a, \\\n    b", ["a", "b"]),
    ("from . import b", [".", ".b"]),
    ("if x: import a; import b", ["a", "b"]),
    ("import a as", ["a"]),
    ("import a; f(", ["a"]),
    ("import_a = from_b", []),
])
def test_each_import_of_a_cell_that_does_not_parse_is_read_by_itself(source, names):
    assert sorted(described(source + "\nx = (").imports) == sorted(names)


@pytest.mark.parametrize(("source", "names"), [
    ("features?\nimport_module('a')", ["a"]),
    ("a.b??\nfrom c import d", ["c", "c.d"]),
    ("!ls \\\n  -l\nfrom c import d", ["c", "c.d"]),
    ("%time import a, b", ["a", "b"]),
    ("%time import a; a.f()", ["a"]),
    ("%timeit -n1 -r 1 from a import b", ["a", "a.b"]),
    ("%timeit -n1 -r1 from a import b", ["a", "a.b"]),
    ("x = %prun import a", ["a"]),
    ("%%timeit import a\nimport b", ["a", "b"]),
    ("%aimport a, b.c, -d", ["a", "b.c"]),
    ("%matplotlib inline\n!import x", []),
    ("x = 7 %time\ny = 1", []),
])
def test_what_magics_import(source, names):
    assert sorted(described(source).imports) == names


@pytest.mark.parametrize("source", ["a?", "%time import a", "!ls \\\n  -l"])
def test_magics_of_all_kinds_leave_the_rest_code(source):
    assert digests(f"{source}\nx = 1") == digests(f"{source}\nx = (1)  # one") != digests(f"{source}\nx = 2")


# what is none
@pytest.mark.parametrize("metadata", [
    {"kernelspec": "python3"}, {"kernelspec": [1]}, {"language_info": 3}, {"kernelspec": {"language": 3}},
    {"kernelspec": {"name": {"a": 1}, "language": "python"}}, {"language_info": {"name": ["python"]}},
])
def test_odd_metadata_is_told(metadata):
    raw = json.dumps({**notebook("x = 1"), "metadata": metadata})
    with pytest.raises(UsageError, match="a: is not a notebook: .* cannot be "):
        load_cells(Path("a.ipynb"), raw.encode(), "a")


@pytest.mark.parametrize("tags", [5, "parameters", [5], {"a": 1}])
def test_odd_tags_are_told(tags):
    with pytest.raises(UsageError, match="a.ipynb: is not a notebook: .*tag.* cannot be "):
        described({**code("x = 1"), "metadata": {"tags": tags}})


@pytest.mark.parametrize("source", ["n = '\ud800'", "n = '\0'"])
def test_parameters_that_are_no_text_are_told(source):
    with pytest.raises(UsageError, match="a.ipynb: cell 1: the parameters cell"):
        described(parameters=source)


def test_another_python_reads_anew(tmp_path, monkeypatch):
    """What is remembered holds digests of syntax trees, which differ between versions."""
    path = tmp_path / "a.ipynb"
    path.write_text(json.dumps(notebook("x = 1")))
    memory = Memory(tmp_path / "memory.json")
    read_notebook(path, memory, "a")
    monkeypatch.setattr("notemill.notebook.PYTHON", "3.0")
    monkeypatch.setattr("notemill.notebook.describe", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        read_notebook(path, memory, "a")
