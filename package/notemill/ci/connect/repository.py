"""The project's git repository, and the one at the forge that belongs to it."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

from notemill.ci.http import origin
from notemill.errors import UsageError

SLUG = re.compile(r"[\w.-]+/[\w.-]+", re.A)
SECONDS = 30


def top(folder: Path) -> Path:
    """The folder of the repository that the project is in: the forge sees that. Raises UsageError outside one."""
    found = git(folder, "rev-parse", "--show-toplevel")
    if not found:
        raise UsageError(str(folder), "is in no git repository", hint="git init -b main, and commit what is here")
    return Path(found)


def git(folder: Path, *words: str) -> str | None:
    """What git says, None where it says no."""
    try:
        done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, timeout=SECONDS,
                              stdin=subprocess.DEVNULL, errors="replace")
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def remotes(folder: Path) -> dict[str, str]:
    """Their addresses, by name."""
    lines = (git(folder, "config", "--get-regexp", r"^remote\..*\.url$") or "").splitlines()
    found = (line.split(" ", 1) for line in lines if " " in line)
    return {key.removeprefix("remote.").removesuffix(".url"): url for key, url in found}


def slug_at(forge_url: str, url: str) -> str | None:
    """OWNER/NAME of a remote's address, if it is at that forge."""
    if origin(url) is None or origin(url) != origin(forge_url):
        return None
    below = urlsplit(url).path.removeprefix(urlsplit(forge_url).path.rstrip("/")).strip("/")
    slug = below.removesuffix(".git")
    return slug if is_slug(slug) else None


def is_slug(text: str) -> bool:
    return bool(SLUG.fullmatch(text)) and not {".", ".."} & set(text.split("/"))


def known_slug(folder: Path, forge_url: str) -> str | None:
    """OWNER/NAME by the remotes; `origin` first."""
    found = remotes(folder)
    order = sorted(found, key=lambda name: name != "origin")
    return next((slug for slug in (slug_at(forge_url, found[name]) for name in order) if slug), None)


def add_remote(folder: Path, forge_url: str, slug: str) -> tuple[str, str]:
    """(the new remote's name, its address): `origin` where that is free."""
    name, url = "forge" if "origin" in remotes(folder) else "origin", f"{forge_url}/{slug}.git"
    if git(folder, "remote", "add", name, url) is None:
        raise UsageError(str(folder), f"git can add no remote '{name}'", hint=f"git remote set-url {name} {url}")
    return name, url


def use_helper(folder: Path, forge_url: str) -> bool:
    """Have git ask notemill alone for the forge's login; whether anything had to be changed."""
    key, wanted = f"credential.{forge_url}.helper", ["", f"!{program()} ci credential"]
    if _values(folder, key) == wanted:
        return False
    git(folder, "config", "--local", "--unset-all", key)
    for value in wanted:        # the empty one: no other helper is asked, or told the password
        git(folder, "config", "--local", "--add", key, value)
    return True


def _values(folder: Path, key: str) -> list[str]:
    found = subprocess.run(["git", "-C", str(folder), "config", "--local", "--null", "--get-all", key],
                           capture_output=True, text=True, timeout=SECONDS).stdout
    return found.split("\0")[:-1]


def program() -> str:
    """How a shell starts this notemill, in whatever environment git is called."""
    found = shutil.which("notemill")
    return shlex.quote(str(Path(found).absolute())) if found else f"{shlex.quote(sys.executable)} -m notemill"
