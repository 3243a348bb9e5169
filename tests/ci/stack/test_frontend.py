"""The forge's pages: built once from the module, whole or not at all. npm is a script here, named so."""

import os

import pytest

from notemill.ci.stack import frontend, gobuild, images
from notemill.ci.stack.told import Told
from notemill.errors import NotemillError

NPM = """#!/bin/sh
echo "npm $*" >> {log}
mkdir -p node_modules/.bin
cat > node_modules/.bin/pnpm <<'END'
#!/bin/sh
echo "pnpm $* $NODE_ENV" >> {log}
[ "$1" != exec ] || {vite}
END
chmod +x node_modules/.bin/pnpm
"""
VITE = "{ mkdir -p public/assets/css && echo body > public/assets/css/index.css; }"


@pytest.fixture
def npm(tmp_path):
    """(environ whose npm is a script, the log of what was run); `vite`: what the build does."""
    def make(vite=VITE):
        programs, log = tmp_path / "programs", tmp_path / "log"
        programs.mkdir()
        (programs / "npm").write_text(NPM.format(log=log, vite=vite))
        (programs / "npm").chmod(0o755)
        return {"PATH": f"{programs}:{os.environ['PATH']}", "XDG_CACHE_HOME": str(tmp_path / "cache")}, log
    return make


@pytest.fixture
def module(tmp_path):
    """As Go keeps it: to read only."""
    folder = tmp_path / "module" / "public" / "assets" / "img"
    folder.mkdir(parents=True)
    (folder / "logo.svg").write_text("<svg/>")
    (folder / "logo.svg").chmod(0o444)
    return tmp_path / "module"


def test_they_are_built_as_gitea_says(npm, module):
    environ, log = npm()
    kept = frontend.place("module", environ)
    frontend.build(module, kept, environ)
    assert (kept / "css" / "index.css").read_text() == "body\n" and (kept / "img" / "logo.svg").exists()
    assert (kept / "css").stat().st_mode & 0o777 == 0o755
    assert log.read_text().splitlines() == [
        f"npm install --no-audit --no-fund --prefix . {' '.join(frontend.TOOLS)}",
        "pnpm install --frozen-lockfile --prod --ignore-scripts production", "pnpm exec vite build production"]
    assert not (module / "public" / "assets" / "css").exists()


def test_a_build_that_fails_leaves_nothing(npm, module):
    environ, _ = npm("{ echo no such theme >&2; exit 1; }")
    kept = frontend.place("module", environ)
    with pytest.raises(NotemillError, match="no such theme"):
        frontend.build(module, kept, environ)
    assert list(kept.parent.iterdir()) == []


def test_they_lie_beside_the_pictures_and_are_built_once(npm, module, tmp_path, monkeypatch):
    environ, log = npm()
    monkeypatch.setattr(gobuild, "with_module", lambda program, environ, use: use(module))
    for name in ("one", "two"):
        folder = tmp_path / name
        (folder / "img").mkdir(parents=True)
        images.lay_pages(folder, Told(lambda text, nl: None), environ)
        assert {path.name for path in folder.iterdir()} == {"img", "css"}
    assert log.read_text().count("npm ") == 1 + 2  # "pnpm " ends with it, too


def test_without_npm_it_is_said(tmp_path):
    said = []
    environ = {"PATH": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    images.lay_pages(tmp_path, Told(lambda text, nl: said.append(text)), environ)
    assert said == [frontend.MISSING]
