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

from notemill.errors import NotemillError, UsageError
from notemill.files import canonical_json, sha256_text, write_atomic
from notemill.lineage import check_reachable, ensure_embedded, shown_uri
from notemill.lineage.client import mlflow_client
from notemill.lineage.template import database_lock
from notemill.lineage.uri import embedded_path
from notemill.registry.records import Records, content_of

CHALLENGER = "challenger"
CONTENT, COMPLETE, DIGEST = "notemill.content", "notemill.complete", "notemill.manifest"
FACTS = ("run", "created", "verdict", "metric", "figure", "commit")
TAGS = {CONTENT, COMPLETE, DIGEST, *(f"notemill.{fact}" for fact in FACTS)}
MANIFEST = "manifest.json"
SHOWN = ("verdict.json", "verdict.html", "card.md")  # by name, for whoever looks at the run in MLflow


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
    """MLflow's client, where its server answers or its database is there. What MLflow refuses is a NotemillError."""
    check_reachable(uri)
    ensure_embedded(uri)
    path = embedded_path(uri)
    with database_lock(path) if path else contextlib.nullcontext(), mlflow_client(uri) as client:
        from mlflow.exceptions import MlflowException

        try:
            yield client
        except MlflowException as error:
            raise NotemillError(f"MLflow at {shown_uri(uri)}", str(error).splitlines()[0][:300]) from error


def register(client, manifest: dict, records: Records, package: Mapping[str, bytes], mlflow_run: str) -> None:
    """Register a version, whole or not at all.

    `package` are the files of the model package by path, under a name of its own; `mlflow_run` is the run that trained
    the model: the files become its artifacts.
    """
    source = _send(client, manifest, records, package, mlflow_run)
    number = _create(client, manifest, source, mlflow_run)
    if number_of(client, manifest["name"], manifest["content"]) == number:
        records.keep_manifest(manifest)
    else:  # another machine registered the same at the same time, and was first
        client.delete_model_version(manifest["name"], str(number))


def take_up(client, name: str, content: str, records: Records) -> dict | None:
    """The version that has this content already, as the challenger: its manifest as it was registered, or None."""
    number = number_of(client, name, content)
    if number is None:
        return None
    client.set_registered_model_alias(name, CHALLENGER, str(number))
    return fetch(client, name, number, records)


def number_of(client, name: str, content: str) -> int | None:
    """The version that has this content, and all its files."""
    return min((int(one.version) for one in _whole(client, name) if one.tags[CONTENT] == content), default=None)


def has_run(client, run: str) -> bool:
    """Whether MLflow has this run, not deleted."""
    from mlflow.exceptions import MlflowException

    try:
        return client.get_run(run).info.lifecycle_stage == "active"
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return False


def _whole(client, name: str) -> list:
    """The versions that `register` made; anybody may have made others, or changed their tags."""
    return [one for one in _all(client, name) if one.tags.keys() >= TAGS and _is_figure(one.tags["notemill.figure"])]


def _is_figure(text: str) -> bool:
    try:
        return type(json.loads(text)) in (int, float, type(None))
    except ValueError:
        return False


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
        for sha256 in named_files(manifest):
            (kept / "files" / sha256).write_bytes(records.read(sha256))
        for name in SHOWN:
            if name in manifest["files"]:
                Path(folder, "model", name).write_bytes(records.read(manifest["files"][name]))
        client.log_artifacts(run, str(Path(folder, "model")), place)
    return f"runs:/{run}/{place}"


def _save_model(target: Path, folder: Path, package: Mapping[str, bytes], manifest: Mapping) -> None:
    """MLflow's pyfunc flavour, by a module that loads the model: nothing is pickled."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow.pyfunc
        from mlflow.models import ModelSignature
        from mlflow.types import ParamSchema, ParamSpec

        logging.getLogger("mlflow").setLevel(logging.ERROR)  # it misses pip in an environment that uv made
        for path, content in package.items():
            write_atomic(folder / path, content)
        name = next(iter(package)).partition("/")[0]
        asked = ParamSchema([ParamSpec("method", "string", "predict")])  # or predict_proba
        mlflow.pyfunc.save_model(str(target), loader_module=f"{name}.served", code_paths=[str(folder / name)],
                                 pip_requirements=manifest["requires"], signature=ModelSignature(params=asked),
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
            "notemill.metric": manifest["metric"], "notemill.figure": json.dumps(manifest["figure"]),
            DIGEST: digest_of(manifest), COMPLETE: datetime.now(UTC).isoformat()}
    version = client.create_model_version(name, source, run, tags=tags)
    return int(version.version)


def versions(client, name: str) -> list[Version]:
    """All complete versions, newest first."""
    aliases = aliases_of(client, name)
    found = [_version(one, aliases) for one in _whole(client, name)]
    return sorted(found, key=lambda one: -one.version)


def aliases_of(client, name: str) -> dict[str, int]:
    """{alias: version} of a model; {} where nothing is registered yet."""
    from mlflow.exceptions import MlflowException

    try:
        return {alias: int(number) for alias, number in client.get_registered_model(name).aliases.items()}
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return {}


def _version(one, aliases: Mapping[str, int]) -> Version:
    tags, number = one.tags, int(one.version)
    facts = {fact: tags[f"notemill.{fact}"] for fact in FACTS}
    return Version(version=number, content=tags[CONTENT], **facts | {"figure": json.loads(facts["figure"])},
                   aliases=tuple(sorted(alias for alias, of in aliases.items() if of == number)))


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


def digest_of(manifest: Mapping) -> str:
    return sha256_text(canonical_json(manifest))


def fetch(client, name: str, number: int, records: Records) -> dict:
    """A version's manifest as it was registered; what these records do not hold comes from MLflow, and is checked."""
    version = client.get_model_version(name, str(number))
    manifest = records.manifest(version.tags[CONTENT])
    whole = manifest and digest_of(manifest) == version.tags[DIGEST] and all(map(records.has, named_files(manifest)))
    if not whole:
        manifest = _download(client, version, records)
        records.keep_manifest(manifest)
    return {**manifest, "version": number}


def _download(client, version, records: Records) -> dict:
    """The manifest and all files that it names, from MLflow. Raises NotemillError where they are not what they were."""
    from mlflow.exceptions import MlflowException

    with tempfile.TemporaryDirectory(prefix="notemill-") as folder:
        try:
            place = version.source.rpartition("/")[2]
            kept = Path(client.download_artifacts(version.run_id, f"{place}/notemill", folder))
            manifest = json.loads((kept / MANIFEST).read_bytes())
            if digest_of(manifest) != version.tags[DIGEST] or content_of(manifest) != version.tags[CONTENT]:
                raise ValueError("the manifest is another one")
            for sha256 in named_files(manifest):
                if records.add((kept / "files" / sha256).read_bytes()) != sha256:
                    raise ValueError(f"{sha256} has another content")
        except (MlflowException, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            where = f"version {version.version} of '{version.name}' in MLflow"
            raise NotemillError(where, f"its files are gone or damaged: {str(error)[:200]}",
                                hint="bring MLflow's artifacts back from a backup") from None
    return manifest


def named_files(manifest: Mapping) -> set[str]:
    """The digests of all that a version is made of."""
    return {*manifest["files"].values(), *manifest["code"].values(), *manifest.get("runtime", {}).values()}
