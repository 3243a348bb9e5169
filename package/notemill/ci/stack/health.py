"""Whether the parts answer, asked as a browser would: at the stack's own addresses."""

import time

import requests

from notemill.errors import NotemillError

PATHS = {"forge": "/api/healthz", "drone": "/healthz", "registry": "/v2/", "mlflow": "/health", "reports": "/healthz"}
SERVICE = {"forge": "gitea", "drone": "drone", "registry": "registry", "mlflow": "mlflow", "reports": "drop"}


def answers(settings: dict, part: str, seconds: float = 5) -> bool:
    who = settings.get(part)
    auth = (who["name"], who["password"]) if who else None
    try:
        with requests.Session() as session:
            session.trust_env = False
            return session.get(settings["urls"][part] + PATHS[part], auth=auth, timeout=seconds).ok
    except requests.RequestException:
        return False


def wait(settings: dict, part: str, seconds: float = 300) -> None:
    """Raises NotemillError where it does not answer in time."""
    until = time.monotonic() + seconds
    while not answers(settings, part):
        if time.monotonic() > until:
            raise NotemillError(f"{part} ({settings['urls'][part]})", f"did not answer within {seconds:g} s",
                                hint=f"notemill stack logs {SERVICE[part]}")
        time.sleep(0.3)
