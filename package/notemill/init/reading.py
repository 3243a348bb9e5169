"""How a table was asked to be read, and what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from notemill.errors import UsageError

SMALL = 10_000_000      # bytes: a table up to that is copied into the project


@dataclass(frozen=True)
class Reading:
    """What was said about how to read the file."""

    header: str | None = None
    no_header: bool = False
    separator: str | None = None
    encoding: str | None = None
    copy: bool = False


@dataclass(frozen=True)
class Table:
    """`frame` is what the prepare notebook will see; `content` a plain rewriting of the file, None where it will do as
    it is; `source` the file or sklearn:NAME; `said` how it was read, in words."""

    source: Path | str
    frame: object = field(repr=False)
    content: bytes | None = field(default=None, repr=False)
    suffix: str = ".csv"
    said: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The file's name without what the suffixes say."""
        if isinstance(self.source, str):
            return self.source.partition(":")[2]
        name = self.source.name
        for suffix in (".gz", ".bz2", ".xz", ".csv", ".tsv", ".txt", ".tab", ".dat", ".data", ".parquet", ".pq"):
            name = name[:-len(suffix)] if name.lower().endswith(suffix) else name
        return name or "table"


def check_size(path: Path, reading: Reading, said: Sequence[str]) -> None:
    if path.stat().st_size > SMALL and not reading.copy:
        raise UsageError(str(path),
                         f"is no plain CSV file ({', '.join(said) or 'see its heading and numbers'}) and has "
                         f"{path.stat().st_size / 1e6:.0f} MB", "a table over 10 MB stays where it is",
                         "--copy writes a plain copy into data/")
