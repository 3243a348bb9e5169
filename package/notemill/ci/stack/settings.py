"""The stack's own file: its address, names, passwords and tokens; made once, for this user's eyes alone."""

import base64
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from notemill.errors import NotemillError, UsageError
from notemill.files import write_atomic

FORMAT = 1
PORT = 7300
PARTS = ("forge", "drone", "registry", "mlflow", "reports")     # in the order of their ports
ADMIN, STEWARD = "notemill", "steward"
LOOPBACK = "127.0.0.1"      # where the engine takes a registry without TLS


def folder(environ: Mapping[str, str] = os.environ) -> Path:
    base = environ.get("XDG_DATA_HOME") or Path(environ.get("HOME") or Path.home()) / ".local" / "share"
    return Path(base, "notemill", "stack").absolute()  # the engine is told of it


def path(environ: Mapping[str, str] = os.environ) -> Path:
    return folder(environ) / "stack.json"


def read(environ: Mapping[str, str] = os.environ) -> dict | None:
    """None where no stack was ever started. Raises NotemillError for a file that cannot be read."""
    file = path(environ)
    try:
        found = json.loads(file.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError:
        raise NotemillError(str(file), "is no JSON: it holds the stack's passwords and cannot be guessed",
                            hint="notemill stack restore FILE, from a backup") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise NotemillError(str(file), "is of another version of notemill", f'"format": {FORMAT}')
    return found


def needed(environ: Mapping[str, str] = os.environ) -> dict:
    """As `read`; raises UsageError where there is none."""
    found = read(environ)
    if found is None:
        raise UsageError("notemill stack", f"no stack was started by this user ({path(environ)} is not there)",
                         hint="notemill stack up")
    return found


def write(settings: dict, environ: Mapping[str, str] = os.environ) -> None:
    """Whole or not at all, 0600."""
    file = path(environ)
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_atomic(file, json.dumps(settings, indent=1) + "\n", mode=0o600)


def remove(environ: Mapping[str, str] = os.environ) -> None:
    path(environ).unlink(missing_ok=True)


def new(host: str | None, port: int, subnet: str, gateway: str, built: bool) -> dict:
    """A stack that was never started. `host` None: the address that its own network has on this machine."""
    project = f"notemill-{port}"
    return {"format": FORMAT, "project": project, "host": host or gateway, "own_address": host is None, "port": port,
            "subnet": subnet, "built": built, "reviews": 0, "urls": urls(host or gateway, port),
            "registry_engine": f"{LOOPBACK}:{port + PARTS.index('registry')}",
            "admin": {"name": ADMIN, "password": password()}, "steward": {"name": STEWARD, "password": password()},
            "tokens": {"drone": secrets.token_hex(16), "drop_pull_request": password(), "drop_main": password()},
            # A secret of Drone's, which it then masks in every log: a name that no text holds.
            "mlflow": {"name": f"builds-{secrets.token_hex(4)}", "password": password()},
            "registry": {"name": "registry", "password": password()},
            "secrets": {"gitea_key": secrets.token_hex(32), "gitea_internal": secrets.token_hex(48),
                        "gitea_jwt": jwt_secret(), "drone_rpc": secrets.token_hex(16),
                        "drone_cookie": secrets.token_hex(16), "drone_database": secrets.token_hex(16),
                        "postgres": secrets.token_hex(16)}}


def urls(host: str, port: int) -> dict[str, str]:
    return {part: f"http://{before_port(host)}:{port + at}" for at, part in enumerate(PARTS)}


def before_port(host: str) -> str:
    """As it stands where a port follows."""
    return f"[{host}]" if ":" in host else host


def drone_host(settings: dict) -> str:
    """As Drone is told it, and as it labels what its builds are made of."""
    return settings["urls"]["drone"].removeprefix("http://")


def ports(settings: dict) -> dict[str, int]:
    return {part: settings["port"] + at for at, part in enumerate(PARTS)}


def password() -> str:
    """No character that a shell, a list of Drone's or an address would take for something else."""
    return secrets.token_hex(16)


def jwt_secret() -> str:
    """As `gitea generate secret JWT_SECRET` makes it."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")


def hidden(settings: object) -> list[str]:
    """Every secret in it: what no log and no message may show."""
    if isinstance(settings, dict):
        kept = {"admin", "steward", "mlflow", "registry", "tokens", "secrets", "oauth"}
        groups = [group for name, group in settings.items() if name in kept]
        return [value for group in groups for name, value in group.items()
                if isinstance(value, str) and name not in ("name", "client_id")]
    return []
