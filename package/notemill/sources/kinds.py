"""What an input's text means: a file, a pattern, a data set of scikit-learn, an address, a query."""

import glob
import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit

from notemill.errors import UsageError, did_you_mean

BUNDLED = ("breast_cancer", "diabetes", "digits", "iris", "linnerud", "wine")      # load_*: tables within scikit-learn
DOWNLOADED = ("20newsgroups_vectorized", "california_housing", "covtype", "kddcup99")       # fetch_*: tables it fetches
KINDS = "a file, a pattern such as data/*.csv, sklearn:NAME, http(s)://..., {sql: VARIABLE, query: ...}"
SQL_KEYS = ("sql", "query")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class FileSource:
    """A file; `path` is relative to the project's root, or absolute."""

    path: str
    where: str = field(default="", compare=False, repr=False)

    def __str__(self) -> str:
        return self.path

    def as_record(self) -> dict:
        return {"kind": "file", "path": self.path}


@dataclass(frozen=True)
class GlobSource:
    """All files that match; `**` goes into folders."""

    pattern: str
    where: str = field(default="", compare=False, repr=False)

    def __str__(self) -> str:
        return self.pattern

    def as_record(self) -> dict:
        return {"kind": "glob", "pattern": self.pattern}


@dataclass(frozen=True)
class SklearnSource:
    """A data set that scikit-learn brings along or fetches."""

    name: str
    where: str = field(default="", compare=False, repr=False)

    def __str__(self) -> str:
        return f"sklearn:{self.name}"

    def as_record(self) -> dict:
        return {"kind": "sklearn", "name": self.name}


@dataclass(frozen=True)
class HttpSource:
    """A file at an address. Only `str` of it may be shown: the address itself may hold credentials."""

    url: str
    where: str = field(default="", compare=False, repr=False)

    def __str__(self) -> str:
        return shown_url(self.url)

    def __repr__(self) -> str:
        return f"HttpSource({self})"

    def as_record(self) -> dict:
        return {"kind": "http", "url": str(self)}


@dataclass(frozen=True)
class SqlSource:
    """The rows of a query; `variable` is the environment variable that holds the database's address."""

    variable: str
    query: str
    where: str = field(default="", compare=False, repr=False)

    def __str__(self) -> str:
        return f"sql:{self.variable}: {' '.join(self.query.split())}"

    def as_record(self) -> dict:
        return {"kind": "sql", "variable": self.variable, "query": self.query}


Source = FileSource | GlobSource | SklearnSource | HttpSource | SqlSource


def shown_url(url: str) -> str:
    """An address without its user, password, the values of its query and its fragment."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    items = [item.partition("=") for item in parts.query.split("&")] if parts.query else []
    query = "&".join(f"{name}=******" if equals else "******" for name, equals, _ in items)
    return urlunsplit((parts.scheme, host, parts.path, query, ""))


def parse(value: object, where: str) -> Source:
    """The source that `value`, which stands at `where`, speaks of. Raises UsageError; looks at no file.

    Paths may be absolute or lead out of the project: data sets often lie on a disk of their own.
    """
    if isinstance(value, dict):
        return _sql(value, where)
    if not isinstance(value, str) or not value.strip():
        raise UsageError(where, f"got {_kind(value)}", f"an input is step.output, or {KINDS}")
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]*):(?=\S)", value)
    if scheme and (scheme[1].lower() in ("http", "https", "sklearn") or value[scheme.end():].startswith("//")):
        return _with_scheme(scheme[1].lower(), value, where)
    if scheme and did_you_mean(scheme[1], ["sklearn"]):
        raise UsageError(where, f"unknown kind of source '{scheme[1]}:'", f"allowed: {KINDS}",
                         f"did you mean 'sklearn:{value[scheme.end():]}'?")
    return GlobSource(value, where) if glob.has_magic(value) else FileSource(value, where)


def _kind(value: object) -> str:
    names = {type(None): "nothing", list: "a list", bool: "true or false", str: "an empty text"}
    return names.get(type(value)) or f"{value}"


def _with_scheme(scheme: str, value: str, where: str) -> Source:
    if scheme == "sklearn":
        return _sklearn(value.partition(":")[2], where)
    if scheme in ("http", "https"):
        return _http(value, where)
    near = did_you_mean(scheme, ["http", "https"])
    raise UsageError(where, f"unknown kind of address '{scheme}://'", f"allowed: {KINDS}",
                     near and near.replace("'?", "://'?"))


def _sklearn(name: str, where: str) -> SklearnSource:
    known = (*BUNDLED, *DOWNLOADED)
    if name not in known:
        near = did_you_mean(re.sub("^(load|fetch)_", "", name), known)
        raise UsageError(where, f"scikit-learn has no table '{name}'",
                         f"allowed: {', '.join(BUNDLED)}; from the network: {', '.join(DOWNLOADED)}",
                         near and near.replace("'", "'sklearn:", 1))
    return SklearnSource(name, where)


def _http(url: str, where: str) -> HttpSource:
    try:
        parts = urlsplit(url)
        valid = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        valid = False
    if not valid or re.search(r"[\s\x00-\x1f\x7f]", url):
        raise UsageError(where, "is not a valid address", "http(s)://host/path, with %20 for a space")
    return HttpSource(url, where)


def _sql(value: dict, where: str) -> SqlSource:
    for key in value:
        if key not in SQL_KEYS:
            raise UsageError(where, f"unknown key '{key}'", f"allowed: {', '.join(SQL_KEYS)}",
                             did_you_mean(str(key), SQL_KEYS))
    for key in SQL_KEYS:
        if not isinstance(value.get(key), str) or not value[key].strip():
            raise UsageError(where, f"the key '{key}' is missing" if key not in value else f"'{key}' is not a text",
                             "{sql: VARIABLE, query: \"select ...\"}")
    if not VARIABLE.fullmatch(value["sql"]):        # it may be an address with a password: not shown
        raise UsageError(where, "'sql' is not the name of an environment variable", "a name such as WAREHOUSE_URL",
                         "put the database's address into an environment variable, and that variable's name here")
    return SqlSource(value["sql"], value["query"], where)
