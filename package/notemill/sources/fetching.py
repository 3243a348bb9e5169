"""Bring outside data into the store."""

import errno
import glob
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from notemill.errors import UsageError, did_you_mean
from notemill.sources.kinds import FileSource, GlobSource, HttpSource, SklearnSource, Source, SqlSource
from notemill.store import Store

READ_ONLY = (errno.EROFS, errno.EACCES, errno.EPERM)


@dataclass(frozen=True)
class Fetched:
    """Content that is in the store now: (name, sha256, bytes) of each file. Names keep the suffix of what they hold."""

    source: Source
    files: tuple[tuple[str, str, int], ...]

    @property
    def many(self) -> bool:
        """Whether the notebook gets a list of paths."""
        return isinstance(self.source, GlobSource)

    def as_record(self) -> dict:
        """As an input stands in a run's record."""
        if self.many:
            return {"files": [{"name": name, "sha256": sha256, "bytes": size} for name, sha256, size in self.files]}
        name, sha256, size = self.files[0]
        return {"file": Path(name).name, "sha256": sha256, "bytes": size}


@dataclass(frozen=True)
class Context:
    """What fetching may need beside the source."""

    store: Store
    project: Path
    environ: Mapping[str, str]
    offline: bool
    memory: Path
    say: Callable[[str], None]


def fetch(source: Source, store: Store, *, project: Path, environ: Mapping[str, str], offline: bool, memory: Path,
          say: Callable[[str], None] | None = None) -> Fetched:
    """Put the source's present content into the store. What was got before is kept: `offline` uses that alone.

    `memory` is a folder for what is worth knowing the next time; `say` takes a line for people (default: standard
    error). Raises UsageError for what is not there, NotemillError for a server or database that fails.
    """
    context = Context(store, project, environ, offline, memory, say or _say)
    try:
        return Fetched(source, FETCHERS[type(source)](source, context))
    except OSError as error:
        if error.errno not in READ_ONLY:
            raise
    with tempfile.TemporaryDirectory() as folder:  # digests are enough for a plan; a run has to write anyway
        context = replace(context, store=Store(Path(folder)), memory=Path(folder, "memory"))
        return Fetched(source, FETCHERS[type(source)](source, context))


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def _file(source: FileSource, context: Context) -> tuple:
    path = context.project / source.path
    if not path.is_file():
        raise _missing(source, path)
    return (_added(source, source.path, path, context.store),)


def _glob(source: GlobSource, context: Context) -> tuple:
    found = glob.glob(source.pattern, root_dir=context.project, recursive=True)
    names = sorted({Path(name).as_posix() for name in found})  # ** finds some twice
    files = [(name, context.project / name) for name in names if (context.project / name).is_file()]
    if not files:
        raise UsageError(source.where, f"no file matches '{source.pattern}'", hint=_nearest_folder(source, context))
    return tuple(_added(source, name, path, context.store) for name, path in files)


def _added(source: Source, name: str, path: Path, store: Store) -> tuple[str, str, int]:
    try:
        return (name, *store.add_file(path))
    except OSError as error:
        if error.errno not in READ_ONLY:
            raise
    try:
        return (name, store.digest(path), path.stat().st_size)
    except PermissionError:
        raise UsageError(source.where, f"{name} may not be read by this user") from None


def _missing(source: FileSource, path: Path) -> UsageError:
    if path.is_dir():
        return UsageError(source.where, f"'{source.path}' is a folder", "a file, or a pattern",
                          f"did you mean '{source.path.rstrip('/')}/*'?")
    parent, name = path.parent, path.name
    while not parent.is_dir():
        parent, name = parent.parent, parent.name
    near = did_you_mean(name, sorted(entry.name for entry in parent.iterdir()))
    return UsageError(source.where, f"there is no file '{source.path}'",
                      None if name == path.name else f"there is no folder '{name}' in {parent}", near)


def _nearest_folder(source: GlobSource, context: Context) -> str | None:
    """A remedy where the folder before the pattern is misspelt."""
    folder = Path(source.pattern.partition("*")[0].partition("?")[0].partition("[")[0] + "x").parent
    if (context.project / folder).is_dir():
        return None
    return _missing(FileSource(str(folder)), context.project / folder).hint


def _sklearn(source: SklearnSource, context: Context) -> tuple:
    from notemill.sources.tables import fetch_sklearn
    return fetch_sklearn(source, context)


def _http(source: HttpSource, context: Context) -> tuple:
    from notemill.sources.http import fetch_http
    return fetch_http(source, context)


def _sql(source: SqlSource, context: Context) -> tuple:
    from notemill.sources.tables import fetch_sql
    return fetch_sql(source, context)


FETCHERS = {FileSource: _file, GlobSource: _glob, SklearnSource: _sklearn, HttpSource: _http, SqlSource: _sql}
