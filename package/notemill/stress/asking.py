"""Single questions to the service, before there is load: what may be asked, and does it answer?"""

import http.client
import json
import ssl
from collections.abc import Mapping

from notemill.errors import NotemillError, UsageError
from notemill.stress.target import Target

KEY = "NOTEMILL_SERVICE_KEY"
PATIENCE = 30.0  # seconds


def headers(target: Target, key: str | None) -> dict[str, str]:
    """What each request says."""
    return {"Host": target.authority, "Content-Type": "application/json",
            **({"Authorization": f"Bearer {key}"} if key else {})}


def ask(target: Target, method: str, path: str, said: Mapping[str, str], body: bytes | None = None
        ) -> tuple[int, bytes]:
    """(status, body). Raises NotemillError where nobody answers."""
    connection = http.client.HTTPConnection(target.host, target.port, timeout=PATIENCE)
    try:
        connection.connect()
        if target.tls:
            connection.sock = ssl.create_default_context().wrap_socket(connection.sock, server_hostname=target.name)
        connection.request(method, target.path + path, body, dict(said))
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException) as error:
        words = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise NotemillError(target.url, f"does not answer: {words}", hint="is the service running? `notemill serve`"
                            ) from None
    finally:
        connection.close()


def facts(target: Target, path: str, said: Mapping[str, str]) -> dict:
    """A JSON document of the service's. Raises NotemillError, UsageError."""
    status, body = ask(target, "GET", path, said)
    if status in (401, 403):
        raise UsageError(target.url, "lets in only those who have a key", hint=f"put a key of yours into {KEY}")
    try:
        found = json.loads(body) if status == 200 else None
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise NotemillError(target.url, f"GET {path} gives {status}, and no document: is it a service of notemill's?",
                            hint="notemill serve VERSION, then its address without a path")
    return found
