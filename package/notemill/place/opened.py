"""A place by its name. Both kinds can create an object only if there is none."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

from notemill.errors import UsageError
from notemill.place.folder import Folder

KINDS = "a folder, or s3://BUCKET/PREFIX"


class Place(Protocol):
    """Objects by name; names have `/` between their parts."""

    def create(self, name: str, data: bytes) -> bool:
        """Write it whole and for good, only if there is none: False where there is one, which stays as it is."""

    def write(self, name: str, data: bytes) -> None:
        """Write it whole and for good, whatever was there."""

    def put(self, name: str, blocks: Iterable[bytes]) -> None:
        """The same, of any size: nothing shows before all of it is there."""

    def read(self, name: str) -> bytes | None:
        """What is there; None where there is none."""

    def blocks(self, name: str) -> Iterator[bytes] | None:
        """The same in parts, of any size."""

    def size(self, name: str) -> int | None:
        """Its bytes; None where there is none."""

    def names(self, prefix: str) -> list[str]:
        """The names of all objects in the folder `prefix`, sorted."""

    def shown(self, name: str = "") -> str:
        """The object, or the place, as an error names it."""


def check_named(named: str, where: str, what: str) -> None:
    """Raise UsageError where `named`, which stands at `where`, can be no place for `what`."""
    scheme, mark, rest = named.partition("://")
    if mark and (scheme != "s3" or not rest.strip("/")):
        raise UsageError(where, f"'{named}' is no place for {what}", KINDS)


def open_place(named: str, root: Path, where: str, what: str = "records", *, patient: bool = True) -> Place:
    """The place that is named at `where`: s3://BUCKET/PREFIX, or a folder, relative to `root`.

    One that is not `patient` gives up soon on a bucket that does not answer.
    """
    check_named(named, where, what)
    if "://" not in named:
        return Folder(root / Path(named).expanduser())
    from notemill.place.bucket import HASTY, PATIENT, Bucket

    return Bucket(named, what, PATIENT if patient else HASTY)
