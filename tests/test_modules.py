"""Imports followed through a project, without running anything."""

import shutil
import sys
from importlib import metadata

import pytest
from tiny import write

from notemill import interpreter, modules
from notemill.interpreter import installed, stamp_of
from notemill.memory import Memory
from notemill.modules import Importer, short_name


@pytest.fixture
def project(tmp_path):
    (tmp_path / "notebooks").mkdir()
    return tmp_path


def put(project, **files):
    """Modules by name: in package/, or beside the notebook where the name begins with nb__."""
    for name, text in files.items():
        folder = project / ("notebooks" if name.startswith("nb__") else "package")
        write(folder / f"{name.removeprefix('nb__')}.py", text)


def put_package(project, **texts):
    """A package `pkg` with the modules a, b and sub.c, empty but for `texts`; what is None is not there."""
    for name, path in {"init": "__init__", "a": "a", "b": "b", "sub": "sub/__init__", "c": "sub/c"}.items():
        if texts.get(name, "") is not None:
            write(project / f"package/pkg/{path}.py", texts.get(name, ""))


def follow(project, *names, memory=None):
    importer = Importer(project, memory or Memory(project / ".notemill/memory/facts.json"))
    return importer.follow(names, project / "notebooks/a.ipynb")


def files(project, *names):
    return list(follow(project, *names).modules)


def test_a_module_in_package_and_what_it_imports(project):
    put(project, first="import second", second="from third import f", third="def f(): pass", unused="")
    found = follow(project, "first")
    assert list(found.modules) == ["package/first.py", "package/second.py", "package/third.py"]
    assert found.through == {"package/first.py": "a.ipynb", "package/second.py": "first.py",
                             "package/third.py": "second.py"}
    assert found.distributions == {}


def test_a_module_beside_the_notebook_goes_first(project):
    put(project, nb__same="", same="", nb__other="import same")
    assert files(project, "same") == ["notebooks/same.py"]
    assert files(project, "other") == ["notebooks/other.py", "notebooks/same.py"]


def test_every_init_on_the_way_is_run(project):
    for path in ("pkg/__init__.py", "pkg/sub/__init__.py", "pkg/sub/mod.py", "pkg/other.py", "helper.py"):
        write(project / "package" / path, "import helper" if path == "pkg/__init__.py" else "")
    assert files(project, "pkg.sub.mod") == ["package/helper.py", "package/pkg/__init__.py",
                                             "package/pkg/sub/__init__.py", "package/pkg/sub/mod.py"]


@pytest.mark.parametrize(("line", "found"), [
    ("from . import b", "pkg/b.py"), ("from .b import f", "pkg/b.py"), ("from .b import (f,\n  g)", "pkg/b.py"),
    ("from .sub import c", "pkg/sub/c.py"), ("from .sub.c import f", "pkg/sub/c.py"), ("import pkg.b", "pkg/b.py"),
    ("from pkg import b", "pkg/b.py"), ("def f():\n    from . import b", "pkg/b.py"),
    ("import importlib\nimportlib.import_module('pkg.b')", "pkg/b.py"), ("__import__('pkg.sub.c')", "pkg/sub/c.py"),
    ("from . import *", None), ("import b", None), ("from .. import b", None), ("from .... import b", None),
])
def test_relative_and_absolute_imports_in_a_package(project, line, found):
    put_package(project, a=line, sub=None)
    expected = {"package/pkg/__init__.py", "package/pkg/a.py", *([f"package/{found}"] if found else [])}
    assert set(files(project, "pkg.a")) == expected


def test_relative_imports_of_an_init_and_of_a_parent(project):
    put_package(project, init="from .a import f\nfrom . import sub",
                sub="from ..a import f\nfrom .. import b\nfrom .c import g")
    assert files(project, "pkg") == [f"package/pkg/{name}" for name in (
        "__init__.py", "a.py", "b.py", "sub/__init__.py", "sub/c.py")]


def test_a_folder_without_init_is_a_package_too(project):
    write(project / "package/space/mod.py", "")
    assert files(project, "space.mod") == ["package/space/mod.py"]


def test_a_package_goes_before_a_module(project):
    write(project / "package/same/__init__.py", "")
    write(project / "package/same.py", "")
    assert files(project, "same") == ["package/same/__init__.py"]


def test_a_compiled_module_goes_before_its_source(project):
    write(project / "package/same.abi3.so", b"\0")
    write(project / "package/same.py", "")
    write(project / "package/sameish.so", b"\0")
    assert files(project, "same") == ["package/same.abi3.so"]


def test_a_folder_of_another_kind_hides_no_distribution(project):
    write(project / "notebooks/yaml/readme.txt", "")
    assert follow(project, "yaml").distributions == {"PyYAML": metadata.version("pyyaml")}
    write(project / "package/yaml.py", "")
    assert files(project, "yaml") == ["package/yaml.py"]


