"""The images of the stack: official ones, or (`--build`) made here; the image that steps run in is made always."""

import hashlib
import os
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import notemill
from notemill.ci.stack import frontend, gobuild
from notemill.ci.stack.engine import Engine, output
from notemill.ci.stack.told import Told
from notemill.errors import NotemillError, UsageError
from notemill.files import cache_folder
from notemill.release.image.command_line import proxies, secrets

FILES = Path(__file__).parent / "files" / "images"
# The environment may name others: NOTEMILL_GITEA_IMAGE and so on.
OFFICIAL = {"gitea": "gitea/gitea:1.26.0-rootless", "drone": "drone/drone:2", "runner": "drone/drone-runner-docker:1",
            "registry": "registry:2", "haproxy": "haproxy:2.8", "postgres": "postgres:15", "clone": "drone/git:1.4.0"}
BUILT = {"gitea": "notemill/gitea:1.26.0", "drone": "notemill/drone:1.10.1", "runner": "notemill/runner:1.8.3",
         "registry": "notemill/registry:2.8", "haproxy": "notemill/haproxy:2.6", "postgres": "notemill/postgres:15",
         "clone": "notemill/clone:1"}
STEP = f"notemill/step:{notemill.__version__.replace('+', '-')}"
BASE, OFFICIAL_BASE, SUITE = "notemill/base:bookworm", "debian:bookworm-slim", "bookworm"
SCRIPTS = {"clone": ("clone",), "postgres": ("postgres-entrypoint",), "registry": ("registry.yml",)}
PACKAGES = "python3,python3-venv,git,ca-certificates,curl,wget,openssl"
LABEL = "notemill.content"
INDEX = ("PIP_INDEX_URL", "UV_DEFAULT_INDEX")  # with a login, perhaps
EXTRAS = ("serve", "s3", "sign", "docker")  # of notemill, in the image that steps run in


@dataclass(frozen=True)
class Wheel:
    """Notemill itself as a distribution, what it needs, and the versions that its tests ran with."""

    name: str
    content: bytes
    needs: tuple[str, ...]
    constraints: bytes


