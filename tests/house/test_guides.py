"""The README and docs/: links lead somewhere, commands exist, the worked example works as it is printed."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import notemill
from notemill.cli import cli

ROOT = Path(__file__).resolve().parents[2]
OWN = [ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")]
PAGES = [*OWN, *sorted(ROOT.glob("docs/**/*.md"))]
COMMAND = re.compile(r"(?:^ {4}|`)notemill ([a-z]+)", flags=re.M)


def read(path):
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^)\s]+)\)", read(page))
    local = [link.partition("#")[0] for link in links if not link.startswith(("http:", "https:", "#"))]
    assert [link for link in local if not (page.parent / link).exists()] == []


def test_every_page_of_docs_is_a_click_away():
    linked = {(ROOT / link).resolve() for link in re.findall(r"\]\(([^)\s#]+)", read(ROOT / "README.md"))}
    assert [page for page in PAGES if page.is_relative_to(ROOT / "docs") and page not in linked] == []


@pytest.mark.parametrize("page", [page for page in PAGES if COMMAND.search(read(page))],
                         ids=lambda page: page.relative_to(ROOT).as_posix())
def test_commands_named_exist(page):
    assert set(COMMAND.findall(read(page))) <= set(cli.commands)


def test_both_jobs_have_their_twins():
    """For machines whose pip refuses."""
    readme = read(ROOT / "README.md")
    for session in ("train", "test"):
        for words in ("pip install nox uv && nox", "pipx run --spec nox nox", "uvx nox"):
            assert f"{words} -s {session}" in readme


def example(page):
    """{file name: content} of the files that a page prints: their name, a colon, and an indented block."""
    blocks = re.findall(r"^`([\w/.]+)`:\n\n((?: {4}.*\n|\n)+)", read(page), flags=re.M)
    return {name: re.sub(r"^ {4}", "", text, flags=re.M) for name, text in blocks}


@pytest.mark.slow
def test_from_an_empty_folder(tmp_path):
    files = example(ROOT / "docs/how-to/empty-folder.md")
    assert set(files) == {f"notebooks/{name}" for name in ("pipeline.yaml", "clean.py", "train.py")}
    (tmp_path / "notebooks").mkdir()
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "notemill", "run", "--json", "--offline"]
    env = {**os.environ, "PYTHONPATH": str(Path(notemill.__file__).parents[1])}
    runs = [subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True) for _ in range(2)]
    assert [run.returncode for run in runs] == [0, 0], runs[0].stderr
    actions = [[step["action"] for step in json.loads(run.stdout)["steps"]] for run in runs]
    assert actions == [["run", "run"], ["reuse", "reuse"]]
    assert "accuracy 0.973 " in runs[0].stderr and "accuracy 0.973 " in read(ROOT / "docs/how-to/empty-folder.md")
