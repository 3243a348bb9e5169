"""What differs between two files that should be the same, in words."""

import json
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

SHOWN = 3


def difference(file: str, before: Path, now: Path) -> str:
    """The nearest that can be said of files of this name's kind; bytes where nothing else helps."""
    tell = KINDS.get(Path(file).suffix.lower(), of_bytes)
    try:
        found = list(tell(before, now))
    except Exception as error:  # it is not what its name says: the bytes differ all the same
        found = [f"cannot be read as {Path(file).suffix}: {type(error).__name__}"]
    found = found or list(of_bytes(before, now))
    return "; ".join(found[:SHOWN]) + (f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else "")


def of_bytes(before: Path, now: Path) -> Iterator[str]:
    left, right = before.read_bytes(), now.read_bytes()
    same = min(len(left), len(right))
    first = np.flatnonzero(np.frombuffer(left, "u1", same) != np.frombuffer(right, "u1", same))
    yield (f"{len(left):,} bytes, then {len(right):,}; the first that differs is number "
           f"{(int(first[0]) if len(first) else same) + 1:,}")


def of_tables(read: Callable) -> Callable:
    def tell(before: Path, now: Path) -> Iterator[str]:
        left, right = read(before), read(now)
        if list(left.columns) != list(right.columns):
            yield f"columns {', '.join(map(str, left.columns))}, then {', '.join(map(str, right.columns))}"
        if len(left) != len(right):
            yield f"{len(left):,} rows, then {len(right):,}"
            return
        for name in [name for name in left.columns if name in right.columns]:
            other = differing(left[name], right[name])
            if other.any():
                at = int(other.argmax())
                yield (f"column '{name}' in {int(other.sum()):,} of {len(left):,} rows, first in row {at + 1}: "
                       f"{left[name].iloc[at]}, then {right[name].iloc[at]}")

    return tell


def differing(left, right) -> np.ndarray:
    """Rows that differ; two gaps are the same."""
    both = left.isna().to_numpy() & right.isna().to_numpy()
    return ~(both | (left.astype("object").to_numpy() == right.astype("object").to_numpy()))


def of_json(before: Path, now: Path) -> Iterator[str]:
    yield from _json_differences(json.loads(before.read_bytes()), json.loads(now.read_bytes()), "")


def _json_differences(left: object, right: object, place: str) -> Iterator[str]:
    if isinstance(left, dict) and isinstance(right, dict):
        for key in sorted({*left, *right}):
            yield from _json_differences(left.get(key), right.get(key), f"{place}.{key}" if place else key)
    elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        for at, pair in enumerate(zip(left, right, strict=True)):
            yield from _json_differences(*pair, f"{place}[{at}]")
    elif left != right:
        yield f"{place or 'the whole'}: {json.dumps(left)[:60]}, then {json.dumps(right)[:60]}"


def of_archives(before: Path, now: Path) -> Iterator[str]:
    """A model of skops is an archive: its arrays, and the tree of its parts."""
    left, right = contents(before), contents(now)
    names = [*left, *(name for name in right if name not in left)]
    other = [name for name in names if left.get(name) != right.get(name)]
    if other:
        yield f"{len(other)} of the {len(names)} parts of the archive, as {', '.join(other[:SHOWN])}"


def contents(path: Path) -> dict[str, bytes]:
    """The files of an archive. skops numbers objects by their place in memory: here they are numbered in order."""
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    tree = files.get("schema.json", b"").decode(errors="replace")
    numbers = {found: str(at) for at, found in enumerate(dict.fromkeys(re.findall(r'"__id__": (\d+)', tree)))}

    def renumbered(text: str) -> str:
        return re.sub(r"\d{6,}", lambda match: numbers.get(match[0], match[0]), text)

    return {renumbered(name): renumbered(tree).encode() if name == "schema.json" else data
            for name, data in files.items()}


def same_model(before: Path, now: Path) -> bool:
    """Whether two files of skops hold the same model, though their bytes differ."""
    try:
        return not list(of_archives(before, now))
    except (zipfile.BadZipFile, OSError):
        return False


def _read_parquet(path: Path):
    import pandas as pd

    return pd.read_parquet(path)


def _read_csv(path: Path):
    import pandas as pd

    return pd.read_csv(path)


KINDS = {".parquet": of_tables(_read_parquet), ".csv": of_tables(_read_csv), ".json": of_json, ".skops": of_archives,
         ".zip": of_archives}
