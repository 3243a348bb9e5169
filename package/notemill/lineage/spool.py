"""What a notebook logs, kept beside its run until it is published. Read with sqlite3 alone, so without mlflow."""

import contextlib
import json
import math
import re
import shutil
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from notemill.files import write_atomic
from notemill.lineage.template import QUIET, copy_template, template_file
from notemill.lineage.uri import shown_uri

DATABASE, ARTIFACTS = "spool.db", "artifacts"
PARENT = "mlflow.parentRunId"
# Never for a kernel: they would lead it to the server, or into a run that is not its own.
CLEARED = ("MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID")
LARGEST = math.nextafter(1.7976931348623157e308, 0)    # what MLflow stores for an infinity is the largest float
TEXT_LIMIT = 50_000_000


@dataclass(frozen=True)
class SpoolModel:
    """A model that a notebook logged."""

    id: str
    name: str
    run: str | None
    kind: str | None
    ready: bool
    folder: Path
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SpoolRun:
    """A run that a notebook made. `metrics` are (key, value, milliseconds, step, model id or None)."""

    id: str
    name: str
    status: str
    start: int
    end: int | None
    artifacts: Path
    metrics: tuple = ()
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    datasets: tuple = ()

    @property
    def parent(self) -> str | None:
        return self.tags.get(PARENT)