def test_a_namespace_may_lie_in_both_folders(project):
    write(project / "notebooks/space/near.py", "")
    write(project / "package/space/far.py", "")
    assert files(project, "space.near") == ["notebooks/space/near.py"]
    assert files(project, "space.far") == ["package/space/far.py"]


def test_a_star_imports_the_modules_that_all_names(project):
    put_package(project, init="__all__ = ['a', 'f']\n__all__ += ['sub']\ndef f(): pass", a="import helper",
                sub="__all__: list = ('c',)")
    put(project, helper="", uses="from pkg.sub import *")
    named = ["package/pkg/__init__.py", "package/pkg/a.py", "package/pkg/sub/__init__.py"]
    assert files(project, "pkg", "pkg.*") == ["package/helper.py", *named]
    assert files(project, "pkg") == named[:1]
    assert files(project, "uses") == [named[0], named[2], "package/pkg/sub/c.py", "package/uses.py"]


def test_a_star_of_what_has_no_all(project):
    put(project, plain="x = 1", broken="x = (")
    write(project / "package/bare/mod.py", "")
    assert files(project, "plain.*", "broken.*", "bare.*", "yaml.*") == ["package/broken.py", "package/plain.py"]


def test_another_python_reads_modules_anew(project, monkeypatch):
    put(project, mod="x = 1")
    memory = Memory(project / "facts.json")
    follow(project, "mod", memory=memory)
    monkeypatch.setattr(modules, "PYTHON", "3.0")
    monkeypatch.setattr(modules, "_describe", lambda raw: ["of 3.0", [], []])
    assert follow(project, "mod", memory=memory).modules == {"package/mod.py": "of 3.0"}


def test_a_ring_of_imports_ends(project):
    put(project, one="import two", two="import one")
    assert files(project, "one") == ["package/one.py", "package/two.py"]


@pytest.mark.parametrize(("before", "after", "same"), [
    ("x = 1", "x = 1  # one", True), ("x = 1", "\n\nx = (1)", True), ("x = 1", "x = 2", False),
    ("x = (", "x = ( ", False), ("def f():\n    'doc'", "def f():\n    'other'", False),
    ("x = " + "+".join(["1"] * 3000), "x = " + "+".join(["1"] * 3001), False),
])
def test_a_module_counts_by_its_code(project, before, after, same):
    put(project, mod=before)
    first = follow(project, "mod").modules
    put(project, mod=after)
    assert (follow(project, "mod").modules == first) is same


def test_a_compiled_module_counts_by_its_bytes(project):
    write(project / "package/fast.cpython-311-x86_64-linux-gnu.so", b"\x7fELF\0\1")
    first = follow(project, "fast").modules
    write(project / "package/fast.cpython-311-x86_64-linux-gnu.so", b"\x7fELF\0\2")
    assert list(first) == ["package/fast.cpython-311-x86_64-linux-gnu.so"] != follow(project, "fast").modules != first


def test_a_module_in_another_encoding_is_read(project):
    write(project / "package/latin.py", "# -*- coding: latin-1 -*-\nimport other\nx = 'é'".encode("latin-1"))
    put(project, other="")
    assert files(project, "latin") == ["package/latin.py", "package/other.py"]


def test_a_file_is_parsed_once(project, monkeypatch):
    put(project, mod="import json")
    memory = Memory(project / ".notemill/memory/facts.json")
    follow(project, "mod", memory=memory)
    memory.save()
    monkeypatch.setattr(modules, "_describe", None)
    assert files(project, "mod") == ["package/mod.py"]


def test_short_names():
    assert [short_name(path) for path in ("package/a.py", "package/p/a.py", "package/p/__init__.py")] == [
        "a.py", "a.py", "p/__init__.py"]


# distributions
@pytest.fixture
def site(tmp_path, monkeypatch):
    folder = tmp_path / "venv/site-packages"
    folder.mkdir(parents=True)
    monkeypatch.syspath_prepend(str(folder))
    return folder


