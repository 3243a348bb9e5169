"""Facts of a run: a diff that can be applied, machine and build."""

import subprocess

from notemill.redact import Redactor
from notemill.run import facts
from notemill.store import Store


def git(root, *words, **more):
    name = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    return subprocess.run(["git", "-C", root, *name, *words], check=True, capture_output=True, **more).stdout


def test_the_diff_of_unsaved_changes_can_be_applied(tmp_path):
    work = tmp_path / "work"
    work.mkdir()
    git(work, "init", "-q")
    (work / "text").write_text("one\ntwo\nthree\n\n")
    (work / "bytes").write_bytes(bytes(range(256)))
    git(work, "add", ".")
    git(work, "commit", "-qm", "first")
    (work / "text").write_text("one\n2\nthree\n\n")
    (work / "bytes").write_bytes(bytes(range(255, -1, -1)))
    store = Store(tmp_path / "store")
    found = facts.git(work, store, Redactor({}))
    assert found["dirty"] and found["author"] == "Ada <ada@example.org>" and len(found["commit"]) == 40
    git(work, "checkout", "-q", ".")
    git(work, "apply", "-", input=store.read_bytes(found["diff"]))
    assert (work / "text").read_text() == "one\n2\nthree\n\n"
    assert (work / "bytes").read_bytes() == bytes(range(255, -1, -1))


def test_outside_a_repository_there_is_no_commit(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert facts.git(tmp_path, Store(tmp_path / "store"), Redactor({})) is None


def test_without_git_there_is_no_commit(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert facts.git(tmp_path, Store(tmp_path / "store"), Redactor({})) is None


def test_a_build_and_its_reason():
    environ = {"DRONE_BUILD_NUMBER": "12", "DRONE_BUILD_LINK": "http://drone/12", "DRONE_BUILD_EVENT": "pull_request"}
    assert facts.ci(environ) == {"build": "12", "link": "http://drone/12"}
    assert facts.reason(environ) == "pull request"
    assert facts.reason({**environ, "NOTEMILL_REASON": "drift"}) == "drift"
    assert facts.ci({}) is None and facts.reason({}) == "by hand"
