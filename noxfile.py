"""The house's own order: what the server does, a laptop does with the same words (`nox -l`)."""

import hashlib
import os
import shutil
import sys
from pathlib import Path

import nox

nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_venv = "yes"
nox.options.sessions = ["lint", "test"]
nox.options.error_on_external_run = True

ROOT = Path(__file__).resolve().parent
CONSTRAINTS = str(ROOT / "constraints.txt")
GROUPS = nox.project.load_toml(ROOT / "pyproject.toml")
# Ctrl-C: notemill ends its steps and writes down how far it came before nox may end it.
PATIENCE = {"interrupt_timeout": 30.0, "terminate_timeout": 10.0}


@nox.session
def lint(session: nox.Session) -> None:
    """Check style (in notebooks too), the import layers, and every pre-commit hook on all files."""
    install_once(session, *nox.project.dependency_groups(GROUPS, "lint"))
    session.run("flake8", "package", "tests", "noxfile.py", "setup.py")
    session.run("nbqa", "flake8", "notebooks")
    session.run("lint-imports", env={"PYTHONPATH": "package"})
    if not (ROOT / ".git").exists():
        session.error("pre-commit reads the list of files from git: run this in a git checkout")
    session.run("pre-commit", "run", "--all-files", "--show-diff-on-failure", *session.posargs)


@nox.session
def test(session: nox.Session) -> None:
    """Build the wheel, install it, run all tests against it; `-- ARGS`: pytest with these arguments, no floor."""
    install_once(session, *nox.project.dependency_groups(GROUPS, "test"))
    wheel = build_wheel(session)
    install(session, wheel)
    install(session, "--no-deps", "--force-reinstall", wheel)
    if session.posargs:
        session.run("pytest", *session.posargs, **PATIENCE)
        return
    workers = ["-n", "auto", "--maxprocesses", "4", "--dist", "loadfile"]
    session.run("pytest", *workers, "--cov", "--cov-report=term", "--cov-report=html", **PATIENCE)


@nox.session
def train(session: nox.Session) -> None:
    """Run the notebooks, only what changed: `nox -s train -- ARGS` is `notemill run ARGS`."""
    install_once(session, "--editable", ".")
    session.run("notemill", "run", *session.posargs, stderr=None, **PATIENCE)


@nox.session(venv_backend="none")
def gate(session: nox.Session) -> None:
    """Judge the model of the last run: `nox -s gate -- ARGS` is `notemill gate ARGS`; fails where it is refused."""
    notemill(session, "gate")


@nox.session(venv_backend="none")
def register(session: nox.Session) -> None:
    """Judge the model of the last run and register it, with its card: `nox -s register -- ARGS`."""
    notemill(session, "register")


@nox.session(venv_backend="none")
def package(session: nox.Session) -> None:
    """Write the newest challenger as a wheel into dist/: `nox -s package -- [VERSION] [--output DIR]`."""
    notemill(session, "package")


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Measure the engine beside Papermill and plain scripts, for docs/: `-- [--rounds N] [--only NAME] [--tiny]`."""
    install_once(session, "--editable", ".")
    session.run("python", "tests/bench/engine.py", *session.posargs, **PATIENCE)


@nox.session(default=False)
def lock(session: nox.Session) -> None:
    """Pin anew what the sessions install (constraints.txt); `-- --upgrade` takes the newest versions."""
    install(session, "uv")
    groups = [word for group in ("test", "lint", "house") for word in ("--group", group)]
    session.run(
        *("uv", "pip", "compile", "pyproject.toml", "--all-extras", *groups, "--universal", "--python-version", "3.11"),
        *("--quiet", "--custom-compile-command", "nox -s lock", "--output-file", "constraints.txt", *session.posargs),
    )


def notemill(session: nox.Session, command: str) -> None:
    """One of notemill's commands in the environment of `train`: another one would cost its installation again."""
    session.run(sys.executable, "-m", "nox", "-s", "train", "--install-only", external=True, silent=True)
    tool = ROOT / ".nox" / "train" / ("Scripts" if sys.platform == "win32" else "bin") / "notemill"
    session.run(str(tool), command, *session.posargs, stderr=None, external=True, **PATIENCE)


def build_wheel(session: nox.Session) -> str:
    """The wheel, made from the source distribution: what a stale build/ folder holds cannot get into it."""
    folder = Path(session.create_tmp(), "dist")
    shutil.rmtree(folder, ignore_errors=True)
    session.run("python", "-m", "build", "--no-isolation", "--outdir", str(folder), silent=True)
    return str(next(folder.glob("*.whl")))


def install_once(session: nox.Session, *what: str) -> None:
    """Install, unless this very thing is installed already: a session with nothing to install starts at once."""
    mark = Path(session.virtualenv.location, "installed.sha256")
    digest = digest_of(*what)
    if mark.exists() and mark.read_text() == digest:
        return
    mark.unlink(missing_ok=True)
    install(session, *what)
    mark.write_text(digest)


def digest_of(*what: str) -> str:
    """Changes with whatever an installation depends on, and with the place of an editable one."""
    files = ("pyproject.toml", "setup.py", "constraints.txt", "package/notemill/__init__.py")
    parts = [str(ROOT).encode(), repr(what).encode(), *((ROOT / name).read_bytes() for name in files)]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def install(session: nox.Session, *what: str) -> None:
    """Install with the house's pins. The installer talks on standard error: standard output is the command's alone."""
    pins = {"UV_BUILD_CONSTRAINT": CONSTRAINTS, "PIP_BUILD_CONSTRAINT": CONSTRAINTS}
    if os.environ.get("PYTHONDONTWRITEBYTECODE"):  # else each process would compile the libraries anew
        pins["UV_COMPILE_BYTECODE"] = "1"
    session.install("--constraint", CONSTRAINTS, *what, env=pins, silent=False, stdout=sys.stderr, stderr=None)
