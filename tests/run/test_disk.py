"""A disk that is full, or may not be written: no half results, a clear error."""

import hashlib
import importlib
import os
import shutil
import subprocess
import threading

import pytest
from processes import until
from tiny import cli_process, last_record, make_project, notebook

from notemill.store import Store


@pytest.fixture
def mounted(tmp_path):
    """Mount at a folder of the test; skipped where this user or machine does not allow it."""
    done = []

    def mount(target, *options):
        target.mkdir(exist_ok=True)
        words = ["mount", *options, str(target)]
        if not shutil.which("mount") or subprocess.run(words, capture_output=True).returncode:
            pytest.skip("mounting needs more rights than this user has")
        done.append(target)

    yield mount
    for target in reversed(done):
        subprocess.run(["umount", "-l", str(target)], check=True)


def writer(root, size):
    cell = "with open(out, 'wb') as file:\n    for _ in range(size):\n        file.write(b'x' * 1000)"
    return make_project(root, steps={"one": {"notebook": "one.ipynb", "outputs": {"out": "o.bin"}}}, notebooks={
        "one.ipynb": notebook(cell, parameters="out = ''\nsize: int = 0")}, params={"size": size})


def test_a_disk_that_fills_up_while_a_notebook_writes(tmp_path, mounted):
    project = writer(tmp_path, 20_000)
    mounted(project / ".notemill", "-t", "tmpfs", "-o", "size=6m", "tmpfs")
    result = cli_process("run", "--offline", "--json", project=project)
    assert result.code == 1 and "No space left on device" in str(result.json["error"])
    assert "Traceback" not in result.err
    assert not list(project.glob(".notemill/results/*")) and not list(project.rglob("work"))
    assert cli_process("run", "--offline", "-p", "one.size=1", project=project).code == 0


def two_steps(root, *cells):
    """`one`, and `other` that needs nothing of it."""
    out = {"outputs": {"out": "o.bin"}}
    steps = {name: {"notebook": f"{name}.ipynb", **out} for name in ("one", "other")}
    return make_project(root, steps=steps, notebooks={
        "one.ipynb": notebook("1", *cells, parameters="out = ''"),
        "other.ipynb": notebook("open(out, 'w').write('x')", parameters="out = ''")})


FILL = """chunk, file = b'x' * 100_000, open(out, 'wb', buffering=0)
while True:
    file.write(chunk)"""
FILL_QUIETLY = FILL.replace("while True:\n    file.write(chunk)", """try:
    while True:
        file.write(chunk) == len(chunk) or file.write(b'')
except OSError:
    chunk = b'x'
    try:
        while True:
            file.write(chunk)
    except OSError:
        pass""")


def test_the_step_that_fills_the_disk_fails_with_its_cell_and_others_go_on(tmp_path, mounted, statuses, kept):
    project = two_steps(tmp_path, FILL)
    mounted(project / ".notemill", "-t", "tmpfs", "-o", "size=6m", "tmpfs")
    result = cli_process("run", "--offline", "--json", "--jobs", "1", project=project)
    assert result.code == 1 and statuses(result) == {"one": "failed", "other": "done"}
    record = last_record(project)
    error = record["steps"][0]["error"]
    assert record["status"] == "failed" and record["ended"] and (error["name"], error["cell"]) == ("OSError", 3)
    assert f"the disk that holds {project / '.notemill'} is full" in error["message"]
    assert "No space left" in str(kept(project, record["steps"][0]["executed"]["sha256"]))
    assert 'id="cell-3"' in (project / "reports" / "one.html").read_text()
    assert not half_written(project)


def test_a_disk_that_is_full_when_results_are_stored(tmp_path, mounted, statuses):
    """The cell does not notice: what notemill writes after it is what finds no room."""
    project = two_steps(tmp_path, "print('x' * 1_000_000)", FILL_QUIETLY)
    mounted(project / ".notemill", "-t", "tmpfs", "-o", "size=6m", "tmpfs")
    result = cli_process("run", "--offline", "--json", "--jobs", "1", project=project)
    record = last_record(project)
    assert result.code == 1 and record["status"] == "failed" and record["ended"]
    assert statuses(result)["one"] == "failed" and "No space left" in str(record["steps"][0]["error"])
    assert "is full: make room (notemill gc" in str(record["steps"][0]["error"])
    assert record["steps"][0]["executed"] and (project / "reports" / "one.html").is_file()
    assert not half_written(project) and "Traceback" not in result.err


