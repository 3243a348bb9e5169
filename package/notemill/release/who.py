"""Who sits here: what git calls this user, else the login."""

import getpass
import subprocess
from pathlib import Path


def default_person(root: Path) -> str:
    """"Name <address>" as git would write it into a commit, else the login's name."""
    name, address = (_configured(root, f"user.{part}") for part in ("name", "email"))
    if address:
        return f"{name} <{address}>" if name else address
    return name or _login()


def _configured(root: Path, key: str) -> str:
    try:
        done = subprocess.run(["git", "-C", str(root), "config", "--get", key], capture_output=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace").strip() if done.returncode == 0 else ""


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container's user need have no name
        return "unknown"
