"""A step's inputs as MLflow datasets. MLflow's digests are short; the whole sha256 goes along as a tag."""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress

from notemill.lineage.facts import digest
from notemill.lineage.spool import schema_text
from notemill.store import Store

SHORT = 16
KINDS = {"bool": "boolean", "int8": "integer", "int16": "integer", "int32": "integer", "int64": "long",
         "uint8": "integer", "uint16": "integer", "uint32": "long", "uint64": "long", "float": "float",
         "halffloat": "float", "double": "double", "binary": "binary"}


def input_datasets(step: Mapping, store: Store, redact: Callable[[str], str]) -> list[dict]:
    """One plain dictionary for each input; `mlflow.data.context` is the input's name in the notebook.

    The step is without secrets already; columns are named by the data."""
    return [_dataset(name, found, store, redact) for name, found in (step.get("inputs") or {}).items()]


def _dataset(name: str, found: Mapping, store: Store, redact: Callable[[str], str]) -> dict:
    sha256 = digest(found)
    schema, profile = _table(found, store, redact)
    profile["bytes"] = sum(file["bytes"] for file in found.get("files", [found]))
    origin = str(found["from"])
    source = {"uri": origin, "sha256": sha256}
    if "files" in found:
        source["files"] = [file["name"] for file in found["files"][:200]]
        profile["files"] = len(found["files"])
    return {"name": origin[:500], "digest": sha256[:SHORT], "source_type": "notemill", "source": json.dumps(source),
            "schema": schema if schema and len(schema) < 1_000_000 else None, "profile": json.dumps(profile),
            "tags": {"mlflow.data.context": name, "notemill.sha256": sha256, "notemill.from": origin[:500]}}


def _table(found: Mapping, store: Store, redact: Callable[[str], str]) -> tuple[str | None, dict]:
    """Columns and rows of a Parquet file, from its footer alone."""
    from pyarrow import ArrowException
    from pyarrow.parquet import read_metadata

    with suppress(KeyError, OSError, ArrowException):
        path = store.path(found["sha256"])
        with open(path, "rb") as file:
            if file.read(4) != b"PAR1":
                return None, {}
        footer = read_metadata(path)
        columns = {redact(field.name): _kind(str(field.type))
                   for field in footer.schema.to_arrow_schema() if not field.name.startswith("__index_level_")}
        return schema_text(columns), {"num_rows": footer.num_rows, "num_columns": len(columns)}
    return None, {}


def _kind(name: str) -> str:
    return KINDS.get(name, "datetime" if "timestamp" in name else "string")
