"""What the papers of this repository say is there, is there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import notemill

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("package", "tests", "notebooks", "docs")


@pytest.mark.parametrize("name", ["CONTRIBUTING.md"])
def test_every_path_named_exists(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    paths = [path for path in re.findall(r"`([\w./-]+)`", text) if path.startswith(tuple(f"{f}/" for f in FOLDERS))]
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_changelog_tells_of_this_version():
    heads = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), flags=re.M)
    assert heads[0] == "Unreleased" or heads[0] == notemill.__version__


def test_sessions_have_the_promised_words():
    command = [sys.executable, "-m", "nox", "--noxfile", str(ROOT / "noxfile.py"), "--list", "--nocolor"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert re.findall(r"^[*-] (\w+) -> \w+", listed, flags=re.M) == [
        "lint", "test", "coverage", "train", "gate", "register", "package", "demo", "image", "deploy", "approve",
        "stress", "score", "stack", "stack_test", "bench", "lock"]


def test_licence_is_the_whole_apache_licence():
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Version 2.0, January 2004" in text and "END OF TERMS AND CONDITIONS" in text and "APPENDIX" in text
