"""What an image is made from: the model's wheel, and what it says of itself."""

import email
import hashlib
import io
import json
import re
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from notemill import signing
from notemill.errors import NotemillError, UsageError
from notemill.project import Project
from notemill.registry import open_records
from notemill.release.build import build
from notemill.release.packaged import ALLOWED, is_wheel, manifest_of, model_files, wheel_package
from notemill.text import clip, printable


# What is asked for goes into lists that an installer reads: names and numbers alone, no options, no addresses.
LIMIT = r"(?:===|[<>=!~]=|[<>]) ?[\w.*+!-]+"
NEED = re.compile(rf"[A-Za-z0-9][\w.-]*(?:\[[\w., -]*\])? ?\(?(?:{LIMIT}(?: ?, ?{LIMIT})*)?\)? ?"
                  r"(?:;[\w .'\"<>=!()~]*)?", re.ASCII)
VERSION = re.compile(r"[\w.+!-]+", re.ASCII)
TOLD = ("distribution", "version", "content", "trained_with")


@dataclass(frozen=True)
class Source:
    """A model's wheel. `created`: when the run that made the model began; `signed`: by a key that is trusted here."""

    name: str
    content: bytes
    facts: Mapping
    golden: Mapping
    golden_sha256: str
    summary: str
    python: str
    needs: tuple[str, ...]
    created: str
    commit: str | None
    dirty: bool
    signed: bool

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def find_source(project: Project | None, asked: str, environ: Mapping[str, str], told: Callable[[str], None],
                manifest: Mapping | None = None) -> Source:
    """Of a version, an alias or a wheel; `manifest`: of the version, where it is known, and may be loaded.
    Raises UsageError for what is not there, NotemillError for what is damaged."""
    if is_wheel(asked):
        path, signed = Path(asked), signing.trusts(environ)
        files = wheel_package(path, environ)
        content = path.read_bytes()
        if model_files(path, content) != files:
            raise NotemillError(str(path), "has changed while it was read")
        return described(path.name, content, files, signed)
    if project is None:
        raise UsageError(f"'{asked}'", "is no wheel, and a version belongs to a project", ALLOWED,
                         "change to the project's folder, or name it with --project DIR")
    records = open_records(project)
    manifest = manifest or manifest_of(project, asked, records, told)
    with tempfile.TemporaryDirectory(prefix="notemill-") as folder:
        path = build(manifest, records, Path(folder))
        content = path.read_bytes()
    return described(path.name, content, model_files(path, content), signing.trusts(environ))


def described(name: str, content: bytes, files: Mapping[str, bytes], signed: bool) -> Source:
    package = next(iter(files)).partition("/")[0]
    facts, golden = (json.loads(files.get(f"{package}/{one}", b"{}")) for one in ("facts.json", "golden.json"))
    if not golden.get("rows"):
        raise NotemillError(name, "has no golden rows (golden.json), by which to tell whether an image answers rightly",
                            hint="register the model again, with a gate")
    check_facts(name, facts)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entry = next(one for one in archive.infolist() if one.filename.endswith(".dist-info/METADATA"))
        about = email.message_from_bytes(archive.read(entry))
    commit, dirty = commit_of(json.loads(files.get(f"{package}/provenance.json", b"{}")), facts["version"])
    needs = tuple(about.get_all("Requires-Dist") or ())
    for need in needs:
        if not NEED.fullmatch(need):
            raise NotemillError(name, f"asks for {clip(printable(need), 100)!r}", "distributions, by name and version")
    created = datetime(*entry.date_time, tzinfo=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Source(name, content, facts, golden, hashlib.sha256(files[f"{package}/golden.json"]).hexdigest(),
                  about["Summary"] or "", about["Requires-Python"] or "", needs, created, commit, dirty, signed)


def check_facts(name: str, facts: Mapping) -> None:
    """Raise NotemillError where they are not such as `notemill package` writes."""
    words = [facts.get(one) for one in TOLD[:3]]
    trained = facts.get("trained_with")
    if not all(isinstance(one, str) and VERSION.fullmatch(one) for one in words) or not isinstance(trained, dict) or \
            not all(VERSION.fullmatch(str(one)) for pair in trained.items() for one in pair):
        raise NotemillError(name, "its facts.json is none that `notemill package` has written", ", ".join(TOLD))


def commit_of(provenance: Mapping, version: str) -> tuple[str | None, bool]:
    """(the commit, whether more than it was in it): whole by the provenance, else what the version has of it."""
    definition = provenance.get("predicate", {}).get("buildDefinition", {})
    for one in definition.get("resolvedDependencies", ()):
        if one.get("name") == "source":
            commit, noted = str(one.get("digest", {}).get("gitCommit", "")), one.get("annotations", {})
            return commit if re.fullmatch("[0-9a-f]{7,64}", commit) else None, bool(noted.get("dirty"))
    found = re.search(r"\+g([0-9a-f]+)(\.dirty)?$", version)
    return (found[1], bool(found[2])) if found else (None, False)
