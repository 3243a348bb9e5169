"""The records, `.notemill-records` unless told otherwise: what registered versions are made of. No command deletes
from them."""

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from notemill.errors import NotemillError
from notemill.files import canonical_json, sha256_text
from notemill.place import Folder, Place, open_place
from notemill.project import Project

FOLDER = ".notemill-records"
FILES = {"model": "model.skops", "schema": "schema.json", "types": "types.json"}
PAPERS = ("provenance.json", "verdict.json", "card.json")
WHAT_COUNTS = ("name", "model", "schema", "types", "code", "trained_with")  # of a version: the same again is the same


def content_of(manifest: Mapping) -> str:
    """The digest of what a version does: its model, schema, code and libraries; not of when it was judged, or how."""
    facts = {**manifest, **{name: manifest["files"][file] for name, file in FILES.items()}}
    return sha256_text(canonical_json({name: facts[name] for name in WHAT_COUNTS}))


def digest_of(manifest: Mapping) -> str:
    """The digest of all that is said of a version, less the number that it got."""
    return sha256_text(canonical_json({name: fact for name, fact in manifest.items() if name != "version"}))


def named_files(manifest: Mapping) -> set[str]:
    """The digests of all that a version is made of."""
    return {*manifest["files"].values(), *manifest["code"].values(), *manifest.get("runtime", {}).values()}


def open_records(project: Project) -> "Records":
    """The records of the project: where NOTEMILL_RECORDS says, or its pipeline.yaml, or in its own folder."""
    pipeline = project.pipeline
    if given := project.environ.get("NOTEMILL_RECORDS", "").strip():
        return Records(open_place(given, project.root, "NOTEMILL_RECORDS"))
    return Records(open_place(pipeline.records or FOLDER, project.root, pipeline.where("records")))


class Records:
    """Content by its sha256 below objects/, and a manifest for each version below versions/."""

    def __init__(self, place: Place | Path):
        self.place_ = Folder(place) if isinstance(place, Path) else place

    @property
    def root(self) -> Path | None:
        """The folder; None where it is a bucket."""
        return self.place_.root

    def place(self, sha256: str) -> Path:
        """The file of a content, where the records are a folder."""
        return self.place_.path(object_name(sha256))

    def has(self, sha256: str) -> bool:
        """Whether the content is there and undamaged."""
        data = self.place_.read(object_name(sha256))
        return data is not None and hashlib.sha256(data).hexdigest() == sha256

    def add(self, data: bytes) -> str:
        """Keep content: its sha256."""
        sha256 = hashlib.sha256(data).hexdigest()
        if not self.has(sha256):
            self.place_.write(object_name(sha256), data)
        return sha256

    def read(self, sha256: str) -> bytes:
        """The content, checked. Raises NotemillError where it is gone or damaged."""
        data = self.place_.read(object_name(sha256)) or b""
        if hashlib.sha256(data).hexdigest() != sha256:
            raise NotemillError(self.place_.shown(object_name(sha256)),
                                "is gone or damaged: what a registered version is made of",
                                hint="notemill registry check --fix takes it from MLflow where it can; else bring the "
                                     "records back from a backup, or register the model again")
        return data

    def keep_manifest(self, manifest: Mapping) -> None:
        """Write down what a version is made of, under its content."""
        self.place_.write(f"versions/{manifest['content']}.json", as_text(manifest))

    def manifest(self, content: str) -> dict | None:
        """What the version with this content is made of; None where these records do not hold it."""
        return read_object(self.place_.read(f"versions/{content}.json"))

    # what the ledger names has its manifest among the contents, where a later one of the same version leaves it alone
    def keep_for_good(self, manifest: Mapping) -> str:
        """Keep a manifest under its own digest: the digest."""
        return self.add(canonical_json({name: fact for name, fact in manifest.items() if name != "version"}).encode())

    def kept(self, digest: str) -> dict | None:
        """The manifest with this digest; None where it is gone or damaged."""
        return read_object(self.place_.read(object_name(digest))) if self.has(digest) else None

    def whole(self, manifest: Mapping) -> bool:
        """Whether all that a version is made of is there and undamaged."""
        return all(map(self.has, named_files(manifest)))

    def papers(self) -> Iterator[bytes]:
        """All that may mention content of the cache: the manifests, and what versions say of their making."""
        for name in self.place_.names("versions"):
            data = self.place_.read(name) or b""
            yield data
            files = (read_object(data) or {}).get("files", {})
            yield from (self.place_.read(object_name(files[paper])) or b"" for paper in PAPERS if paper in files)

    # a version of which nobody could be called the author, made again from a commit
    def note_made_again(self, content: str, facts: Mapping) -> None:
        self.place_.create(f"made-again/{content}.json", as_text(facts))

    def made_again(self, content: str) -> dict:
        """Commit, dirty, author and run of that; {} where there was no need."""
        return read_object(self.place_.read(f"made-again/{content}.json")) or {}

    # how often held-out rows have judged
    def note_attempt(self, held_out: str, content: str, facts: Mapping) -> None:
        """Write down that the version with this content was judged on these rows, once."""
        name = f"attempts/{held_out}/{content}.json"
        if self.place_.read(name) is None:
            self.place_.write(name, as_text(facts))

    def attempts(self, held_out: str) -> set[str]:
        """The contents that were judged on these rows."""
        names = self.place_.names(f"attempts/{held_out}")
        return {name.rpartition("/")[2].removesuffix(".json") for name in names if name.endswith(".json")}


def object_name(sha256: str) -> str:
    return f"objects/{sha256[:2]}/{sha256[2:]}"


def as_text(value: Mapping) -> bytes:
    """Facts for people and programs: sorted, indented."""
    return (json.dumps(dict(value), sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def read_object(data: bytes | None) -> dict | None:
    """The JSON object that it is; None where it is none."""
    with contextlib.suppress(ValueError):
        value = json.loads(data or b"")
        return value if isinstance(value, dict) else None
    return None


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
