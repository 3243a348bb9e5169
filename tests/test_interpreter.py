"""A step's kernel may be another interpreter: what is installed there counts, and it is asked once."""

import json
import os
import shutil
import subprocess
import sys

import pytest
from tiny import cli, make_project, notebook, plan, pretend_run, write

from notemill import interpreter
from notemill.errors import UsageError
from notemill.plan import Options, get_ready
from notemill.project import open_project

CELLS = notebook("import fakelearn, features, statistics")


def install(site, version):
    for old in site.glob("fakelearn-*"):
        shutil.rmtree(old)
    write(site / "fakelearn/__init__.py", "")
    info = site / f"fakelearn-{version}.dist-info"
    write(info / "METADATA", f"Metadata-Version: 2.1\nName: fakelearn\nVersion: {version}\n")
    write(info / "RECORD", "fakelearn/__init__.py,,\n")


def add_kernel(root, name, argv, language="python", **more):
    spec = {"argv": [*map(str, argv), "-m", "ipykernel_launcher", "-f", "{connection_file}"], "language": language}
    return write(root / f"jupyter/kernels/{name}/kernel.json", json.dumps({**spec, "display_name": name, **more}))


@pytest.fixture(scope="session")
def other_python(tmp_path_factory):
    """An interpreter with an environment of its own: (its program, its site-packages)."""
    folder = tmp_path_factory.mktemp("other") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    site = next(folder.glob("lib/python*/site-packages"))
    return folder / "bin/python", site


@pytest.fixture
def project(tmp_path, monkeypatch, other_python):
    """One step in the kernel `other`, run."""
    python, site = other_python
    install(site, "3.0")
    add_kernel(tmp_path, "other", [python])
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    make_project(tmp_path, steps={"one": {"notebook": "one.ipynb", "kernel": "other"}}, notebooks={"one.ipynb": CELLS},
                 files={"package/features.py": "", "package/statistics.py": "", "notebooks/features.py": ""})
    return pretend_run(tmp_path)


def follow(project):
    return get_ready(open_project(project), Options())["one"].imports


def edit(path, old, new):
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def test_the_kernels_own_distributions_count(project, other_python):
    assert follow(project).distributions == {"fakelearn": "3.0"}
    install(other_python[1], "3.1")
    assert plan(project)["one"] == ("run", ["fakelearn 3.0 -> 3.1"])


def test_an_interpreter_is_asked_once(project, other_python, monkeypatch):
    assert plan(project)["one"][0] == "reuse"
    monkeypatch.setattr(subprocess, "run", None)
    assert plan(project)["one"][0] == "reuse"


def test_another_python_under_the_same_name_is_asked_again(project, other_python, monkeypatch):
    plan(project)
    asked = []
    answer = {"python": "3.99", "path": [], "imports": {}, "versions": {}, "standard": ["json"], "builtin": []}
    monkeypatch.setattr(interpreter, "_ask", lambda *words: asked.append(1) or dict(answer))
    monkeypatch.setattr(interpreter, "_stamp", lambda words, folders: "another")
    assert plan(project)["one"][1][0] == f"Python {interpreter.minor()} -> 3.99" and asked


@pytest.mark.parametrize(("old", "new"), [('"-f"', '"--debug", "-f"'), ('"argv"', '"env": {"A": "1"}, "argv"')])
def test_the_words_and_variables_of_kernel_json_count(project, old, new):
    edit(project / "jupyter/kernels/other/kernel.json", old, new)
    assert plan(project)["one"] == ("run", ["the kernel.json of 'other' changed"])


def test_a_kernels_display_name_does_not_count(project):
    edit(project / "jupyter/kernels/other/kernel.json", '"display_name": "other"', '"display_name": "mine"')
    assert plan(project)["one"] == ("reuse", [])


def test_where_a_kernel_looks_for_modules(project):
    """By PYTHONPATH: before the standard library, and before the notebook's folder."""
    assert list(follow(project).modules) == ["package/features.py", "package/statistics.py"]


def test_where_a_process_looks_for_modules(project):
    edit(project / "notebooks/pipeline.yaml", "kernel: other", "kernel: process")
    assert list(follow(project).modules) == ["notebooks/features.py"]


def test_a_kernel_of_this_interpreter(project, monkeypatch):
    add_kernel(project, "other", ["python"])
    found = follow(project).interpreter
    assert found.versions["PyYAML"] == open_project(project).importer.distributions["versions"]["PyYAML"]
    assert found.python == interpreter.minor() and "json" in found.standard and "statistics" in found.standard
    assert interpreter.command({"argv": ["conda", "run", "-n", "x", "python", "-m", "ipykernel_launcher"]}) == \
        ["conda", "run", "-n", "x", "python"]


def test_a_kernels_variables_reach_the_question(project, other_python, tmp_path):
    write(tmp_path / "more/late-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: late\nVersion: 1\n")
    add_kernel(project, "other", [other_python[0]], env={"PYTHONPATH": "${HERE}/more"})
    opened = open_project(project, {**os.environ, "HERE": str(tmp_path), "PYTHONPATH": "not seen"})
    assert opened.importer.interpreter("other").versions["late"] == "1"


def test_a_kernel_in_another_language_counts_by_its_kernel_json(project):
    add_kernel(project, "other", ["R"], language="R")
    told = cli("plan", "--json", project=project).json
    assert "is not Python" in told["steps"][0]["warnings"][0]
    assert "the kernel.json of 'other' changed" in told["steps"][0]["reasons"]
    assert follow(project).distributions == {} and "is not Python" in cli("plan", project=project).err


def test_an_interpreter_that_does_not_answer(project, tmp_path):
    script = write(tmp_path / "wrapper", "#!/bin/sh\necho no\n")
    script.chmod(0o755)
    add_kernel(project, "other", [script])
    assert "does not say" in cli("plan", "--json", project=project).json["steps"][0]["warnings"][0]


@pytest.mark.parametrize(("text", "got"), [
    ('{"argv": ["/nowhere/python", "-m", "x"], "language": "python"}', "cannot be started: /nowhere/python"),
    ("{", "cannot be read"), ('{"argv": []}', "has no argv"), ("[]", "has no argv")])
def test_a_kernel_that_cannot_be(project, text, got):
    (project / "jupyter/kernels/other/kernel.json").write_text(text)
    told = cli("plan", "--json", project=project)
    assert told.code == 2 and got in told.json["error"]["got"]
    assert ": step 'one': kernel" in told.json["error"]["where"]


def test_a_kernel_that_is_not_installed(project):
    edit(project / "notebooks/pipeline.yaml", "kernel: other", "kernel: ohter")
    error = cli("plan", "--json", project=project).json["error"]
    assert "there is no Jupyter kernel 'ohter'" == error["got"] and error["hint"] == "did you mean 'other'?"
    assert "process" in error["allowed"] and "python3" in error["allowed"]


def test_jupyter_finds_the_same_kernels(project):
    from jupyter_client.kernelspec import KernelSpecManager

    write(project / "jupyter/kernels/Upper/kernel.json", "{}")
    (project / "jupyter/kernels/empty").mkdir()
    assert set(interpreter.kernel_specs()) == set(KernelSpecManager().find_kernel_specs())
    with pytest.raises(UsageError, match="has no argv"):
        interpreter.find_spec("Upper", "here")


def test_names_of_the_standard_library_that_this_system_lacks_are_free(monkeypatch):
    monkeypatch.setattr(sys, "stdlib_module_names", {"json", "sys", "winreg_of_another"})
    assert list(interpreter.standard_modules()) == ["json", "sys"]
