"""All that the stack holds in one file, and the way back."""

import io
import json
import os
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import notemill
from notemill.ci.stack import compose as composing
from notemill.ci.stack import images, leftovers
from notemill.ci.stack import settings as own
from notemill.ci.stack.compose import Compose
from notemill.ci.stack.engine import Engine
from notemill.errors import NotemillError, UsageError
from notemill.files import sync_folder

FORMAT = 1
SETTINGS, FACTS, VOLUMES, END = "stack.json", "backup.json", "volumes", "end.json"
# In a container: the small files come as an archive on its standard input; in the one that goes out they stand first,
# and last the one that says that it is whole.
WRITE = f"tar -C /backup -x && tar -C /backup --numeric-owner -c {FACTS} {SETTINGS} {VOLUMES} {END}"
READ = f"tar -C /backup --numeric-owner -x -p {VOLUMES}"


def backup(compose: Compose, file: Path) -> int:
    """Bytes written. The parts stand still meanwhile, so that what they keep in several places fits together."""
    if file.exists():
        raise UsageError(str(file), "is there already", "the name of a new file")
    if not file.resolve().parent.is_dir():
        raise UsageError(str(file), "its folder is not there")
    handle, temporary = tempfile.mkstemp(dir=file.resolve().parent, prefix=f".{file.name}.")  # 0600
    try:
        with os.fdopen(handle, "wb") as out, standing_still(compose):
            write(compose, out)
            out.flush()
            os.fsync(out.fileno())
        check(Path(temporary))
        os.rename(temporary, file)
    finally:
        Path(temporary).unlink(missing_ok=True)
    sync_folder(file.resolve().parent)
    return file.stat().st_size


@contextmanager
def standing_still(compose: Compose) -> Iterator[None]:
    """Only what runs is started again."""
    running = [name for name in compose.run("ps", "--services", "--filter", "status=running").split()]
    if running:
        compose.run("stop", "-t", "30", *running)
    try:
        yield
    finally:
        if running:
            compose.run("start", *running)


def write(compose: Compose, out) -> None:
    done = subprocess.run(in_container(compose.engine, compose.settings, WRITE, ":ro"),
                          input=small_files(compose.settings), stdout=out, stderr=subprocess.PIPE)
    if done.returncode:
        raise NotemillError("notemill stack backup", done.stderr.decode(errors="replace").strip()[-500:] or "failed")


def small_files(settings: dict) -> bytes:
    facts = {"format": FORMAT, "notemill": notemill.__version__, "images": images.names(settings["built"]),
             "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, value in {FACTS: facts, SETTINGS: settings, END: True}.items():
            entry, content = tarfile.TarInfo(name), json.dumps(value, indent=1).encode()
            entry.size, entry.mode = len(content), 0o600
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def volumes(settings: dict) -> dict[str, str]:
    """{name in the file: name of the engine's volume}."""
    return {name: f"{settings['project']}-{name}" for name in composing.VOLUMES}


def all_volumes(settings: dict) -> list[str]:
    """Their names; the first is a second name of the store."""
    return [f"{composing.store(settings)}-to-read", *volumes(settings).values()]


def in_container(engine: Engine, settings: dict, script: str, how: str = "") -> list[str]:
    """The command line that runs a script beside all volumes, and nothing else."""
    mounts = [word for name, volume in volumes(settings).items()
              for word in ("-v", f"{volume}:/backup/{VOLUMES}/{name}{how}")]
    return [*engine.docker, "run", "--rm", "-i", "--network", "none", *composing.labels(settings), *mounts,
            "--entrypoint", "sh", images.STEP, "-c", script]


def check(file: Path) -> dict:
    """The settings in a backup that is whole. Raises UsageError for any other file."""
    found, last = {}, None
    try:
        with tarfile.open(file, "r|") as archive:
            for member in archive:
                last = member.name
                if last in (FACTS, SETTINGS, END) and member.isfile():
                    found[last] = json.loads(archive.extractfile(member).read())
                elif not expected(last):
                    raise UsageError(str(file), f"holds {last!r}: it is no backup of a stack")
    except FileNotFoundError:
        raise UsageError(str(file), "there is no such file") from None
    except (tarfile.TarError, ValueError, EOFError) as error:
        raise UsageError(str(file), f"is no whole backup of a stack: {error}") from None
    if not {FACTS, SETTINGS} <= set(found) or found[FACTS].get("format") != FORMAT:
        raise UsageError(str(file), "is no backup of a stack, or one of another version of notemill")
    if last != END:
        raise UsageError(str(file), "is no whole backup of a stack: its end is missing")
    return found[SETTINGS]


def expected(name: str) -> bool:
    parts = name.split("/")
    return ".." not in parts and parts[0] == VOLUMES and (len(parts) < 2 or parts[1] in composing.VOLUMES)


def restore(engine: Engine, file: Path, environ: Mapping[str, str] = os.environ) -> dict:
    """The settings, once every volume is there. Nothing may be there before."""
    settings = check(file)
    if own.read(environ) is not None:
        raise UsageError("notemill stack restore", f"this user has a stack ({own.path(environ)})",
                         hint="notemill stack down --volumes removes it; XDG_DATA_HOME=DIR holds another one")
    there = [volume for volume in volumes(settings).values() if engine.ask("volume", "inspect", volume) is not None]
    if there:
        raise UsageError("notemill stack restore", f"the engine has volumes of a stack: {', '.join(there)}",
                         hint=f"if they are not needed: docker volume rm {' '.join(there)}")
    try:
        fill(engine, settings, file)
    except BaseException:
        remove_volumes(engine, settings)
        raise
    own.write(settings, environ)
    return settings


def fill(engine: Engine, settings: dict, file: Path) -> None:
    for name, volume in volumes(settings).items():
        engine.run("volume", "create", "--label", f"com.docker.compose.project={settings['project']}",
                   "--label", f"com.docker.compose.volume={name}", volume)
    with open(file, "rb") as content:
        done = subprocess.run(in_container(engine, settings, READ), stdin=content, capture_output=True)
    if done.returncode:
        raise NotemillError("notemill stack restore", done.stderr.decode(errors="replace").strip()[-500:] or "failed")


def down(compose: Compose, everything: bool) -> None:
    """What it holds stays, unless everything is to go."""
    if everything:
        leftovers.check(compose.engine, compose.settings, all_volumes(compose.settings))
    compose.run("down", "--remove-orphans", "-t", "30")
    if everything:
        remove_volumes(compose.engine, compose.settings)


def remove_volumes(engine: Engine, settings: dict) -> None:
    leftovers.remove(engine, settings)
    there = [name for name in all_volumes(settings) if engine.ask("volume", "inspect", name) is not None]
    if there:
        engine.run("volume", "rm", *there)