def open_spool(folder: Path, experiment: str, registry: str | None = None) -> dict[str, str]:
    """A fresh store in `folder`: the variables that make a kernel's plain mlflow calls write to it.

    Runs in other experiments, nested runs and autologging land in it likewise. The registry is the spool's own: a
    notebook that reads a registered model says `mlflow.set_registry_uri(os.environ["NOTEMILL_REGISTRY_URI"])`.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    folder = folder.resolve()
    copy_template(template_file(), folder / DATABASE, folder / ARTIFACTS)
    with contextlib.closing(sqlite3.connect(folder / DATABASE)) as database, database:
        database.execute("update experiments set name = ? where experiment_id = 0", (experiment,))
    uri = f"sqlite:///{folder / DATABASE}"
    known = {"NOTEMILL_REGISTRY_URI": registry} if registry and shown_uri(registry) == registry else {}
    return {**QUIET, **dict.fromkeys(CLEARED, ""), **known, "PYTHONWARNINGS": "ignore:IProgress not found",
            "MLFLOW_TRACKING_URI": uri, "MLFLOW_REGISTRY_URI": uri, "MLFLOW_EXPERIMENT_NAME": experiment,
            "_MLFLOW_SERVER_ARTIFACT_ROOT": str(folder / ARTIFACTS)}   # else other experiments fill notebooks/mlruns


def read_spool(folder: Path) -> dict:
    """What the notebook logged in runs that are not nested, the last of each name:

    {"metrics": {key: finite number}, "not_finite": [keys whose last value is NaN or infinite], "params", "tags"}.
    """
    last, params, tags = {}, {}, {}
    for run in sorted(spool_runs(folder), key=lambda run: run.start):
        if run.parent:
            continue
        for key, value, *_ in sorted(run.metrics, key=lambda metric: (metric[3], metric[2])):
            last[key] = value
        params |= run.params
        tags |= {key: value for key, value in run.tags.items() if not key.startswith("mlflow.")}
    finite = {key: value for key, value in last.items() if math.isfinite(value)}
    return {"metrics": finite, "not_finite": sorted(set(last) - set(finite)), "params": params, "tags": tags}


def spool_runs(folder: Path) -> list[SpoolRun]:
    """All runs of a spool, in order of their start; none where there is no spool."""
    if not (folder / DATABASE).is_file():
        return []
    with _reading(folder) as database:
        metrics, models = _metrics(database)
        params = _grouped(database, "select run_uuid, key, value from params")
        tags = _grouped(database, "select run_uuid, key, value from tags")
        datasets, root = _datasets(database), _old_root(database)
        rows = database.execute("select run_uuid, name, status, start_time, end_time, artifact_uri from runs"
                                " where lifecycle_stage = 'active' order by start_time, rowid").fetchall()
    return [SpoolRun(id, name, status, start, end, _place(folder, root, uri),
                     tuple((*metric, models.get((id, *metric[:1], *metric[2:]))) for metric in metrics[id]),
                     dict(params[id]), dict(tags[id]), tuple(datasets[id]))
            for id, name, status, start, end, uri in rows]


def spool_models(folder: Path) -> list[SpoolModel]:
    """The models that a notebook logged."""
    if not (folder / DATABASE).is_file():
        return []
    with _reading(folder) as database:
        params = _grouped(database, "select model_id, param_key, param_value from logged_model_params")
        tags = _grouped(database, "select model_id, tag_key, tag_value from logged_model_tags")
        root = _old_root(database)
        rows = database.execute("select model_id, name, source_run_id, model_type, status, artifact_location from"
                                " logged_models where lifecycle_stage = 'active'"
                                " order by creation_timestamp_ms").fetchall()
    return [SpoolModel(id, name, run, kind, status == 2, _place(folder, root, uri), dict(params[id]), dict(tags[id]))
            for id, name, run, kind, status, uri in rows]


def redact_spool(folder: Path, redact: Callable[[str], str]) -> None:
    """Take secrets out of a spool where it stands, so that they are neither kept nor needed when it is published."""
    if not (folder / DATABASE).is_file():
        return
    with _reading(folder) as database:
        database.create_function("redact", 1, lambda value: redact(value) if isinstance(value, str) else value)
        for table, columns in _text_columns(database).items():
            sets = ", ".join(f'"{column}" = redact("{column}")' for column in columns)
            where = f" where key <> '{PARENT}'" if table == "tags" else ""
            database.execute(f'update or replace "{table}" set {sets}{where}')
        database.commit()
        database.execute("vacuum")
    for path in sorted((folder / ARTIFACTS).rglob("*"), reverse=True):     # what a folder holds before the folder
        _redact_file(path, redact)
        _redact_name(path, path.relative_to(folder / ARTIFACTS).parts, redact)


# What holds a spool together, in mlflow's own words: a secret that looks like one of them (`abcd`) is no reason to
# tear it apart.
STRUCTURE = re.compile(r"(.*_)?(id|uuid)|.*(status|state|stage|version_num|digest)|(source|destination|entity|"
                       r"dataset_source)_type|artifact_(uri|location)|storage_location")
TEXT_TYPES = ("CHAR", "TEXT", "CLOB", "JSON")
NAMED_BY_PEOPLE = ("user_id", "client_request_id")


def _text_columns(database: sqlite3.Connection) -> dict[str, list[str]]:
    """The columns of each table that may hold what a notebook said."""
    tables = [name for name, in database.execute(
        "select name from sqlite_master where type = 'table' and name not like 'sqlite_%'")]
    found = {table: [name for _, name, kind, *_ in database.execute(f'pragma table_info("{table}")')
                     if _is_text(name, kind)] for table in tables}
    return {table: columns for table, columns in found.items() if columns}


def _is_text(name: str, kind: str) -> bool:
    texts = not kind or any(word in kind.upper() for word in TEXT_TYPES)
    return texts and (name in NAMED_BY_PEOPLE or not STRUCTURE.fullmatch(name))


def _redact_file(path: Path, redact: Callable[[str], str]) -> None:
    text = read_text(path) if path.is_file() and not path.is_symlink() else None
    if text is not None and (clean := redact(text)) != text:
        write_atomic(path, clean)


def _redact_name(path: Path, parts: tuple[str, ...], redact: Callable[[str], str]) -> None:
    """Rename what the notebook named: all that lies in the folder `artifacts` of a run or a model."""
    clean = redact(path.name)
    if clean == path.name or ARTIFACTS not in parts[:-1]:
        return
    target, number = path.with_name(clean), 1
    while target.exists():
        number += 1
        target = path.with_name(f"{clean}-{number}")
    path.rename(target)


def read_text(path: Path) -> str | None:
    """The text of a file that is one; None for a binary or a very large file."""
    try:
        if path.stat().st_size > TEXT_LIMIT:
            return None
        data = path.read_bytes()
        return None if b"\0" in data[:8192] else data.decode()
    except (OSError, UnicodeDecodeError):
        return None


@contextlib.contextmanager
def _reading(folder: Path):
    with contextlib.closing(sqlite3.connect(folder / DATABASE, timeout=30)) as database:
        yield database


def _metrics(database: sqlite3.Connection) -> tuple[Mapping, Mapping]:
    """History by run, and the model that a figure belongs to."""
    history = defaultdict(list)
    for run, key, value, time, step, is_nan in database.execute(
            "select run_uuid, key, value, timestamp, step, is_nan from metrics order by step, timestamp"):
        history[run].append((key, _number(value, is_nan), time, step))
    models = {(run, key, time, step): model for run, key, time, step, model in database.execute(
        "select run_id, metric_name, metric_timestamp_ms, metric_step, model_id from logged_model_metrics")}
    return history, models


def _number(value: float, is_nan: int) -> float:
    if is_nan:
        return math.nan
    return math.copysign(math.inf, value) if abs(value) > LARGEST else value


def _grouped(database: sqlite3.Connection, query: str) -> Mapping[str, list]:
    groups = defaultdict(list)
    for owner, key, value in database.execute(query):
        groups[owner].append((key, value))
    return groups


def _datasets(database: sqlite3.Connection) -> Mapping[str, list]:
    """The notebook's own log_input calls, by run: plain dictionaries."""
    tags = _grouped(database, "select input_uuid, name, value from input_tags")
    found = defaultdict(list)
    for run, uuid, *values in database.execute(
            "select i.destination_id, i.input_uuid, d.name, d.digest, d.dataset_source_type, d.dataset_source,"
            " d.dataset_schema, d.dataset_profile from inputs i join datasets d on d.dataset_uuid = i.source_id"
            " where i.source_type = 'DATASET' and i.destination_type = 'RUN'"):
        names = ("name", "digest", "source_type", "source", "schema", "profile")
        found[run].append({**dict(zip(names, values, strict=True)), "tags": dict(tags[uuid])})
    return found


def _old_root(database: sqlite3.Connection) -> Path:
    """Where the spool's artifacts were when it was made; it may have been moved since."""
    place, = database.execute("select artifact_location from experiments where experiment_id = 0").fetchone()
    return Path(place).parent


def _place(folder: Path, root: Path, uri: str) -> Path:
    """The local folder that an artifact address of the spool means now."""
    path = Path(unquote(urlsplit(uri).path)) if uri.startswith("file:") else Path(uri)
    return folder / ARTIFACTS / path.relative_to(root) if path.is_relative_to(root) else path


def files_below(folder: Path) -> Iterable[Path]:
    """The files of a folder, sorted; links are not followed."""
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())


def schema_text(columns: Mapping[str, str]) -> str:
    """Columns as MLflow's interface shows them."""
    return json.dumps({"mlflow_colspec": [{"type": kind, "name": name, "required": False}
                                          for name, kind in columns.items()]})
