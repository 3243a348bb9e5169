"""JSON Schemas, read by editors and by the checker alike: one source for both."""

import json
from importlib.resources import files


def load(name: str) -> dict:
    """The shipped schema, as `pipeline` for schemas/pipeline.schema.json."""
    return json.loads(files(__package__).joinpath(f"{name}.schema.json").read_text(encoding="utf-8"))
