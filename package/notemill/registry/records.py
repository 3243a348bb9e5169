"""The folder `.notemill-records`: what registered versions are made of. No command deletes from it."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from notemill.errors import NotemillError
from notemill.files import canonical_json, read_json, sha256_file, sha256_text, write_atomic, write_json

FOLDER = ".notemill-records"
FILES = {"model": "model.skops", "schema": "schema.json", "types": "types.json"}
WHAT_COUNTS = ("name", "model", "schema", "types", "code", "trained_with")  # of a version: the same again is the same


def content_of(manifest: Mapping) -> str:
    """The digest of what a version does: its model, schema, code and libraries; not of when it was judged, or how."""
    facts = {**manifest, **{name: manifest["files"][file] for name, file in FILES.items()}}
    return sha256_text(canonical_json({name: facts[name] for name in WHAT_COUNTS}))


def open_records(project: Path) -> "Records":
    """The records of the project at this folder."""
    return Records(project / FOLDER)


class Records:
    """Content by its sha256 below objects/, and a manifest for each version below versions/."""

    def __init__(self, root: Path):
        self.root = root

    def place(self, sha256: str) -> Path:
        return self.root / "objects" / sha256[:2] / sha256[2:]

    def has(self, sha256: str) -> bool:
        """Whether the content is there and undamaged."""
        return self.place(sha256).is_file() and sha256_file(self.place(sha256)) == sha256

    def add(self, data: bytes) -> str:
        """Keep content: its sha256."""
        sha256 = hashlib.sha256(data).hexdigest()
        if not self.has(sha256):
            write_atomic(self.place(sha256), data, mode=0o444)
        return sha256

    def read(self, sha256: str) -> bytes:
        """The content, checked. Raises NotemillError where it is gone or damaged."""
        try:
            data = self.place(sha256).read_bytes()
        except OSError:
            data = b""
        if hashlib.sha256(data).hexdigest() != sha256:
            raise NotemillError(str(self.place(sha256)), "is gone or damaged: what a registered version is made of",
                                hint="bring .notemill-records back from a backup, or register the model again")
        return data

    def keep_manifest(self, manifest: dict) -> None:
        """Write down what a version is made of, under its content."""
        write_json(self.root / "versions" / f"{manifest['content']}.json", manifest)

    def manifest(self, content: str) -> dict | None:
        """What the version with this content is made of; None where these records do not hold it."""
        found = read_json(self.root / "versions" / f"{content}.json")
        return found if isinstance(found, dict) else None

    # how often held-out rows have judged
    def note_attempt(self, held_out: str, content: str, facts: Mapping) -> None:
        """Write down that the version with this content was judged on these rows, once."""
        path = self.root / "attempts" / held_out / f"{content}.json"
        if not path.exists():
            write_json(path, dict(facts))

    def attempts(self, held_out: str) -> set[str]:
        """The contents that were judged on these rows."""
        return {path.stem for path in (self.root / "attempts" / held_out).glob("*.json")}


class Held:
    """Content by its sha256, held in memory until it is known that it will be kept."""

    def __init__(self):
        self.contents: dict[str, bytes] = {}

    def add(self, data: bytes) -> str:
        """Hold content: its sha256."""
        sha256 = hashlib.sha256(data).hexdigest()
        self.contents[sha256] = data
        return sha256

    def keep(self, records: Records) -> None:
        """Put all of it into the records."""
        for data in self.contents.values():
            records.add(data)

    def read(self, sha256: str) -> bytes:
        """Content that is held."""
        return self.contents[sha256]
