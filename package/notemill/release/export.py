"""All that is known of a version in one archive, which can be verified wherever it is carried."""

import hashlib
import tempfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import notemill
from notemill import signing, wheel
from notemill.files import canonical_json, sha256_file, write_atomic
from notemill.project import Project
from notemill.registry import Records
from notemill.release.archive import Contents, contents_of, readme
from notemill.release.build import build

SUMS = "SHA256SUMS"
VERIFY = Path(__file__).parent / "archive" / "verify.py"


def export(project: Project, records: Records, manifest: Mapping, target: Path) -> dict:
    """Write the archive of a registered version, whole or not at all: what is in it, in short.

    The same version gives the same bytes, until something more is recorded of it; signatures, where a key is
    configured, differ each time.
    """
    with tempfile.TemporaryDirectory(prefix="notemill-") as folder:
        found = contents_of(project, records, manifest)
        add_wheel(found, manifest, records, project.environ, Path(folder))
        add_papers(found, manifest, project.environ)
        add_sums(found, project.environ, Path(folder))
    top, when = f"{manifest['name']}-{manifest['version']}", datetime.fromisoformat(manifest["created"])
    write_atomic(target, wheel.zip_bytes([(f"{top}/{name}", found.files[name]) for name in sorted(found.files)], when))
    return {"archive": str(target), "sha256": sha256_file(target), "version": manifest["version"],
            "files": len(found.files), "signed": signing.may_sign(project.environ), "absent": found.absent}


def add_wheel(found: Contents, manifest: Mapping, records: Records, environ: Mapping[str, str], folder: Path) -> None:
    """The wheel as `notemill package` writes it, and its signature where there is a key."""
    path = build(manifest, records, folder)
    for made in (path, signing.sign(path, environ)):
        if made:
            found.files[f"wheel/{made.name}"] = made.read_bytes()
    facts = {"format": 1, "notemill": notemill.__version__, "name": manifest["name"], "version": manifest["version"],
             "content": manifest["content"], "manifest": sha256(found.files["manifest.json"]), "wheel": path.name,
             "absent": found.absent}
    found.files["archive.json"] = canonical_json(facts).encode()


def add_papers(found: Contents, manifest: Mapping, environ: Mapping[str, str]) -> None:
    """What tells people what this is, and what verifies it."""
    name = next(name for name in found.files if name.endswith(".whl"))
    facts = {"name": manifest["name"], "version": manifest["version"], "wheel": name.rpartition("/")[2]}
    text = readme(facts, found.files, found.absent, signed=signing.may_sign(environ))
    found.files |= {"README.txt": text.encode(), "verify.py": VERIFY.read_bytes()}


def add_sums(found: Contents, environ: Mapping[str, str], folder: Path) -> None:
    """The sum of every file, as `sha256sum` writes them, and their signature where there is a key."""
    path = folder / SUMS
    path.write_text("".join(f"{sha256(found.files[name])}  {name}\n" for name in sorted(found.files)), encoding="utf-8")
    for made in (path, signing.sign(path, environ)):
        if made:
            found.files[made.name] = made.read_bytes()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
