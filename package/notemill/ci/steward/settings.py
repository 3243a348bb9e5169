"""What the environment says."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from notemill.ci.http import origin


class Unusable(Exception):
    """Wrong configuration, in words."""


@dataclass(frozen=True)
class Settings:
    """Addresses, what opens them, and how it works."""

    forge: str
    drone: str
    reports: str
    forge_token: str = field(repr=False)
    drone_token: str = field(repr=False)
    reviews: int = 0
    seconds: float = 5.0
    host: str = "0.0.0.0"
    port: int = 7310


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Raises Unusable."""
    return Settings(
        address("NOTEMILL_FORGE_URL", environ), address("NOTEMILL_DRONE_URL", environ),
        address("NOTEMILL_REPORTS_URL", environ), secret("NOTEMILL_FORGE_TOKEN", environ),
        secret("NOTEMILL_DRONE_TOKEN", environ), whole("NOTEMILL_STEWARD_REVIEWS", environ, 0, 20),
        max(number("NOTEMILL_STEWARD_SECONDS", environ, 5, 3600), 0.2),
        environ.get("NOTEMILL_STEWARD_HOST") or "0.0.0.0", whole("NOTEMILL_STEWARD_PORT", environ, 7310, 65535))


def address(name: str, environ: Mapping[str, str]) -> str:
    found = environ.get(name, "").strip().rstrip("/")
    if origin(found) is None:
        raise Unusable(f"{name}: '{found}' is no address, as http://172.30.0.1:7300")
    return found


def secret(name: str, environ: Mapping[str, str]) -> str:
    """From the variable, or from the file that NAME_FILE names."""
    found, file = environ.get(name, "").strip(), environ.get(f"{name}_FILE")
    if file:
        try:
            found = Path(file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise Unusable(f"{name}_FILE: {file} cannot be read: {error}") from None
    if not found:
        raise Unusable(f"{name}: a token is needed, or a file that holds it as {name}_FILE")
    return found


def whole(name: str, environ: Mapping[str, str], default: int, most: int) -> int:
    found = number(name, environ, default, most)
    if found != int(found):
        raise Unusable(f"{name}: '{environ[name]}' is no whole number")
    return int(found)


def number(name: str, environ: Mapping[str, str], default: float, most: float) -> float:
    try:
        found = float(environ.get(name) or default)
    except ValueError:
        found = -1
    if not 0 <= found <= most:
        raise Unusable(f"{name}: '{environ.get(name)}' is no number from 0 to {most:g}")
    return found
