"""Programs built from their Go modules, where no registry gives their images; kept by the content of go.mod."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from notemill.errors import NotemillError, UsageError
from notemill.files import cache_folder, sha256_text

MODULES = Path(__file__).parent / "files" / "images" / "go"
FLAGS = ("-mod=mod", "-trimpath")


@dataclass(frozen=True)
class Program:
    """`files`: folders of the module that go beside the program, as {place: place in the module}."""

    name: str
    package: str
    cgo: bool
    tags: str = ""
    linked: str = ""
    module: str = ""
    files: tuple[tuple[str, str], ...] = ()

    @property
    def go_mod(self) -> str:
        return (MODULES / f"{self.name}.mod").read_text(encoding="utf-8")

    @property
    def key(self) -> str:
        return sha256_text(repr((self, self.go_mod, FLAGS)))[:16]


PROGRAMS = {
    "gitea": Program("gitea", "code.gitea.io/gitea", True, "sqlite,sqlite_unlock_notify", "-X main.Version=1.26.0",
                     "code.gitea.io/gitea", (("rootless", "docker/rootless"), ("static/templates", "templates"),
                                             ("static/options", "options"), ("static/public", "public"))),
    "drone": Program("drone", "github.com/drone/drone/cmd/drone-server", True),
    "runner": Program("runner", "github.com/drone-runners/drone-runner-docker", False)}


def place(program: Program, environ: Mapping[str, str] = os.environ) -> Path:
    return cache_folder(environ) / "stack" / "bin" / f"{program.name}-{program.key}"


def ensure(program: Program, environ: Mapping[str, str] = os.environ) -> Path:
    """The folder with the program; built unless it is there."""
    kept = place(program, environ)
    if kept.is_dir():
        return kept
    check(program)
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept.parent, prefix=f".{program.name}.") as temporary:
        build(program, Path(temporary), environ)
        lay_files(program, Path(temporary), environ)
        (Path(temporary) / "out").rename(kept)
    return kept


def check(program: Program) -> None:
    """Raises UsageError for a tool that is missing."""
    if shutil.which("go") is None:
        raise UsageError("notemill stack up --build", "go is not on the PATH: Gitea and Drone are built with it",
                         "Go 1.26 or later", "https://go.dev/doc/install; without --build the official images are used")
    if program.cgo and not any(map(shutil.which, ("gcc", "cc", "clang"))):
        raise UsageError("notemill stack up --build", f"{program.name} needs a C compiler, and there is none",
                         hint="apt-get install gcc libc6-dev")


def build(program: Program, folder: Path, environ: Mapping[str, str]) -> None:
    (folder / "go.mod").write_text(program.go_mod, encoding="utf-8")
    tags = ["-tags", program.tags] if program.tags else []
    go(folder, program, environ, "build", *FLAGS, *tags, "-ldflags", f"-s -w {program.linked}".strip(),
       "-o", f"out/{program.name}", program.package)


def lay_files(program: Program, folder: Path, environ: Mapping[str, str]) -> None:
    if not program.files:
        return
    module = module_folder(folder, program, environ)
    for target, source in program.files:
        shutil.copytree(module / source, folder / "out" / target, copy_function=shutil.copyfile)
    for path in (folder / "out").rglob("*"):
        script = path.is_file() and path.read_bytes()[:2] == b"#!"
        path.chmod(0o755 if path.is_dir() or script or path.name == program.name else 0o644)


def module_folder(folder: Path, program: Program, environ: Mapping[str, str]) -> Path:
    """Where Go keeps the module's files; `folder` holds go.mod."""
    return Path(go(folder, program, environ, "list", "-mod=mod", "-m", "-f", "{{.Dir}}", program.module))


def with_module(program: Program, environ: Mapping[str, str], use: Callable[[Path], None]) -> None:
    """`use(the module's folder)`, fetched where it is not there any more."""
    with tempfile.TemporaryDirectory(prefix="notemill-go-") as folder:
        Path(folder, "go.mod").write_text(program.go_mod, encoding="utf-8")
        go(Path(folder), program, environ, "mod", "download", program.module)
        use(module_folder(Path(folder), program, environ))


def go(folder: Path, program: Program, environ: Mapping[str, str], *words: str) -> str:
    set_here = {"CGO_ENABLED": "1" if program.cgo else "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-buildvcs=false"}
    done = subprocess.run(["go", *words], cwd=folder, env={**environ, **set_here}, capture_output=True, text=True)
    if done.returncode:
        raise NotemillError(f"go {words[0]} {program.package}", done.stderr.strip()[-1500:] or "failed",
                            hint="it needs a network, Go 1.26 and 5 GB of disk; what was fetched is kept")
    return done.stdout.strip()
