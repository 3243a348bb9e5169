"""The house's own order: what the server does, a laptop does with the same words (`nox -l`)."""

import atexit
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import nox
import nox.command

READY = os.environ.get("NOX_ENVDIR")  # where a build server's image has environments ready
nox.options.envdir = READY or ".nox"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_venv = "yes"
nox.options.sessions = ["lint", "test"]
nox.options.error_on_external_run = True

ROOT = Path(__file__).resolve().parent
CONSTRAINTS = str(ROOT / "constraints.txt")
GROUPS = nox.project.load_toml(ROOT / "pyproject.toml")
# Ctrl-C: notemill ends its steps and writes down how far it came before nox may end it.
PATIENCE = {"interrupt_timeout": 30.0, "terminate_timeout": 10.0}
WORKERS = ["-n", "auto", "--maxprocesses", "4", "--dist", "loadfile"]
# Elsewhere they skip what needs an engine: they make images and containers on this machine.
DOCKER = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("tests/release/deploy/test_docker*.py"))
ON_AN_ENGINE = ["tests/release/image", *DOCKER,
                "tests/ci/stack/test_leftovers.py", "tests/ci/stack/test_real.py"]
REPORTS = [f"--cov-report={kind}" for kind in ("term", "html", "json")]
BIN = "Scripts" if sys.platform == "win32" else "bin"
TRAIN = ROOT / nox.options.envdir / "train"


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
    """Build the wheel, install it, run all tests against it; `-- ARGS`: pytest with these arguments."""
    install_tested(session)
    with told(session, Path(session.bin)):
        session.run("pytest", *(session.posargs or WORKERS), **PATIENCE)


@nox.session(default=False)
def coverage(session: nox.Session) -> None:
    """Run all tests and measure which lines they reach (half as long again); fails under the floor; htmlcov/."""
    install_tested(session)
    with told(session, Path(session.bin)):
        session.run("pytest", *WORKERS, "--cov", *REPORTS, *session.posargs, **PATIENCE)


@nox.session
def train(session: nox.Session) -> None:
    """Run the notebooks, only what changed: `nox -s train -- ARGS` is `notemill run ARGS`."""
    install_once(session, "--editable", ".[docker]")
    with told(session, Path(session.bin)):
        session.run("notemill", "run", *session.posargs, stderr=None, **PATIENCE)


@nox.session(venv_backend="none")
def gate(session: nox.Session) -> None:
    """Judge the model of the last run: `nox -s gate -- ARGS` is `notemill gate ARGS`; fails where it is refused."""
    notemill(session, "gate")


@nox.session(venv_backend="none")
def register(session: nox.Session) -> None:
    """Judge the model of the last run and register it, with its card: `nox -s register -- ARGS`."""
    notemill(session, "register")


@nox.session
def package(session: nox.Session) -> None:
    """Make a wheel of the newest challenger, in dist/, install it apart, and ask it: `-- [VERSION] [--output DIR]`."""
    notemill(session, "package")
    wheel = max((ROOT / "dist").glob("*.whl"), key=lambda path: path.stat().st_mtime_ns, default=None)
    if wheel and "--output" not in session.posargs:
        with told(session, TRAIN / BIN):
            install(session, str(wheel))
            session.run("python", "-m", wheel.name.partition("-")[0], "check")


@nox.session(default=False)
def demo(session: nox.Session) -> None:
    """Try a model in the browser: `nox -s demo -- VERSION|champion|WHEEL` is `notemill demo ...`."""
    install_once(session, "--editable", ".[demo]")
    session.run("notemill", "demo", *(session.posargs or ["champion"]), stderr=None, **PATIENCE)


@nox.session(default=False, venv_backend="none")
def image(session: nox.Session) -> None:
    """Build a container image of service and demo, and ask it: `-- VERSION|champion|WHEEL [--push REGISTRY/NAME]`."""
    session.posargs or session.posargs.append("champion")
    notemill(session, "image")


