"""Facts of a run: a diff that can be applied, machine and build."""

import subprocess

import pytest
from tiny import write

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


@pytest.fixture
def repository(tmp_path):
    """A project with one commit: (its folder, a store elsewhere)."""
    work = tmp_path / "work"
    write(work / "text", "one\n")
    write(work / ".gitignore", "ignored*\n")
    git(work, "init", "-q")
    git(work, "add", ".")
    git(work, "commit", "-qm", "first")
    return work, Store(tmp_path / "store")


def test_new_files_are_part_of_the_diff(repository):
    work, store = repository
    names = ["new.py", "-rf ü\n'*.bin", "deep/er/*", "empty"]
    for name, content in zip(names, [b"x = 1", bytes(range(256)), b"a\n", b""], strict=True):
        write(work / name, content)
    (work / "link").symlink_to("text")
    write(work / "ignored.csv", "no")
    write(work / ".notemill/objects/a", "a run's own")
    write(work / "text", "two\n")
    index = work / ".git/index"
    before, stamp = git(work, "status", "--porcelain"), (index.read_bytes(), index.stat().st_mtime_ns)
    found = facts.git(work, store, Redactor({}))
    assert (index.read_bytes(), index.stat().st_mtime_ns) == stamp and git(work, "status", "--porcelain") == before
    assert found["dirty"] and found["left_out"] == []
    diff = store.read_bytes(found["diff"])
    git(work, "stash", "-qu")
    git(work, "apply", "-", input=diff)
    assert [(work / name).read_bytes() for name in names] == [b"x = 1", bytes(range(256)), b"a\n", b""]
    assert (work / "link").is_symlink() and (work / "text").read_text() == "two\n"
    assert b"ignored.csv" not in diff and b".notemill" not in diff


def test_what_is_too_large_or_may_be_secret_is_left_out_and_named(repository, monkeypatch):
    monkeypatch.setattr(facts, "MOST_BYTES", 2000)
    monkeypatch.setattr(facts, "MOST_NAMED", 4)
    work, store = repository
    for name, size in (("small.py", 5), ("data.csv", 3000), (".env", 9), ("my.key", 9)):
        write(work / name, "x" * size)
    (work / "nested").mkdir()
    git(work / "nested", "init", "-q")
    git(work / "nested", "commit", "--allow-empty", "-qm", "inner")
    found = facts.git(work, store, Redactor({}))
    assert sorted(found["left_out"]) == [".env (may hold secrets)", "data.csv (3.0 kB)", "my.key (may hold secrets)",
                                         "nested/ (no file)"]
    diff = store.read_bytes(found["diff"])
    assert b"small.py" in diff and b"data.csv" not in diff and b".env" not in diff
    for n in range(9):
        write(work / f"{n}.pem", "x")
    assert facts.git(work, store, Redactor({}))["left_out"][-1] == "9 more"


def test_what_runs_write_makes_no_repository_dirty(repository):
    work, store = repository
    for name in (".notemill/a", "reports/index.html", "mlflow.db"):
        write(work / name, "x")
    assert facts.git(work, store, Redactor({}))["dirty"] is False


def test_a_project_within_a_repository(repository):
    work, store = repository
    write(work / "other/new.py", "x")
    write(work / "project/mine.py", "secret word")
    found = facts.git(work / "project", store, Redactor({"NAME": "secret word"}))
    diff = store.read_bytes(found["diff"])
    assert b"project/mine.py" in diff and b"other" not in diff and b"secret word" not in diff


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


def test_a_reason_is_one_line_whoever_wrote_it():
    assert facts.reason({"NOTEMILL_REASON": " drift:\x1b[31m\n| a | $(id)\t"}) == "drift: [31m | a | $(id)"
    assert facts.reason({"NOTEMILL_REASON": " \n", "DRONE_BUILD_EVENT": "cron"}) == "schedule"
    assert len(facts.reason({"NOTEMILL_REASON": "x" * 9000})) == facts.LONGEST_REASON
