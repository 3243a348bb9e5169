"""What goes into a build: laid out in a folder, and known by its digest."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import notemill
from notemill.errors import UsageError
from notemill.release.image.base import Base
from notemill.release.image.source import Source

FILES = Path(__file__).parent / "files"
PREFIX = "notemill"
CONTENT, DEMO, BASE = f"{PREFIX}.content", f"{PREFIX}.demo", f"{PREFIX}.base"
BASE_LINE = re.compile(rb"(?m)^ARG\s+BASE=(\S+)")
INSIDE = ("entry.py", "trim.py", "compiled.py", "contents.py")


@dataclass(frozen=True)
class Parts:
    """All that an image is made of. `own`: notemill's part, as a wheel: (name, content)."""

    source: Source
    own: tuple[str, bytes]
    pins: bytes
    dockerfile: bytes
    base: Base
    demo: bool

    @property
    def files(self) -> dict[str, bytes]:
        """{path in the folder: content}, less what is said of all of it."""
        name, content = self.own
        return {"Dockerfile": self.dockerfile, "pins.txt": self.pins, f"wheels/{name}": content,
                f"wheels/{self.source.name}": self.source.content,
                **{f"files/{one}": (FILES / one).read_bytes() for one in INSIDE}}

    @property
    def digest(self) -> str:
        """What the image is known by: the same for the same parts."""
        found = hashlib.sha256(repr((self.base.id, self.demo, self.source.signed)).encode())
        for path, content in sorted(self.files.items()):
            found.update(f"\0{path}\0".encode() + hashlib.sha256(content).digest())
        return found.hexdigest()


def dockerfile(root: Path | None, python: str) -> bytes:
    """The project's own, or, of a wheel by itself, the usual one, for the Python that it wants (">=3.11")."""
    own = root / "Dockerfile" if root else None
    if own is None or not own.is_file():
        found = re.search(r"\d+\.\d+", python)
        return (FILES / "Dockerfile").read_bytes().replace(b"@python@", (found[0] if found else "3.11").encode())
    text = own.read_bytes()
    if not BASE_LINE.search(text):
        raise UsageError(str(own), "has no line ARG BASE=IMAGE: it is none that `notemill image` can build by",
                         "the one that `notemill init` writes, changed as you like",
                         f"take it away, and the usual one is used: {FILES / 'Dockerfile'}")
    return text


def usual_base(text: bytes) -> str:
    """What the Dockerfile stands on unless told otherwise."""
    return BASE_LINE.search(text)[1].decode()


def lay(parts: Parts, folder: Path) -> None:
    for name, content in parts.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (folder / "model.json").write_text(json.dumps(facts(parts), sort_keys=True), encoding="utf-8")


def facts(parts: Parts) -> dict:
    """What the image itself knows of what is in it."""
    source, own = parts.source, parts.own[1]
    return {"format": 1, "image": parts.digest, "package": source.facts["package"],
            "distribution": source.facts["distribution"], "version": source.facts["version"],
            "content": source.facts["content"], "summary": source.summary, "created": source.created,
            "signed": "yes" if source.signed else "no", "notemill": notemill.__version__,
            "wheels": {source.facts["distribution"]: source.sha256, "notemill": hashlib.sha256(own).hexdigest()}}


def labels(parts: Parts) -> Mapping[str, str]:
    source, oci = parts.source, "org.opencontainers.image"
    named = {f"{oci}.title": source.facts["distribution"], f"{oci}.description": source.summary,
             f"{oci}.version": source.facts["version"], f"{oci}.created": source.created,
             f"{oci}.revision": revision(source), f"{oci}.base.name": parts.base.name,
             f"{PREFIX}.model.digest": source.facts["content"], f"{PREFIX}.wheel.sha256": source.sha256,
             f"{PREFIX}.package": source.facts["package"], BASE: parts.base.id,
             DEMO: "yes" if parts.demo else "no", CONTENT: parts.digest}
    return {name: " ".join(value.split()) for name, value in named.items() if value}


def revision(source: Source) -> str:
    return f"{source.commit}-dirty" if source.commit and source.dirty else source.commit or ""


def names(source: Source, demo: bool, repository: str | None = None) -> tuple[str, str]:
    """The image's names: by the commit, and by the version, for a commit may have several."""
    place = repository or re.sub(r"[^a-z0-9]+", "-", source.facts["distribution"].lower()).strip("-")
    ending = "" if demo else "-service"
    version = re.sub(r"[^A-Za-z0-9_.-]", "-", source.facts["version"])[:100]
    return f"{place}:{revision(source) or version}{ending}", f"{place}:{version}{ending}"
