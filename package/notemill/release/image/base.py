"""What an image stands on: a Python of the wheel's version, with Debian's C library or a like one."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from notemill.errors import UsageError
from notemill.release.image.engine import in_words, made
from notemill.release.image.source import Source
from notemill.text import clip, printable

VARIABLE = "NOTEMILL_BASE_IMAGE"
OWN = "notemill/base:bookworm"  # what `notemill stack up --build` has made, where no registry is in reach
ASK = ("import ensurepip, json, platform, sys, venv; print(json.dumps({'python': list(sys.version_info[:3]), "
       "'libc': platform.libc_ver()}))")
PLATFORMS = {"amd64": "x86_64", "arm64": "aarch64"}  # Docker's names, and those of wheels
LIBC = (2, 28)  # what the wheels of today ask for
OTHER = f"name another one: --base IMAGE, or {VARIABLE}"


@dataclass(frozen=True)
class Base:
    """An image that is here. `python`: (3, 11, 2); `machine`: as wheels name it."""

    name: str
    id: str
    size: int
    python: tuple[int, int, int]
    machine: str

    @property
    def short(self) -> str:
        """3.11"""
        return ".".join(map(str, self.python[:2]))


def find_base(client, asked: str | None, usual: str, told: Callable[[str], None]) -> Base:
    """The one that is asked for; else the Dockerfile's, or, where that cannot be had, the server's own."""
    with in_words("docker"):
        if asked:
            return looked_at(client, asked, present(client, asked) or fetched(client, asked, told))
        found = present(client, usual)
        if found is None and present(client, OWN) is not None:
            told(f"{usual} is not here: {OWN} is taken")
            usual, found = OWN, present(client, OWN)
        return looked_at(client, usual, found or fetched(client, usual, told))


def present(client, name: str):
    import docker.errors

    try:
        return client.images.get(name)
    except docker.errors.ImageNotFound:
        return None


def fetched(client, name: str, told: Callable[[str], None]):
    import docker.errors

    told(f"fetching {name}")
    try:
        return client.images.pull(name) if ":" in name.rpartition("/")[2] or "@" in name else \
            client.images.pull(name, tag="latest")
    except docker.errors.APIError as error:
        why = clip(printable(error.explanation or error), 200)
        raise UsageError(name, f"is not here, and cannot be fetched: {why}",
                         "an image with Python, for the model to stand on",
                         f"docker pull or docker load it; or {OTHER}") from None


def looked_at(client, name: str, image) -> Base:
    """Run it once, to ask for its Python. Raises UsageError where it has none that will do."""
    facts = asked_of(client, name, image)
    machine = PLATFORMS.get(image.attrs["Architecture"])
    libc = tuple(map(int, re.findall(r"\d+", facts["libc"][1])[:2]))
    if machine is None or facts["libc"][0] != "glibc" or libc < LIBC:
        got = f"{image.attrs['Architecture']}, {' '.join(facts['libc']) or 'another C library'}"
        raise UsageError(name, f"is no base for an image: {got}",
                         f"amd64 or arm64, with glibc {LIBC[0]}.{LIBC[1]} or later (Debian, Ubuntu, Red Hat)", OTHER)
    return Base(name, image.id, image.attrs["Size"], tuple(facts["python"]), machine)


def asked_of(client, name: str, image) -> Mapping:
    import docker.errors

    try:
        with made(client, image.id, ["-c", ASK], entrypoint="python3", network_mode="none") as container:
            container.start()
            failed = container.wait(timeout=60)["StatusCode"]
            said = container.logs(stdout=not failed, stderr=bool(failed)).decode(errors="replace")
        if not failed:
            return json.loads(said)
        why = said.strip().rpartition("\n")[2]
    except (docker.errors.APIError, ValueError) as error:
        why = getattr(error, "explanation", None) or error
    words = clip(printable(why), 200)
    raise UsageError(name, f"is no base for an image: it has no python3 with the module venv ({words})", hint=OTHER)


def check_python(source: Source, base: Base) -> None:
    """Raise UsageError where the wheel is not for this Python."""
    wanted = re.fullmatch(r">=\s*(\d+)\.(\d+)", source.python.strip())
    if wanted and base.python[:2] < (int(wanted[1]), int(wanted[2])):
        raise UsageError(base.name, f"has Python {base.short}, and {source.name} wants {source.python}",
                         hint=f"{OTHER}, as python:{wanted[1]}.{wanted[2]}-slim")
