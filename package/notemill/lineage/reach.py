"""Is anybody there to take MLflow's records? Asked before work starts, without mlflow, which takes 4 s to import."""

import contextlib
import os
import tempfile
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

from notemill.errors import NotemillError, UsageError
from notemill.lineage.uri import embedded_path, shown_uri

PATIENCE = 5.0      # seconds that a server has to answer before work starts
PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}
PROBE = "/api/2.0/mlflow/experiments/search?max_results=1"     # /health answers to anybody, this only to who may log in
REMEDY = ("start it, or unset MLFLOW_TRACKING_URI; a run can do without: notemill run --offline (the next one sends "
          "what it keeps)")
CHANGE = "set another MLFLOW_TRACKING_URI, or unset it"
STRANGER = "something answers there, but it is no MLflow server", CHANGE
ALLOWED = "MLFLOW_TRACKING_URI may be sqlite:///FILE, http(s)://HOST, or a database such as postgresql://HOST/NAME"


class Away(NotemillError):
    """MLflow's server or database does not answer, or fails: nothing is wrong with how it is named."""


def check_reachable(uri: str, environ: Mapping[str, str] | None = None) -> None:
    """Unless the store can take records now, raises with the reason and the remedy: Away where nobody answers, or it
    fails; UsageError where address, login or folder are not such that anybody could."""
    environ = os.environ if environ is None else environ
    scheme = uri.partition(":")[0].split("+")[0]
    if scheme in ("http", "https"):
        _check_server(uri, environ)
    elif scheme == "sqlite":
        _check_folder(uri)
    elif scheme in PORTS:
        _check_port(uri, PORTS[scheme])
    elif scheme == "databricks":
        _check_databricks(uri, environ)
    elif scheme == "file" or ":" not in uri:
        raise refusal(uri, "is a folder; MLflow has given up that kind of store", CHANGE)
    elif scheme not in _plugins():
        raise refusal(uri, f"MLflow knows no store of the kind '{scheme}'", CHANGE)


def refusal(uri: str, got: str, remedy: str = REMEDY) -> UsageError:
    return UsageError(f"MLflow at {shown_uri(uri)}", got, ALLOWED, remedy)


def away(uri: str, got: str, remedy: str = REMEDY) -> Away:
    return Away(f"MLflow at {shown_uri(uri)}", got, ALLOWED, remedy)


def _plugins() -> set[str]:
    """The kinds of stores that installed distributions add to MLflow."""
    from importlib.metadata import entry_points

    return {point.name for point in entry_points(group="mlflow.tracking_store")}


def _check_databricks(uri: str, environ: Mapping[str, str]) -> None:
    """MLflow finds the login in a variable or in a file; whether it is the right one, only the service can say."""
    default = os.path.join(environ.get("HOME") or os.path.expanduser("~"), ".databrickscfg")
    place = environ.get("DATABRICKS_CONFIG_FILE") or default
    if not environ.get("DATABRICKS_HOST") and not os.path.isfile(place):
        raise refusal(uri, f"no login is configured: neither DATABRICKS_HOST nor {place} is there",
                      "set DATABRICKS_HOST and DATABRICKS_TOKEN, or unset MLFLOW_TRACKING_URI")


def _check_server(uri: str, environ: Mapping[str, str]) -> None:
    import http.client
    import urllib.error

    try:
        is_mlflow = _speaks_json(uri, environ)
    except urllib.error.HTTPError as error:
        with error:
            raise (away if error.code >= 500 else refusal)(uri, *_reason(error)) from None
    except urllib.error.URLError as error:
        named = isinstance(error.reason, OSError)  # else a word: the address has no host
        raise (away if named else refusal)(uri, f"cannot be reached: {error.reason}") from None
    except (ValueError, OverflowError, FileNotFoundError, http.client.InvalidURL) as error:  # a certificate's file
        raise refusal(uri, f"cannot be reached: {error}", CHANGE) from None
    except (OSError, http.client.HTTPException) as error:
        raise away(uri, f"cannot be reached: {error or type(error).__name__}") from None
    if not is_mlflow:
        raise refusal(uri, *STRANGER)


def _speaks_json(uri: str, environ: Mapping[str, str]) -> bool:
    import urllib.request

    request = urllib.request.Request(*_request(uri, environ))
    with urllib.request.urlopen(request, timeout=PATIENCE, context=_tls(uri, environ)) as answer:
        return answer.read(100).lstrip().startswith(b"{")


def _reason(error) -> tuple[str, str]:
    """What the server refused, and the remedy."""
    text = error.read(500).decode("utf-8", "replace").strip()
    if error.code == 403 and "Host header" in text:
        return "refuses requests under this host name", "start it with --allowed-hosts HOST, or use an allowed name"
    if error.code in (401, 403):
        return (f"refuses the login ({error.code} {error.reason})",
                "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN")
    if error.code == 404:
        return STRANGER
    return f"fails: {error.code} {error.reason}", REMEDY


def _request(uri: str, environ: Mapping[str, str]) -> tuple[str, None, dict[str, str]]:
    """Address, no body, headers: with the login that MLflow's client would use."""
    from base64 import b64encode

    parts = urlsplit(uri)
    address = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    user = environ.get("MLFLOW_TRACKING_USERNAME") or unquote(parts.username or "")
    password = environ.get("MLFLOW_TRACKING_PASSWORD") or unquote(parts.password or "")
    headers = {"Accept": "application/json"}
    if user and password:
        headers["Authorization"] = f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"
    elif token := environ.get("MLFLOW_TRACKING_TOKEN"):
        headers["Authorization"] = f"Bearer {token}"
    return address.rstrip("/") + PROBE, None, headers


def _tls(uri: str, environ: Mapping[str, str]):
    """TLS as MLflow's client would have it; None without TLS."""
    import ssl

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
        raise refusal(uri, f"the folder {path.parent} is not there", "make it, or set another MLFLOW_TRACKING_URI")
    if path.is_dir():
        raise refusal(uri, "is a folder, not a file", "set another MLFLOW_TRACKING_URI")
    try:
        if path.exists() and not os.access(path, os.W_OK):
            raise PermissionError(f"{path} cannot be written")
        with tempfile.TemporaryFile(dir=path.parent):   # what permissions say is not all: a disk may be read-only
            pass
    except OSError as error:
        got = str(error) if error.errno is None else f"{path.parent} cannot be written: {error.strerror}"
        raise refusal(uri, got, "set another MLFLOW_TRACKING_URI, or run with --offline") from None


def _check_port(uri: str, standard: int) -> None:
    import socket

    try:
        parts = urlsplit(uri)
        with contextlib.closing(socket.create_connection((parts.hostname or "localhost", parts.port or standard),
                                                         timeout=PATIENCE)):
            pass
    except (ValueError, OverflowError) as error:
        raise refusal(uri, f"cannot be reached: {error}", CHANGE) from None
    except OSError as error:
        raise away(uri, f"cannot be reached: {error}") from None