def names(built: bool, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """{part: image}, `step` among them."""
    chosen = {part: environ.get(f"NOTEMILL_{part.upper()}_IMAGE") or image
              for part, image in (BUILT if built else OFFICIAL).items()}
    return chosen | {"step": STEP}


def ensure(engine: Engine, built: bool, wheel: Wheel, told: Told, environ: Mapping[str, str] = os.environ) -> None:
    """Makes or fetches what is not there."""
    if not engine.builds:
        raise UsageError(engine.docker[0], "cannot build images: it lacks its plugin buildx", "Docker 20.10 or later",
                         "apt-get install docker-buildx, or name another client: NOTEMILL_DOCKER=/usr/bin/docker")
    base = ensure_base(engine, built, told)
    if built:
        for part in BUILT:
            make(engine, part, BUILT[part], lambda folder, part=part: lay(part, folder, told, environ), base, told)
    else:
        for part, image in names(False, environ).items():
            if part != "step":
                fetch(engine, image, told)
    make(engine, "step", STEP, lambda folder: lay_step(folder, wheel), base, told)


def fetch(engine: Engine, image: str, told: Told) -> None:
    if engine.ask("image", "inspect", image) is not None:
        return
    with told(f"fetching {image}"):
        try:
            engine.run("pull", "-q", image)
        except NotemillError as error:
            raise NotemillError(f"docker pull {image}", error.got,
                                hint="without a registry in reach: notemill stack up --build") from None


def ensure_base(engine: Engine, built: bool, told: Told) -> str:
    """Debian: the official image where it can be had, else made by debootstrap."""
    if built and engine.ask("image", "inspect", BASE) is not None:
        return BASE
    if engine.ask("image", "inspect", OFFICIAL_BASE) is not None:
        return OFFICIAL_BASE
    if not built:
        fetch(engine, OFFICIAL_BASE, told)
        return OFFICIAL_BASE
    with told("a base image of Debian"):
        bootstrap(engine)
    return BASE


def bootstrap(engine: Engine) -> None:
    if shutil.which("debootstrap") is None or os.geteuid() != 0:
        raise UsageError("notemill stack up --build", "a base image needs debootstrap, and root",
                         hint=f"apt-get install debootstrap; or load one: docker pull {OFFICIAL_BASE}")
    with tempfile.TemporaryDirectory(prefix="notemill-base-") as folder:
        output(["debootstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE, folder])
        for waste in ("var/cache/apt/archives", "var/lib/apt/lists"):
            shutil.rmtree(Path(folder) / waste)
            (Path(folder) / waste).mkdir()
        with subprocess.Popen(["tar", "-C", folder, "-c", "."], stdout=subprocess.PIPE) as tar:
            done = subprocess.run([*engine.docker, "import", "-", BASE], stdin=tar.stdout, capture_output=True)
    if done.returncode or tar.returncode:
        raise NotemillError("docker import", done.stderr.decode(errors="replace").strip() or "tar failed")


def make(engine: Engine, target: str, image: str, laid, base: str, told: Told) -> None:
    """Build unless an image of just this content is there."""
    with tempfile.TemporaryDirectory(dir=ensure_folder(), prefix=".context-") as folder:
        laid(Path(folder))
        (Path(folder) / "Dockerfile").write_text(own_stages((FILES / "Dockerfile").read_text(), target))
        content = digest(Path(folder), target, base)
        if engine.ask("image", "inspect", "-f", f'{{{{index .Config.Labels "{LABEL}"}}}}', image) == content:
            return
        with told(f"building {image}"):
            build(engine, target, image, Path(folder), base, content)


def own_stages(dockerfile: str, target: str) -> str:
    """What an image is made by, without the parts of the others: a change of those does not concern it."""
    head, *rest = re.split(r"(?m)^(?=FROM )", dockerfile)
    stages = {part.split()[3]: part for part in rest}
    kept, parent = [], target
    while parent in stages:
        kept.insert(0, stages[parent])
        parent = stages[parent].split()[1]
    return head + "".join(kept)


def ensure_folder() -> Path:
    """Beside the programs, so that they go into a context as links."""
    folder = cache_folder(os.environ) / "stack"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def build(engine: Engine, target: str, image: str, folder: Path, base: str, content: str) -> None:
    environ = {**os.environ, "DOCKER_BUILDKIT": "1"}
    with secrets(environ, index=index_settings(environ)) as given:
        output([*engine.docker, "build", "-q", "--target", target, "-t", image, "--label", f"{LABEL}={content}",
                "--build-arg", f"BASE={base}", *proxies(environ), *given, str(folder)], environ=environ)


def index_settings(environ: Mapping[str, str]) -> str:
    """The addresses of this machine's index, for a shell; empty for the usual one."""
    return "".join(f"export {name}={shlex.quote(environ[name])}\n" for name in INDEX if environ.get(name))


def lay(part: str, folder: Path, told: Told, environ: Mapping[str, str]) -> None:
    """What the Dockerfile copies for this part."""
    for name in SCRIPTS.get(part, ()):
        shutil.copyfile(FILES / name, folder / name)
        (folder / name).chmod(0o755)
    if part in gobuild.PROGRAMS:
        program = gobuild.PROGRAMS[part]
        kept = gobuild.place(program, environ)
        if not kept.is_dir():
            with told(f"building {part} from its source (up to 20 minutes)"):
                gobuild.ensure(program, environ)
        shutil.copytree(kept, folder / part, copy_function=os.link)
    if part == "gitea":
        lay_pages(folder / part / "static" / "public" / "assets", told, environ)


def lay_pages(folder: Path, told: Told, environ: Mapping[str, str]) -> None:
    """The forge's style and scripts, beside its pictures."""
    program = gobuild.PROGRAMS["gitea"]
    kept = frontend.place(program.go_mod, environ)
    if not kept.is_dir():
        if not frontend.can_build(environ):
            told.say(frontend.MISSING)
            return
        with told("building gitea's pages (some minutes)"):
            gobuild.with_module(program, environ, lambda module: frontend.build(module, kept, environ))
    shutil.copytree(kept, folder, copy_function=os.link, dirs_exist_ok=True, ignore=shutil.ignore_patterns("img"))


def lay_step(folder: Path, wheel: Wheel) -> None:
    step = folder / "step"
    (step / "wheels").mkdir(parents=True)
    (step / "wheels" / wheel.name).write_bytes(wheel.content)
    (step / "needs.txt").write_text("\n".join(wheel.needs) + "\n", encoding="utf-8")
    (step / "constraints.txt").write_bytes(wheel.constraints)
    for name in ("install", "prepare"):
        shutil.copyfile(FILES / name, step / name)
        (step / name).chmod(0o755)


def digest(folder: Path, target: str, base: str) -> str:
    """Of all that the image is made of."""
    found = hashlib.sha256(f"{target}\0{base}".encode())
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        found.update(f"\0{path.relative_to(folder)}\0".encode() + _file_digest(path))
    return found.hexdigest()


def _file_digest(path: Path) -> bytes:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
