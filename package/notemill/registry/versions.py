"""Versions in MLflow's registry: what is registered, which is the challenger, and where its files are."""

import contextlib
import json
import logging
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from notemill.errors import UsageError
from notemill.files import canonical_json
from notemill.lineage import check_reachable, ensure_embedded, shown_uri
from notemill.lineage.client import mlflow_client
from notemill.lineage.template import database_lock
from notemill.lineage.uri import embedded_path
from notemill.registry.records import Records, content_of

CHALLENGER = "challenger"
CONTENT, COMPLETE = "notemill.content", "notemill.complete"
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Version:
    """One registered version, as people see it."""

    version: int
    content: str
    run: str
    created: str
    verdict: str
    metric: str
    figure: float | None
    commit: str
    aliases: tuple[str, ...]

    def as_json(self) -> dict:
        return asdict(self)


@contextlib.contextmanager
def registry(uri: str) -> Iterator:
    """MLflow's client, where its server answers or its database is there."""
    check_reachable(uri)
    ensure_embedded(uri)
    path = embedded_path(uri)
    with database_lock(path) if path else contextlib.nullcontext(), mlflow_client(uri) as client:
        yield client


def register(client, manifest: Mapping, records: Records, package: Mapping[str, bytes], mlflow_run: str) -> int:
    """Register a version, once for each content, and make it the challenger: its number.

    `package` are the files of the model package by path, under a name of its own; `mlflow_run` is the run that trained
    the model: the files become its artifacts.
    """
    name, content = manifest["name"], manifest["content"]
    number = number_of(client, name, content)
    if number is None:
        source = _send(client, manifest, records, package, mlflow_run)
        number = _create(client, manifest, source, mlflow_run)
    client.set_registered_model_alias(name, CHALLENGER, str(number))
    return number


def number_of(client, name: str, content: str) -> int | None:
    """The version that has this content, and all its files."""
    found = [int(one.version) for one in _all(client, name)
             if one.tags.get(CONTENT) == content and COMPLETE in one.tags]
    return min(found, default=None)


def _all(client, name: str) -> list:
    """All versions of a model."""
    found, token = [], None
    while token is None or token:
        page = client.search_model_versions(f"name = '{name}'", page_token=token or None)
        found += page
        token = page.token or ""
    return found


def _send(client, manifest: Mapping, records: Records, package: Mapping[str, bytes], run: str) -> str:
    """The model as MLflow loads it, and all that the version is made of, as artifacts of the run: its address."""
    place = f"notemill-{manifest['content'][:12]}"
    with tempfile.TemporaryDirectory(prefix="notemill-") as folder:
        _save_model(Path(folder, "model"), Path(folder, "package"), package, manifest)
        kept = Path(folder, "model", "notemill")
        (kept / "files").mkdir(parents=True)
        (kept / MANIFEST).write_text(canonical_json(manifest), encoding="utf-8")
        for sha256 in {*manifest["files"].values(), *manifest["code"].values()}:
            (kept / "files" / sha256).write_bytes(records.read(sha256))
        for name in ("verdict.json", "card.md"):
            Path(folder, "model", name).write_bytes(records.read(manifest["files"][name]))
        client.log_artifacts(run, str(Path(folder, "model")), place)
    return f"runs:/{run}/{place}"


def _save_model(target: Path, folder: Path, package: Mapping[str, bytes], manifest: Mapping) -> None:
    """MLflow's pyfunc flavour, by a module that loads the model: nothing is pickled."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow.pyfunc

        logging.getLogger("mlflow").setLevel(logging.ERROR)  # it misses pip in an environment that uv made
        for name, content in package.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        name = next(iter(package)).partition("/")[0]
        mlflow.pyfunc.save_model(str(target), loader_module=f"{name}.served", code_paths=[str(folder / name)],
                                 pip_requirements=manifest["requires"],
                                 metadata={CONTENT: manifest["content"], "notemill.run": manifest["run"]})


def _create(client, manifest: Mapping, source: str, run: str) -> int:
    from mlflow.exceptions import MlflowException

    name = manifest["name"]
    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    tags = {CONTENT: manifest["content"], "notemill.run": manifest["run"], "notemill.verdict": manifest["verdict"],
            "notemill.commit": manifest["commit"] or "", "notemill.created": manifest["created"],
            "notemill.metric": manifest["metric"], "notemill.figure": repr(manifest["figure"]),
            COMPLETE: datetime.now(UTC).isoformat()}
    version = client.create_model_version(name, source, run, tags=tags)
    return int(version.version)


def versions(client, name: str) -> list[Version]:
    """All complete versions, newest first."""
    aliases = _aliases(client, name)
    found = [_version(one, aliases) for one in _all(client, name) if COMPLETE in one.tags]
    return sorted(found, key=lambda one: -one.version)


def _aliases(client, name: str) -> dict[str, int]:
    from mlflow.exceptions import MlflowException

    try:
        return {alias: int(number) for alias, number in client.get_registered_model(name).aliases.items()}
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return {}


def _version(one, aliases: Mapping[str, int]) -> Version:
    tags, number = one.tags, int(one.version)
    return Version(number, tags[CONTENT], tags["notemill.run"], tags["notemill.created"], tags["notemill.verdict"],
                   tags["notemill.metric"], json.loads(tags["notemill.figure"]), tags["notemill.commit"],
                   tuple(sorted(alias for alias, of in aliases.items() if of == number)))


def find_version(client, name: str, asked: str | None, uri: str) -> Version:
    """The version of that number or alias; the challenger unless told otherwise. Raises UsageError."""
    found = versions(client, name)
    if not found:
        raise UsageError(f"'{name}' in MLflow at {shown_uri(uri)}", "there is no registered version yet",
                         hint="notemill register")
    wanted = asked or CHALLENGER
    for one in found:
        if wanted in (str(one.version), *one.aliases):
            return one
    known = ", ".join(str(one.version) + "".join(f" ({alias})" for alias in one.aliases) for one in found[:10])
    raise UsageError(f"version '{wanted}'", "is not registered", f"the versions are: {known}")


def fetch(client, name: str, version: Version, records: Records) -> dict:
    """The version's manifest; what these records do not hold is fetched from MLflow, and checked."""
    manifest = records.manifest(version.content)
    if manifest is None:
        manifest = _download(client, name, version, records)
    return {**manifest, "version": version.version}


def _download(client, name: str, version: Version, records: Records) -> dict:
    source = client.get_model_version(name, str(version.version))
    with tempfile.TemporaryDirectory(prefix="notemill-") as folder:
        place = source.source.rpartition("/")[2]
        kept = Path(client.download_artifacts(source.run_id, f"{place}/notemill", folder))
        manifest = json.loads((kept / MANIFEST).read_bytes())
        for sha256 in {*manifest["files"].values(), *manifest["code"].values()}:
            if records.add((kept / "files" / sha256).read_bytes()) != sha256:
                raise UsageError(f"version {version.version} of {name}", f"the file {sha256} in MLflow is damaged")
    if not manifest["content"] == content_of(manifest) == version.content:
        raise UsageError(f"version {version.version} of {name}", "its manifest in MLflow is another one's")
    records.keep_manifest(manifest)
    return manifest
