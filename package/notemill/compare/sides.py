"""A registered version with all of it that is still there; what is gone is said."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from notemill.errors import NotemillError, UsageError
from notemill.notebook import load_cells
from notemill.project import Project
from notemill.registry import Records, Version, fetch

TEXTS = ("schema.json", "verdict.json", "provenance.json")
HUMAN = "human.md"  # model_card.md as it was
MODEL = "model.skops"


@dataclass(frozen=True)
class Side:
    """One version. `schema`, `verdict`, `provenance` and `human` are None where they are gone, or were never kept.

    `code`: path -> text of the model package's modules; `cells`: step -> the code of its notebook as it ran.
    """

    version: Version
    manifest: Mapping | None = None
    schema: Mapping | None = None
    verdict: Mapping | None = None
    provenance: Mapping | None = None
    human: str | None = None
    model_bytes: int | None = None
    record: Mapping | None = None
    code: Mapping[str, str] = field(default_factory=dict)
    cells: Mapping[str, str] = field(default_factory=dict)
    gone: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """As people call it: version 3 (champion)."""
        marks = f" ({', '.join(self.version.aliases)})" if self.version.aliases else ""
        return f"version {self.version.version}{marks}"


class Reader:
    """Reads files of a version, and notes which are gone."""

    def __init__(self, records: Records, files: Mapping[str, str]):
        self.records, self.files, self.gone = records, files, []

    def bytes_of(self, name: str, sha256: str | None) -> bytes | None:
        """A file's content; None where it was never kept, or is gone."""
        try:
            return None if sha256 is None else self.records.read(sha256)
        except NotemillError:
            self.gone.append(name)
            return None

    def json_of(self, name: str) -> dict | None:
        """A file of the version as the object that it has to be."""
        data = self.bytes_of(name, self.files.get(name))
        try:
            found = None if data is None else json.loads(data)
        except ValueError:
            found = None
        return found if isinstance(found, dict) else None

    def text_of(self, name: str, sha256: str | None) -> str | None:
        data = self.bytes_of(name, sha256)
        return None if data is None else data.decode("utf-8", "replace")


def load_side(project: Project, client: object, version: Version, records: Records) -> Side:
    """The version: its files from the records, or else from MLflow; its run, if that is still recorded here."""
    manifest, why = manifest_of(client, project, version, records)
    reader = Reader(records, (manifest or {}).get("files") or {})
    schema, verdict, provenance = (reader.json_of(name) for name in TEXTS)
    human, model = reader.text_of(HUMAN, reader.files.get(HUMAN)), reader.bytes_of(MODEL, reader.files.get(MODEL))
    code = {path: reader.text_of(path, sha256) for path, sha256 in ((manifest or {}).get("code") or {}).items()}
    record = project.record(version.run)
    cells, lost = cells_of(project, record)
    gone = [*why, *gone_words(version, manifest, reader.gone), *run_words(version, record, lost)]
    return Side(version, manifest, schema, verdict, provenance, human, None if model is None else len(model), record,
                {path: text for path, text in code.items() if text is not None}, cells, tuple(gone))


def manifest_of(client: object, project: Project, version: Version, records: Records) -> tuple[dict | None, list[str]]:
    """(what the version is made of, why that cannot be known or had whole)."""
    try:
        return fetch(client, project.pipeline.name, version.version, records), []
    except NotemillError as error:
        found = records.manifest(version.content)
        less = "" if found else ": only what MLflow's tags say of it is compared"
        return found, [f"version {version.version}: {error.got}{less}"]


def gone_words(version: Version, manifest: Mapping | None, names: list[str]) -> list[str]:
    who = f"version {version.version}"
    found = [f"{who}: MLflow does not have it any more; the records do"] if version.gone else []
    found += [f"{who}: gone or damaged: {', '.join(names)}; the rest is compared"] if names else []
    kept = manifest is None or HUMAN in (manifest.get("files") or {})
    return found if kept else [*found, f"{who}: what people wrote in its card was not kept when it was registered"]


def run_words(version: Version, record: Mapping | None, lost: list[str]) -> list[str]:
    if record is None:
        return [f"version {version.version}: its run {version.run} is not recorded here: no code of cells, no times"]
    if lost:
        return [f"version {version.version}: no longer in the store: the notebook that ran as {', '.join(lost)}"]
    return []


def cells_of(project: Project, record: Mapping | None) -> tuple[dict[str, str], list[str]]:
    """(step -> the code of its notebook as it ran, the steps whose notebook is gone)."""
    found, lost = {}, []
    for step in (record or {}).get("steps") or []:
        sha256 = (step.get("executed") or {}).get("sha256")
        if sha256 is None:
            continue
        try:
            found[step["step"]] = code_text(project.store.read_bytes(sha256), step["step"])
        except (KeyError, UsageError):
            lost.append(step["step"])
    return found, lost


def code_text(executed: bytes, step: str) -> str:
    """The code cells of an executed notebook as one text, each under its number."""
    content = load_cells(Path("executed.ipynb"), executed, step)
    return "\n".join(f"# cell {n}\n{cell['source'].rstrip()}\n" for n, cell in enumerate(content["cells"], 1)
                     if cell["cell_type"] == "code")
