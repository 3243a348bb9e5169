"""Columns that say who somebody is: left out of the log, or kept as a hash that nobody can undo without the salt."""

import hmac
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from .errors import LogError

WAYS = {True: "drop", "drop": "drop", "hash": "hash"}


def ways(schema: Mapping, more: Mapping[str, object] | None) -> dict[str, str]:
    """{column: "drop" or "hash"}, as the contract says and `more` adds. Raises LogError.

    `more` cannot make public what the contract calls private.
    """
    entries = {entry["name"]: entry for entry in schema["columns"]}
    if schema["target"].get("private") or (more or {}).get(schema["target"]["name"]):
        raise LogError(f"column '{schema['target']['name']}' is private, and it is what the model predicts: its "
                       "predictions cannot be logged\n  serve without a prediction log")
    unknown = [name for name in more or {} if name not in entries]
    if unknown:
        raise LogError(f"private: the model has no column '{unknown[0]}'\n  columns: {', '.join(entries)}")
    found = {}
    for name, entry in entries.items():
        said = {_way(name, one) for one in (entry.get("private"), (more or {}).get(name)) if one}
        if said:
            found[name] = "drop" if "drop" in said else "hash"
    return found


def _way(name: str, said: object) -> str:
    try:
        return WAYS[said]
    except (KeyError, TypeError):
        raise LogError(f"column '{name}': private: {said!r} is not known\n  allowed: true, hash") from None


def salt(folder: Path) -> bytes:
    """The folder's secret: made once, readable by its owner alone."""
    path = folder / "salt"
    while not path.exists():
        part = path.with_name(f".salt.{secrets.token_hex(4)}.part")
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(secrets.token_hex(32).encode())
                file.flush()
                os.fsync(file.fileno())
            os.link(part, path)  # who was first has made it; it is never replaced
        except FileExistsError:
            pass
        finally:
            part.unlink(missing_ok=True)
    found = path.read_bytes()
    if len(found) != 64:
        raise LogError(f"{path}: is not the secret of 64 characters that hashed columns were made with")
    return found


def hashed(key: bytes, column: str, value: object) -> str | None:
    """HMAC-SHA256 of a cell, 32 hexadecimal digits; 12, 12.0 and "12" are one value. Missing stays missing."""
    if value is None or value != value:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = f"{column}\0{value}".encode("utf-8", "surrogatepass")
    return hmac.digest(key, text, "sha256").hex()[:32]
