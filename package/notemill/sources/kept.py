"""What is known of content that was fetched before, one small JSON file for each source."""

from collections.abc import Mapping
from pathlib import Path

from notemill.errors import NotemillError, UsageError
from notemill.files import canonical_json, read_json, sha256_text, write_json
from notemill.store import Store

FORMAT = 1


def place(memory: Path, kind: str, *key: str) -> Path:
    """The file for a source; the key may be secret, so that only its digest is in the name."""
    return memory / f"{kind}-{sha256_text(canonical_json(key))[:24]}.json"


def recall(path: Path, store: Store) -> dict | None:
    """What is known, if its content is still in the store."""
    known = read_json(path)
    if not isinstance(known, dict) or known.get("format") != FORMAT or not store.has(str(known.get("sha256"))):
        return None
    return known


def remember(path: Path, name: str, sha256: str, size: int, **facts: object) -> tuple:
    """Write it down; returns the files of a Fetched."""
    write_json(path, {"format": FORMAT, "name": name, "sha256": sha256, "bytes": size, **facts})
    return ((name, sha256, size),)


def files(known: Mapping) -> tuple:
    return ((known["name"], known["sha256"], known["bytes"]),)


def offline_error(where: str, source: object) -> NotemillError:
    return UsageError(where, f"{source} is not kept here, and --offline fetches nothing",
                      hint="run once without --offline")
