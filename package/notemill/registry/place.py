"""Where records are kept: a folder, or a bucket that speaks S3. Both can create an object only if there is none."""

import os
import tempfile
from pathlib import Path
from typing import Protocol

from notemill.errors import NotemillError, UsageError
from notemill.files import sync_folder, write_atomic

NO_LINKS = "the file system has no hard links: it cannot promise that of two who write an entry only one comes through"


class Place(Protocol):
    """Objects by name; names have `/` between their parts."""

    def create(self, name: str, data: bytes) -> bool:
        """Write it whole and for good, only if there is none: False where there is one, which stays as it is."""

    def write(self, name: str, data: bytes) -> None:
        """Write it whole and for good, whatever was there."""

    def read(self, name: str) -> bytes | None:
        """What is there; None where there is none."""

    def names(self, prefix: str) -> list[str]:
        """The names of all objects in the folder `prefix`, sorted."""

    def shown(self, name: str = "") -> str:
        """The object, or the place, as an error names it."""


class Folder:
    """A folder of this machine, or one that several share."""

    def __init__(self, root: Path):
        self.root = root

    def path(self, name: str) -> Path:
        return self.root / name

    def create(self, name: str, data: bytes) -> bool:
        """By a hard link to a file that is already whole: the one call that makes a name and fails where it is there.
        """
        path = self.path(name)
        make_folder(path.parent)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fchmod(file.fileno(), 0o444)
                os.fsync(file.fileno())
            return self._link(temporary, path)
        finally:
            Path(temporary).unlink(missing_ok=True)

    def _link(self, temporary: str, path: Path) -> bool:
        try:
            os.link(temporary, path)
        except FileExistsError:
            return False
        except OSError as error:
            raise NotemillError(str(path), f"cannot be made: {error.strerror}", NO_LINKS,
                                "keep the records elsewhere: `records:` in pipeline.yaml") from None
        sync_folder(path.parent)
        return True

    def write(self, name: str, data: bytes) -> None:
        make_folder(self.path(name).parent)
        write_atomic(self.path(name), data, mode=0o444)

    def read(self, name: str) -> bytes | None:
        try:
            return self.path(name).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def names(self, prefix: str) -> list[str]:
        """Without the files that a killed process left unfinished: their names begin with a dot."""
        found = (path.relative_to(self.root) for path in self.path(prefix).rglob("*") if path.is_file())
        return sorted(path.as_posix() for path in found if not path.name.startswith("."))

    def shown(self, name: str = "") -> str:
        return str(self.path(name))


def make_folder(folder: Path) -> None:
    """Make it, with those above it, so that it lasts through a power cut."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)


def open_place(named: str, root: Path, where: str) -> Place:
    """The place that pipeline.yaml names at `where`: s3://BUCKET/PREFIX, or a folder, relative to `root`."""
    scheme, mark, rest = named.partition("://")
    if not mark:
        return Folder(root / Path(named).expanduser())
    if scheme != "s3" or not rest.strip("/"):
        raise UsageError(where, f"'{named}' is no place for records", "a folder, or s3://BUCKET/PREFIX")
    from notemill.registry.bucket import Bucket

    return Bucket(named)
