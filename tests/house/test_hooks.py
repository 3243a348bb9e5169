"""Each pre-commit hook refuses what it is there to refuse, and lets good files pass."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOT_OURS = ("GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE", "COVERAGE_PROCESS_CONFIG", "PYTHONPATH")
OUTPUT = {"output_type": "stream", "name": "stdout", "text": ["1\n"]}
pytestmark = pytest.mark.slow


def notebook(outputs, count):
    cell = {
        "cell_type": "code", "execution_count": count, "id": "a", "metadata": {}, "outputs": outputs,
        "source": ["print(1)"],
    }
    return json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1) + "\n"


# hook: (file, what it refuses, what it lets pass); put together here so that this file passes the hooks itself
CASES = {
    "flake8": ("a.py", "import os\n", "import os\n\nprint(os.name)\n"),
    "detect-secrets": ("a.py", f"KEY = '{'AKIA' + 'Q7MZ3T5RWX2LP9VB'}'\n", "import os\n\nKEY = os.environ['KEY']\n"),
    "check-added-large-files": ("a.bin", "x" * 501 * 1024, "x" * 499 * 1024),
    "nbstripout": ("a.ipynb", notebook([OUTPUT], 1), notebook([], None)),
    "check-merge-conflict": ("a.txt", f"{'<' * 7} HEAD\n", "no conflict\n"),
    "end-of-file-fixer": ("a.txt", "no newline", "newline\n"),
    "trailing-whitespace": ("a.txt", "blank \n", "no blank\n"),
    "check-yaml": ("a.yaml", "a: [\n", "a: []\n"),
}


def run_hook(folder, hook, name, text):
    """What pre-commit says of a new repository with our configuration and this one file."""
    shutil.copy(ROOT / ".pre-commit-config.yaml", folder)
    shutil.copy(ROOT / ".flake8", folder)
    (folder / name).write_text(text, encoding="utf-8")
    env = {key: value for key, value in os.environ.items() if key not in NOT_OURS}
    subprocess.run(["git", "init", "--quiet"], cwd=folder, env=env, check=True)
    subprocess.run(["git", "add", "--all"], cwd=folder, env=env, check=True)
    command = [sys.executable, "-m", "pre_commit", "run", hook, "--files", name]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)


@pytest.mark.parametrize("hook", CASES)
def test_hook_refuses(tmp_path, hook):
    name, bad, _ = CASES[hook]
    done = run_hook(tmp_path, hook, name, bad)
    assert (done.returncode, "Failed" in done.stdout) == (1, True), done.stdout + done.stderr


@pytest.mark.parametrize("hook", CASES)
def test_hook_lets_good_files_pass(tmp_path, hook):
    name, _, good = CASES[hook]
    done = run_hook(tmp_path, hook, name, good)
    assert (done.returncode, "Passed" in done.stdout) == (0, True), done.stdout + done.stderr


def test_every_hook_is_tried():
    hooks = [line.partition("id: ")[2] for line in (ROOT / ".pre-commit-config.yaml").read_text().splitlines()]
    assert set(filter(None, hooks)) == set(CASES)