def test_a_full_disk_need_not_harm_what_is_small(tmp_path, mounted, statuses):
    """A reserve is kept for the record and a step's evidence."""
    project = two_steps(tmp_path, FILL_QUIETLY)
    mounted(project / ".notemill", "-t", "tmpfs", "-o", "size=6m", "tmpfs")
    result = cli_process("run", "--offline", "--json", "one", project=project)
    assert result.code == 0 and last_record(project)["status"] == "done" and not half_written(project)


def half_written(project):
    """Temporary files, work folders, the reserve, content that is not what its name says."""
    objects = [path for path in (project / ".notemill" / "objects").glob("??/*")
               if hashlib.sha256(path.read_bytes()).hexdigest() != path.parent.name + path.name]
    return [*objects, *project.rglob(".notemill/**/incoming-*"), *project.rglob("*/work"), *project.rglob("reserve"),
            *(path for path in project.rglob(".notemill/**/.*") if path.is_file())]


@pytest.mark.parametrize("place", ["notemill.run.run.changed_since", "notemill.run.step.keep_outputs",
                                   "notemill.store.Store.add_bytes", "notemill.run.step.figures",
                                   "notemill.run.run.run_step"])
def test_whatever_goes_wrong_in_a_step_is_that_steps_failure(tmp_path, run_here, statuses, monkeypatch, place):
    """A fake fault, in one step alone."""
    project = two_steps(tmp_path, "open(out, 'w').write('x')")
    module, _, name = place.rpartition(".")
    owner = Store if module == "notemill.store.Store" else importlib.import_module(module)
    real = getattr(owner, name)

    def fails(*args, **more):
        if threading.current_thread() in seen or not seen and "step" in threading.current_thread().name:
            seen.add(threading.current_thread())
            # The other step begins meanwhile: in this thread it would fail as well.
            until(lambda: sum("step" in thread.name for thread in threading.enumerate()) > 1)
            raise RuntimeError("a fault")
        return real(*args, **more)

    seen = set()
    monkeypatch.setattr(owner, name, fails)
    result = run_here(project, "--jobs", 2)
    assert result.code == 1 and sorted(statuses(result).values()) == ["done", "failed"]
    record = last_record(project)
    assert record["status"] == "failed" and record["ended"]
    (error,) = [step["error"] for step in record["steps"] if step["error"]]
    assert (error["name"], error["message"]) == ("RuntimeError", "a fault")


def test_a_fault_of_notemills_own_leaves_no_run_running(tmp_path, run_here, monkeypatch):
    """A fake fault, where no step is at work."""
    project = two_steps(tmp_path)
    monkeypatch.setattr(importlib.import_module("notemill.run.run"), "share", lambda *args: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run_here(project)
    record = last_record(project)
    assert record["status"] == "failed" and record["ended"] and "ZeroDivisionError" in record["error"]["got"]
    assert {step["status"] for step in record["steps"]} == {"skipped"}


def test_a_disk_that_is_full_when_a_run_begins(tmp_path, mounted):
    project = writer(tmp_path, 1)
    mounted(project / ".notemill", "-t", "tmpfs", "-o", "size=1m", "tmpfs")
    with (project / ".notemill" / "ballast").open("wb", buffering=0) as file:
        with pytest.raises(OSError, match="No space left"):
            while True:
                file.write(b"x" * 4096)
    result = cli_process("run", "--offline", "--json", project=project)
    assert result.code == 1 and "No space left on device" in result.json["error"]["got"]
    assert "notemill gc" in result.json["error"]["hint"]
    assert "Traceback" not in result.err and "No space left on device" in result.err
    (project / ".notemill" / "ballast").unlink()
    assert cli_process("run", "--offline", project=project).code == 0


def test_a_project_that_may_not_be_written(tmp_path, mounted):
    project = writer(tmp_path / "project", 1)
    mounted(project, "--bind", str(project))
    subprocess.run(["mount", "-o", "remount,ro,bind", str(project)], check=True, capture_output=True)
    for words in (["run", "--offline", "--json"], ["run", "--offline"]):
        result = cli_process(*words, project=project)
        assert result.code == 1 and "Read-only file system" in result.out + result.err and "Traceback" not in result.err
        assert str(project) in result.err
    looked = cli_process("plan", project=project)
    assert looked.code == 0 and "never run before" in looked.out


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_project_of_somebody_else(tmp_path):
    project = writer(tmp_path, 1)
    project.chmod(0o555)
    try:
        result = cli_process("run", "--offline", project=project)
    finally:
        project.chmod(0o755)
    assert result.code == 1 and "Permission denied" in result.err and "Traceback" not in result.err