@nox.session(default=False, venv_backend="none")
def deploy(session: nox.Session) -> None:
    """Put a version in the place of the one that serves, or take it back: `-- VERSION|previous --to TARGET`."""
    notemill(session, "deploy")


@nox.session(default=False, venv_backend="none")
def approve(session: nox.Session) -> None:
    """Answer for a version of high risk: `-- VERSION --by 'NAME <ADDRESS>' --reason '...'`."""
    notemill(session, "approve")


@nox.session(default=False)
def stress(session: nox.Session) -> None:
    """Put a scoring service of your own under load, against its budgets: `nox -s stress -- [URL|VERSION|WHEEL]`."""
    install_once(session, "--editable", ".[serve]")
    session.run("notemill", "stress", *session.posargs, stderr=None, **PATIENCE)


@nox.session(venv_backend="none")
def score(session: nox.Session) -> None:
    """Score the files that are new, by `score:` in pipeline.yaml: `nox -s score -- ARGS` is `notemill score ARGS`."""
    if not session.posargs and "\nscore:" not in (ROOT / "notebooks" / "pipeline.yaml").read_text():
        session.skip("pipeline.yaml has no `score:`: there is nothing to score")
    notemill(session, "score")


@nox.session(default=False, venv_backend="none")
def stack(session: nox.Session) -> None:
    """A server on this machine: `nox -s stack -- up --build` is `notemill stack up --build`."""
    session.posargs or session.posargs.append("status")
    notemill(session, "stack")


@nox.session(default=False)
def stack_test(session: nox.Session) -> None:
    """The server with real parts: what a team does on it; backup, restore; images, deployments. Needs a Docker engine.
    """
    install_once(session, *nox.project.dependency_groups(GROUPS, "test"), "--editable", ".")
    folder = str(Path(session.create_tmp()).resolve())
    stack = {"XDG_DATA_HOME": folder, "NOTEMILL_STACK": str(Path(folder, "notemill", "stack", "stack.json"))}
    try:
        session.run("notemill", "stack", "up", "--build", "--port", "7480", env=stack, stderr=None, **PATIENCE)
        on_it = tested(session, stack, "tests/ci/test_team.py", "tests/ci/test_team_deploy.py")
    finally:
        session.run("notemill", "stack", "down", "--volumes", env=stack, **PATIENCE)
    if not all([on_it, tested(session, {"NOTEMILL_STACK_TEST": "1"}, *ON_AN_ENGINE)]):
        session.error("not all of it passed")


def tested(session: nox.Session, env: dict[str, str], *places: str) -> bool:
    """Whether they passed: what comes after them runs in any case."""
    if "--last-failed" in session.posargs and not last_failed(places):
        return True  # pytest would run them all
    with suppress(nox.command.CommandFailed):
        session.run("pytest", *places, *session.posargs, env=env, **PATIENCE)
        return True
    if not last_failed(places):
        session.log("Command pytest names no test that failed")  # .ci/run gives no second chance then
    return False


def last_failed(places: tuple[str, ...]) -> list[str]:
    """Those in these places, as pytest has noted them."""
    noted = ROOT / ".pytest_cache" / "v" / "cache" / "lastfailed"
    return [name for name in json.loads(noted.read_text()) if name.startswith(places)] if noted.exists() else []


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Measure the engine and the service beside others, for docs/: `-- [--rounds N] [--only NAME] [--tiny]`."""
    install_once(session, "--editable", ".[serve]")
    session.run("python", "tests/bench/engine.py", *session.posargs, **PATIENCE)


@nox.session(default=False)
def lock(session: nox.Session) -> None:
    """Pin anew what the sessions install (constraints.txt); `-- --upgrade` takes the newest versions."""
    install(session, "uv")
    groups = [word for group in ("test", "lint", "house", "bench") for word in ("--group", group)]
    session.run(
        *("uv", "pip", "compile", "pyproject.toml", "--all-extras", *groups, "--universal", "--python-version", "3.11"),
        *("--quiet", "--custom-compile-command", "nox -s lock", "--output-file", "constraints.txt", *session.posargs),
    )


def notemill(session: nox.Session, command: str) -> None:
    """One of notemill's commands in the environment of `train`: another one would cost its installation again."""
    if not is_installed(TRAIN, "--editable", ".[docker]"):
        session.run(sys.executable, "-m", "nox", "-s", "train", "--install-only", external=True, silent=True)
    with told(session, TRAIN / BIN):
        session.run(str(TRAIN / BIN / "notemill"), command, *session.posargs, stderr=None, external=True, **PATIENCE)


