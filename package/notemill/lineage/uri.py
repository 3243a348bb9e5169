"""Where MLflow's records go, and whether anybody is there to take them. Imports no mlflow."""

import base64
import contextlib
import json
import os
import shlex
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from notemill.errors import UsageError

PATIENCE = 5.0      # seconds that a server has to answer before work starts
PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}
PROBE = "/api/2.0/mlflow/experiments/search?max_results=1"     # /health answers to anybody, this only to who may log in
REMEDY = "start it, unset MLFLOW_TRACKING_URI, or run with --offline (the next run sends what this one keeps)"
ARTIFACTS = "mlartifacts"


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


def artifact_root(uri: str, project: Path) -> str | None:
    """Where a database without a server keeps artifacts; None where a server decides."""
    if uri.startswith(("http://", "https://", "databricks")):
        return None
    path = embedded_path(uri)
    return str((path.parent if path else project.resolve()) / ARTIFACTS)


def shown_uri(uri: str) -> str:
    """The address without its password."""
    parts = urlsplit(uri)
    if parts.password is None:
        return uri
    return uri.replace(f":{parts.password}@", ":***@", 1)


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


def check_reachable(uri: str, environ: Mapping[str, str] | None = None) -> None:
    """Raises UsageError, with the reason and the remedy, unless the store can take records now."""
    environ = os.environ if environ is None else environ
    scheme = uri.partition(":")[0].split("+")[0]
    if scheme in ("http", "https"):
        _check_server(uri, environ)
    elif scheme == "sqlite":
        _check_folder(uri)
    elif scheme in PORTS:
        _check_port(uri, PORTS[scheme])
    elif not uri.startswith(("databricks", "arn:", "azureml:")):
        raise _refusal(uri, "is no store that MLflow takes records in", "sqlite:///FILE, http(s)://HOST, postgresql://...")


def _refusal(uri: str, got: str, remedy: str = REMEDY) -> UsageError:
    return UsageError(f"MLflow at {shown_uri(uri)}", got, hint=remedy)


def _check_server(uri: str, environ: Mapping[str, str]) -> None:
    try:
        request = _request(uri, environ)
        with urllib.request.urlopen(request, timeout=PATIENCE, context=_tls(uri, environ)) as answer:
            json.load(answer)
    except urllib.error.HTTPError as error:
        raise _refusal(uri, *_reason(error)) from None
    except urllib.error.URLError as error:
        raise _refusal(uri, f"cannot be reached: {error.reason}") from None
    except json.JSONDecodeError:
        raise _refusal(uri, "answers, but not as an MLflow server", "see MLFLOW_TRACKING_URI") from None
    except (OSError, ValueError) as error:
        raise _refusal(uri, f"cannot be reached: {error}") from None


def _reason(error: urllib.error.HTTPError) -> tuple[str, str]:
    """What the server refused, and the remedy."""
    text = error.read(500).decode("utf-8", "replace").strip()
    if error.code == 403 and "Host header" in text:
        return "refuses requests under this host name", "start it with --allowed-hosts HOST, or use an allowed name"
    if error.code in (401, 403):
        return (f"refuses the login ({error.code} {error.reason})",
                "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN")
    if error.code == 404:
        return "answers, but not as an MLflow server (404)", "see MLFLOW_TRACKING_URI"
    return f"fails: {error.code} {error.reason}", REMEDY


def _request(uri: str, environ: Mapping[str, str]) -> urllib.request.Request:
    parts = urlsplit(uri)
    address = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    request = urllib.request.Request(address.rstrip("/") + PROBE, headers={"Accept": "application/json"})
    user = environ.get("MLFLOW_TRACKING_USERNAME") or unquote(parts.username or "")
    password = environ.get("MLFLOW_TRACKING_PASSWORD") or unquote(parts.password or "")
    if user and password:
        request.add_header("Authorization", "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode())
    elif token := environ.get("MLFLOW_TRACKING_TOKEN"):
        request.add_header("Authorization", f"Bearer {token}")
    return request


def _tls(uri: str, environ: Mapping[str, str]) -> ssl.SSLContext | None:
    """TLS as MLflow's client would have it; None without TLS."""
    if not uri.startswith("https:"):
        return None
    context = ssl.create_default_context(cafile=environ.get("MLFLOW_TRACKING_SERVER_CERT_PATH") or None)
    if environ.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() in ("true", "1"):
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if certificate := environ.get("MLFLOW_TRACKING_CLIENT_CERT_PATH"):
        context.load_cert_chain(certificate)
    return context


def _check_folder(uri: str) -> None:
    path = embedded_path(uri)
    if not path.parent.is_dir():
        raise _refusal(uri, f"the folder {path.parent} is not there", "make it, or set another MLFLOW_TRACKING_URI")
    if path.is_dir():
        raise _refusal(uri, "is a folder, not a file", "set another MLFLOW_TRACKING_URI")
    for place in (path.parent, *([path] if path.exists() else [])):
        if not os.access(place, os.W_OK):
            raise _refusal(uri, f"{place} cannot be written", "set another MLFLOW_TRACKING_URI, or run with --offline")


def _check_port(uri: str, standard: int) -> None:
    parts = urlsplit(uri)
    try:
        with contextlib.closing(socket.create_connection((parts.hostname or "localhost", parts.port or standard),
                                                         timeout=PATIENCE)):
            pass
    except (OSError, ValueError) as error:
        raise _refusal(uri, f"cannot be reached: {error}") from None
