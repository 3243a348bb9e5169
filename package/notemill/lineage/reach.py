"""Is anybody there to take MLflow's records? Asked before work starts, without mlflow, which takes 4 s to import."""

import contextlib
import os
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

from notemill.errors import UsageError
from notemill.lineage.uri import embedded_path, shown_uri

PATIENCE = 5.0      # seconds that a server has to answer before work starts
PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}
PROBE = "/api/2.0/mlflow/experiments/search?max_results=1"     # /health answers to anybody, this only to who may log in
REMEDY = "start it, unset MLFLOW_TRACKING_URI, or run with --offline (the next run sends what this one keeps)"
STRANGER = "something answers there, but it is no MLflow server", "set another MLFLOW_TRACKING_URI, or unset it"


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
    elif scheme == "file" or ":" not in uri and not uri.startswith("databricks"):
        raise _refusal(uri, "is a folder; MLflow has given up that kind of store",
                       "use sqlite:///FILE, http(s)://HOST, or a database such as postgresql://HOST/NAME")


def _refusal(uri: str, got: str, remedy: str = REMEDY) -> UsageError:
    return UsageError(f"MLflow at {shown_uri(uri)}", got, hint=remedy)


def _check_server(uri: str, environ: Mapping[str, str]) -> None:
    import http.client
    import urllib.error
    import urllib.request

    try:
        request = urllib.request.Request(*_request(uri, environ))
        with urllib.request.urlopen(request, timeout=PATIENCE, context=_tls(uri, environ)) as answer:
            text = answer.read(100).lstrip()
    except urllib.error.HTTPError as error:
        with error:
            raise _refusal(uri, *_reason(error)) from None
    except urllib.error.URLError as error:
        raise _refusal(uri, f"cannot be reached: {error.reason}") from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise _refusal(uri, f"cannot be reached: {error or type(error).__name__}") from None
    if not text.startswith(b"{"):
        raise _refusal(uri, *STRANGER)


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
        raise _refusal(uri, f"the folder {path.parent} is not there", "make it, or set another MLFLOW_TRACKING_URI")
    if path.is_dir():
        raise _refusal(uri, "is a folder, not a file", "set another MLFLOW_TRACKING_URI")
    for place in (path.parent, *([path] if path.exists() else [])):
        if not os.access(place, os.W_OK):
            raise _refusal(uri, f"{place} cannot be written", "set another MLFLOW_TRACKING_URI, or run with --offline")


def _check_port(uri: str, standard: int) -> None:
    import socket

    parts = urlsplit(uri)
    try:
        with contextlib.closing(socket.create_connection((parts.hostname or "localhost", parts.port or standard),
                                                         timeout=PATIENCE)):
            pass
    except (OSError, ValueError) as error:
        raise _refusal(uri, f"cannot be reached: {error}") from None
