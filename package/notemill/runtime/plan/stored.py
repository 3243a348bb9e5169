"""A plan on disk: plan.json, which also says what it was compared on, and plan.npz where the model has arrays."""

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

FORMAT = 1
FILE, ARRAYS = "plan.json", "plan.npz"


@dataclass(frozen=True)
class Stored:
    """`plan` is None where the pipeline could not be compiled: `reason` says why, in words."""

    plan: Mapping | None = None
    arrays: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    compared: Mapping = field(default_factory=dict)  # {"held_out": rows, "hard": rows, "difference": largest}


def write_plan(stored: Stored) -> dict[str, bytes]:
    """{file name: content}; the same plan gives the same bytes."""
    import numpy as np

    described = {"format": FORMAT, "plan": stored.plan, "reason": stored.reason, "compared": dict(stored.compared),
                 "arrays": sorted(stored.arrays)}
    written = json.dumps(without_nan(described), sort_keys=True, separators=(",", ":"), allow_nan=False)
    files = {FILE: written.encode()}
    if stored.arrays:
        written = io.BytesIO()
        np.savez(written, **{name: stored.arrays[name] for name in sorted(stored.arrays)})
        files[ARRAYS] = written.getvalue()
    return files


def without_nan(value: Any) -> Any:
    """NaN as null: JSON has none."""
    if isinstance(value, Mapping):
        return {name: without_nan(one) for name, one in value.items()}
    if isinstance(value, list):
        return [without_nan(one) for one in value]
    return None if value != value else value


def read_plan(read: Callable[[str], bytes]) -> Stored:
    """`read` gives a file's content. Raises ValueError for a plan that this code does not know."""
    import numpy as np

    found = json.loads(read(FILE), parse_constant=refuse)
    if found["format"] != FORMAT:
        raise ValueError(f"{FILE} has the format {found['format']}, and this package reads {FORMAT}")
    arrays = {}
    if found["plan"] and found.get("arrays"):
        with np.load(io.BytesIO(read(ARRAYS)), allow_pickle=False) as held:
            arrays = {name: held[name] for name in held.files}
    return Stored(found["plan"], arrays, found["reason"], found["compared"])


def refuse(word: str) -> None:
    raise ValueError(f"{word} is no number that JSON has")
