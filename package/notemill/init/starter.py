"""The files that a new project shares with Notemill's own repository, and the templates of the others."""

import re
from collections.abc import Mapping
from pathlib import Path

from notemill.errors import NotemillError

HERE = Path(__file__).resolve().parent
PACKED = HERE / "starter"               # where setup.py puts the shared files in a wheel
CHECKOUT = HERE.parents[2]              # where they are in a checkout
SHARED = HERE / "shared.txt"            # their names, for setup.py too
PLACE = re.compile(r"@(\w+)@")


def shared_names() -> list[str]:
    return SHARED.read_text(encoding="utf-8").split()


def shared_files() -> dict[str, bytes]:
    """{path in a project: content}. Raises NotemillError where the installation lacks them."""
    folder = PACKED if PACKED.is_dir() else CHECKOUT
    try:
        return {name: (folder / name).read_bytes() for name in shared_names()}
    except OSError as error:
        raise NotemillError("notemill", f"its installation lacks {error.filename}", hint="install it again") from None


def in_checkout() -> bool:
    """Whether notemill runs from a checkout of its repository."""
    return not PACKED.is_dir() and (CHECKOUT / "pyproject.toml").is_file()


def template(name: str, values: Mapping[str, str]) -> str:
    """A file of templates/, with @name@ replaced. The values are already written as that kind of file wants them."""
    text = (HERE / "templates" / name).read_text(encoding="utf-8")
    return PLACE.sub(lambda match: values[match[1]], text)