@contextmanager
def told(session: nox.Session, tools: Path) -> Iterator[None]:
    """On a build server the log ends with what was done: plan, verdict, links; of a session that failed as well."""
    at_the_end(str(tools / "notemill"), "ci", "story", "--after", session.name, "--failed")
    yield
    at_the_end(str(tools / "notemill"), "ci", "story", "--after", session.name)


def at_the_end(*words: str) -> None:
    """Once, after nox's own last line: the last session that was begun tells of all."""
    if os.environ.get("DRONE"):
        atexit.unregister(subprocess.call)
        atexit.register(subprocess.call, words)


def build_wheel(session: nox.Session) -> str:
    """The wheel, made from the source distribution: what a stale build/ folder holds cannot get into it."""
    folder = Path(session.create_tmp(), "dist")
    shutil.rmtree(folder, ignore_errors=True)
    session.run("python", "-m", "build", "--no-isolation", "--outdir", str(folder), silent=True)
    return str(next(folder.glob("*.whl")))


def install_tested(session: nox.Session) -> None:
    """What the tests need, and notemill as its wheel: files that it forgets are missed."""
    install_once(session, *nox.project.dependency_groups(GROUPS, "test"))
    wheel = build_wheel(session)
    install(session, wheel)
    install(session, "--no-deps", "--force-reinstall", wheel)


def install_once(session: nox.Session, *what: str) -> None:
    """Install, unless this very thing is installed already: a session with nothing to install starts at once."""
    place = Path(session.virtualenv.location)
    if is_installed(place, *what):
        return
    mark(place).unlink(missing_ok=True)
    install(session, *what)
    mark(place).write_text(digest_of(*what))


def is_installed(place: Path, *what: str) -> bool:
    known = mark(place).exists() and mark(place).read_text() == digest_of(*what)
    return known and bool(shutil.which("python", path=str(place / BIN)))  # not one whose interpreter has gone


def mark(place: Path) -> Path:
    """In an environment: what was installed there."""
    return place / "installed.sha256"


def digest_of(*what: str) -> str:
    """Changes with whatever an installation depends on, and with the place of an editable one."""
    files = ("pyproject.toml", "setup.py", "constraints.txt", "package/notemill/__init__.py")
    parts = [str(ROOT).encode(), repr(what).encode(), *((ROOT / name).read_bytes() for name in files)]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def install(session: nox.Session, *what: str) -> None:
    """Install with the house's pins. A build server's image has most: there the index is asked only for the rest.

    The installer talks on standard error: standard output is the command's alone.
    """
    pins = {"UV_BUILD_CONSTRAINT": CONSTRAINTS, "PIP_BUILD_CONSTRAINT": CONSTRAINTS}
    if os.environ.get("PYTHONDONTWRITEBYTECODE"):  # else each process would compile the libraries anew
        pins["UV_COMPILE_BYTECODE"] = "1"
    said = {"env": pins, "silent": False, "stdout": sys.stderr, "stderr": None}
    if READY:
        with suppress(nox.command.CommandFailed):
            session.install("--offline", "--constraint", CONSTRAINTS, *what, **said)
            return
    session.install("--constraint", CONSTRAINTS, *what, **said)
