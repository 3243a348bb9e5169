"""Versions that a trusted key has signed: their manifest is, and it names every file by its sha256."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

from notemill import lineage, signing
from notemill.errors import NotemillError, UsageError
from notemill.files import canonical_json
from notemill.project import Project
from notemill.registry import Records, fetch, find_version, registry
from notemill.registry.records import digest_of

SIGNED = "manifest.json"  # the name under which each is signed


def sign_version(records: Records, manifest: Mapping, environ: Mapping[str, str]) -> None:
    """Keep the signature of a version in the records, where a key to sign with is named."""
    if signing.may_sign(environ):
        with tempfile.TemporaryDirectory(prefix="notemill-") as folder:
            made = signing.sign(lay(manifest, Path(folder)), environ)
            records.place_.write(place_of(manifest), made.read_bytes())


def find_trusted(project: Project, asked: str | None, records: Records) -> dict:
    """The manifest of the version of that number or alias, which may be loaded. Raises UsageError, NotemillError."""
    uri = lineage.tracking_uri(project.root, project.environ)
    with registry(uri) as client:
        version = find_version(client, project.pipeline.name, asked, uri, records)
        manifest = fetch(client, project.pipeline.name, version.version, records)
    check_version(records, manifest, project.environ)
    return manifest


def check_version(records: Records, manifest: Mapping, environ: Mapping[str, str]) -> None:
    """Before a version is loaded: raise NotemillError where a key is trusted and has not signed it."""
    if not signing.trusts(environ):
        return
    signing.check_trusted(environ)
    signature, what = records.place_.read(place_of(manifest)), f"version {manifest['version']} of '{manifest['name']}'"
    if signature is None:
        raise NotemillError(what, f"is not signed, and {signing.TRUSTED} is set: it is not loaded",
                            hint=f"register it again where {signing.SIGNING} names the key")
    with tempfile.TemporaryDirectory(prefix="notemill-") as folder:
        path = lay(manifest, Path(folder))
        signing.signature_of(path).write_bytes(signature)
        try:
            signing.check(path, environ)
        except UsageError:
            raise
        except NotemillError as error:
            raise NotemillError(what, f"is not loaded: it {error.got}", error.allowed, error.hint) from None


def lay(manifest: Mapping, folder: Path) -> Path:
    """A file with the manifest as it was registered: the number is MLflow's."""
    path = folder / SIGNED
    path.write_text(canonical_json({name: fact for name, fact in manifest.items() if name != "version"}),
                    encoding="utf-8", errors="surrogatepass")
    return path


def place_of(manifest: Mapping) -> str:
    return f"signatures/{digest_of(manifest)}.sig"
