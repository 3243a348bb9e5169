"""Gitea's style sheets and scripts, built from its module: Go's module proxy has their sources alone."""

import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from notemill.errors import NotemillError
from notemill.files import cache_folder, sha256_text

TOOLS = ("node@22.23.3", "pnpm@10.33.0")  # as Gitea's package.json asks for; from npm's registry like all the rest
WORDS = (("pnpm", "install", "--frozen-lockfile", "--prod", "--ignore-scripts"), ("pnpm", "exec", "vite", "build"))
MISSING = "npm is not on the PATH: the forge's pages will have no style (apt-get install npm, then stack up again)"


def place(module: str, environ: Mapping[str, str]) -> Path:
    """Where they are kept: by the module's version, and by what builds them."""
    return cache_folder(environ) / "stack" / "bin" / f"gitea-pages-{sha256_text(repr((module, TOOLS, WORDS)))[:16]}"


def can_build(environ: Mapping[str, str]) -> bool:
    return shutil.which("npm", path=environ.get("PATH")) is not None


def build(module: Path, kept: Path, environ: Mapping[str, str]) -> None:
    """`module`: the sources, to read only. `kept` appears whole, or not at all. Raises NotemillError."""
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept.parent, prefix=".gitea-pages.") as folder:
        source, tools = Path(folder, "source"), Path(folder, "tools")
        shutil.copytree(module, source, copy_function=shutil.copyfile)
        tools.mkdir()
        run(tools, environ, "npm", "install", "--no-audit", "--no-fund", "--prefix", ".", *TOOLS)
        seen = {**environ, "NODE_ENV": "production", "CI": "true",
                "PATH": f"{tools / 'node_modules' / '.bin'}:{environ.get('PATH', '')}"}
        for words in WORDS:
            run(source, seen, *words)
        made = source / "public" / "assets"
        for path in (made, *made.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        made.rename(kept)


def run(folder: Path, environ: Mapping[str, str], *words: str) -> None:
    done = subprocess.run(words, cwd=folder, env=dict(environ), stdin=subprocess.DEVNULL, capture_output=True,
                          text=True)
    if done.returncode:
        said = (done.stderr + done.stdout).strip()[-1500:]
        raise NotemillError(" ".join(words[:3]), said or "failed", hint="it needs npm's registry")
