"""A disk that is full, or may not be written: no half results, a clear error."""

import os
import shutil
import subprocess

import pytest
from tiny import cli_process, make_project, notebook


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


def test_a_disk_that_is_full_when_a_run_begins(tmp_path, mounted):
    project = writer(tmp_path, 1)
    mounted(project / ".notemill", "-t", "tmpfs", "-o", "size=1m", "tmpfs")
    with (project / ".notemill" / "ballast").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            pass
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
