"""A model package found, checked and loaded: nothing listens before this has passed."""

import base64
import csv
import hashlib
import importlib
import importlib.util
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from notemill.serve import older

GOLDEN = "golden.json"


class LoadError(Exception):
    """The package is not served; why, in words."""


@dataclass(frozen=True)
class Loaded:
    """A model that is ready, and what answers say of it. `bad_rows` is the package's own exception."""

    model: Any
    bad_rows: type[Exception]
    missing_words: tuple[str, ...]
    name: str
    version: str
    digest: str
    number: str  # in the registry
    golden: dict

    @property
    def columns(self) -> list[dict]:
        """The schema's entries of the columns that a row needs."""
        return [column for column in self.model.schema["columns"] if column["role"] in ("feature", "time")]


def load(named: str, sha256: str | None = None, ask: Callable[[Loaded], list[dict]] | None = None) -> Loaded:
    """The package of that folder or import name: its files as `sha256` or else its RECORD says, its model loaded, its
    golden rows replayed by `ask`: the way in which it will be used (default: as a notebook). Raises LoadError."""
    folder = find(named)
    if sha256 and content_digest(folder) != sha256:
        raise LoadError(f"{folder.name}: is not what --sha256 names: its content has {content_digest(folder)}")
    if wrong := [] if sha256 else list(changed_files(folder)):
        raise LoadError(f"{folder.name}: is not as it was made\n  " + "\n  ".join(wrong[:10]))
    loaded = opened(folder)
    if wrong := list(replayed(loaded, ask or one_by_one)):
        raise LoadError(f"{folder.name}: the model does not say what it said when it was judged\n  "
                        + "\n  ".join(wrong[:10]))
    return loaded


def find(named: str) -> Path:
    """The package's folder. Raises LoadError."""
    path = Path(named)
    if (path / "schema.json").is_file():
        return path.resolve()
    spec = importlib.util.find_spec(named) if named.isidentifier() else None
    if spec and spec.origin and Path(spec.origin).with_name("schema.json").is_file():
        return Path(spec.origin).parent.resolve()
    raise LoadError(f"{named}: is no model package: neither a folder that has schema.json, nor one that is installed")


def changed_files(folder: Path) -> Iterator[str]:
    """What differs from the RECORD of the wheel that the folder came in, in words."""
    record = record_of(folder)
    if record is None:
        yield ("there is no RECORD of a wheel beside it to hold it against: install or unpack the wheel whole, or name "
               "its content: --sha256")
        return
    own = {name: digest for name, digest in record.items() if name.startswith(f"{folder.name}/")}
    for name, digest in own.items():
        path = folder.parent / name
        if not path.is_file():
            yield f"{name} is missing"
        elif digest_of(path.read_bytes()) != digest:
            yield f"{name} has changed"
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder.parent).as_posix()
        if path.is_file() and name not in own and "__pycache__" not in path.parts:
            yield f"{name} is not of the wheel"


def content_digest(folder: Path) -> str:
    """sha256 over the names and digests of all files."""
    lines = [f"{path.relative_to(folder).as_posix()} {digest_of(path.read_bytes())}\n"
             for path in sorted(folder.rglob("*")) if path.is_file() and "__pycache__" not in path.parts]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def record_of(folder: Path) -> dict[str, str] | None:
    """{path: digest} of the wheel that has this package."""
    for path in folder.parent.glob("*.dist-info/RECORD"):
        with path.open(encoding="utf-8", newline="") as file:
            rows = {row[0]: row[1] for row in csv.reader(file) if len(row) >= 2 and row[1]}
        if f"{folder.name}/schema.json" in rows:
            return rows
    return None


def digest_of(data: bytes) -> str:
    """As RECORD writes it."""
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def opened(folder: Path) -> Loaded:
    """The package imported and its model loaded, which its own modules check. Raises LoadError."""
    sys.dont_write_bytecode = True  # a folder that is served stays as it is
    if str(folder.parent) not in sys.path:
        sys.path.insert(0, str(folder.parent))
    try:
        door, rows = (importlib.import_module(f"{folder.name}.{name}") for name in ("model", "rows"))
        model = older.renewed(door.Model(folder), rows)
        model.prepare()
    except RuntimeError as error:  # the package's own word
        raise LoadError(f"{folder.name}: {error}") from None
    except Exception as error:  # whatever is wrong in it
        raise LoadError(f"{folder.name}: cannot be loaded: {type(error).__name__}: {error}") from error
    facts, golden = model.facts, folder / GOLDEN
    return Loaded(model, rows.BadRows, tuple(rows.MISSING_WORDS), facts.get("name") or folder.name,
                  facts.get("version") or "0", facts.get("content") or "", str(facts.get("registry_version") or 0),
                  json.loads(golden.read_text(encoding="utf-8")) if golden.is_file() else {})


def replayed(loaded: Loaded, ask: Callable[[Loaded], list[dict]]) -> Iterator[str]:
    """What the model says otherwise than recorded of its golden rows, asked in the way in which it will be used."""
    if not loaded.golden.get("rows"):
        yield f"there are no golden rows ({GOLDEN}) to know it by"
        return
    try:
        answers = ask(loaded)
    except (ValueError, LookupError, TypeError) as error:
        yield f"it refuses its golden rows: {error}"
        return
    except Exception as error:  # whatever is wrong in the package
        yield f"it fails on its golden rows: {type(error).__name__}: {error}"
        return
    same = importlib.import_module(f"{loaded.model.folder.name}.golden").same
    for now in answers:
        yield from differences(loaded.golden, now, same)


def differences(golden: dict, now: dict[str, list], same: Callable[[object, object], bool]) -> Iterator[str]:
    for what in ("predictions", "probabilities"):
        for row, (before, after) in enumerate(zip(golden.get(what, ()), now[what], strict=False)):
            if not same(before, after):
                yield f"row {row + 1}: {what} was {before}, is {after}"
        if len(golden.get(what, ())) != len(now[what]):
            yield f"{what}: {len(golden.get(what, ()))} are recorded, it gives {len(now[what])}"


def one_by_one(loaded: Loaded) -> list[dict[str, list]]:
    """A plan for each row, scikit-learn for all at once."""
    model, rows = loaded.model, loaded.golden["rows"]
    found = [model.score_rows(some) for some in ([[row] for row in rows] if model.compiled else [rows])]
    return [{"predictions": [label for one in found for label in one.predictions],
             "probabilities": [chances for one in found for chances in one.probabilities or ()]}]
