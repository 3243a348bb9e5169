"""What is made once for all pages, and compiled templates that outlast the process."""

import threading
import time

import jinja2
import pytest

from notemill.report.compiled import Compiled
from notemill.report.kept import Kept


def test_threads_that_ask_at_once_get_the_one_that_was_made():
    kept, made = Kept(), []

    def make():
        time.sleep(0.05)
        made.append(object())
        return made[-1]
    got = []
    threads = [threading.Thread(target=lambda: got.append(kept(make))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1 and got == made * 4


def test_what_could_not_be_made_is_tried_again():
    kept, answers = Kept(), [ImportError("not yet"), "made"]

    def make():
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer
    with pytest.raises(ImportError, match="not yet"):
        kept(make)
    assert (kept(make), kept(make)) == ("made", "made")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "notemill"


def rendered(tmp_path, text):
    """As a new process would."""
    (tmp_path / "t").write_text(text)
    loader = jinja2.FileSystemLoader(tmp_path)
    return jinja2.Environment(loader=loader, bytecode_cache=Compiled()).get_template("t").render()


def test_the_next_process_finds_the_template_compiled(cache, tmp_path, monkeypatch):
    assert rendered(tmp_path, "{{ 1 + 1 }}") == "2" and len(list(cache.iterdir())) == 1
    assert rendered(tmp_path, "{{ 1 + 2 }}") == "3"     # a template that has changed
    monkeypatch.setattr("jinja2.Environment.compile", lambda *args: pytest.fail("compiled again"))
    assert rendered(tmp_path, "{{ 1 + 2 }}") == "3"


def test_code_is_not_loaded_from_where_others_may_write(cache, tmp_path, monkeypatch):
    assert rendered(tmp_path, "{{ 1 + 1 }}") == "2"
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "t"))  # a file: there is no other place
    monkeypatch.setattr("jinja2.bccache.Bucket.load_bytecode", lambda *args: pytest.fail("loaded"))
    cache.chmod(0o777)
    assert rendered(tmp_path, "{{ 1 + 1 }}") == "2"
    assert rendered(tmp_path, "{{ 1 + 2 }}") == "3" and len(list(cache.iterdir())) == 1  # and nothing is written


BEGINNING = len(jinja2.bccache.bc_magic)


@pytest.mark.parametrize("damage", [
    lambda data: b"", lambda data: b"other", lambda data: data[:BEGINNING + 2], lambda data: data[:len(data) // 2],
    lambda data: data[:BEGINNING] + b"\xff" * 50])
def test_a_damaged_file_is_compiled_anew(cache, tmp_path, damage):
    rendered(tmp_path, "{{ 1 + 1 }}")
    file, = cache.iterdir()
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    assert rendered(tmp_path, "{{ 1 + 1 }}") == "2" and file.read_bytes() == whole


def test_a_full_disk_costs_the_compilation_alone(cache, tmp_path, monkeypatch):
    def full(*args, **options):
        raise OSError(28, "No space left on device")
    monkeypatch.setattr("jinja2.bccache.Bucket.write_bytecode", full)
    assert rendered(tmp_path, "{{ 1 + 1 }}") == "2" and list(cache.iterdir()) == []
