"""Late imports: whole, and by one thread at a time."""

import sys
import threading

import pytest

from notemill.late import Hidden, LateImports


@pytest.fixture
def slow_package(tmp_path, monkeypatch):
    """A package whose modules import each other and take their time, so that threads meet in the middle of it."""
    folder = tmp_path / "slowpackage"
    folder.mkdir()
    (folder / "__init__.py").write_text("from slowpackage.a import A\n")
    (folder / "a.py").write_text("import time\ntime.sleep(0.05)\nfrom slowpackage import b\nA = 1\n")
    (folder / "b.py").write_text("import time\ntime.sleep(0.05)\nfrom slowpackage import a\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield "slowpackage"
    for name in [name for name in sys.modules if name.startswith("slowpackage")]:
        del sys.modules[name]


def test_threads_that_import_the_same_things_get_them_whole(slow_package):
    import_whole, found = LateImports(), []

    def use(name):
        import_whole(name)
        found.append(hasattr(sys.modules["slowpackage.a"], "A"))

    threads = [threading.Thread(target=use, args=(name,)) for name in (slow_package, "slowpackage.b", "slowpackage.a")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True, True, True]


def test_what_is_not_there_is_told_each_time():
    import_whole = LateImports()
    for _ in range(2):
        with pytest.raises(ImportError):
            import_whole("no_such_module_of_ours")


def test_a_module_that_is_not_wanted_is_not_found_by_this_thread_alone(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "heavy_part.py").write_text("")
    (tmp_path / "wants_it.py").write_text(
        "import threading\nfound = []\n"
        "def look():\n    import heavy_part\n    found.append(heavy_part)\n"
        "try:\n    import heavy_part\nexcept ImportError:\n    heavy_part = None\n"
        "thread = threading.Thread(target=look)\nthread.start()\nthread.join()\n")
    LateImports()("wants_it", without="heavy_part")
    module = sys.modules.pop("wants_it")
    sys.modules.pop("heavy_part")
    assert module.heavy_part is None and [one.__name__ for one in module.found] == ["heavy_part"]
    assert not any(isinstance(finder, Hidden) for finder in sys.meta_path)