def install(site, name, version, module):
    write(site / f"{module}/__init__.py", "")
    info = site / f"{name.replace('-', '_')}-{version}.dist-info"
    write(info / "METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    write(info / "RECORD", f"{module}/__init__.py,,\n")
    return info


def test_the_distribution_of_an_imported_name(project, site):
    install(site, "fake-learn", "1.0", "fakelearn")
    install(site, "not-imported", "1.0", "notimported")
    assert follow(project, "fakelearn.linear").distributions == {"fake-learn": "1.0"}


def test_a_project_module_brings_its_distributions(project, site):
    install(site, "fake-learn", "1.0", "fakelearn")
    put(project, mod="def f():\n    import fakelearn")
    assert follow(project, "mod").distributions == {"fake-learn": "1.0"}


def test_what_is_not_installed_is_noted(project):
    assert follow(project, "nowhere_to_be_found").distributions == {"nowhere_to_be_found": None}


def test_the_standard_library_is_python(project):
    assert follow(project, "json", "os.path", "__future__", "").distributions == {}


def test_the_standard_library_goes_before_the_project(project):
    """As in a kernel's sys.path: a module of that name is not what `import` gives."""
    put(project, statistics="import inner", nb__json="", inner="", mine="import statistics")
    assert files(project, "statistics", "json.decoder", "mine") == ["package/mine.py"]


def test_a_module_in_newer_words_is_followed_by_its_looks(project):
    put(project, new="import inner\ntype X[T = 3] = lambda: match?\n", inner="")
    assert files(project, "new") == ["package/inner.py", "package/new.py"]


def test_an_upgrade_is_seen_at_once(project, site):
    info = install(site, "fake-learn", "1.0", "fakelearn")
    memory = Memory(project / "facts.json")
    assert follow(project, "fakelearn", memory=memory).distributions == {"fake-learn": "1.0"}
    memory.save()
    for path in info.iterdir():
        path.unlink()
    info.rmdir()
    install(site, "fake-learn", "1.1", "fakelearn")
    assert follow(project, "fakelearn", memory=Memory(project / "facts.json")).distributions == {"fake-learn": "1.1"}


def test_of_a_distribution_that_is_installed_twice_the_first_counts(project, site, tmp_path, monkeypatch):
    install(site, "fake-learn", "1.0", "fakelearn")
    nearer = tmp_path / "nearer"
    install(nearer, "fake-learn", "2.0", "fakelearn")
    monkeypatch.syspath_prepend(str(nearer))
    assert follow(project, "fakelearn").distributions == {"fake-learn": "2.0"}


def test_an_upgrade_outside_site_packages_is_seen_too(project, tmp_path, monkeypatch):
    target = tmp_path / "target"
    info = install(target, "fake-learn", "1.0", "fakelearn")
    monkeypatch.syspath_prepend(str(target))
    memory = Memory(project / "facts.json")
    assert follow(project, "fakelearn", memory=memory).distributions == {"fake-learn": "1.0"}
    shutil.rmtree(info)
    install(target, "fake-learn", "2.0", "fakelearn")
    assert follow(project, "fakelearn", memory=memory).distributions == {"fake-learn": "2.0"}


def test_an_older_kind_of_distribution_is_seen_too(project, tmp_path, monkeypatch):
    info = tmp_path / "linked/fake_learn.egg-info"
    write(tmp_path / "linked/fakelearn.py", "")
    write(info / "PKG-INFO", "Metadata-Version: 2.1\nName: fake-learn\nVersion: 1.0\n")
    write(info / "top_level.txt", "fakelearn\n")
    monkeypatch.syspath_prepend(str(tmp_path / "linked"))
    memory = Memory(project / "facts.json")
    assert follow(project, "fakelearn", memory=memory).distributions == {"fake-learn": "1.0"}
    info.rename(tmp_path / "gone")
    assert follow(project, "fakelearn", memory=memory).distributions == {"fakelearn": None}


def test_files_that_come_and_go_are_no_installation(project, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    before = stamp_of(sys.path)
    write(tmp_path / "some.txt", "")
    assert stamp_of(sys.path) == before


def test_what_an_upgrade_left_behind_is_no_distribution(project, site):
    install(site, "fake-learn", "1.0", "fakelearn")
    (site / "left-0.9.dist-info").mkdir()
    write(site / "old-0.9.dist-info/RECORD", "fakelearn/__init__.py,,\n")
    assert follow(project, "fakelearn").distributions == {"fake-learn": "1.0"}


def test_the_environment_is_listed_once(project, site, monkeypatch):
    install(site, "fake-learn", "1.0", "fakelearn")
    memory = Memory(project / "facts.json")
    follow(project, "fakelearn", memory=memory)
    memory.save()
    monkeypatch.setattr(interpreter, "installed", None)
    assert follow(project, "fakelearn", memory=Memory(project / "facts.json")).distributions == {"fake-learn": "1.0"}


def test_a_name_that_two_distributions_share(project, site):
    install(site, "space-a", "1.0", "space")
    install(site, "space-b", "2.0", "space")
    assert follow(project, "space.b").distributions == {"space-a": "1.0", "space-b": "2.0"}


def test_what_is_installed_here():
    found = installed()
    assert found["imports"]["yaml"] == ["PyYAML"] and found["versions"]["PyYAML"] == metadata.version("pyyaml")
