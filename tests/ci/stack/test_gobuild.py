"""Programs from their modules: built once for a go.mod, whole or not at all."""

import pytest

from notemill.ci.stack import gobuild
from notemill.errors import NotemillError, UsageError

GO = """#!/bin/sh
echo "$1 CGO_ENABLED=$CGO_ENABLED" >> "{log}"
case "$1" in
build) while [ "$1" != -o ]; do shift; done; mkdir -p "$(dirname "$2")"; echo program > "$2"; {end} ;;
list) echo "{module}" ;;
esac
"""


@pytest.fixture
def go(tmp_path, monkeypatch):
    """Puts a `go` on the PATH; gives what it was asked for."""
    for place in ("docker/rootless/bin", "templates", "options", "public"):
        (tmp_path / "module" / place).mkdir(parents=True)
    (tmp_path / "module" / "docker" / "rootless" / "bin" / "start").write_text("#!/bin/sh\n")
    (tmp_path / "module" / "templates" / "a.tmpl").write_text("a")

    def put(end="true"):
        (tmp_path / "bin").mkdir(exist_ok=True)
        text = GO.format(log=tmp_path / "log", module=tmp_path / "module", end=end)
        (tmp_path / "bin" / "go").write_text(text)
        (tmp_path / "bin" / "go").chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
        return lambda: (tmp_path / "log").read_text().splitlines()
    return put


@pytest.fixture
def environ(tmp_path, monkeypatch):
    monkeypatch.setattr(gobuild, "check", lambda program: None)  # whether this machine has a compiler is its own matter
    return {"XDG_CACHE_HOME": str(tmp_path / "cache"), "PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin"}


def test_it_is_built_once(go, environ):
    asked = go()
    folder = gobuild.ensure(gobuild.PROGRAMS["runner"], environ)
    assert (folder / "runner").read_text() == "program\n"
    assert gobuild.ensure(gobuild.PROGRAMS["runner"], environ) == folder and asked() == ["build CGO_ENABLED=0"]


def test_the_files_that_it_needs_come_with_it(go, environ):
    asked = go()
    folder = gobuild.ensure(gobuild.PROGRAMS["gitea"], environ)
    assert (folder / "static" / "templates" / "a.tmpl").read_text() == "a" and asked()[0] == "build CGO_ENABLED=1"
    assert (folder / "rootless" / "bin" / "start").stat().st_mode & 0o777 == 0o755
    assert (folder / "static" / "templates" / "a.tmpl").stat().st_mode & 0o777 == 0o644


def test_one_that_fails_is_not_kept_and_says_why(go, environ, tmp_path):
    go(end="echo 'no such module' >&2; exit 1")
    with pytest.raises(NotemillError, match="no such module"):
        gobuild.ensure(gobuild.PROGRAMS["drone"], environ)
    assert list((tmp_path / "cache" / "notemill" / "stack" / "bin").iterdir()) == []


def test_another_go_mod_is_another_program(monkeypatch, tmp_path):
    before = gobuild.PROGRAMS["drone"].key
    (tmp_path / "drone.mod").write_text("module y\n")
    monkeypatch.setattr(gobuild, "MODULES", tmp_path)
    assert gobuild.PROGRAMS["drone"].key != before
    assert len({program.key for program in gobuild.PROGRAMS.values() if program.name == "drone"}) == 1


def test_without_go_what_is_missing_is_said(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="go is not on the PATH") as caught:
        gobuild.check(gobuild.PROGRAMS["runner"])
    assert "go.dev" in caught.value.hint
    (tmp_path / "go").write_text("")
    (tmp_path / "go").chmod(0o755)
    gobuild.check(gobuild.PROGRAMS["runner"])
    with pytest.raises(UsageError, match="C compiler"):
        gobuild.check(gobuild.PROGRAMS["gitea"])
