"""Where MLflow's records go."""

import re
import shlex
import sqlite3
from collections.abc import Mapping
from pathlib import Path

from notemill.errors import UsageError
from notemill.redact import is_token

ARTIFACTS = "mlartifacts"
KEYS = re.compile(r"(?<=[?&])([^=&]*(?:password|token|secret|key)[^=&]*)=[^&]*", re.I)


def tracking_uri(project: Path, environ: Mapping[str, str]) -> str:
    """MLFLOW_TRACKING_URI, a relative SQLite file made absolute; else the database embedded in the project."""
    uri = environ.get("MLFLOW_TRACKING_URI", "").strip()
    if not uri:
        return _sqlite(project.resolve() / "mlflow.db")
    path = embedded_path(uri)
    return uri if path is None else _sqlite(path)


def _sqlite(path: Path) -> str:
    return f"sqlite:///{path}"


def embedded_path(uri: str) -> Path | None:
    """The absolute file of a SQLite address; None for any other address. Raises UsageError for one in memory."""
    dialect, _, rest = uri.partition("://")
    if dialect.split("+")[0] != "sqlite":
        return None
    name = rest.removeprefix("/").partition("?")[0]
    if name in ("", ":memory:"):
        raise UsageError("MLFLOW_TRACKING_URI", f"'{uri}' names no file", "sqlite:///FILE, http(s)://HOST")
    return Path(name).absolute()


def read_only(path: Path, seconds: float = 5) -> sqlite3.Connection:
    """A SQLite database that is only looked at; its path may hold what means something in an address: `?`, `#`, `%`."""
    return sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=seconds)


def artifact_root(uri: str, project: Path) -> str | None:
    """Where a database without a server keeps artifacts; None where a server decides."""
    if uri.startswith(("http://", "https://", "databricks")):
        return None
    path = embedded_path(uri)
    return str((path.parent if path else project.resolve()) / ARTIFACTS)


def shown_uri(uri: str) -> str:
    """The address without its login: the password, a user name that is a token, secrets in the query."""
    scheme, mark, rest = uri.partition("://")
    if not mark:
        return uri
    web = scheme in ("http", "https")
    login = re.match(r"([^/?#@]*)@" if web else r"([^:/@]*:[^@]*)@", rest)
    if login:
        user, colon, _ = login[1].partition(":")
        hidden = web and is_token(login[1])
        rest = ("***" if hidden else user) + (":***" if colon else "") + rest[len(login[1]):]
    return f"{scheme}://" + KEYS.sub(r"\1=***", rest)


def told(error: BaseException, uri: str) -> str:
    """An error of MLflow's in one line, without the login of the address that it may name."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].replace(uri.rstrip("/"), shown_uri(uri).rstrip("/"))


def open_command(uri: str, executable_folder: Path) -> str:
    """What shows the records: a server's address, or the command that opens a database on this machine alone."""
    if uri.startswith(("http://", "https://")):
        return shown_uri(uri)
    path = embedded_path(uri)
    if path is None:
        return f"{shlex.quote(str(executable_folder / 'mlflow'))} ui --host 127.0.0.1 " \
               f"--backend-store-uri {shlex.quote(shown_uri(uri))}"
    near = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    return f"{shlex.quote(str(executable_folder / 'mlflow'))} ui --host 127.0.0.1 " \
           f"--backend-store-uri {shlex.quote(_sqlite(near))}"
